"""Trusted Resources (TEP-0091): a Task, Pipeline or StepAction as the exact bytes that are hashed and signed.

Two programs of Tekton's hash two views of a file. The controller decodes it strictly, adds defaults, and rebuilds the object
with a part of its metadata, in the file's own version. `tkn` decodes it leniently, always as v1beta1, and hashes all of it.
Tekton Pipelines before v1.10 and tkn before v0.43 wrote `"creationTimestamp":null` besides: the legacy forms.

    digest = SHA-256(canonical); signature = Sign(key, digest), in base64 under the annotation `tekton.dev/signature`
"""

import hashlib
from typing import Any, Literal, get_args

import msgspec

from sealwright.core import goyaml, statement, strict
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import value
from sealwright.core.tekton import defaults, editing, gostruct, lenient
from sealwright.core.tekton.gostruct import Dialect

Form = Literal["controller", "tkn", "legacy-controller", "legacy-tkn"]
FORMS: tuple[Form, ...] = get_args(Form)

SIGNATURE = "tekton.dev/signature"
# What kubectl writes, and what the controller therefore takes out.
_NOT_SIGNED = (SIGNATURE, "kubectl.kubernetes.io/last-applied-configuration", "kubectl-client-side-apply")
_SIGNED_METADATA = ("name", "generateName", "namespace", "labels", "annotations")

_STRUCTS = {
    ("tekton.dev/v1", "Task"): "v1.Task",
    ("tekton.dev/v1", "Pipeline"): "v1.Pipeline",
    ("tekton.dev/v1beta1", "Task"): "v1beta1.Task",
    ("tekton.dev/v1beta1", "Pipeline"): "v1beta1.Pipeline",
    ("tekton.dev/v1beta1", "StepAction"): "v1beta1.StepAction",
}
_sorted = msgspec.json.Encoder(order="sorted")


@value
class Resource:
    """A definition. `canonical` is what is hashed; `signature` is the annotation's text, None where there is none."""

    kind: str
    api_version: str
    name: str
    namespace: str
    signature: str | None
    canonical: bytes

    @property
    def digest(self) -> bytes:
        """The message that is signed: 32 bytes, whatever hash the signature uses."""
        return hashlib.sha256(self.canonical).digest()


class _Head(msgspec.Struct, rename="camel"):
    kind: str | None = None
    api_version: str | None = None


def read(data: bytes, what: str, form: Form = "controller") -> Resource:
    """The one definition in `data`, JSON or YAML, as this form's program reads it. `what` names the file.

    Raises Permanent: what `strict` and `goyaml` refuse, INVALID_RESOURCE (several documents, another kind, what Tekton refuses).
    """
    dialect = Dialect(strict=not form.endswith("tkn"), legacy=form.startswith("legacy-"))
    try:
        return _controller(data, what, dialect) if dialect.strict else _tkn(data, what, dialect)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(Reason.INVALID_RESOURCE, f"{what}: {error}") from error


def _controller(data: bytes, what: str, dialect: Dialect) -> Resource:
    body = _json(data, what)
    head = msgspec.json.decode(body, type=_Head)
    kind, version = head.kind or "", head.api_version or ""
    if (version, kind) not in _STRUCTS:
        raise _unknown(what, version, kind)
    found = _normal(_STRUCTS[version, kind], defaults.completed(kind, body), what, dialect)
    metadata = {name: part for name, part in found["metadata"].items() if name in _SIGNED_METADATA}
    if dialect.legacy:
        metadata = {name: metadata.get(name) for name in found["metadata"] if name in (*metadata, "creationTimestamp")}
    signature = _take(metadata, *_NOT_SIGNED)
    rebuilt = {"kind": kind, "apiVersion": version, "metadata": metadata, "spec": found["spec"]}
    return _resource(rebuilt, signature)


def _tkn(data: bytes, what: str, dialect: Dialect) -> Resource:
    document = _one(goyaml.load_each(_bounded(data, what), what, strict.DEPTH_LIMIT, "last"), what)
    kind = document.get("kind") if isinstance(document, dict) else None
    version = document.get("apiVersion") if isinstance(document, dict) else None
    if kind not in ("Task", "Pipeline") or (version, kind) not in _STRUCTS:
        raise _unknown(what, version, kind)
    struct = f"v1beta1.{kind}"
    body = _encoded(lenient.conform(struct, document, kind, dialect))
    found = _normal(struct, body, what, dialect)
    return _resource(found, _take(found["metadata"], SIGNATURE))


def _normal(struct: str, body: bytes, what: str, dialect: Dialect) -> dict[str, Any]:
    try:
        found: dict[str, Any] = gostruct.normal(struct, body, what, dialect)
    except Permanent as fault:
        raise Permanent(Reason.INVALID_RESOURCE, fault.message) from fault
    return found


def _take(metadata: dict[str, Any], *names: str) -> str | None:
    """Take these annotations out, and say what the signature was."""
    annotations = metadata.get("annotations", {})
    signature: str | None = annotations.get(SIGNATURE)
    for name in names:
        annotations.pop(name, None)
    if not annotations:
        metadata.pop("annotations", None)
    return signature


def _resource(found: dict[str, Any], signature: str | None) -> Resource:
    metadata = found["metadata"]
    return Resource(
        kind=found["kind"],
        api_version=found["apiVersion"],
        name=metadata.get("name", ""),
        namespace=metadata.get("namespace", ""),
        signature=signature,
        canonical=statement.go_json(found),
    )


def _json(data: bytes, what: str) -> bytes:
    """The document's JSON: as it stands, or what Go's strict YAML reader makes of it."""
    if data.lstrip(b" \t\r\n")[:1] == b"{":
        strict.loads(data, what)
        return data
    return _encoded(_one(goyaml.load_each(_bounded(data, what), what, strict.DEPTH_LIMIT, "refuse"), what))


def _one(documents: list[Any], what: str) -> Any:
    """Tekton reads the first document and nothing else, so what follows would be signed by nobody."""
    if not documents or documents[0] is None:
        raise Permanent(Reason.INVALID_RESOURCE, f"{what}: the first document is empty; wanted a Task, Pipeline or StepAction")
    if any(document is not None for document in documents[1:]):
        raise Permanent(Reason.INVALID_RESOURCE, f"{what}: holds several documents; a signature covers one, so split the file")
    return documents[0]


def _bounded(data: bytes, what: str) -> bytes:
    if len(data) > strict.SIZE_LIMIT:
        raise Permanent(Reason.TOO_LARGE, f"{what}: {len(data)} bytes, more than the {strict.SIZE_LIMIT} that are read")
    return data


def _encoded(document: Any) -> bytes:
    """What sigs.k8s.io/yaml makes of a YAML value: keys sorted, HTML-escaped, numbers in Go's form."""
    return statement.escaped(_sorted.encode(_go_numbers(document)))


def _go_numbers(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _go_numbers(item) for key, item in found.items()}
    if isinstance(found, list):
        return [_go_numbers(item) for item in found]
    return statement.double(found) if isinstance(found, float) else found


def _unknown(what: str, version: object, kind: object) -> Permanent:
    wanted = "a Task or Pipeline of tekton.dev/v1 or v1beta1, or (in the controller's forms) a StepAction of v1beta1"
    found = f"kind {quote(kind or '')} of apiVersion {quote(version or '')}"
    return Permanent(Reason.INVALID_RESOURCE, f"{what}: wanted {wanted}, found {found}")


# --- writing ------------------------------------------------------------------------------------------------------------


def completed(data: bytes, what: str) -> bytes:
    """The same file with the controller's defaults written out, so that programs which add none read the same definition.

    Raises like `read`, and INVALID_RESOURCE where they cannot be written into this text.
    """
    resource = read(data, what)
    before = _json(data, what)
    after = defaults.completed(resource.kind, before)
    text = editing.with_values(data.decode(), msgspec.json.decode(before), msgspec.json.decode(after), what)
    written = _same(text.encode(), what, resource, "controller", "its defaults")
    again = _json(written, what)
    if msgspec.json.decode(defaults.completed(resource.kind, again)) != msgspec.json.decode(again):
        raise _unwritable(what, "its defaults")
    return written


def signed(data: bytes, what: str, form: Form, signature: str) -> bytes:
    """The same file with this signature, in place of one that is there. Raises like `completed`."""
    text = editing.with_value(data.decode(), ("metadata", "annotations", SIGNATURE), signature, what)
    written = _same(text.encode(), what, read(data, what, form), form, "the annotation")
    if read(written, what, form).signature != signature:
        raise _unwritable(what, "the annotation")
    return written


def _same(written: bytes, what: str, resource: Resource, form: Form, part: str) -> bytes:
    """The file after an edit, proven to be the same definition."""
    try:
        again = read(written, what, form)
    except Permanent as fault:
        raise _unwritable(what, part) from fault
    if again.canonical != resource.canonical:
        raise _unwritable(what, part)
    return written


def _unwritable(what: str, part: str) -> Permanent:
    told = f"{what}: {part} cannot be written into this text without changing it; write it plainer, without aliases and merges"
    return Permanent(Reason.INVALID_RESOURCE, told)

"""Tekton's VerificationPolicy: which sources must carry whose signature. Read here, judged in `resources.py`."""

from typing import Any, Literal

import msgspec

from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import value

KIND, API_VERSION = "VerificationPolicy", "tekton.dev/v1alpha1"

NoMatch = Literal["ignore", "warn", "fail"]


@value
class SecretName:
    """Where a key is kept in the cluster."""

    namespace: str
    name: str


@value
class KeyReference:
    """Where a key is: its text, a Secret, or a key service; the first that is there counts. `hash` as written; "" is sha256."""

    text: str
    secret: SecretName | None
    kms: str
    hash: str


@value
class Authority:
    """`key` is None where the policy names an authority and nothing more; nobody can have signed for it."""

    name: str
    key: KeyReference | None


@value
class VerificationPolicy:
    """`mode` is "enforce" for all but the exact word warn, as Tekton takes it."""

    namespace: str
    name: str
    uid: str
    generation: int
    patterns: tuple[str, ...]
    authorities: tuple[Authority, ...]
    mode: Literal["enforce", "warn"]


class _Pattern(msgspec.Struct, forbid_unknown_fields=True):
    pattern: str | None = None


class _SecretRef(msgspec.Struct, forbid_unknown_fields=True):
    name: str | None = None
    namespace: str | None = None


class _Key(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    data: str | None = None
    secret_ref: _SecretRef | None = None
    kms: str | None = None
    hash_algorithm: str | None = None


class _Authority(msgspec.Struct, forbid_unknown_fields=True):
    name: str | None = None
    key: _Key | None = None


class _Spec(msgspec.Struct, forbid_unknown_fields=True):
    resources: list[_Pattern | None] | None = None
    authorities: list[_Authority | None] | None = None
    mode: str | None = None


class _Metadata(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0


class _Policy(msgspec.Struct, rename="camel"):
    kind: str
    api_version: str
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    spec: _Spec | None = None


def read(document: Any, what: str) -> VerificationPolicy:
    """A policy from a document's values. Raises Permanent(INVALID_CONFIG): a word misspelt would be a rule left out."""
    try:
        found = msgspec.convert(document, _Policy)
    except msgspec.ValidationError as error:
        raise Permanent(Reason.INVALID_CONFIG, f"{what}: not a {KIND} that can be read: {error}") from error
    if (found.kind, found.api_version) != (KIND, API_VERSION):
        said = f"kind {quote(found.kind)} of {quote(found.api_version)}"
        raise Permanent(Reason.INVALID_CONFIG, f"{what}: wanted a {KIND} of {API_VERSION}, found {said}")
    spec, metadata = found.spec or _Spec(), found.metadata
    return VerificationPolicy(
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        generation=metadata.generation,
        patterns=tuple((entry and entry.pattern) or "" for entry in spec.resources or ()),
        authorities=tuple(_authority(entry or _Authority()) for entry in spec.authorities or ()),
        mode="warn" if spec.mode == "warn" else "enforce",
    )


def _authority(found: _Authority) -> Authority:
    return Authority(name=found.name or "", key=None if found.key is None else _key(found.key))


def _key(found: _Key) -> KeyReference:
    ref = found.secret_ref
    secret = SecretName(namespace=ref.namespace or "", name=ref.name or "") if ref else None
    return KeyReference(text=found.data or "", secret=secret, kms=found.kms or "", hash=found.hash_algorithm or "")

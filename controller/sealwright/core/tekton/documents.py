"""The runs in a file: JSON or YAML, one object, several YAML documents, or a `List` as `kubectl get -o json` prints it.

JSON keeps its bytes, also inside a `List`: how a number is written can end up in a signed statement.
"""

from collections.abc import Iterator
from typing import Annotated, Any, cast

import msgspec

from sealwright.core import strict
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import Key, Kind, value

# One object may have `strict.SIZE_LIMIT`; a list of a namespace's runs is often larger.
FILE_LIMIT = 64 << 20


@value
class RunDocument:
    """One run in a file. `position` counts the runs in it from 0; `body` is its JSON."""

    key: Key
    uid: str
    position: int
    body: bytes


@value
class RunFile:
    """What a file holds. `faults` tell which of its objects could not be read, `strangers` which never claimed to be any."""

    runs: tuple[RunDocument, ...]
    faults: tuple[Permanent, ...] = ()
    strangers: tuple[Permanent, ...] = ()


class _Metadata(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    uid: str = ""


class _Head(msgspec.Struct, rename="camel"):
    kind: str
    api_version: str = ""
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


class _Kind(msgspec.Struct):
    kind: str


# Objects in an array are no way to write them, but they were meant to be some.
_Claim = _Kind | Annotated[list[_Kind], msgspec.Meta(min_length=1)]


class _List(msgspec.Struct):
    kind: str = ""
    items: list[msgspec.Raw] | None = None


def read(data: bytes, what: str) -> RunFile:
    """The TaskRuns and PipelineRuns in `data`, in order; objects of other kinds are left out. `what` names the file.

    A fault in one object is a value and does not stop the others: INVALID_RUN where it is no Kubernetes object or a run has
    no name, TOO_LARGE where it is. What has no `kind`, nor is in a list that has one, is a stranger: a folder of runs may hold
    a `package.json` too. Raises Permanent, as `strict` does, where the file as a whole cannot be read.
    """
    found: list[RunDocument] = []
    faults: list[Permanent] = []
    strangers: list[Permanent] = []
    for body, is_claimed in _objects(data, what):
        try:
            head = _head(body, what)
            if head.kind in ("TaskRun", "PipelineRun") and head.api_version.startswith("tekton.dev/"):
                found.append(_run(head, body, len(found), what))
        except Permanent as fault:
            (faults if is_claimed or _has_kind(body) else strangers).append(fault)
    return RunFile(runs=tuple(found), faults=tuple(faults), strangers=tuple(strangers))


def runs(data: bytes, what: str) -> tuple[RunDocument, ...]:
    """The runs in `data`, like `read`, for those to whom one fault spoils the file: it is raised."""
    found = read(data, what)
    for fault in (*found.faults, *found.strangers):
        raise fault
    return found.runs


def _objects(data: bytes, what: str) -> Iterator[tuple[bytes, bool]]:
    """Each object's JSON, lists opened, and whether it is in a list that says what it holds."""
    if data.lstrip()[:1] in (b"{", b"["):
        strict.loads(data, what, limit=FILE_LIMIT)
        documents = [data]
    else:
        documents = [_encoded(document, what) for document in strict.documents(data, what)]
    for document in documents:
        try:
            # A list of runs, of whatever kind it calls itself; nothing else at this level has items.
            outer = msgspec.json.decode(document, type=_List)
        except msgspec.MsgspecError:
            outer = _List()
        if outer.items is None:
            yield document, False
        else:
            yield from ((bytes(item), bool(outer.kind)) for item in outer.items)


def _encoded(document: Any, what: str) -> bytes:
    try:
        return msgspec.json.encode(document)
    except (TypeError, ValueError, RecursionError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: holds a value that JSON cannot: {error}") from error


def _head(body: bytes, what: str) -> _Head:
    try:
        return msgspec.json.decode(body, type=_Head)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        message = f"{what}: wanted Kubernetes objects, with `kind` and `metadata`, and found something else: {error}"
        raise Permanent(Reason.INVALID_RUN, message) from error


def _has_kind(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=_Claim)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _run(head: _Head, body: bytes, position: int, what: str) -> RunDocument:
    metadata = head.metadata
    if not metadata.name:
        raise Permanent(Reason.INVALID_RUN, f"{what}: a {head.kind} without metadata.name; runs are told apart by it")
    if len(body) > strict.SIZE_LIMIT:
        message = f"{what}: {head.kind} {quote(metadata.name)} has {len(body)} bytes, more than the {strict.SIZE_LIMIT} read"
        raise Permanent(Reason.TOO_LARGE, message)
    key = Key(kind=cast("Kind", head.kind), namespace=metadata.namespace, name=metadata.name)
    return RunDocument(key=key, uid=metadata.uid, position=position, body=body)

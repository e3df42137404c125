"""What a watch event or list item says, decoded once, from bytes, into just what queues and patches need."""

from collections.abc import Sequence

import msgspec

from sealwright.core.errors import Permanent, Reason, Transient, quote
from sealwright.core.model import Key, Kind, value
from sealwright.core.tekton.annotations import PREFIX
from sealwright.core.tekton.marks import PASSING
from sealwright.core.tekton.patch import Seen
from sealwright.core.tekton.receipt import ANNOTATION, LENGTH_LIMIT

# Runs of other controllers (MultiKueue and the like) say so; these two words mean Tekton's own.
_TEKTON = ("", "tekton.dev/pipeline")
_MARK_LIMIT = 16  # the longest word that means something is shorter


class _Owner(msgspec.Struct, gc=False):
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class _Metadata(msgspec.Struct, gc=False, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    finalizers: tuple[str, ...] | None = None
    annotations: dict[str, str] | None = None
    deletion_timestamp: str | None = None
    owner_references: tuple[_Owner, ...] | None = None


class _Condition(msgspec.Struct, gc=False):
    type: str = ""
    status: str = ""


class _Status(msgspec.Struct, gc=False, rename="camel"):
    conditions: tuple[_Condition, ...] | None = None
    completion_time: str | None = None


class _Spec(msgspec.Struct, gc=False, rename="camel"):
    managed_by: str | None = None


class _Run(msgspec.Struct, gc=False):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status | None = None


class _Bare(msgspec.Struct, gc=False):
    metadata: _Metadata


class _Event(msgspec.Struct, gc=False):
    type: str
    object: msgspec.Raw


class _ListMetadata(msgspec.Struct, gc=False, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct, gc=False):
    metadata: _ListMetadata = msgspec.field(default_factory=_ListMetadata)
    items: list[msgspec.Raw] = []


class _Failure(msgspec.Struct, gc=False):
    code: int = 0
    message: str = ""


class _Cause(msgspec.Struct, gc=False):
    field: str = ""
    message: str = ""


class _Details(msgspec.Struct, gc=False):
    causes: list[_Cause] | None = None


class _Refusal(msgspec.Struct, gc=False):
    details: _Details | None = None


@value
class Notice:
    """One run as it was last seen. `parent` is the uid of the PipelineRun that controls it, "" for none."""

    key: Key
    seen: Seen
    version: str
    is_done: bool
    is_deleting: bool
    completed: str
    receipt: str
    mark: str
    parent: str
    parent_name: str
    managed_by: str

    @property
    def anchor(self) -> str:
        """The uid under which runs belong together: the parent's, or its own (as `runs.anchor` of the whole object)."""
        return self.parent or self.seen.uid


@value
class Page:
    """A page of a list: its items' JSON, the version of the list, and where the next page begins ("" after the last).

    The items are views of the answer: one that is kept must be copied, or it keeps the whole page.
    """

    items: Sequence[msgspec.Raw]
    version: str
    following: str


class ExpiredError(Exception):
    """The version that a watch or list began from is no longer known (410): begin anew."""


_run = msgspec.json.Decoder(_Run)
_bare = msgspec.json.Decoder(_Bare)
_event = msgspec.json.Decoder(_Event)
_list = msgspec.json.Decoder(_List)
_failure = msgspec.json.Decoder(_Failure)
_refusal = msgspec.json.Decoder(_Refusal)


def event(kind: Kind, line: bytes) -> tuple[str, Notice, bytes]:
    """Type (ADDED, MODIFIED, DELETED, BOOKMARK), notice and the object's own bytes, copied out of the line.

    Raises ExpiredError for 410, Transient for another error event, Permanent for a line that is no event.
    """
    try:
        found = _event.decode(line)
        if found.type == "ERROR":
            raise _of_failure(_failure.decode(found.object))
        body = bytes(found.object)
        return found.type, notice(kind, body), body
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"watch of {kind}s: not an event: {error}") from error


def page(kind: Kind, body: bytes) -> Page:
    """A list answer. Raises Transient where it is none."""
    try:
        found = _list.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Transient(Reason.UNAVAILABLE, f"list of {kind}s: not a list: {error}") from error
    return Page(items=found.items, version=found.metadata.resource_version, following=found.metadata.continue_)


def notice(kind: Kind, body: bytes | msgspec.Raw) -> Notice:
    """What an object says; of one whose spec or status is malformed, its metadata: a look at it will tell what is wrong.

    Raises Permanent(INVALID_RUN) where the metadata is malformed too.
    """
    try:
        run = _run.decode(body)
    except msgspec.ValidationError:
        run = _Run(metadata=_metadata(kind, body))
    metadata, annotations = run.metadata, run.metadata.annotations or {}
    conditions = (run.status.conditions if run.status else None) or ()
    parent = next((owner for owner in metadata.owner_references or () if owner.controller and owner.kind == "PipelineRun"), None)
    return Notice(
        key=Key(kind=kind, namespace=metadata.namespace, name=metadata.name),
        seen=Seen(
            uid=metadata.uid,
            finalizers=metadata.finalizers or (),
            has_annotations=metadata.annotations is not None,
            passing=tuple(name for name in PASSING if name in annotations),
        ),
        version=metadata.resource_version,
        is_done=any(found.type == "Succeeded" and found.status in ("True", "False") for found in conditions),
        is_deleting=metadata.deletion_timestamp is not None,
        completed=(run.status.completion_time if run.status else None) or "",
        receipt=_bounded(annotations.get(ANNOTATION, ""), LENGTH_LIMIT),
        mark=_bounded(annotations.get(f"{PREFIX}signed", ""), _MARK_LIMIT),
        parent=parent.uid if parent else "",
        parent_name=parent.name if parent else "",
        managed_by=run.spec.managed_by or "",
    )


def refusal(body: bytes) -> str:
    """Which field of an object the API server will not take, and why; "" for a patch whose test failed, which names none."""
    try:
        details = _refusal.decode(body).details
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    cause = next((cause for cause in (details.causes if details else None) or () if cause.field), None)
    return f"{quote(cause.field)}: {quote(cause.message)}" if cause else ""


def is_tektons(found: Notice, also: Sequence[str]) -> bool:
    """Whether this run is Tekton's own, or one that the configuration adds (`filter.managed-by`)."""
    return found.managed_by in _TEKTON or found.managed_by in also


def _metadata(kind: Kind, body: bytes | msgspec.Raw) -> _Metadata:
    try:
        return _bare.decode(body).metadata
    except msgspec.MsgspecError as error:
        raise Permanent(Reason.INVALID_RUN, f"a {kind} has metadata that cannot be read: {error}") from error


def _bounded(text: str, limit: int) -> str:
    """Tenants write it and notices keep it, so what is too long to be ours is not kept."""
    return text if len(text) <= limit else ""


def _of_failure(found: _Failure) -> Exception:
    if found.code == 410:
        return ExpiredError(found.message)
    return Transient(Reason.UNAVAILABLE, f"the watch ended with {found.code}: {found.message[:256]}")

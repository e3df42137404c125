"""The definition that a run asked a resolver for: where its record is (a ResolutionRequest), and what it holds.

Tekton keeps what a resolver answered, byte for byte, under a name made of the run's and of its reference: so the definition can
be judged again, later and by somebody else.
"""

import base64
import binascii
from typing import Any

import msgspec

from sealwright.core import statement
from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import value
from sealwright.core.tekton import values
from sealwright.core.tekton.results import RAW_ABSENT
from sealwright.core.tekton.runs import Run

_LABEL_LIMIT = 63
_FNV_OFFSET, _FNV_PRIME, _FNV_MASK = 0x6C62272E07BB014262B821756295C58D, (1 << 88) + 0x13B, (1 << 128) - 1


@value
class Resolved:
    """What a resolver answered: the definition's text, and where it says that it found it."""

    body: bytes
    uri: str


class _Param(msgspec.Struct):
    name: str = ""
    value: msgspec.Raw = RAW_ABSENT


class _Reference(msgspec.Struct):
    name: str = ""
    resolver: str = ""
    params: list[_Param] = []


class _Spec(msgspec.Struct, rename="camel"):
    task_ref: _Reference | None = None
    pipeline_ref: _Reference | None = None


def request_name(run: Run) -> str:
    """The name of the record, in the run's namespace; "" for a run whose definition no resolver was asked for.

    As Tekton makes it: the resolver, and FNV-1a (128 bits) over the run's name and the reference. A reference with
    variables in it has been filled in by then, which this does not do: its record is not found.
    """
    spec = msgspec.json.decode(run.raw_spec, type=_Spec)
    reference = spec.task_ref or spec.pipeline_ref
    if reference is None or not reference.resolver:
        return ""
    parts = [f"{run.metadata.namespace}/{run.metadata.name}"]
    for param in sorted(reference.params, key=lambda found: found.name):
        parts += [param.name, _text(param.value)]
    parts.append(reference.name if "://" in reference.name else "")
    digits = f"{_fnv128a(''.join(parts).encode()):032x}"
    return f"{reference.resolver[: _LABEL_LIMIT - len(digits) - 1]}-{digits}"


def _text(raw: msgspec.Raw) -> str:
    found = values.param_value(bytes(raw)) if raw != RAW_ABSENT else ""
    return found if isinstance(found, str) else statement.go_json(found).decode()


def _fnv128a(data: bytes) -> int:
    digest = _FNV_OFFSET
    for byte in data:
        digest = ((digest ^ byte) * _FNV_PRIME) & _FNV_MASK
    return digest


class _Owner(msgspec.Struct):
    uid: str = ""


class _Metadata(msgspec.Struct, rename="camel"):
    owner_references: list[_Owner] = []


class _Source(msgspec.Struct):
    uri: str = ""


class _Status(msgspec.Struct, rename="camel"):
    data: str = ""
    ref_source: _Source | None = None
    source: _Source | None = None


class _Request(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    status: _Status = msgspec.field(default_factory=_Status)


def read(data: bytes, uid: str) -> Resolved:
    """What the record holds, for the run with this uid.

    Raises Permanent(DEFINITION_UNKNOWN): it is another run's, it has no answer, or it cannot be read.
    """
    try:
        request = msgspec.json.decode(data, type=_Request)
        body = base64.b64decode(request.status.data, validate=True)
    except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error) as error:
        raise _unknown(f"cannot be read: {error}") from error
    if uid not in {owner.uid for owner in request.metadata.owner_references}:
        raise _unknown("belongs to another run")
    if not body:
        raise _unknown("has no answer in it")
    found = request.status.ref_source or request.status.source
    return Resolved(body=body, uri=found.uri if found else "")


def _unknown(why: str) -> Permanent:
    return Permanent(Reason.DEFINITION_UNKNOWN, f"the ResolutionRequest of the definition {why}")


def items(data: bytes, what: str) -> list[Any]:
    """The objects of a list, as values. Raises Permanent(TOO_LARGE) where the list goes on, INVALID_INPUT for another shape."""
    try:
        found = msgspec.json.decode(data, type=_List)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: not a list: {error}") from error
    if found.metadata.continue_:
        raise Permanent(Reason.TOO_LARGE, f"{what}: more than {len(found.items)}; what is not read cannot be judged by")
    return found.items


class _ListMetadata(msgspec.Struct):
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct):
    metadata: _ListMetadata = msgspec.field(default_factory=_ListMetadata)
    items: list[Any] = []

"""Tekton objects as Chains sees them: read into Go's structs and written again.

Chains signs what its typed client holds, not what stood in the request: unknown members vanish, empty ones too, quantities
and durations get their canonical spelling. `schema.py` says which members there are; this file makes a reader (a msgspec
struct) and a writer of each line, on first use. `order` is the struct's: sort afterwards where a format wants it sorted.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import msgspec

from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.tekton import values
from sealwright.core.tekton.quantity import quantity
from sealwright.core.tekton.schema import STRUCTS

Converted = TypeVar("Converted")
Write = Callable[[Any], Any]
_ABSENT = msgspec.Raw(b"")


def normal(kind: str, data: bytes | msgspec.Raw, where: str) -> Any:
    """`data`, JSON of the Go struct `kind` (a name in `schema.STRUCTS`), as plain values in Go's writing order.

    Raises Permanent(INVALID_RUN) where Go's reader would refuse it; `where` names the place in the message.
    """
    try:
        return _writer(kind)(_decoder(kind).decode(data))
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Permanent(Reason.INVALID_RUN, f"{where}: {error}") from error


def checked(convert: Callable[[str], Converted], text: str, where: str) -> Converted:
    """`convert(text)`, its ValueError as Permanent(INVALID_RUN) that names the place."""
    try:
        return convert(text)
    except ValueError as error:
        raise Permanent(Reason.INVALID_RUN, f"{where}: {error}, found {quote(text)}") from error


@cache
def _decoder(kind: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_reader(kind) | None)


@cache
def _reader(kind: str) -> type[msgspec.Struct]:
    """A struct type in which every member may be absent or null, as Go's reader allows."""
    fields: list[Any] = [(f"f{n}", _type(type_), default) for n, (_, _, type_, default) in enumerate(_members(kind))]
    names = {f"f{n}": name for n, (name, _, _, _) in enumerate(_members(kind))}
    return msgspec.defstruct(kind.replace(".", "_"), fields, rename=names, gc=False)


@cache
def _members(kind: str) -> list[tuple[str, bool, str, Any]]:
    """Of each member: JSON name, whether it is always written, type, value when absent."""
    members = []
    for line in STRUCTS[kind].split(" "):
        name, _, type_ = line.partition(":")
        is_raw = type_.lstrip("*") in _RAW | _LAZY
        members.append((name.rstrip("!"), name.endswith("!"), type_, _ABSENT if is_raw else None))
    return members


def _type(type_: str) -> Any:
    if type_.startswith("[]"):
        return list[_item(type_[2:])] | None  # type: ignore[misc]
    if type_.startswith("{}"):
        return dict[str, _item(type_[2:])] | None  # type: ignore[misc]
    return _item(type_.removeprefix("*"))


def _item(type_: str) -> Any:
    if type_ in _RAW or type_ in _LAZY:
        return msgspec.Raw
    return (_PLAIN[type_] if type_ in _PLAIN else _reader(type_)) | None


def _writer(kind: str) -> Write:
    """Writes a struct that was read by `_reader(kind)`."""

    def write(value: msgspec.Struct | None) -> dict[str, Any]:
        written = {}
        value = _zero(kind) if value is None else value
        for attribute, name, convert, is_always in _plan(kind):
            found = getattr(value, attribute)
            if found is None and not is_always:
                continue
            try:
                converted = convert(found)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
            if is_always or (converted is not _EMPTY and converted is not None):
                written[name] = None if converted is _EMPTY else converted
        return written

    return write


@cache
def _zero(kind: str) -> msgspec.Struct:
    """Go's zero struct, which is written where a member of struct type is absent."""
    return _reader(kind)()


@cache
def _plan(kind: str) -> list[tuple[str, str, Write, bool]]:
    members = enumerate(_members(kind))
    return [(f"f{n}", name, _convert(type_, is_always), is_always) for n, (name, is_always, type_, _) in members]


_EMPTY = object()  # what `omitempty` leaves out


def _convert(type_: str, is_always: bool) -> Write:
    """How a member is written: _EMPTY or None where Go would leave it out unless it is always written."""
    if type_.startswith("[]"):
        return _list(type_[2:], is_always)
    if type_.startswith("{}"):
        return _map(type_[2:], is_always)
    if type_.startswith("*"):
        return _pointer(type_[1:])
    if type_ in _ZERO:
        zero = _ZERO[type_]
        return lambda value: (value or zero) if is_always else (value or _EMPTY)
    return _element(type_)


def _list(item: str, is_always: bool) -> Write:
    write = _element(item)

    def convert(value: list[Any] | None) -> Any:
        if not value:
            return value if is_always else _EMPTY
        return [write(found) for found in value]

    return convert


def _map(item: str, is_always: bool) -> Write:
    write = _element(item)

    def convert(value: dict[str, Any] | None) -> Any:
        if not value:
            return value if is_always else _EMPTY
        return {key: write(value[key]) for key in sorted(value)}  # Go writes map keys sorted

    return convert


def _pointer(type_: str) -> Write:
    write = _element(type_)
    return lambda value: _EMPTY if value is None or value in (_ABSENT, _NULL) else write(value)


@cache
def _element(type_: str) -> Write:
    """How one value of this type is written, wherever it stands."""
    if type_ in _ZERO:
        zero = _ZERO[type_]
        return lambda value: zero if value is None else value
    if type_ in _LAZY:
        return lambda value: _writer(type_)(None if value in (_ABSENT, _NULL) else _decoder(type_).decode(value))
    return _OWN[type_] if type_ in _OWN else _writer(type_)


def _param_value(value: msgspec.Raw) -> Any:
    if value == _ABSENT:
        raise ValueError("wanted a value, found none")
    return values.param_value(bytes(value))


def _raw_json(value: msgspec.Raw) -> msgspec.Raw:
    """Kept as it stood, without spaces: Go does not look into it."""
    return _NULL if value == _ABSENT else msgspec.Raw(values.compact(bytes(value).decode()).encode())


def _quantity(value: msgspec.Raw) -> str:
    return "0" if value == _ABSENT else quantity(bytes(value))


_NULL = msgspec.Raw(b"null")
_ZERO: dict[str, Any] = {"string": "", "bool": False, "int": 0}
_PLAIN: dict[str, Any] = {"string": str, "bool": bool, "int": int, "Time": str, "Duration": str, "IntOrString": int | str}
_RAW = {"ParamValue", "Quantity", "RawJSON"}
_LAZY = {"v1.PipelineSpec", "v1.TaskRunStatus"}  # these can hold themselves: read one level at a time
_OWN: dict[str, Write] = {
    "Time": values.time,
    "Duration": values.duration,
    "IntOrString": lambda value: 0 if value is None else value,
    "ParamValue": _param_value,
    "Quantity": _quantity,
    "RawJSON": _raw_json,
}

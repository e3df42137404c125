"""Tekton objects as Tekton's own programs see them: read into Go's structs and written again.

Chains signs what its typed client holds, not what stood in the request: unknown members vanish, empty ones too, quantities
and durations get their canonical spelling. So do trusted resources. `schema.py` and `definitions.py` say which members there
are; this file makes a reader (a msgspec struct) and a writer of each line, on first use. `order` is the struct's: sort
afterwards where a format wants it sorted.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Annotated, Any, TypeVar

import msgspec

from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import value as frozen
from sealwright.core.tekton import values
from sealwright.core.tekton.definitions import DEFINITIONS, LEGACY
from sealwright.core.tekton.quantity import quantity
from sealwright.core.tekton.schema import STRUCTS

Converted = TypeVar("Converted")
Write = Callable[[Any], Any]
_ABSENT = msgspec.Raw(b"")


@frozen
class Dialect:
    """How Go reads and writes: `strict` refuses unknown members; `legacy` is Tekton Pipelines before v1.10."""

    strict: bool = False
    legacy: bool = False


_CLIENT = Dialect()


def normal(kind: str, data: bytes | msgspec.Raw, where: str, dialect: Dialect = _CLIENT) -> Any:
    """`data`, JSON of the Go struct `kind` (a name in STRUCTS or DEFINITIONS), as plain values in Go's writing order.

    Raises Permanent(INVALID_RUN) where Go's reader would refuse it; `where` names the place in the message.
    """
    try:
        return _writer(kind, dialect)(_decoder(kind, dialect).decode(data))
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Permanent(Reason.INVALID_RUN, f"{where}: {error}") from error


def checked(convert: Callable[[str], Converted], text: str, where: str) -> Converted:
    """`convert(text)`, its ValueError as Permanent(INVALID_RUN) that names the place."""
    try:
        return convert(text)
    except ValueError as error:
        raise Permanent(Reason.INVALID_RUN, f"{where}: {error}, found {quote(text)}") from error


@cache
def _decoder(kind: str, dialect: Dialect) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_reader(kind, dialect) | None)


@cache
def _reader(kind: str, dialect: Dialect) -> type[msgspec.Struct]:
    """A struct type in which every member may be absent or null, as Go's reader allows."""
    listed = members(kind, dialect)
    fields: list[Any] = [(f"f{n}", _type(type_, dialect), _default(type_)) for n, (_, _, type_) in enumerate(listed)]
    names = {f"f{n}": name for n, (name, _, _) in enumerate(listed)}
    name = kind.replace(".", "_")
    return msgspec.defstruct(name, fields, rename=names, gc=False, forbid_unknown_fields=dialect.strict)


@cache
def members(kind: str, dialect: Dialect) -> list[tuple[str, bool, str]]:
    """Of each member of a Go struct: JSON name, whether it is always written, type."""
    line = STRUCTS.get(kind) or DEFINITIONS[kind]
    for now, before in LEGACY.get(kind, {}).items() if dialect.legacy else ():
        line = line.replace(now, before)
    parts = [member.partition(":") for member in line.split(" ")]
    return [(name.rstrip("!"), name.endswith("!"), type_) for name, _, type_ in parts]


def _default(type_: str) -> Any:
    return _ABSENT if type_.lstrip("*") in _RAW | _LAZY else None


def _type(type_: str, dialect: Dialect) -> Any:
    if type_.startswith("[]"):
        return list[_item(type_[2:], dialect)] | None  # type: ignore[misc]
    if type_.startswith("{}"):
        return dict[str, _item(type_[2:], dialect)] | None  # type: ignore[misc]
    return _item(type_.removeprefix("*"), dialect)


def _item(type_: str, dialect: Dialect) -> Any:
    if type_ in _RAW or type_ in _LAZY:
        return msgspec.Raw
    return (_PLAIN[type_] if type_ in _PLAIN else _reader(type_, dialect)) | None


def _writer(kind: str, dialect: Dialect) -> Write:
    """Writes a struct that was read by `_reader(kind, dialect)`."""

    def write(value: msgspec.Struct | None) -> dict[str, Any]:
        written = {}
        value = _zero(kind, dialect) if value is None else value
        for attribute, name, convert, is_always in _plan(kind, dialect):
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
def _zero(kind: str, dialect: Dialect) -> msgspec.Struct:
    """Go's zero struct, which is written where a member of struct type is absent."""
    return _reader(kind, dialect)()


@cache
def _plan(kind: str, dialect: Dialect) -> list[tuple[str, str, Write, bool]]:
    listed = enumerate(members(kind, dialect))
    return [(f"f{n}", name, _convert(type_, dialect, is_always), is_always) for n, (name, is_always, type_) in listed]


_EMPTY = object()  # what `omitempty` leaves out


def _convert(type_: str, dialect: Dialect, is_always: bool) -> Write:
    """How a member is written: _EMPTY or None where Go would leave it out unless it is always written."""
    if type_.startswith("[]"):
        return _list(_element(type_[2:], dialect), is_always)
    if type_.startswith("{}"):
        return _map(_element(type_[2:], dialect), is_always)
    if type_.startswith("*"):
        return _pointer(_element(type_[1:], dialect))
    if type_ in _ZERO:
        zero = _ZERO[type_]
        return lambda value: (value or zero) if is_always else (value or _EMPTY)
    return _element(type_, dialect)


def _list(write: Write, is_always: bool) -> Write:
    def convert(value: list[Any] | None) -> Any:
        if not value:
            return value if is_always else _EMPTY
        return [write(found) for found in value]

    return convert


def _map(write: Write, is_always: bool) -> Write:
    def convert(value: dict[str, Any] | None) -> Any:
        if not value:
            return value if is_always else _EMPTY
        return {key: write(value[key]) for key in sorted(value)}  # Go writes map keys sorted

    return convert


def _pointer(write: Write) -> Write:
    return lambda value: _EMPTY if value is None or value in (_ABSENT, _NULL) else write(value)


@cache
def _element(type_: str, dialect: Dialect) -> Write:
    """How one value of this type is written, wherever it stands."""
    if type_ in _ZERO:
        zero = _ZERO[type_]
        return lambda value: zero if value is None else value
    if type_ in _LAZY:
        return lambda value: _writer(type_, dialect)(
            None if value in (_ABSENT, _NULL) else _decoder(type_, dialect).decode(value)
        )
    if type_ == "ParamValue" and dialect.strict:
        return partial(_param_value, is_verbatim=True)  # the author's file, which no API server has stored yet
    return _OWN[type_] if type_ in _OWN else _writer(type_, dialect)


def _param_value(value: msgspec.Raw, *, is_verbatim: bool = False) -> Any:
    if value == _ABSENT:
        raise ValueError("wanted a value, found none")
    return values.param_value(bytes(value), is_verbatim=is_verbatim)


def _raw_json(value: msgspec.Raw) -> msgspec.Raw:
    """Kept as it stood, without spaces: Go does not look into it."""
    return _NULL if value == _ABSENT else msgspec.Raw(values.compact(bytes(value).decode()).encode())


def _quantity(value: msgspec.Raw) -> str:
    return "0" if value == _ABSENT else quantity(bytes(value))


_NULL = msgspec.Raw(b"null")
_ZERO: dict[str, Any] = {"string": "", "bool": False, "int": 0, "int32": 0}
_Int = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_Int32 = Annotated[int, msgspec.Meta(ge=-(1 << 31), lt=1 << 31)]
_PLAIN: dict[str, Any] = {
    "string": str,
    "bool": bool,
    "int": _Int,
    "int32": _Int32,
    "Time": str,
    "Duration": str,
    "IntOrString": _Int32 | str,
}
_RAW = {"ParamValue", "Quantity", "RawJSON"}
_LAZY = {"v1.PipelineSpec", "v1beta1.PipelineSpec", "v1.TaskRunStatus"}  # these can hold themselves: read one level at a time
_OWN: dict[str, Write] = {
    "Time": values.time,
    "Duration": values.duration,
    "IntOrString": lambda value: 0 if value is None else value,
    "ParamValue": _param_value,
    "Quantity": _quantity,
    "RawJSON": _raw_json,
}

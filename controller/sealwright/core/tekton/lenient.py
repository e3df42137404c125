"""A definition as Tekton's command line reads it: unknown members dropped, names matched without case, numbers made text.

`tkn` hashes its v1beta1 view of a file. Rules: Go's encoding/json, and what sigs.k8s.io/yaml does before it.
"""

import struct
from decimal import Decimal
from typing import Any

from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.tekton import gostruct
from sealwright.core.tekton.definitions import DEFINITIONS, EMBEDDED, EMBEDDING
from sealwright.core.tekton.gostruct import Dialect
from sealwright.core.tekton.schema import STRUCTS


def conform(kind: str, value: Any, where: str, dialect: Dialect, *, coerces: bool = True) -> Any:
    """The members of `value` that the Go struct `kind` knows, under its names.

    `coerces`: numbers become text where it wants text.
    Raises Permanent(INVALID_RESOURCE) where two members are one to Go, which would mix them.
    """
    if not isinstance(value, dict):
        return value
    types = {name: type_ for name, _, type_ in gostruct.members(kind, dialect)}
    folded = {_fold(name): name for name in types}
    found: dict[str, Any] = {}
    for key in sorted(value):
        name = key if key in types else folded.get(_fold(key))
        if name in found:
            raise Permanent(Reason.INVALID_RESOURCE, f"{where}: the members {quote(key)} and {quote(name)} are one to Tekton")
        if name is not None:
            found[name] = _typed(types[name], value[key], f"{where}.{name}", dialect, coerces and not _is_embedded(kind, name))
    return found


def _is_embedded(kind: str, name: str) -> bool:
    if kind in EMBEDDING:
        return name not in EMBEDDING[kind]
    return name in EMBEDDED.get(kind, ())


def _typed(type_: str, value: Any, where: str, dialect: Dialect, coerces: bool) -> Any:
    if type_.startswith("[]") and isinstance(value, list):
        return [_typed(type_[2:], item, f"{where}[{n}]", dialect, coerces) for n, item in enumerate(value)]
    if type_.startswith("{}") and isinstance(value, dict):
        return {key: _typed(type_[2:], item, f"{where}.{key}", dialect, coerces) for key, item in value.items()}
    inner = type_.removeprefix("*")
    if inner in STRUCTS or inner in DEFINITIONS:
        return conform(inner, value, where, dialect, coerces=coerces)
    return _text(value) if inner == "string" and coerces else value


def _fold(name: str) -> str:
    """Go folds one letter to one letter."""
    return "".join(letter.casefold() if len(letter.casefold()) == 1 else letter for letter in name)


def _text(value: Any) -> Any:
    """What a number or boolean becomes where text is wanted."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return _single(value) if isinstance(value, float) else value


def _single(number: float) -> str:
    """Go's `FormatFloat(number, 'g', -1, 32)`: the shortest digits that give the same float32."""
    try:
        packed = struct.pack("<f", number)
    except OverflowError:
        return "+Inf" if number > 0 else "-Inf"
    (rounded,) = struct.unpack("<f", packed)
    digits = next(spelled for n in range(9) if struct.pack("<f", float(spelled := f"{rounded:.{n}e}")) == packed)
    mantissa, _, exponent = digits.partition("e")
    if -4 <= int(exponent) < 6:
        return format(Decimal(digits), "f")
    return f"{mantissa}e{int(exponent):+03d}"

"""Kubernetes quantities (`500m`, `2Gi`), written as the API server writes them back."""

import re
from fractions import Fraction

import msgspec

_QUANTITY = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,3})?", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_SUFFIX_OF = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_OF = {exponent: suffix for suffix, exponent in _BINARY.items()}
_INT64 = 1 << 63
_TEXT_LIMIT = 256  # no real quantity is longer


def quantity(raw: bytes) -> str:
    """A resource.Quantity as Kubernetes writes it back: canonical, or verbatim where Kubernetes keeps the text.

    `raw` is a JSON string, number or null. ValueError if it is no quantity. Rules: apimachinery `ParseQuantity`, whose fast
    path (numbers that fit an int64) keeps some texts as they are (`2.125`), and whose slow path rounds to 10^-9.
    """
    text = str(msgspec.json.decode(raw)).strip() if raw[:1] == b'"' else raw.decode()
    if text in ("null", "0"):
        return "0"
    match = _QUANTITY.fullmatch(text) if 0 < len(text) < _TEXT_LIMIT else None
    if match is None or not (match[2] or match[3] or match[4]):
        raise ValueError("wanted a quantity like 500m, 1.5 or 2Gi")
    return _quantity(text, match[1], match[2].lstrip("0") or "0", match[3] or "", match[4] or "")


def _quantity(text: str, sign: str, whole: str, fraction: str, suffix: str) -> str:
    is_binary = suffix in _BINARY
    exponent = _BINARY[suffix] if is_binary else _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    is_exponent_form = not is_binary and suffix not in _DECIMAL
    if _is_kept(whole, fraction, exponent, is_binary=is_binary):
        return text
    scale = Fraction(2) ** exponent if is_binary else Fraction(10) ** exponent
    magnitude = _rounded(Fraction(int(whole + fraction), 10 ** len(fraction)) * scale)
    if is_binary:
        magnitude = min(magnitude, Fraction(_INT64 - 1))
    spelled = _canonical(magnitude, is_binary=is_binary, is_exponent_form=is_exponent_form)
    return f"-{spelled}" if sign == "-" and magnitude else spelled


def _is_kept(whole: str, fraction: str, exponent: int, *, is_binary: bool) -> bool:
    """Whether Kubernetes' fast path keeps the text verbatim."""
    shifted = int(whole + fraction)
    if is_binary:
        fits = not fraction and 15 - len(whole) - int(exponent * 3 / 10) - 1 >= 0
        return fits and shifted << exponent < _INT64 and shifted & 7 != 0
    fits = 18 - len(whole) - len(fraction) >= 0
    scale = exponent - len(fraction)
    digits = whole + fraction
    return fits and scale >= -9 and scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0"


def _rounded(magnitude: Fraction) -> Fraction:
    """Away from zero to 10^-9."""
    return Fraction(-(-magnitude * 10**9 // 1), 10**9)


def _canonical(magnitude: Fraction, *, is_binary: bool, is_exponent_form: bool) -> str:
    if magnitude == 0:
        return "0"
    if is_binary and magnitude >= 1024 and magnitude.denominator == 1:
        power = 0
        while magnitude % 1024 == 0 and power < 60:
            magnitude, power = magnitude / 1024, power + 10
        return f"{magnitude}{_BINARY_OF.get(power, '')}"
    mantissa, exponent = magnitude * 10**9, -9
    while mantissa % 1000 == 0:
        mantissa, exponent = mantissa / 1000, exponent + 3
    if is_exponent_form:
        return f"{mantissa}e{exponent}" if exponent else f"{mantissa}"
    return f"{mantissa}{_SUFFIX_OF.get(exponent, '')}"  # beyond E the suffix is lost, as in Kubernetes

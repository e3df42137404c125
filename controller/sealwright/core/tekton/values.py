"""Types of Tekton and Kubernetes that have an encoding of their own: read as Go reads them, written as Go writes them.

Each function takes what stood in the JSON and gives what Go would write; a ValueError says what was wanted.
"""

import re
from datetime import datetime, timedelta, timezone
from fractions import Fraction

import msgspec

ParamValue = str | list[str] | dict[str, str]

_SPACE = re.compile(r'("[^"\\]*+(?:\\.[^"\\]*+)*+")|[ \t\r\n]+', re.DOTALL)
_string = msgspec.json.Decoder(str)
_strings = msgspec.json.Decoder(list[str | None])
_string_map = msgspec.json.Decoder(dict[str, str | None])


def compact(raw: str) -> str:
    """JSON text without the spaces between its tokens; numbers and strings keep their spelling."""
    return _SPACE.sub(lambda match: match[1] or "", raw)


def param_value(raw: bytes, *, is_verbatim: bool = False) -> ParamValue:
    """A Tekton ParamValue: text, list of text or map of text; anything else becomes text that holds its JSON.

    `raw` is one JSON value. Tekton's rule: a list with only strings is an array, an object with only strings an object, null
    is "" (also inside), and a number, boolean or mixed list is a string with the JSON as it stood, without its spaces unless
    `is_verbatim`.
    """
    first = raw[:1]
    if first == b'"':
        return _string.decode(raw)
    try:
        if first == b"[":
            return [item or "" for item in _strings.decode(raw)]
        if first == b"{":
            found = _string_map.decode(raw)
            return {key: found[key] or "" for key in sorted(found)}  # as Go writes a map
    except msgspec.ValidationError:
        pass
    if raw == b"null":
        return ""
    return raw.decode() if is_verbatim else compact(raw.decode())


# --- time ---------------------------------------------------------------------------------------------------------------

_ZERO = "0001-01-01T00:00:00"
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)T((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)", re.ASCII)


def instant(text: str) -> tuple[str, str]:
    """RFC 3339 text as (UTC `YYYY-MM-DDThh:mm:ss`, nanoseconds as 9 digits). ValueError for anything else."""
    match = _RFC3339.fullmatch(text) if len(text) < 64 else None
    if match is None:
        raise ValueError("wanted a time like 2026-01-31T12:00:00Z")
    day, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{zone.replace('Z', '+00:00')}").astimezone(timezone(timedelta()))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"wanted a time like 2026-01-31T12:00:00Z: {error}") from error
    return moment.replace(tzinfo=None).isoformat(), (fraction or "")[:9].ljust(9, "0")


def time(text: str | None) -> str | None:
    """metav1.Time: UTC, whole seconds; the zero time is null."""
    seconds = None if text is None else instant(text)[0]
    return None if seconds in (None, _ZERO) else f"{seconds}Z"


# --- durations ----------------------------------------------------------------------------------------------------------

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_TERM = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_TEXT_LIMIT = 256  # no real quantity, time or duration is longer


def duration(text: str) -> str:
    """Go's own spelling of a Go duration: `90m` is `1h30m0s`. ValueError for anything else."""
    body = text[1:] if text[:1] in ("+", "-") else text
    terms = list(_TERM.finditer(body)) if len(body) < _TEXT_LIMIT else []
    if body == "0":
        return "0s"
    if not terms or "".join(term[0] for term in terms) != body:
        raise ValueError("wanted a duration like 1h30m or 500ms")
    total = sum(int(Fraction(term[1].rstrip(".")) * _UNITS[term[2]]) for term in terms)
    if total >= 1 << 63:
        raise ValueError("wanted a duration below 292 years")
    return ("-" if text[0] == "-" and total else "") + _spell(total)


def _spell(nanoseconds: int) -> str:
    if nanoseconds == 0:
        return "0s"
    for unit, size in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
        if nanoseconds < size * 1000 and nanoseconds < 10**9:
            return _decimal(Fraction(nanoseconds, size)) + unit
    minutes, rest = divmod(nanoseconds, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    seconds = _decimal(Fraction(rest, 10**9)) + "s"
    return (f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else "") + seconds


def _decimal(number: Fraction) -> str:
    whole, rest = divmod(number, 1)
    return f"{whole}.{int(rest * 10**9):09d}".rstrip("0").rstrip(".")

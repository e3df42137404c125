"""Reading bytes that somebody else wrote: refused by size and nesting before parsing, and where two readers could disagree.

JSON readers differ on a repeated key (Python keeps the last, others the first), on NaN, and on how deep they go before they
crash. What is verified, and what a command reads, goes through here (design D21); the API server's own output does not need to.
"""

import base64
import binascii
import json
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import msgspec

from sealwright.core.errors import Permanent, Reason, quote

# Tekton objects are at most 1.5 MiB in etcd; results from sidecar logs and Sealwright's own marks may double that.
SIZE_LIMIT = 3 << 20
# What is signed may hold many objects (a PipelineRun's TaskRuns, in base64), and an envelope holds it in base64 once more.
STATEMENT_LIMIT = 16 << 20
ENVELOPE_LIMIT = 24 << 20
# Kubernetes' own schemas stay below 30; in-toto predicates below 20.
DEPTH_LIMIT = 200
_DIGIT_LIMIT = 308  # every shorter integer fits a double

_NOT_STRUCTURE = bytes(sorted(set(range(256)) - set(b'[]{}"')))
_DIGITS = bytes(ord("0") if byte in b"0123456789" else ord(" ") for byte in range(256))
_LONG_NUMBER = b"0" * (_DIGIT_LIMIT + 1)
_ONE_KIND = bytes.maketrans(b"[]", b"{}")
_STEP = {ord("{"): 1, ord("}"): -1}
# Levels that `depth` takes off whole: more than most objects have, few enough to stay linear.
_PEELED = 10


def loads(data: bytes, what: str, limit: int = SIZE_LIMIT) -> Any:
    """The JSON value in `data`; `what` names it in errors.

    Raises Permanent: TOO_LARGE (over `limit` bytes or DEPTH_LIMIT levels), REPEATED_KEY, INVALID_INPUT (not UTF-8, not JSON,
    NaN, a number no double can hold, half a surrogate pair, anything after the value).
    """
    bound(data, what, limit)
    loaded = decode(data, what)
    if not _reads_back(loaded, data):
        refuse_repeated_keys(data, what)
    return loaded


def bound(data: bytes, what: str, limit: int = SIZE_LIMIT, depth_limit: int = DEPTH_LIMIT) -> None:
    """Refuse what is too large or too deep, in time linear in its length and without building anything."""
    if len(data) > limit:
        raise Permanent(Reason.TOO_LARGE, f"{what}: {len(data)} bytes, more than the {limit} that are read")
    if data.count(b"{") + data.count(b"[") > depth_limit and depth(data) > depth_limit:
        raise Permanent(Reason.TOO_LARGE, f"{what}: nested more than {depth_limit} levels deep")


def depth(data: bytes) -> int:
    """How deep brackets outside strings nest; exact for valid JSON. Whole passes in C: this is on the hot path."""
    structure = data.replace(rb"\\", b"").replace(rb"\"", b"").translate(_ONE_KIND, _NOT_STRUCTURE)
    # Two quotes side by side are a string without brackets, or join two strings with nothing between them.
    left = b"".join(structure.replace(b'""', b"").split(b'"')[::2])
    peeled = 0
    while peeled < _PEELED and b"{}" in left:
        # All innermost pairs at once, so one level of nesting.
        left = left.replace(b"{}", b"")
        peeled += 1
    return peeled + max(accumulate(map(_STEP.__getitem__, left)), default=0)


def decode(data: bytes, what: str) -> Any:
    """The value, without the check for repeated keys."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: not valid JSON: {error}") from error


def _reads_back(loaded: Any, data: bytes) -> bool:
    """Whether the value, written again, is the same text but for spaces: then no key in the text was dropped.

    Most files are written so, and this takes a fifth of the time of looking at each key.
    """
    has_long_number = _LONG_NUMBER in data.translate(_DIGITS)
    return not has_long_number and msgspec.json.encode(loaded) == msgspec.json.format(data, indent=-1)


def refuse_repeated_keys(data: bytes, what: str) -> None:
    """`data` is valid JSON; refuse it if any object in it names a key twice."""
    try:
        _CHECK.decode(data.decode())
    except _RepeatedKeyError as error:
        raise Permanent(Reason.REPEATED_KEY, f"{what}: the key {quote(error)} stands twice in one object") from error
    except (ValueError, RecursionError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: not valid JSON: {error}") from error


class _RepeatedKeyError(Exception):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        [(key, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise _RepeatedKeyError(key)


def _bounded(digits: str) -> str:
    if len(digits) > _DIGIT_LIMIT:
        raise ValueError(f"a number of {len(digits)} digits")
    return digits


# Numbers were judged by the first reader, all but long integers; here they stay text, which also keeps huge ones cheap.
_CHECK = json.JSONDecoder(object_pairs_hook=_unique, parse_float=str, parse_int=_bounded)


def documents(data: bytes, what: str) -> list[Any]:
    """Every document in JSON or YAML text, empty ones left out. Raises like `loads`."""
    if data.lstrip()[:1] in (b"{", b"["):
        return [loads(data, what)]
    from sealwright.core import goyaml  # noqa: PLC0415  YAML is rare and slow to import

    if len(data) > SIZE_LIMIT:
        raise Permanent(Reason.TOO_LARGE, f"{what}: {len(data)} bytes, more than the {SIZE_LIMIT} that are read")
    return goyaml.load_all(data, what, depth_limit=DEPTH_LIMIT)


def refuse_lookalike_keys(found: dict[str, Any], known: Sequence[str], what: str) -> None:
    """Refuse keys that equal a known one but for case: Go's reader would take them, ours would not."""
    folded = {word.casefold(): word for word in known}
    for key in found:
        word = folded.get(key.casefold(), key)
        if word != key:
            raise Permanent(Reason.REPEATED_KEY, f"{what}: the key {quote(key)} could be read as {quote(word)}")


def base64_bytes(text: str) -> bytes | None:
    """Padded standard base64 in its one form, so that encoding it again gives the same text; None for anything else."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).decode() == text else None

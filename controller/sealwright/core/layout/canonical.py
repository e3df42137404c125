"""Canonical JSON as in-toto's older metadata is signed in: keys sorted, no spaces, only quote and backslash escaped, no floats.

Source: securesystemslib's encode_canonical (OLPC canonical JSON).
"""

from typing import Any

from sealwright.core.errors import Permanent, Reason


def encode(found: Any) -> bytes:
    """The bytes. Raises Permanent(INVALID_INPUT) for a float, half a surrogate pair, or what is no JSON."""
    try:
        return "".join(_parts(found)).encode()
    except UnicodeEncodeError as error:
        raise Permanent(Reason.INVALID_INPUT, f"canonical JSON: text that is no Unicode: {error.reason}") from error


def _parts(found: Any) -> list[str]:
    match found:
        case str():
            return [_quoted(found)]
        case None | bool():
            return [{None: "null", True: "true", False: "false"}[found]]
        case int():
            return [str(found)]
        case list() | tuple():
            return ["[", ",".join("".join(_parts(item)) for item in found), "]"]
        case dict():
            members = (f"{_quoted(name)}:{''.join(_parts(found[name]))}" for name in sorted(found))
            return ["{", ",".join(members), "}"]
    raise Permanent(Reason.INVALID_INPUT, f"canonical JSON: holds no {type(found).__name__}")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

"""What an HTTP status means: the one place where it becomes a class of fault."""

from collections.abc import Mapping

import msgspec

from sealwright.core.errors import Fault, Permanent, Reason, Transient, quote

_WAIT = {408, 425, 429, 500, 502, 503, 504}
# A server's own wish is followed up to this; a date instead of seconds is not worth a parser.
_RETRY_AFTER_CAP_S = 3600.0


class _Error(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Status(msgspec.Struct):
    """Kubernetes' own error body, and that of OCI registries (`errors`); others send text."""

    message: str = ""
    errors: list[_Error] = []


def fault(status: int, body: bytes, headers: Mapping[str, str], where: str) -> Fault:
    """The fault for an answer that is no success; `where` says what was asked for."""
    message = f"{where}: the server answered {status}: {quote(_message(body))}"
    if status == 404:
        return Permanent(Reason.NOT_FOUND, message)
    if status in _WAIT or status >= 500:
        return Transient(Reason.UNAVAILABLE, message, _retry_after(headers))
    if status in (401, 403):
        # A token may be renewed and a role bound while we wait.
        return Transient(Reason.UNAVAILABLE, f"{message}; check the service account's rights")
    return Permanent(Reason.STORE_FAILED, message)


def _message(body: bytes) -> str:
    try:
        found = msgspec.json.decode(body, type=_Status)
        return found.message or "; ".join(f"{each.code}: {each.message}" for each in found.errors[:3])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body[:256].decode("utf-8", errors="replace")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After", "")
    return min(float(text), _RETRY_AFTER_CAP_S) if text.isdecimal() and len(text) < 10 else None

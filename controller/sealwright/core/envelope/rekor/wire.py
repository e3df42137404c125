"""Small readers that answers and bodies share."""

import base64
import binascii
from typing import Any, TypeVar

import msgspec

from sealwright.core.errors import Permanent, Reason, quote

T = TypeVar("T")

# An answer repeats our entry, which holds no payload: keys, signatures, hashes and at most 63 nodes.
ANSWER_LIMIT = 1 << 20


class Typed(msgspec.Struct, rename="camel"):
    """How each body begins."""

    kind: str
    api_version: str


def shaped(loaded: Any, shape: type[T], what: str) -> T:
    try:
        return msgspec.convert(loaded, shape)
    except msgspec.ValidationError as error:
        raise bad(what, str(error)) from error


def unhex(text: str, what: str) -> bytes:
    try:
        return binascii.unhexlify(text)
    except ValueError as error:
        raise bad(what, f"{quote(text)} is not hex") from error


def decoded(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise bad(what, f"{quote(text[:40])} is not base64") from error


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def bad(what: str, why: str) -> Permanent:
    return Permanent(Reason.BAD_LOG_ENTRY, f"{what}: {why}")

"""DER (X.690), the little that is needed to read what `cryptography` does not read.

Strict: definite lengths in their shortest form, no bytes left over. Depth is the caller's, since each level is one call.
"""

from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import value

INTEGER, OCTET_STRING, OID, GENERALIZED_TIME = 0x02, 0x04, 0x06, 0x18
SEQUENCE, SET = 0x30, 0x31
# A timestamp response with certificates has 6 KiB, and the items of one level are few.
SIZE_LIMIT, ITEM_LIMIT = 64 << 10, 64


@value
class Item:
    """One value: its tag's first byte, its content, and both with the length as they stood."""

    tag: int
    body: bytes
    raw: bytes


def one(data: bytes, tag: int, what: str) -> Item:
    """The one value that `data` is. Raises Permanent(INVALID_INPUT) where it is another, or more."""
    if len(data) > SIZE_LIMIT:
        raise bad(what, f"{len(data)} bytes, more than the {SIZE_LIMIT} that are read")
    found = items(data, what)
    if len(found) != 1 or found[0].tag != tag:
        raise bad(what, f"wanted one value with tag {tag:#04x}")
    return found[0]


def items(data: bytes, what: str) -> list[Item]:
    """The values that stand side by side. Raises Permanent(INVALID_INPUT)."""
    found: list[Item] = []
    at = 0
    while at < len(data):
        if len(found) == ITEM_LIMIT:
            raise bad(what, f"more than {ITEM_LIMIT} values side by side")
        start = at
        tag = data[at]
        if tag & 0x1F == 0x1F:
            raise bad(what, "a tag of several bytes")
        length, at = _length(data, at + 1, what)
        if at + length > len(data):
            raise bad(what, "a value that goes on after the end")
        found.append(Item(tag=tag, body=data[at : at + length], raw=data[start : at + length]))
        at += length
    return found


def members(item: Item, tag: int, what: str) -> list[Item]:
    """What stands in a sequence or set, which has to have this tag. Raises Permanent(INVALID_INPUT)."""
    if item.tag != tag:
        raise bad(what, f"wanted a value with tag {tag:#04x}, found {item.tag:#04x}")
    return items(item.body, what)


def _length(data: bytes, at: int, what: str) -> tuple[int, int]:
    """The length that begins at `at`, and where the content begins."""
    first = data[at] if at < len(data) else 0x80
    if first < 0x80:
        return first, at + 1
    size = first & 0x7F
    digits = data[at + 1 : at + 1 + size]
    # Four bytes name more than anything that is read here.
    if not 1 <= size <= 4 or len(digits) != size or digits[0] == 0 or int.from_bytes(digits) < 0x80:
        raise bad(what, "a length that is indefinite or not in its shortest form")
    return int.from_bytes(digits), at + 1 + size


def oid(item: Item, what: str) -> str:
    """An object identifier in dots; at most 64 bytes of it are read."""
    body = item.body
    if item.tag != OID or not 1 <= len(body) <= 64 or body[-1] & 0x80:
        raise bad(what, "wanted an object identifier")
    arcs: list[int] = []
    number, is_first = 0, True
    for byte in body:
        if is_first and byte == 0x80:
            raise bad(what, "an object identifier that is not in its shortest form")
        number = number << 7 | byte & 0x7F
        is_first = not byte & 0x80
        if is_first:
            arcs.append(number)
            number = 0
    top = min(arcs[0] // 40, 2)
    return ".".join(map(str, [top, arcs[0] - 40 * top, *arcs[1:]]))


def integer(item: Item, what: str) -> int:
    """A number, in its shortest form; at most 64 bytes of it are read."""
    body = item.body
    if item.tag != INTEGER or not 1 <= len(body) <= 64:
        raise bad(what, "wanted a number")
    if len(body) > 1 and ((body[0] == 0 and body[1] < 0x80) or (body[0] == 0xFF and body[1] >= 0x80)):
        raise bad(what, "a number that is not in its shortest form")
    return int.from_bytes(body, signed=True)


def bad(what: str, why: str) -> Permanent:
    """The fault of this file, for readers that go further with it."""
    return Permanent(Reason.INVALID_INPUT, f"{what}: not the DER that was wanted: {why}")

"""DER as a writer puts it, the few types that timestamps are made of."""

from collections.abc import Iterable


def item(tag: int, body: bytes) -> bytes:
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    digits = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(digits)]) + digits + body


def sequence(*parts: bytes) -> bytes:
    return item(0x30, b"".join(parts))


def set_of(parts: Iterable[bytes]) -> bytes:
    """Sorted, as DER wants it."""
    return item(0x31, b"".join(sorted(parts)))


def integer(number: int) -> bytes:
    return item(0x02, number.to_bytes(number.bit_length() // 8 + 1, signed=True))


def octets(body: bytes) -> bytes:
    return item(0x04, body)


def oid(dotted: str) -> bytes:
    first, second, *others = map(int, dotted.split("."))
    body = b""
    for arc in (40 * first + second, *others):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(0x80 | arc & 0x7F)
        body += bytes(reversed(digits))
    return item(0x06, body)

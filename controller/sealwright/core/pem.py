"""PEM text (RFC 7468): the first block, strictly, in linear time.

Of a key file one block is read because that is what every other reader of these files does; what follows it is ignored. Chains of
certificates are read whole. Nothing here says whether a label is wanted: that is its reader's affair.
"""

import base64
import binascii
from collections.abc import Iterator

from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import value

# The largest accepted key, RSA of 8192 bits with its private parts, takes 7 KiB.
SIZE_LIMIT = 64 << 10

_BEGIN, _END, _DASHES = b"-----BEGIN ", b"-----END ", b"-----"


@value
class Block:
    """A label such as `PUBLIC KEY`, and the decoded body, which may be secret."""

    label: str
    body: bytes

    def __repr__(self) -> str:
        return f"Block(label={self.label!r}, {len(self.body)} bytes)"


def first_block(data: bytes, what: str) -> Block:
    """The first block in `data`; text before it is a comment. `what` names it in errors, which never show its content.

    Raises Permanent: TOO_LARGE, INVALID_INPUT (no block, no end, body not base64, RFC 1421 headers).
    """
    found = next(blocks(data, what), None)
    if found is None:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: no PEM block, wanted a line '-----BEGIN ...-----'")
    return found


def blocks(data: bytes, what: str) -> Iterator[Block]:
    """Every block in `data`, text between them left out. Raises as `first_block`, but not where there is none."""
    if len(data) > SIZE_LIMIT:
        raise Permanent(Reason.TOO_LARGE, f"{what}: {len(data)} bytes, more than the {SIZE_LIMIT} that are read as PEM")
    lines = (line.strip() for line in data.splitlines())
    for line in lines:
        if _is_begin(line):
            label = line[len(_BEGIN) : -len(_DASHES)]
            if not all(0x20 <= byte < 0x7F for byte in label):
                raise Permanent(Reason.INVALID_INPUT, f"{what}: the PEM label is not printable ASCII")
            yield Block(label=label.decode(), body=_body(lines, label, what))


def write(block: Block) -> bytes:
    """A block in lines of 64 characters."""
    text = base64.b64encode(block.body)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    label = block.label.encode()
    return b"\n".join([_BEGIN + label + _DASHES, *lines, _END + label + _DASHES, b""])


def _is_begin(line: bytes) -> bool:
    return line.startswith(_BEGIN) and line.endswith(_DASHES) and len(line) >= len(_BEGIN) + len(_DASHES)


def _body(lines: Iterator[bytes], label: bytes, what: str) -> bytes:
    end = _END + label + _DASHES
    text: list[bytes] = []
    for line in lines:
        if line == end:
            return _decoded(b"".join(text), what)
        text.append(line)
    raise Permanent(Reason.INVALID_INPUT, f"{what}: the PEM block does not end with '{end.decode()}'; is the file cut off?")


def _decoded(text: bytes, what: str) -> bytes:
    if b":" in text:
        raise Permanent(
            Reason.INVALID_INPUT,
            f"{what}: PEM with headers (OpenSSL's old encryption) is not read; convert it with 'openssl pkcs8 -topk8'",
        )
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: the PEM body is not base64") from error

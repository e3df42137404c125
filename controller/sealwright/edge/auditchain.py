"""The form of the audit log: lines in a chain, and their head, written by one function each and read by its twin.

Each line is a JSON object that holds its number and the SHA-256 of the line before, without its line end; the first
holds zeros. Beside the log lies its head, `<lines> <SHA-256 of the last line>`: without it the end could be cut off unseen.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from sealwright.core.model import value

START = "0" * 64
# Above any line: a run has at most some hundred artifacts of a few hundred bytes each.
LINE_LIMIT = 1 << 20
HEAD_BYTES = 20 + 1 + 64 + 1


class Line(msgspec.Struct):
    """What every line has. `gap` says that records are missing before it, `lost` that somebody else made them missing."""

    seq: int
    prev: str
    gap: str = ""
    lost: str = ""


@value
class Head:
    """How many lines there are, and the SHA-256 of the last."""

    lines: int = 0
    digest: str = START

    def after(self, line: bytes) -> "Head":
        """The head when this line, without its line end, has been added."""
        return Head(lines=self.lines + 1, digest=digest(line))

    def precedes(self, line: Line) -> bool:
        return (line.seq, line.prev) == (self.lines + 1, self.digest)


_line = msgspec.json.Decoder(Line)


def digest(line: bytes) -> str:
    """What the next line holds of this one."""
    return hashlib.sha256(line).hexdigest()


def encode(head: Head, members: Mapping[str, Any]) -> bytes:
    """The line that follows this head, without its line end."""
    return msgspec.json.encode({"seq": head.lines + 1, "prev": head.digest, **members})


def decode(line: bytes) -> Line | None:
    """A line without its line end; None where it is none."""
    try:
        return _line.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def encode_head(head: Head) -> bytes:
    return f"{head.lines:020d} {head.digest}\n".encode()


def decode_head(text: bytes) -> Head:
    """A head file's content; one that no log can have where it is damaged, and that of an empty log where it is empty."""
    lines, _, last = text[:HEAD_BYTES].decode("ascii", errors="replace").rstrip("\n").partition(" ")
    if not text:
        return Head()
    return Head(lines=int(lines) if lines.isascii() and lines.isdecimal() else -1, digest=last)


def head_path(path: Path) -> Path:
    """Where the head of this log lies."""
    return path.with_name(f"{path.name}.head")


def lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines with their ends; what is longer than LINE_LIMIT comes in pieces, none of which is a line."""
    while line := file.readline(LINE_LIMIT):
        yield line


def tail(file: int) -> tuple[int, bytes | None, bytes]:
    """Of an open log: where its whole lines end, the last of them (None where there is none), and what follows unfinished."""
    size = os.fstat(file).st_size
    begin = max(0, size - 2 * LINE_LIMIT)
    read = os.pread(file, size - begin, begin)
    whole, newline, rest = read.rpartition(b"\n")
    if not newline:
        return begin, None, rest
    return size - len(rest), whole.rpartition(b"\n")[2], rest

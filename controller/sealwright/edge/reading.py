"""Reads files that a user or a scan names, and says what is wrong with them in words."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sealwright.core.errors import Permanent, Reason, Transient, quote
from sealwright.core.tekton.documents import FILE_LIMIT


def read_argument(path: Path) -> bytes:
    """The bytes of a file that a command was given; `-` is standard input.

    Raises Permanent: NOT_FOUND where it cannot be read, TOO_LARGE above `documents.FILE_LIMIT`.
    """
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(FILE_LIMIT + 1)
        else:
            with path.open("rb") as file:
                data = file.read(FILE_LIMIT + 1)
    except OSError as error:
        raise Permanent(Reason.NOT_FOUND, f"{quote(path)}: {error.strerror or error}; name a file that can be read") from error
    if len(data) > FILE_LIMIT:
        raise Permanent(Reason.TOO_LARGE, f"{quote(path)}: more than the {FILE_LIMIT} bytes that are read")
    return data


def unusable(path: str | Path, error: OSError) -> Transient:
    """An error of the operating system as Transient(STORE_FAILED): space, rights and mounts can come back."""
    message = f"{quote(path)}: {error.strerror or error}; free space or give access, and it will be tried again"
    return Transient(Reason.STORE_FAILED, message)


@contextmanager
def translated(path: str | Path) -> Iterator[None]:
    """What the operating system refuses inside is raised as `unusable`."""
    try:
        yield
    except OSError as error:
        raise unusable(path, error) from error

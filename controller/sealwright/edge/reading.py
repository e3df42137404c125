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
    return _read(path, FILE_LIMIT)


def _read(path: Path, limit: int) -> bytes:
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with path.open("rb") as file:
                data = file.read(limit + 1)
    except OSError as error:
        raise Permanent(Reason.NOT_FOUND, f"{quote(path)}: {error.strerror or error}; name a file that can be read") from error
    if len(data) > limit:
        raise Permanent(Reason.TOO_LARGE, f"{quote(path)}: more than the {limit} bytes that are read")
    return data


# A file that somebody signed is read whole, since some keys sign all of it and no digest.
ARTIFACT_LIMIT = 2 << 30


def read_artifact(path: Path) -> bytes:
    """The bytes of a file that a bundle is about; `-` is standard input. Raises as `read_argument`, above ARTIFACT_LIMIT."""
    return _read(path, ARTIFACT_LIMIT)


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

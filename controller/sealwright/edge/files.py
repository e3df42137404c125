"""Files that are there whole or not at all.

Bytes are written in a folder of unfinished files and then moved to their place, so that a reader, or the next start
after a kill at any moment, never meets half a file. Both must be on one file system. `write` forces nothing to the disk:
what a killed process wrote survives it; `create` does. Writers need POSIX locks, which they import themselves: readers work
on Windows too.
"""

import hashlib
import os
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from sealwright.edge.reading import translated, unusable

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
# File systems stop at 255 bytes a name; something is added to some names.
_NAME_LIMIT = 200
# Of unfinished files of this process, whichever folder is opened how often.
_NUMBERS = count()


class Files:
    """Writes files by way of `root/.unfinished`. What dead writers left there goes when the next one opens."""

    def __init__(self, root: Path) -> None:
        import fcntl  # noqa: PLC0415  POSIX alone has it

        self._unfinished = root / ".unfinished"
        # Text, since paths are made for every file that is written, and a Path takes as long as the writing.
        self._prefix = f"{self._unfinished}/{os.getpid()}-"
        with translated(root):
            self._unfinished.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self._unfinished / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._sweep()
            fcntl.flock(self._lock, fcntl.LOCK_SH)

    def write(self, path: str | Path, body: bytes) -> None:
        """Put `body` at `path`, whole, folders included, in place of what is there. Raises Transient(STORE_FAILED)."""
        unfinished = f"{self._prefix}{next(_NUMBERS)}"
        try:
            _write(unfinished, body)
            try:
                os.replace(unfinished, path)  # noqa: PTH105  see `_prefix`
            except FileNotFoundError:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                Path(unfinished).replace(path)
        except OSError as error:
            raise unusable(path, error) from error

    def create(self, path: str | Path, body: bytes) -> None:
        """Put `body` at `path`, whole and on the disk, unless something is there. Raises Transient(STORE_FAILED)."""
        unfinished = f"{self._prefix}{next(_NUMBERS)}"
        with translated(path):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            try:
                _write(unfinished, body, durable=True)
                with suppress(FileExistsError):
                    os.link(unfinished, path)
                _sync(Path(path).parent)
            finally:
                Path(unfinished).unlink(missing_ok=True)

    def close(self) -> None:
        """Let others sweep."""
        os.close(self._lock)

    def _sweep(self) -> None:
        """Remove what is unfinished if nobody else can be writing: each writer holds the lock, shared, for life."""
        import fcntl  # noqa: PLC0415

        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        for left in self._unfinished.iterdir():
            if left.name != "lock":
                left.unlink()


def _write(path: str, body: bytes, *, durable: bool = False) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        left = memoryview(body)
        while left:
            left = left[os.write(descriptor, left) :]
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    """The names in a folder, too, survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder against every other process that asks for the same; it waits for its turn."""
    import fcntl  # noqa: PLC0415

    with translated(folder):
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def contents(path: str | Path) -> bytes | None:
    """The bytes of a file; None where there is none. Raises Transient(STORE_FAILED)."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  see `_prefix`
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unusable(path, error) from error


def safe_name(text: str, taken: Container[str] = ()) -> str:
    """One file name for any text, one to one: never empty, `.`, `..`, hidden, one of `taken`, or too long.

    What is not `a-z0-9._-` is percent-encoded (also `:`, at which skopeo would cut a path), and so is the first character
    where it is a dot or the text is taken. The empty text is `%`; a long one is cut, and ends in `%%` and its SHA-256.
    """
    marked = 1 if text.startswith(".") or text in taken else 0
    encoded = _percent(text[:marked]) + "".join(
        character if character in _SAFE else _percent(character) for character in text[marked:]
    )
    if len(encoded) > _NAME_LIMIT:
        return f"{encoded[: _NAME_LIMIT // 2]}%%{hashlib.sha256(text.encode()).hexdigest()}"
    return encoded or "%"


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())

"""Signs with a key from a directory: a mounted Secret `signing-secrets`, or a folder.

Looked up in Chains' order: `x509.pem`, else `cosign.key` with `cosign.password`. The key is opened once (design D9) and
again when `refresh` finds its files changed. `cosign.pub` is not read.
"""

import asyncio
from pathlib import Path

from sealwright.core import keys, pem
from sealwright.core.config import Settings
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.keys import Form, PrivateKey
from sealwright.edge.signing import CALLS, CheckedSigner, Held, Tools

NAMES = ("x509",)

PLAIN, BOXED, PASSWORD = "x509.pem", "cosign.key", "cosign.password"

# What a file looked like: change time in ns, size, inode; None where there is none.
_Look = tuple[int, int, int] | None


async def open(settings: Settings, tools: Tools) -> CheckedSigner:  # noqa: A001  the word of every plug-in room
    """Read the key in the folder of keys. An encrypted one takes 0.2 s and 64 MiB, in a thread.

    Raises Permanent, naming the file: KEY_MISSING, KEY_UNUSABLE, WRONG_PASSWORD, INVALID_INPUT, TOO_LARGE.
    """
    if tools.keys is None:
        raise Permanent(Reason.KEY_MISSING, f"no folder of keys: name one with {PLAIN}, or with {BOXED} and {PASSWORD}")
    form: Form = "by-curve" if settings.get("hash") == "by-curve" else "sha256"
    return await CheckedSigner.open(_FileKey(tools.keys, form), tools)


def read(directory: Path) -> PrivateKey:
    """The key in a folder of keys, for a command that signs once. Raises as `open`."""
    return _read(directory)[1]


class _FileKey:
    """A `Holder` over files; each look for a change costs three calls of stat."""

    recheck_s = 0.0
    calls = CALLS

    def __init__(self, directory: Path, form: Form) -> None:
        self.where = f"keys in {quote(directory)}"
        self._directory, self._form = directory, form
        self._looks: tuple[_Look, ...] = ()

    async def load(self, known: Held | None) -> Held:
        if known and await asyncio.to_thread(_look, self._directory) == self._looks:
            return known
        looks, key = await asyncio.to_thread(_read, self._directory)
        self._looks = looks
        return Held(public=key.public, form=self._form, handle=key)

    async def sign(self, message: bytes, held: Held) -> bytes:
        """RSA takes up to 2 ms and goes to a thread; the others are quicker than the way there."""
        key: PrivateKey = held.handle
        if key.public.algorithm.startswith("rsa"):
            return await asyncio.to_thread(key.sign, message, held.form)
        return key.sign(message, held.form)

    async def close(self) -> None:
        """Nothing is held open."""


def _look(directory: Path) -> tuple[_Look, ...]:
    return tuple(_look_at(directory / name) for name in (PLAIN, BOXED, PASSWORD))


def _look_at(path: Path) -> _Look:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(directory: Path) -> tuple[tuple[_Look, ...], PrivateKey]:
    looks = _look(directory)  # before reading: what changes meanwhile is seen by the next refresh
    plain = _content(directory / PLAIN)
    if plain is not None:
        return looks, _open_key(directory / PLAIN, plain, None)
    boxed = _content(directory / BOXED)
    if boxed is None:
        raise Permanent(
            Reason.KEY_MISSING,
            f"no signing key in {quote(directory)}: wanted {PLAIN}, or {BOXED} with {PASSWORD}; "
            "make a pair with 'sealwright key', or fill the Secret that is mounted there",
        )
    password = _content(directory / PASSWORD)
    if password is None:
        raise Permanent(
            Reason.KEY_MISSING,
            f"{quote(directory / BOXED)} needs {PASSWORD} beside it; if the key has no password, make that file empty",
        )
    return looks, _open_key(directory / BOXED, boxed, password)


def _content(path: Path) -> bytes | None:
    """What is in the file, at most a byte more than a reader of PEM wants; None if it is not there."""
    try:
        with path.open("rb") as file:
            return file.read(pem.SIZE_LIMIT + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Permanent(Reason.KEY_UNUSABLE, f"{quote(path)} cannot be read: {error.strerror}") from error


def _open_key(path: Path, content: bytes, password: bytes | None) -> PrivateKey:
    try:
        return keys.load_private(content, password)
    except Permanent as error:
        raise Permanent(error.reason, f"{quote(path)}: {error.message}{_advice(error.reason, password)}") from error


def _advice(reason: Reason, password: bytes | None) -> str:
    if reason is not Reason.WRONG_PASSWORD:
        return ""
    if password is None:
        return f"; an encrypted key belongs in {BOXED}, its password in {PASSWORD}"
    if password.endswith(b"\n"):
        return f"; {PASSWORD} is used as it is and ends with a line break, write it again without (printf, not echo)"
    return f"; {PASSWORD} is used as it is"

"""Signs with a key from a directory: a mounted Secret `signing-secrets`, or a folder; with Fulcio enabled, keyless.

Looked up in Chains' order: `x509.pem`, else `cosign.key` with `cosign.password`. The key is opened once (design D9) and
again when `refresh` finds its files changed. `cosign.pub` is not read.
"""

import asyncio
from pathlib import Path

from sealwright.core import keys, pem
from sealwright.core.config import Settings
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.keys import Form, PrivateKey, PublicKey
from sealwright.core.proof.attestation import TrustedKey
from sealwright.edge.signing import CALLS, CheckedSigner, Held, Tools

NAMES = ("x509",)

PLAIN, BOXED, PASSWORD = "x509.pem", "cosign.key", "cosign.password"
# Public keys that were replaced, and whose signatures still count: previous.pub, previous-2025.pub, ...
PREVIOUS = "previous*.pub"
_PREVIOUS_LIMIT = 16

# What a file looked like: change time in ns, size, inode; None where there is none.
_Look = tuple[int, int, int] | None
_Files = tuple[str, str, str]


async def open(settings: Settings, tools: Tools) -> CheckedSigner:  # noqa: A001  the word of every plug-in room
    """Read the key in the folder of keys. An encrypted one takes 0.2 s and 64 MiB, in a thread.

    Raises Permanent, naming the file: KEY_MISSING, KEY_UNUSABLE, WRONG_PASSWORD, INVALID_INPUT, TOO_LARGE.
    """
    if settings.get("fulcio.enabled"):
        from sealwright.edge import keyless  # noqa: PLC0415  a client of HTTP, which keys in files do not need

        return await keyless.open(settings, tools)
    if tools.keys is None:
        raise Permanent(Reason.KEY_MISSING, f"no folder of keys: name one with {PLAIN}, or with {BOXED} and {PASSWORD}")
    form: Form = "by-curve" if settings.get("hash") == "by-curve" else "sha256"
    return await CheckedSigner.open(_FileKey(tools.keys, form, str(settings.get("name", ""))), tools)


def read(directory: Path) -> PrivateKey:
    """The key in a folder of keys, for a command that signs once. Raises as `open`."""
    return _read(directory, _files(""))[1]


class _FileKey:
    """A `Holder` over files; each look for a change costs three calls of stat."""

    recheck_s = 0.0
    calls = CALLS

    def __init__(self, directory: Path, form: Form, name: str) -> None:
        self.where = f"keys in {quote(directory)}"
        self._directory, self._form, self._files = directory, form, _files(name)
        self._looks: tuple[_Look, ...] = ()

    async def load(self, known: Held | None) -> Held:
        if known and await asyncio.to_thread(_look, self._directory, self._files) == self._looks:
            return known
        looks, key = await asyncio.to_thread(_read, self._directory, self._files)
        previous = await asyncio.to_thread(_previous, self._directory)
        self._looks = looks
        trusted = tuple(TrustedKey(key=each, form=self._form) for each in previous)
        return Held(public=key.public, form=self._form, handle=key, previous=trusted)

    async def sign(self, message: bytes, held: Held) -> bytes:
        """RSA takes up to 2 ms and goes to a thread; the others are quicker than the way there."""
        key: PrivateKey = held.handle
        if key.public.algorithm.startswith("rsa"):
            return await asyncio.to_thread(key.sign, message, held.form)
        return key.sign(message, held.form)

    async def close(self) -> None:
        """Nothing is held open."""


def _files(name: str) -> _Files:
    """Unencrypted key, encrypted key, and its password; with a name those of a namespace's key."""
    return (f"{name}.pem", f"{name}.key", f"{name}.password") if name else (PLAIN, BOXED, PASSWORD)


def _look(directory: Path, files: _Files) -> tuple[_Look, ...]:
    previous = sorted(path.name for path in directory.glob(PREVIOUS))[:_PREVIOUS_LIMIT]
    return tuple(_look_at(directory / name) for name in (*files, *previous))


def _previous(directory: Path) -> list[PublicKey]:
    """Raises Permanent: KEY_UNUSABLE and what `load_public` raises."""
    found = sorted(directory.glob(PREVIOUS))
    if len(found) > _PREVIOUS_LIMIT:
        raise Permanent(
            Reason.KEY_UNUSABLE, f"{quote(directory)}: {len(found)} files {PREVIOUS}, wanted {_PREVIOUS_LIMIT} at most"
        )
    return [_public(path) for path in found]


def _public(path: Path) -> PublicKey:
    try:
        return keys.load_public(_content(path) or b"")
    except Permanent as error:
        raise Permanent(error.reason, f"{quote(path)}: {error.message}") from error


def _look_at(path: Path) -> _Look:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(directory: Path, files: _Files) -> tuple[tuple[_Look, ...], PrivateKey]:
    plain_name, boxed_name, password_name = files
    looks = _look(directory, files)  # before reading: what changes meanwhile is seen by the next refresh
    plain = _content(directory / plain_name)
    if plain is not None:
        return looks, _open_key(directory / plain_name, plain, None)
    boxed = _content(directory / boxed_name)
    if boxed is None:
        raise Permanent(
            Reason.KEY_MISSING,
            f"no signing key in {quote(directory)}: wanted {plain_name}, or {boxed_name} with {password_name}; "
            "make a pair with 'sealwright key', or fill the Secret that is mounted there",
        )
    password = _content(directory / password_name)
    if password is None:
        advice = "if the key has no password, make that file empty"
        raise Permanent(Reason.KEY_MISSING, f"{quote(directory / boxed_name)} needs {password_name} beside it; {advice}")
    return looks, _open_key(directory / boxed_name, boxed, password)


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

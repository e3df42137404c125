"""Logs and the clock of the public Sigstore instance, as the `sigstore` package carries them: for those who name one and no key.

The package is not imported, which would cost the controller more memory than all the rest of it; its file is read.
"""

import base64
import binascii
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from sealwright.core import keys, pem, strict
from sealwright.core.errors import Permanent, Reason
from sealwright.core.keys import PublicKey
from sealwright.core.proof import trustroot
from sealwright.core.proof.chain import Authority
from sealwright.edge.reading import read_argument

_PUBLIC_CLOCK = "timestamp.sigstore.dev"
_ROOT = Path("_store") / "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev" / "trusted_root.json"


class _Key(msgspec.Struct, rename="camel"):
    raw_bytes: str


class _Log(msgspec.Struct, rename="camel"):
    base_url: str
    public_key: _Key


class _Root(msgspec.Struct):
    tlogs: list[_Log]


def clocks(url: str) -> tuple[Authority, ...]:
    """The public timestamp authority, where this is its address; else none. Raises like `log_key`."""
    host = urlsplit(url).hostname
    data = _read() if host == _PUBLIC_CLOCK else None
    return trustroot.read(data).timestampers if data else ()


def log_key(url: str) -> PublicKey | None:
    """The key of the public log at this address; None where it is none of them, or the package is not installed.

    Raises Permanent(INVALID_INPUT) where the package's file is not what it was.
    """
    data = _read()
    if data is None:
        return None
    try:
        root = msgspec.convert(strict.loads(data, "the trusted root"), _Root)
        found = next((log for log in root.tlogs if log.base_url.rstrip("/") == url.rstrip("/")), None)
        der = base64.b64decode(found.public_key.raw_bytes, validate=True) if found else b""
    except (msgspec.ValidationError, binascii.Error) as error:
        raise Permanent(Reason.INVALID_INPUT, f"the trusted root of the sigstore package cannot be read: {error}") from error
    return keys.load_public(pem.write(pem.Block(label="PUBLIC KEY", body=der))) if der else None


def _read() -> bytes | None:
    spec = find_spec("sigstore")
    if spec is None or not spec.submodule_search_locations:
        return None
    return read_argument(Path(spec.submodule_search_locations[0]) / _ROOT)

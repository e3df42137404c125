"""Where the trusted root for keyless signing comes from: a file, a TUF repository, or the sigstore package.

A file goes first. The public Sigstore's root is the one that the package was released with. Another repository is followed
from `signers.x509.tuf.root`, or, as in Chains, from the root.json that it serves itself.
"""

import asyncio
import tempfile
from pathlib import Path

from sealwright.core.config import Settings
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.proof import trustroot
from sealwright.core.proof.trustroot import TrustedRoot
from sealwright.edge import publicroot, tufroot
from sealwright.edge.asking import ask
from sealwright.edge.threads import Threads

PUBLIC = "https://tuf-repo-cdn.sigstore.dev"

_LIMIT = 1 << 20
_ADVICE = "is this the address of a TUF repository?"


async def find(settings: Settings) -> TrustedRoot:
    """Raises Permanent(INVALID_INPUT, KEY_MISSING, NOT_FOUND), Untrusted(BAD_SIGNATURE), Transient(UNAVAILABLE)."""
    path = str(settings.get("trusted-root", ""))
    if path:
        return trustroot.read(await asyncio.to_thread(_read, Path(path)))
    mirror = str(settings.get("tuf.mirror.url") or PUBLIC).rstrip("/")
    if mirror == PUBLIC:
        return trustroot.read(_public())
    where = f"TUF repository {quote(mirror)}"
    own = str(settings.get("tuf.root", ""))
    begun = await asyncio.to_thread(_read, Path(own)) if own else await ask(where, f"{mirror}/root.json", _ADVICE)
    return trustroot.read(await Threads(where, 1).run(_followed, mirror, begun))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LIMIT + 1)
    except OSError as error:
        raise Permanent(Reason.KEY_MISSING, f"the trusted root {quote(path)} cannot be read: {error.strerror}") from error


def _public() -> bytes:
    try:
        return publicroot.read()
    except Permanent as fault:
        advice = "set signers.x509.trusted-root, or install sealwright[keyless] for the public one"
        raise Permanent(fault.reason, f"keyless signing needs a trusted root: {advice}") from fault


def _followed(mirror: str, begun: bytes) -> bytes:
    """Asked once for each opened signer, so nothing is kept."""
    with tempfile.TemporaryDirectory(prefix="sealwright-tuf-") as folder:
        return tufroot.follow(mirror, begun, Path(folder))

"""Where the trusted root for keyless signing comes from: a file, a TUF repository, or the sigstore package.

A file goes first. The public Sigstore's root is the one that the package was released with. Another repository is followed
from `signers.x509.tuf.root`, or, as in Chains, from the root.json that it serves itself.
"""

import asyncio
import tempfile
from importlib import resources
from pathlib import Path
from urllib.parse import quote as escaped

from sealwright.core.config import Settings
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.proof import trustroot
from sealwright.core.proof.trustroot import TrustedRoot
from sealwright.edge.asking import ask
from sealwright.edge.signing import library, unavailable
from sealwright.edge.threads import Threads

PUBLIC = "https://tuf-repo-cdn.sigstore.dev"

_LIMIT = 1 << 20
_ADVICE = "is this the address of a TUF repository?"


async def find(settings: Settings) -> TrustedRoot:
    """Raises Permanent(INVALID_INPUT, KEY_MISSING, INVALID_CONFIG), Transient(UNAVAILABLE)."""
    path = str(settings.get("trusted-root", ""))
    if path:
        return trustroot.read(await asyncio.to_thread(_read, Path(path)))
    mirror = str(settings.get("tuf.mirror.url") or PUBLIC).rstrip("/")
    if mirror == PUBLIC:
        return trustroot.read(_packaged("trusted_root.json"))
    where = f"TUF repository {quote(mirror)}"
    own = str(settings.get("tuf.root", ""))
    begun = await asyncio.to_thread(_read, Path(own)) if own else await ask(where, f"{mirror}/root.json", _ADVICE)
    return trustroot.read(await Threads(where, 1).run(_updated, where, mirror, begun))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LIMIT + 1)
    except OSError as error:
        raise Permanent(Reason.KEY_MISSING, f"the trusted root {quote(path)} cannot be read: {error.strerror}") from error


def _packaged(name: str) -> bytes:
    """A file that the sigstore package was released with."""
    try:
        folder = resources.files("sigstore._store") / escaped(PUBLIC, safe="")
    except ImportError as error:
        raise library("the public Sigstore's trusted root", "keyless", error) from error
    return (folder / name).read_bytes()


def _updated(where: str, mirror: str, begun: bytes) -> bytes:
    """Follow the repository from the root that one trusts to the newest trusted root, in a thread."""
    try:
        from tuf.api.exceptions import DownloadError, RepositoryError  # noqa: PLC0415  an extra
        from tuf.ngclient.updater import Updater  # noqa: PLC0415
    except ImportError as error:
        raise library(where, "keyless", error) from error
    with tempfile.TemporaryDirectory(prefix="sealwright-tuf-") as folder:
        try:
            updater = Updater(folder, mirror, folder, f"{mirror}/targets/", bootstrap=begun)
            found = updater.get_targetinfo("trusted_root.json")
            if found is None:
                raise Permanent(Reason.KEY_MISSING, f"{where} has no target trusted_root.json")
            return Path(updater.download_target(found)).read_bytes()
        except (DownloadError, OSError) as error:
            raise unavailable(where, quote(error)) from error
        except RepositoryError as error:
            raise Permanent(Reason.BAD_CERTIFICATE, f"{where} cannot be trusted: {quote(error)}") from error

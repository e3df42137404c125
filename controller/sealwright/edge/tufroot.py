"""A trusted root from a TUF repository: followed from a root that the user has, never from one that the repository hands out.

Blocks: callers on an event loop use a thread. What was seen is kept in a folder whose name is a hash of the mirror and the first
root, so that an older state is not taken for the newest (rollback), and no name from outside becomes a path.
Source: The Update Framework specification 1.0, 5; python-tuf does the work.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from sealwright.core.errors import Permanent, Reason, Transient, Untrusted, quote
from sealwright.core.registry import address

if TYPE_CHECKING:
    from tuf.ngclient.fetcher import FetcherInterface

TARGET = "trusted_root.json"
CALL_S = 20


def follow(mirror: str, first_root: bytes, folder: Path, fetcher: "FetcherInterface | None" = None) -> bytes:
    """The newest trusted root of the repository at `mirror`; its state is kept below `folder`.

    Raises Permanent: INVALID_INPUT (the address, or no TUF client installed), NOT_FOUND (no such target);
    Transient(UNAVAILABLE); Untrusted(BAD_SIGNATURE) for metadata or a file that its keys did not sign, or signed for a time
    that has passed, or that is older than what was seen.
    """
    base = mirror.rstrip("/")
    _need_safe(base)
    try:
        from tuf.api.exceptions import DownloadError, RepositoryError  # noqa: PLC0415  an extra
        from tuf.ngclient.updater import Updater  # noqa: PLC0415
        from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher  # noqa: PLC0415
    except ImportError as error:
        raise Permanent(Reason.INVALID_INPUT, "a TUF repository needs its client: install sealwright[keyless]") from error
    there = _state(folder, base, first_root)
    try:
        asking = fetcher or Urllib3Fetcher(socket_timeout=CALL_S)
        updater = Updater(str(there), base, str(there), f"{base}/targets/", asking, bootstrap=first_root)
        described = updater.get_targetinfo(TARGET)
        if described is None:
            raise Permanent(Reason.NOT_FOUND, f"the TUF repository {quote(base)} has no {TARGET}")
        return Path(updater.download_target(described, str(there / "target"))).read_bytes()
    except (DownloadError, OSError) as error:
        raise Transient(Reason.UNAVAILABLE, f"the TUF repository {quote(base)} does not answer: {quote(error)}") from error
    except RepositoryError as error:
        why = f"the TUF repository {quote(base)} is not believed, starting from the root that was given: {quote(error)}"
        raise Untrusted(Reason.BAD_SIGNATURE, why) from error


def _need_safe(base: str) -> None:
    """TLS, but for this very machine: who can change what comes could otherwise hold back the newest for ever."""
    scheme, _, rest = base.partition("://")
    host = address.hostname(rest.partition("/")[0])
    if scheme != "https" and not (scheme == "http" and host in ("localhost", "127.0.0.1", "::1")):
        raise Permanent(Reason.INVALID_INPUT, f"{quote(base)} is no address of a TUF repository: wanted https://...")


def _state(folder: Path, base: str, first_root: bytes) -> Path:
    name = hashlib.sha256(base.encode() + b"\n" + hashlib.sha256(first_root).digest()).hexdigest()
    there = folder / name
    try:
        there.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"{quote(there)}: {error.strerror or error}; set XDG_CACHE_HOME to a folder that can be written"
        raise Permanent(Reason.INVALID_INPUT, message) from error
    return there

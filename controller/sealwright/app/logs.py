"""Which transparency log a configuration means, and by which key it is believed: never by one that the log gives itself."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from sealwright import plugins
from sealwright.core import keys
from sealwright.core.config import Config, Transparency, without_password
from sealwright.core.envelope.rekor.asking import Kind
from sealwright.core.envelope.rekor.wire import ANSWER_LIMIT
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.keys import PublicKey
from sealwright.core.model import value
from sealwright.core.proof import checkpoint
from sealwright.core.proof.checkpoint import LogKey
from sealwright.edge import pinned
from sealwright.edge.logbook import LogSettings
from sealwright.edge.reading import read_argument
from sealwright.ports import Log, nothing_open

_ROOM = "sealwright.edge.logs"


@value
class OwnLog:
    """The log of one configuration, None where signatures go to none."""

    log: Log | None = None
    close: Callable[[], Awaitable[None]] = nothing_open  # when the last call that is under way has ended


def open_log(config: Config, unix_s: Callable[[], float]) -> OwnLog:
    """The log that signatures go to. It connects when it is first used; `unix_s` tells the time of day.

    Raises Permanent: INVALID_CONFIG, KEY_MISSING, and what reading the key raises.
    """
    asked = config.transparency
    if not asked.enabled:
        return OwnLog()
    shown = without_password(asked.url).rstrip("/")
    settings = LogSettings(keys=(key_of(asked),), entries=_entries(config), shown_url=shown, unix_s=unix_s)
    from sealwright.edge.caller import Caller  # noqa: PLC0415  a folder without a log needs no HTTP

    caller = Caller(asked.url, "the log", ANSWER_LIMIT)
    return OwnLog(log=plugins.members(_ROOM)[asked.version].open(settings, caller), close=caller.close)


def key_of(asked: Transparency) -> LogKey:
    """The one key that proves what this log says. Raises like `open_log`."""
    key = _key(asked)
    if asked.version == "v1":
        return checkpoint.log_key(key, asked.origin)
    return checkpoint.tiled_log_key(key, asked.origin or _host(asked.url))


def _key(asked: Transparency) -> PublicKey:
    if asked.public_key_path:
        return _load(read_argument(Path(asked.public_key_path)), "transparency.public-key-path")
    if asked.public_key:
        return _load(asked.public_key.encode(), "transparency.public-key")
    found = pinned.log_key(asked.url)
    if found is None:
        where = quote(without_password(asked.url))
        message = f"the log at {where} is none of those known here: set transparency.public-key or transparency.public-key-path"
        raise Permanent(Reason.KEY_MISSING, message)
    return found


def _load(data: bytes, setting: str) -> PublicKey:
    try:
        return keys.load_public(data)
    except Permanent as error:
        raise Permanent(error.reason, f"{setting}: {error.message}") from error


def _host(url: str) -> str:
    host = urlsplit(url).hostname
    if not host:
        found = quote(without_password(url))
        raise Permanent(Reason.INVALID_CONFIG, f"transparency.url: {found} has no host; wanted https://HOST, or http://HOST:PORT")
    return host


def _entries(config: Config) -> Kind:
    """A strict profile tells a log that everybody reads nothing but digests (threat T37)."""
    if config.transparency.entries == "auto":
        return "hashedrekord" if config.profile == "strict" else "dsse"
    return config.transparency.entries

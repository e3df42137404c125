"""Which timestamp authority a configuration means, and by which certificates it is believed."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from sealwright.core.config import Config, without_password
from sealwright.core.config.values import Timestamps as Asked
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import value
from sealwright.core.proof.chain import CERTIFICATE_LIMIT, Authority, Window
from sealwright.edge import pinned
from sealwright.edge.reading import read_argument
from sealwright.ports import Timestamper, nothing_open

# A chain in a file says no time from which it is trusted; its certificates' own times hold.
_ALWAYS = Window(start=datetime(1970, 1, 1, tzinfo=UTC))


@value
class OwnTimestamper:
    """The timestamp authority of one configuration, None where there is none."""

    timestamper: Timestamper | None = None
    close: Callable[[], Awaitable[None]] = nothing_open  # when the last call that is under way has ended


def open_timestamper(config: Config, unix_s: Callable[[], float]) -> OwnTimestamper:
    """The authority that sees each signature. It connects when it is first used; `unix_s` tells the time of day.

    Raises Permanent: KEY_MISSING, KEY_UNUSABLE, NOT_FOUND.
    """
    asked = config.timestamps
    if not asked.url:
        return OwnTimestamper()
    clocks = clocks_of(asked)
    from sealwright.edge import timestamps  # noqa: PLC0415  who asks for no time needs no HTTP
    from sealwright.edge.caller import Caller  # noqa: PLC0415

    caller = Caller(asked.url, "the timestamp authority", timestamps.ANSWER_LIMIT)
    return OwnTimestamper(timestamper=timestamps.TimestampAuthority(caller, clocks, unix_s), close=caller.close)


def clocks_of(asked: Asked) -> tuple[Authority, ...]:
    """By whose certificates its times are believed; () where none is asked for. Raises like `open_timestamper`."""
    if not asked.url:
        return ()
    found = _chain(asked.chain_path) if asked.chain_path else pinned.clocks(asked.url)
    if not found:
        where = quote(without_password(asked.url))
        message = f"the timestamp authority at {where} is none of those known here: set timestamps.chain-path"
        raise Permanent(Reason.KEY_MISSING, message)
    return found


def _chain(path: str) -> tuple[Authority, ...]:
    try:
        found = x509.load_pem_x509_certificates(read_argument(Path(path)))
    except ValueError as error:
        raise Permanent(Reason.KEY_UNUSABLE, f"timestamps.chain-path: {quote(path)}: {quote(error)}") from error
    if not 2 <= len(found) <= CERTIFICATE_LIMIT:
        wanted = "wanted the authority's own and those up to its root"
        raise Permanent(Reason.KEY_UNUSABLE, f"timestamps.chain-path: {quote(path)} has {len(found)} certificates; {wanted}")
    return (Authority(chain=tuple(found), window=_ALWAYS),)

"""A timestamp authority (RFC 3161): a trusted clock signs that it saw a signature, and when."""

from collections.abc import Callable, Sequence

from sealwright.core.envelope import timestampquery
from sealwright.core.errors import Reason, Untrusted
from sealwright.core.proof import timestamp
from sealwright.core.proof.chain import Authority
from sealwright.core.proof.logged import SKEW_S
from sealwright.edge.caller import Caller

# A response with two certificates has 3 KiB.
ANSWER_LIMIT = 64 << 10


class TimestampAuthority:
    """A `ports.Timestamper`. `clocks` are trusted by the configuration; `unix_s` tells the time of day."""

    def __init__(self, caller: Caller, clocks: Sequence[Authority], unix_s: Callable[[], float]) -> None:
        self._caller = caller
        self._clocks = clocks
        self._unix_s = unix_s

    async def stamp(self, signature: bytes) -> bytes:
        """See `ports.Timestamper`."""
        answer = await self._caller.post("", timestampquery.request(signature), timestampquery.MEDIA_TYPE)
        found = timestamp.prove(answer.body, signature, self._clocks)
        away_s = int(found.moment.timestamp() - self._unix_s())
        if abs(away_s) > SKEW_S:
            message = f"the timestamp authority says {found.moment.isoformat()}, {away_s} s from now; look at both clocks"
            raise Untrusted(Reason.BAD_TIMESTAMP, message)
        return answer.body

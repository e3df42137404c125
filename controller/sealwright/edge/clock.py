"""Time and chance: the only file that reads a clock or rolls dice."""

import asyncio
import secrets
import time
from datetime import UTC, datetime

_STEPS = 1 << 30


class SystemClock:
    """`ports.Clock` over the monotonic clock, which no time server sets back."""

    def now_s(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def chance() -> float:
    """A number in [0, 1)."""
    return secrets.randbelow(_STEPS) / _STEPS


def wall_now() -> datetime:
    """The time of day, in UTC: for comparing with what objects say, never for waiting."""
    return datetime.now(UTC)  # noqa: TID251  this is the place


def unix_s() -> float:
    """The same in seconds after 1970."""
    return wall_now().timestamp()

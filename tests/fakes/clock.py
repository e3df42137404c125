"""A clock that tests move by hand, and a way to let a program run until nothing is left to do before time passes."""

import asyncio
import heapq


class HandClock:
    """`ports.Clock`. Time stands still until `advance`; sleepers wake in the order in which their time comes."""

    def __init__(self, start_s: float = 1000.0) -> None:
        self._now_s = start_s
        self._order = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now_s(self) -> float:
        return self._now_s

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        self._order += 1
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now_s + seconds, self._order, woken))
        await woken

    @property
    def sleeping(self) -> int:
        """How many sleep now."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, stopping for each sleeper until all that it sets off has been done."""
        until_s = self._now_s + seconds
        await idle()
        while self._sleepers and self._sleepers[0][0] <= until_s:
            at_s, _, woken = heapq.heappop(self._sleepers)
            self._now_s = max(self._now_s, at_s)
            if not woken.done():
                woken.set_result(None)
                await idle()
        self._now_s = until_s

    async def leap(self, seconds: float) -> None:
        """The same at one stroke: sleepers oversleep, as on a machine that was suspended."""
        self._now_s += seconds
        while self._sleepers and self._sleepers[0][0] <= self._now_s:
            woken = heapq.heappop(self._sleepers)[2]
            if not woken.done():
                woken.set_result(None)
        await idle()


class EagerClock:
    """`ports.Clock` on which time passes at once as soon as somebody waits for it."""

    def __init__(self) -> None:
        self._now_s = 1000.0
        self.slept_s = 0.0

    def now_s(self) -> float:
        return self._now_s

    def pass_by(self, seconds: float) -> None:
        self._now_s += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        self._now_s += seconds
        await asyncio.sleep(0)


async def idle() -> None:
    """Until every task of the loop waits for something that only a test can give it (time, a release, a new object)."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0)
    while loop._ready:  # noqa: ASYNC110  nothing public says whether a loop has work at hand
        await asyncio.sleep(0)

"""Keys that are wanted again after a while: one wait for each key, the newest."""

import asyncio
import heapq
from collections.abc import AsyncIterator

from sealwright.core.model import Key
from sealwright.ports import Clock

# Entries of keys that were set anew meanwhile are swept out when there are this many more than keys.
SLACK = 64
# A shorter wait may come while one sleeps: it is noticed within this time.
NAP_S = 1.0


class Later:
    """`put` sets when a key is wanted, `forget` takes it back, `due` gives keys as their time comes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Key]] = []
        self._next: dict[Key, tuple[float, int]] = {}  # which entry of `_due` counts: the last one made for this key
        self._has_due = asyncio.Event()
        self._order = 0

    def __len__(self) -> int:
        return len(self._next)

    def put(self, key: Key, wait_s: float) -> None:
        """Wanted in so many seconds, whatever was said before."""
        self._order += 1
        at_s = self._clock.now_s() + wait_s
        self._next[key] = (at_s, self._order)
        heapq.heappush(self._due, (at_s, self._order, key))
        if len(self._due) > 2 * len(self._next) + SLACK:
            # A key that changes often while it fails leaves an entry each time.
            self._due = [entry for entry in self._due if self._counts(entry)]
            heapq.heapify(self._due)
        self._has_due.set()

    def sooner(self, key: Key, wait_s: float) -> None:
        """Wanted in so many seconds, if it is wanted at all and would have waited longer."""
        if key in self._next and self._next[key][0] > self._clock.now_s() + wait_s:
            self.put(key, wait_s)

    def forget(self, key: Key) -> None:
        self._next.pop(key, None)

    async def due(self) -> AsyncIterator[Key]:
        """Each key when its wait is over, for ever."""
        while True:
            await self._has_due.wait()
            entry = self._due[0]
            wait_s = entry[0] - self._clock.now_s()
            if wait_s > 0 and self._counts(entry):
                await self._clock.sleep(min(wait_s, NAP_S))
                continue
            heapq.heappop(self._due)
            if not self._due:
                self._has_due.clear()
            if self._counts(entry):
                self._next.pop(entry[2])
                yield entry[2]

    def _counts(self, entry: tuple[float, int, Key]) -> bool:
        at_s, order, key = entry
        return self._next.get(key) == (at_s, order)

"""Where keys wait for a worker: two lanes, and in each lane every namespace in its turn.

What changes now goes before what was there before, but not always: one take in SHARE is for the past, so that neither starves the
other (design D8). A namespace with 10,000 runs waits behind one with ten, not before it. Each lane has room for so many keys; who
fills one waits, and behind it the source.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from itertools import chain
from typing import Literal

from sealwright.core.model import Key, Kind

LaneName = Literal["live", "past"]
# Of five takes with both lanes full, one is for the past.
SHARE = 5


class _Lane:
    """Keys by namespace; the namespaces take turns."""

    def __init__(self, room: int) -> None:
        self._turns: OrderedDict[str, deque[Key]] = OrderedDict()
        self._count = 0
        self._room = room
        self._has_room = asyncio.Condition()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Key]:
        return chain.from_iterable(self._turns.values())

    async def put(self, key: Key) -> None:
        async with self._has_room:
            await self._has_room.wait_for(lambda: self._count < self._room)
            self._turns.setdefault(key.namespace, deque()).append(key)
            self._count += 1

    async def take(self) -> Key:
        async with self._has_room:
            namespace, keys = self._turns.popitem(last=False)
            key = keys.popleft()
            if keys:
                self._turns[namespace] = keys  # to the end: the others come first
            self._count -= 1
            self._has_room.notify_all()  # the one that is woken may be cancelled, and would take the word with it
        return key


class Line:
    """`put` waits for room in its lane, `get` for a key; `join` until each key that was put has been worked off."""

    def __init__(self, live: int, past: int) -> None:
        self._lanes: dict[LaneName, _Lane] = {"live": _Lane(live), "past": _Lane(past)}
        self._there: set[Key] = set()
        self._filled = asyncio.Semaphore(0)
        self._takes = 0
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def waiting(self) -> Counter[tuple[Kind, LaneName]]:
        """How many keys wait, by kind and lane."""
        return Counter((key.kind, name) for name, lane in self._lanes.items() for key in lane)

    async def put(self, key: Key, lane: LaneName = "live") -> None:
        """Once is enough for a key that waits already: whoever takes it will see its newest state."""
        if key in self._there:
            return
        self._there.add(key)
        self._open += 1
        self._idle.clear()
        try:
            await self._lanes[lane].put(key)
        except BaseException:
            self._there.discard(key)
            self.done()
            raise
        self._filled.release()

    async def get(self) -> Key:
        await self._filled.acquire()
        self._takes += 1
        live, past = self._lanes["live"], self._lanes["past"]
        is_pasts_turn = len(past) and (not len(live) or self._takes % SHARE == 0)
        key = await (past if is_pasts_turn else live).take()
        self._there.discard(key)
        return key

    def done(self) -> None:
        """A key that `get` gave has been worked off."""
        self._open -= 1
        if not self._open:
            self._idle.set()

    async def join(self) -> None:
        await self._idle.wait()

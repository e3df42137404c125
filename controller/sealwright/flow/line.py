"""Where keys wait for a worker: three lanes, and in each lane every namespace in its turn.

What is being deleted goes first. What changes now goes before what was there before, but not always: one take in SHARE is for
the past, so that neither starves the other (design D8). A namespace with 10,000 runs waits behind one with ten, not before it.
Each lane has room for so many keys; who fills one waits, and behind it the source.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from sealwright.core.model import Key, Kind, Lane, Queued

# Of five takes with both lanes full, one is for the past.
SHARE = 5
_URGENCY: dict[Lane, int] = {"going": 0, "live": 1, "past": 2}


def queued(lane: str, found: Iterable[tuple[Key, float]], now_s: float) -> Iterator[Queued]:
    """Keys, each with the time since which it waits, counted by kind."""
    since_s: dict[Kind, list[float]] = {}
    for key, at_s in found:
        since_s.setdefault(key.kind, []).append(at_s)
    for kind, times in since_s.items():
        yield Queued(kind=kind, lane=lane, count=len(times), oldest_s=now_s - min(times))


class _Lane:
    """Keys by namespace; the namespaces take turns."""

    def __init__(self, room: int) -> None:
        # Dictionaries as ordered sets: a key may leave from the middle.
        self._turns: OrderedDict[str, OrderedDict[Key, float]] = OrderedDict()
        self._count = 0
        self._room = room
        self._has_room = asyncio.Event()

    def __len__(self) -> int:
        return self._count

    def items(self) -> Iterator[tuple[Key, float]]:
        """Each key, and since when it waits."""
        return chain.from_iterable(keys.items() for keys in self._turns.values())

    async def put(self, key: Key, now_s: float) -> None:
        while self._count >= self._room:
            self._has_room.clear()
            await self._has_room.wait()
        self.add(key, now_s)

    def add(self, key: Key, now_s: float) -> None:
        """Without asking for room."""
        self._turns.setdefault(key.namespace, OrderedDict())[key] = now_s
        self._count += 1

    def take(self) -> Key:
        namespace, keys = self._turns.popitem(last=False)
        key, _ = keys.popitem(last=False)
        if keys:
            self._turns[namespace] = keys  # to the end: the others come first
        self._left()
        return key

    def remove(self, key: Key) -> bool:
        """Take this one out, wherever it stands; false if it waits for room still."""
        keys = self._turns.get(key.namespace)
        if keys is None or key not in keys:
            return False
        del keys[key]
        if not keys:
            del self._turns[key.namespace]
        self._left()
        return True

    def _left(self) -> None:
        self._count -= 1
        self._has_room.set()


class Line:
    """`put` waits for room in its lane, `get` for a key; `join` until each key that was put has been worked off."""

    def __init__(self, live: int, past: int, now_s: Callable[[], float] = float) -> None:
        self._now_s = now_s
        self._lanes: dict[Lane, _Lane] = {"going": _Lane(live), "live": _Lane(live), "past": _Lane(past)}
        self._there: dict[Key, Lane] = {}
        self._filled = asyncio.Semaphore(0)
        self._takes = 0
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def waiting(self) -> Iterator[Queued]:
        """What waits, by lane and kind."""
        now_s = self._now_s()
        for name, lane in self._lanes.items():
            yield from queued(name, lane.items(), now_s)

    async def put(self, key: Key, lane: Lane = "live") -> None:
        """Once is enough for a key that waits already: whoever takes it will see its newest state."""
        if key in self._there:
            self._hurry(key, lane)
            return
        self._there[key] = lane
        self._open += 1
        self._idle.clear()
        try:
            await self._lanes[lane].put(key, self._now_s())
        except BaseException:
            self._there.pop(key, None)
            self.done()
            raise
        self._filled.release()

    def _hurry(self, key: Key, lane: Lane) -> None:
        """A key that waits already moves to a lane that is served earlier."""
        before = self._there[key]
        if _URGENCY[lane] < _URGENCY[before] and self._lanes[before].remove(key):
            self._there[key] = lane
            self._lanes[lane].add(key, self._now_s())

    async def get(self) -> Key:
        await self._filled.acquire()
        self._takes += 1
        going, live, past = self._lanes.values()
        is_pasts_turn = len(past) and (not len(live) or self._takes % SHARE == 0)
        key = (going if len(going) else past if is_pasts_turn else live).take()
        self._there.pop(key, None)
        return key

    def done(self) -> None:
        """A key that `get` gave has been worked off."""
        self._open -= 1
        if not self._open:
            self._idle.set()

    async def join(self) -> None:
        await self._idle.wait()

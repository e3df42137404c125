"""Keys in, reports out: follows a source, looks at each run when it changes, and again after a failure.

One look at a time for each key; a key that changes meanwhile is looked at once more. What waits is a key, never an object,
and the line to the source is short, so memory does not grow with the number of runs.
"""

import asyncio
import heapq
import math
from collections import Counter
from collections.abc import Callable

from sealwright.core import retry
from sealwright.core.errors import Fault
from sealwright.core.model import Key, Kind
from sealwright.flow.line import LaneName, Line
from sealwright.flow.reconcile import Report, State, reconcile
from sealwright.ports import Clock, Equipment, Runs

# Enough that a slow signer or store does not idle the others; local work gains nothing from more.
WORKERS = 8
# Keys taken from the source ahead of the workers, in each lane.
AHEAD = 64
# How long a PipelineRun waits for children that are not there: files may be copied in any order.
PATIENCE_S = 5.0


class Controller:
    """`equipment` is asked for once a look; `report` is called once a look; `chance` gives numbers in [0, 1) for jitter.

    `live_room`: how many changed keys may wait before the source does. Fairness between namespaces needs room for all of a
    busy one; a source whose reads grow stale wants little. `patient`: whether more may come, so that a PipelineRun should
    wait a little for children that it does not find.
    """

    def __init__(
        self,
        source: Runs,
        equipment: Callable[[], Equipment],
        report: Callable[[Report], None],
        clock: Clock,
        chance: Callable[[], float],
        *,
        live_room: int = AHEAD,
        patient: bool = False,
    ) -> None:
        self._source = source
        self._equipment = equipment
        self._report = report
        self._clock = clock
        self._chance = chance
        self._patient = patient
        self._line = Line(live=live_room, past=AHEAD)
        self._busy: set[Key] = set()
        self._again: set[Key] = set()
        self._attempts: dict[Key, int] = {}
        self._patience_ends: dict[Key, float] = {}
        self._awaited: dict[Key, set[Key]] = {}  # PipelineRun -> the children that it still waits for
        self._parents: dict[Key, Key] = {}  # and back
        self._due: list[tuple[float, int, Key]] = []
        self._next: dict[Key, int] = {}  # which entry of `_due` counts: the last one made for this key
        self._has_due = asyncio.Event()
        self._order = 0

    def waiting(self) -> Counter[tuple[Kind, LaneName]]:
        """How many keys wait for a worker, by kind and lane."""
        return self._line.waiting()

    async def run(self) -> None:
        """Until the source ends (then all it gave has been looked at, and retries are left) or cancellation.

        Raises the Fault that ends the source.
        """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._work()) for _ in range(WORKERS)]
            tasks.append(group.create_task(self._wake()))
            past = group.create_task(self._feed_past())
            fault = await self._feed()
            past.cancel()
            for task in tasks:
                task.cancel()
        if fault:
            raise fault  # only here: a group would wrap it

    async def _feed(self) -> Fault | None:
        """All keys of the source into the line, and each of them looked at; the Fault that ended it."""
        fault = None
        try:
            async for key in self._source.follow():
                await self._line.put(key)
        except Fault as found:
            fault = found
        await self._line.join()
        return fault

    async def _feed_past(self) -> None:
        async for key in self._source.backlog():
            await self._line.put(key, "past")

    async def _work(self) -> None:
        while True:
            key = await self._line.get()
            try:
                await self._take(key)
            finally:
                self._line.done()

    async def _take(self, key: Key) -> None:
        """Look at it, again if it came meanwhile, and then at the PipelineRun that waited for it."""
        if key in self._busy:
            self._again.add(key)
            return
        self._busy.add(key)
        try:
            parent = await self._look(key)
            while key in self._again:
                self._again.discard(key)
                parent = await self._look(key) or parent
        finally:
            self._busy.discard(key)
        # Not through the line: who works it off must never wait for room in it, nor leave something there at the end.
        if parent:
            await self._take(parent)

    async def _look(self, key: Key) -> Key | None:
        """One look, and what follows from it; the PipelineRun that waited for this and now waits for nothing more."""
        self._forget_wait(key)
        patient = self._patient and self._clock.now_s() < self._patience_ends.get(key, math.inf)
        report = await reconcile(key, self._source, self._equipment(), patient=patient)
        self._report(report)
        match report.state:
            case State.FAILED:
                self._attempts[key] = self._attempts.get(key, 0) + 1
                self._later(key, retry.wait_s(report.failures, self._attempts[key], self._chance()))
            case State.WAITING if report.waits_for:
                self._awaited[key] = set(report.waits_for)
                self._parents.update(dict.fromkeys(report.waits_for, key))
                self._patience_ends.setdefault(key, self._clock.now_s() + PATIENCE_S)
                self._later(key, PATIENCE_S)
            case _:
                self._attempts.pop(key, None)
                self._patience_ends.pop(key, None)
        return self._released(key) if report.state is not State.WAITING else None

    def _forget_wait(self, key: Key) -> None:
        """This look takes the place of the one that was set for later."""
        self._next.pop(key, None)
        for child in self._awaited.pop(key, ()):
            self._parents.pop(child, None)

    def _released(self, child: Key) -> Key | None:
        parent = self._parents.pop(child, None)
        if parent is None:
            return None
        self._awaited[parent].discard(child)
        return None if self._awaited[parent] else parent

    def _later(self, key: Key, wait_s: float) -> None:
        self._order += 1
        self._next[key] = self._order
        heapq.heappush(self._due, (self._clock.now_s() + wait_s, self._order, key))
        if len(self._due) > 2 * len(self._next) + AHEAD:
            # A key that changes often while it fails leaves an entry each time.
            self._due = [entry for entry in self._due if self._counts(entry)]
            heapq.heapify(self._due)
        self._has_due.set()

    def _counts(self, entry: tuple[float, int, Key]) -> bool:
        _, order, key = entry
        return self._next.get(key) == order

    async def _wake(self) -> None:
        """Puts keys back into the line when their wait is over."""
        while True:
            await self._has_due.wait()
            entry = self._due[0]
            wait_s = entry[0] - self._clock.now_s()
            if wait_s > 0 and self._counts(entry):
                # At most a second at a time, so that a shorter wait that comes meanwhile is not overslept.
                await self._clock.sleep(min(wait_s, 1.0))
                continue
            heapq.heappop(self._due)
            if not self._due:
                self._has_due.clear()
            if self._counts(entry):
                await self._line.put(entry[2])

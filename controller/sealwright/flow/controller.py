"""Keys in, reports out: follows a source, looks at each key when it changes, and again after a failure.

One look at a time for each key; a key that changes meanwhile is looked at once more. What waits is a key, never an object,
and the line to the source is short, so memory does not grow with the number of runs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from sealwright.core.errors import Fault
from sealwright.core.model import Key, Queued
from sealwright.flow.failing import Failing
from sealwright.flow.later import Later
from sealwright.flow.line import Line, queued
from sealwright.flow.reconcile import PATIENCE_S, Circumstances, Report, State
from sealwright.flow.slots import ASIDE, Slots
from sealwright.ports import Clock, Keys

# Enough that a slow signer or store does not idle the others; local work gains nothing from more.
WORKERS = 8
# Keys taken from the source ahead of the workers, in each lane.
AHEAD = 64
# Looks that one success sets off come within this time.
WAVE_S = 1.0

Look = Callable[[Key, Circumstances], Awaitable[Report]]


class Controller:
    """`look` looks at one key and never raises; `report` is called once a look; `chance` gives numbers in [0, 1) for jitter.

    `live_room`: how many changed keys may wait before the source does. Fairness between namespaces needs room for all of a
    busy one; a source whose reads grow stale wants little. `patient`: whether more may come, so that a PipelineRun should
    wait a little for children that it does not find.
    """

    def __init__(
        self,
        source: Keys,
        look: Look,
        report: Callable[[Report], None],
        clock: Clock,
        chance: Callable[[], float],
        *,
        live_room: int = AHEAD,
        patient: bool = False,
    ) -> None:
        self._source = source
        self._look_at = look
        self._report = report
        self._clock = clock
        self._chance = chance
        self._patient = patient
        self._line = Line(live=live_room, past=AHEAD, now_s=clock.now_s)
        self._slots = Slots(WORKERS)
        self._busy: set[Key] = set()
        self._again: set[Key] = set()
        self._failing = Failing()
        self._later = Later(clock)
        self._waiting_since_s: dict[Key, float] = {}
        self._going_since_s: dict[Key, float] = {}  # first found to be deleted by a look that could not end it
        self._awaited: dict[Key, set[Key]] = {}  # PipelineRun -> the children that it still waits for
        self._parents: dict[Key, Key] = {}  # and back
        self._is_stopping = False
        self._at_rest = asyncio.Event()
        self._at_rest.set()

    def waiting(self) -> Sequence[Queued]:
        """What waits for a worker, or for its next try."""
        return [*self._line.waiting(), *queued("retry", self._failing.items(), self._clock.now_s())]

    async def run(self) -> None:
        """Until the source ends (then all it gave has been looked at, and retries are left) or cancellation.

        Raises the Fault that ends the source.
        """
        async with asyncio.TaskGroup() as group:
            # As many as may stand aside, and those that work meanwhile.
            tasks = [group.create_task(self._work()) for _ in range(WORKERS + ASIDE)]
            tasks.append(group.create_task(self._wake()))
            past = group.create_task(self._feed_past())
            fault = await self._feed()
            past.cancel()
            for task in tasks:
                task.cancel()
        if fault:
            raise fault  # only here: a group would wrap it

    async def stop(self) -> None:
        """Begin no more looks; returns when those that have begun have ended."""
        self._is_stopping = True
        await self._at_rest.wait()

    async def _feed(self) -> Fault | None:
        """All keys of the source into the line, and each of them looked at; the Fault that ended it."""
        fault = None
        try:
            async for key, lane in self._source.follow():
                await self._line.put(key, lane)
        except Fault as found:
            fault = found
        await self._line.join()
        return fault

    async def _feed_past(self) -> None:
        async for key in self._source.backlog():
            await self._line.put(key, "past")

    async def _work(self) -> None:
        while True:
            async with self._slots.one():
                key = await self._line.get()
                try:
                    if not self._is_stopping:
                        await self._take(key)
                finally:
                    self._line.done()

    async def _take(self, key: Key) -> None:
        """Look at it, again if it came meanwhile, and then at the PipelineRun that waited for it."""
        if key in self._busy:
            self._again.add(key)
            return
        self._busy.add(key)
        self._at_rest.clear()
        try:
            parent = await self._look(key)
            while key in self._again:
                self._again.discard(key)
                parent = await self._look(key) or parent
        finally:
            self._busy.discard(key)
            if not self._busy:
                self._at_rest.set()
        # Not through the line: who works it off must never wait for room in it, nor leave something there at the end.
        if parent:
            await self._take(parent)

    async def _look(self, key: Key) -> Key | None:
        """One look, and what follows from it; the PipelineRun that waited for this and now waits for nothing more."""
        self._forget_wait(key)
        report = await self._look_at(key, self._circumstances(key))
        self._report(report)
        now_s = self._clock.now_s()
        if report.state is State.FAILED:
            self._later.put(key, self._failing.note(key, report.failures, now_s, self._chance()))
        else:
            for other in self._failing.mended(key):
                if report.state is State.SIGNED:
                    self._later.sooner(other, WAVE_S * self._chance())
        if report.state is State.WAITING and report.waits_for:
            self._awaited[key] = set(report.waits_for)
            self._parents.update(dict.fromkeys(report.waits_for, key))
            self._waiting_since_s.setdefault(key, now_s)
            self._later.put(key, PATIENCE_S)
        elif report.state is not State.FAILED:
            self._waiting_since_s.pop(key, None)
        if report.is_going and report.state in (State.FAILED, State.WAITING):
            self._going_since_s.setdefault(key, now_s)
        else:
            self._going_since_s.pop(key, None)
        return self._released(key) if report.state is not State.WAITING else None

    def _circumstances(self, key: Key) -> Circumstances:
        now_s = self._clock.now_s()
        return Circumstances(
            failing_s=now_s - self._failing.since_s(key, now_s),
            waiting_s=now_s - self._waiting_since_s.get(key, now_s),
            going_s=now_s - self._going_since_s.get(key, now_s),
            patient=self._patient,
        )

    def _forget_wait(self, key: Key) -> None:
        """This look takes the place of the one that was set for later."""
        self._later.forget(key)
        for child in self._awaited.pop(key, ()):
            self._parents.pop(child, None)

    def _released(self, child: Key) -> Key | None:
        parent = self._parents.pop(child, None)
        if parent is None:
            return None
        self._awaited[parent].discard(child)
        return None if self._awaited[parent] else parent

    async def _wake(self) -> None:
        """Puts keys back into the line when their wait is over."""
        async for key in self._later.due():
            await self._line.put(key)

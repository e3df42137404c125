"""Which shards of runs this replica holds, by Leases: taken, renewed, handed over, and given up in time (design D10).

What is held is known by this replica's own clock: a Lease counts from before the call that renewed it, and MARGIN_S less than
others let it count. So whoever is stopped, swapped out or cut off has lost its right before another one gets it.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Self

from sealwright.core import shards
from sealwright.core.errors import Fault, Reason, Transient
from sealwright.core.model import value
from sealwright.core.shards import SHARDS, shard_of
from sealwright.edge.kube.leases import LEASE_S, Lease, Leases
from sealwright.ports import Clock

TICK_S = 2.0
RENEW_S = 4.0
# What an effect may take between the check and its arrival, and what two clocks may differ in speed.
MARGIN_S = 2.0
# Leases of replicas that went without a word are removed after so long.
FORGOTTEN_S = 600.0


@value
class _Seen:
    """A Lease, and since when nobody has changed it."""

    lease: Lease
    since_s: float

    def is_good(self, now_s: float) -> bool:
        return bool(self.lease.holder) and now_s < self.since_s + self.lease.duration_s


class Shards:
    """`run` keeps the Leases; `claim` gives the right to act.

    `replica` names the place where we run, of which there is one: what it held before it was started anew is taken at once.
    `start` is another word at each start, so that two which were given one name by mistake do not both act.
    """

    def __init__(self, leases: Leases, clock: Clock, replica: str, start: str, on_problem: Callable[[str, Fault], None]) -> None:
        self._leases = leases
        self._clock = clock
        self.replica = replica
        self._holder = f"{replica}_{start}"
        self._on_problem = on_problem
        self._seen: dict[str, _Seen] = {}
        self._held: dict[int, float] = {}  # shard -> until when, by our clock
        self._leaving: set[int] = set()
        self._acting: Counter[int] = Counter()
        self._gained: set[int] = set()
        self._has_gained = asyncio.Event()
        self._wake = asyncio.Event()
        self._is_stopping = False
        self._has_begun = False
        self.obstacle = "no Lease has been read yet"

    @property
    def held(self) -> frozenset[int]:
        """The shards whose runs this replica may begin to work on."""
        now_s = self._clock.now_s()
        return frozenset(shard for shard, until_s in self._held.items() if now_s < until_s and shard not in self._leaving)

    def claim(self, anchor: str) -> "ShardClaim | None":
        """The right to act on the runs of an anchor, or None."""
        shard = shard_of(anchor)
        return ShardClaim(self, shard) if shard in self.held else None

    async def gains(self) -> AsyncIterator[frozenset[int]]:
        """Shards that came to this replica: what happened to their runs before has to be looked up. Never ends."""
        while True:
            await self._has_gained.wait()
            self._has_gained.clear()
            fresh, self._gained = frozenset(self._gained), set()
            yield fresh

    async def run(self) -> None:
        """Keep the Leases, for ever."""
        while True:
            try:
                await self._tick()
                self.obstacle = ""
            except Fault as fault:
                self._on_problem("leases", fault)
                self.obstacle = "" if self.held else fault.message
            self._wake.clear()
            nap = asyncio.ensure_future(self._clock.sleep(TICK_S))
            woken = asyncio.ensure_future(self._wake.wait())
            try:
                await asyncio.wait({nap, woken}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                nap.cancel()
                woken.cancel()

    def stop(self) -> None:
        """Take no more; hand over each shard as soon as nobody acts in it."""
        self._is_stopping = True
        self._leaving |= set(self._held)
        self._wake.set()

    async def leave(self) -> None:
        """At the end: give back what is idle, so that others need not wait for it to run out."""
        self.stop()
        try:
            await self._tick()
            await self._leases.delete(_replica_name(self.replica))
        except Fault as fault:
            self._on_problem("leases", fault)

    async def _tick(self) -> None:
        await self._look()
        replicas = self._replicas()
        if not self._is_stopping:
            plan = shards.steps(self.replica, replicas, self.held, self._holders())
            self._leaving |= set(plan.hand_over)
        else:
            plan = shards.Steps()
        self._has_begun = True
        now_s = self._clock.now_s()
        due = [shard for shard, until_s in self._held.items() if now_s > until_s - (LEASE_S - MARGIN_S) + RENEW_S]
        idle = [shard for shard in self._leaving if not self._acting[shard]]
        calls = (
            self._announce(),
            *(self._give_back(shard) for shard in idle),
            *(self._take(shard) for shard in {*due, *plan.take} - set(idle)),
        )
        # Each to its end: one that failed says nothing about the others.
        for ended in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(ended, BaseException):
                raise ended
        await self._forget()

    async def _look(self) -> None:
        """Read all; what has not changed since the last time keeps the time at which it was first seen."""
        began_s = self._clock.now_s()
        found = {lease.name: lease for lease in await self._leases.all()}
        self._seen = {name: self._as_seen(lease, began_s) for name, lease in found.items()}
        for shard in list(self._held):
            seen = self._seen.get(self._leases.shard(shard))
            if seen is None or seen.lease.holder != self._holder:
                self._lose(shard)

    def _as_seen(self, lease: Lease, now_s: float) -> _Seen:
        before = self._seen.get(lease.name)
        is_same = before is not None and before.lease.version == lease.version
        return _Seen(lease=lease, since_s=before.since_s if before and is_same else now_s)

    def _replicas(self) -> Sequence[str]:
        now_s = self._clock.now_s()
        return [_name(seen.lease) for seen in self._seen.values() if seen.lease.sort == "replica" and seen.is_good(now_s)]

    def _holders(self) -> Mapping[int, str]:
        """Who holds the shards that are not free to us."""
        now_s = self._clock.now_s()
        named = {shard: self._seen.get(self._leases.shard(shard)) for shard in range(SHARDS)}
        good = {shard: seen.lease for shard, seen in named.items() if seen and seen.is_good(now_s)}
        return {shard: lease.holder for shard, lease in good.items() if not self._is_free_to_us(lease)}

    def _is_free_to_us(self, lease: Lease) -> bool:
        """Ours by a write whose answer was lost; or, at the start only, what was ours before it."""
        return lease.holder == self._holder or (not self._has_begun and _name(lease) == self.replica)

    async def _announce(self) -> None:
        """Tell the others that we are there."""
        name = _replica_name(self.replica)
        seen = self._seen.get(name)
        if not self._is_stopping and (seen is None or self._clock.now_s() >= seen.since_s + RENEW_S):
            await self._write(name, "replica", self._holder)

    async def _take(self, shard: int) -> None:
        """Take or renew; it counts from before the call."""
        began_s = self._clock.now_s()
        if not await self._write(self._leases.shard(shard), "shard", self._holder):
            self._lose(shard)
            return
        is_new = self._held.get(shard, 0.0) <= self._clock.now_s()
        self._held[shard] = began_s + LEASE_S - MARGIN_S
        if is_new and shard not in self._leaving:
            self._gained.add(shard)
            self._has_gained.set()

    async def _give_back(self, shard: int) -> None:
        if shard in self._held:
            await self._write(self._leases.shard(shard), "shard", "")
        self._lose(shard)

    async def _write(self, name: str, sort: str, holder: str) -> bool:
        seen = self._seen.get(name)
        written = await self._leases.write(name, sort, holder, seen.lease if seen else None)
        if written:
            self._seen[name] = _Seen(lease=written, since_s=self._clock.now_s())
        return written is not None

    def _lose(self, shard: int) -> None:
        self._held.pop(shard, None)
        self._leaving.discard(shard)

    async def _forget(self) -> None:
        now_s = self._clock.now_s()
        for name, seen in list(self._seen.items()):
            if seen.lease.sort == "replica" and now_s > seen.since_s + FORGOTTEN_S:
                await self._leases.delete(name)

    def begin(self, shard: int) -> None:
        self._acting[shard] += 1

    def end(self, shard: int) -> None:
        self._acting[shard] -= 1
        if shard in self._leaving and not self._acting[shard]:
            self._wake.set()

    def is_held(self, shard: int) -> bool:
        """Also one that is being handed over: whoever acts in it already may finish."""
        return self._clock.now_s() < self._held.get(shard, 0.0)


class ShardClaim:
    """`ports.Claim` on one shard."""

    def __init__(self, all_: Shards, shard: int) -> None:
        self._all = all_
        self._shard = shard

    def __enter__(self) -> Self:
        self._all.begin(self._shard)
        return self

    def __exit__(self, *_: object) -> None:
        self._all.end(self._shard)

    def check(self) -> None:
        """Raises Transient(NOT_HELD) where another replica may act by now."""
        if not self._all.is_held(self._shard):
            message = f"shard {self._shard} has gone to another replica, or the API server could not be asked in time"
            raise Transient(Reason.NOT_HELD, message)


def _name(lease: Lease) -> str:
    return lease.holder.partition("_")[0]


def _replica_name(replica: str) -> str:
    return f"sealwright-replica-{replica}"

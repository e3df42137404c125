"""Replicas share the shards: each is held once, by somebody, soon; and who has lost one knows it before another has it."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from fakes.clock import HandClock, idle
from fakes.kube_api import KubeApi
from fakes.leases import MemoryLeases
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core.errors import Reason, Transient
from sealwright.core.shards import SHARDS, shard_of
from sealwright.edge.clock import wall_now
from sealwright.edge.kube.leases import LEASE_S, Leases
from sealwright.edge.kube.shards import FORGOTTEN_S, MARGIN_S, TICK_S, Shards

EVERY = frozenset(range(SHARDS))
# What a user waits for at most after a replica was killed (design, reliability R3).
TAKEOVER_S = 20.0


class Replicas:
    """Any number of them over one API server, and one clock."""

    def __init__(self):
        self.server = MemoryLeases()
        self.clock = HandClock()
        self.there = {}
        self.tasks = {}
        self.problems = []
        self.starts = 0

    async def start(self, name):
        self.starts += 1
        made = Shards(self.server.of(name), self.clock, name, f"start{self.starts}", lambda *told: self.problems.append(told))
        self.there[name] = made
        self.tasks[name] = asyncio.create_task(made.run())
        await idle()
        return made

    async def kill(self, name):
        """Without a word."""
        self.tasks.pop(name).cancel()
        del self.there[name]
        await idle()

    def held(self):
        return {name: made.held for name, made in self.there.items()}

    def are_whole(self):
        """Every shard is held, and by one."""
        everything = [shard for held in self.held().values() for shard in held]
        return sorted(everything) == sorted(EVERY)

    def are_apart(self):
        everything = [shard for held in self.held().values() for shard in held]
        return len(everything) == len(set(everything))


@asynccontextmanager
async def replicas(*names):
    found = Replicas()
    try:
        for name in names:
            await found.start(name)
        yield found
    finally:
        for task in found.tasks.values():
            task.cancel()
        await asyncio.gather(*found.tasks.values(), return_exceptions=True)


def an_anchor_in(shard):
    return next(text for n in range(1000) if shard_of(text := f"uid-{n}") == shard)


# --- who holds what ---


async def test_one_replica_holds_everything_at_once():
    """There is nobody to wait for."""
    async with replicas("a") as found:
        assert found.held() == {"a": EVERY}


@pytest.mark.parametrize("count", [2, 3, 6])
async def test_replicas_that_start_together_share_evenly(count):
    """Within a few ticks, and nothing is held twice on the way."""
    names = "abcdef"[:count]
    async with replicas(*names) as found:
        for _ in range(10):
            await found.clock.advance(TICK_S)
            assert found.are_apart()

        assert {len(held) for held in found.held().values()} == {SHARDS // count}
        assert found.are_whole()


async def test_a_second_replica_gets_its_share():
    """The first hands over what is idle."""
    async with replicas("a") as found:
        await found.start("b")
        await found.clock.advance(4 * TICK_S)

        assert found.are_whole()
        assert len(found.held()["b"]) == SHARDS // 2


async def test_more_replicas_than_shards_leave_some_without():
    """They are there for when another goes."""
    async with replicas(*"abcdefgh") as found:
        await found.clock.advance(10 * TICK_S)

        assert found.are_whole()
        assert sorted(len(held) for held in found.held().values()) == [0, 0, 1, 1, 1, 1, 1, 1]


async def test_what_is_held_stays_held_and_costs_one_write_in_a_while():
    """An hour: no shard changes hands, and each Lease is renewed every four to six seconds."""
    async with replicas("a", "b") as found:
        await found.clock.advance(20.0)
        before, writes = found.held(), found.server.writes
        await found.clock.advance(3600.0)

        assert found.held() == before
        assert 3600 / 6 * 8 - 8 <= found.server.writes - writes <= 3600 / 4 * 8 + 8


# --- who goes ---


async def test_the_shards_of_a_killed_replica_are_taken_over_in_time():
    """After its Leases have run out, and not before."""
    async with replicas("a", "b") as found:
        await found.clock.advance(20.0)
        theirs = found.held()["a"]
        await found.kill("a")
        await found.clock.advance(LEASE_S - 2 * TICK_S - MARGIN_S)
        early = found.held()["b"] & theirs
        await found.clock.advance(TAKEOVER_S - LEASE_S)

        assert not early
        assert found.held() == {"b": EVERY}


async def test_a_replica_that_leaves_is_replaced_at_once():
    """It says so: no Lease has to run out."""
    async with replicas("a", "b") as found:
        await found.clock.advance(20.0)
        leaving = found.there.pop("a")
        await leaving.leave()
        found.tasks.pop("a").cancel()
        await found.clock.advance(TICK_S + 0.1)

        assert found.held() == {"b": EVERY}


async def test_a_container_that_is_started_again_takes_back_what_it_held():
    """Its name is its own, so what held these Leases is dead."""
    async with replicas("a") as found:
        await found.kill("a")
        await found.start("a")

        assert found.held() == {"a": EVERY}


async def test_two_that_were_given_one_name_do_not_both_go_on():
    """A mistake of whoever set it; the newer one wins."""
    async with replicas("a") as found:
        older = found.there["a"]
        newer = await found.start("a")
        await found.clock.advance(TICK_S)
        await found.clock.advance(60.0)

        assert (older.held, newer.held) == (frozenset(), EVERY)
        found.tasks["a"].cancel()


async def test_leases_of_replicas_that_went_are_removed_in_the_end():
    """Pods have new names each time."""
    async with replicas("a", "b") as found:
        await found.kill("a")
        await found.clock.advance(FORGOTTEN_S + LEASE_S)

        assert {name for name, lease in found.server.kept.items() if lease.sort == "replica"} == {"sealwright-replica-b"}


# --- the right to act ---


async def test_who_acts_is_waited_for_before_its_shard_is_handed_over():
    """A look that has begun ends here; a new one is not begun."""
    async with replicas("a") as found:
        first = found.there["a"]
        with first.claim(an_anchor_in(SHARDS - 1)) as claim:
            await found.start("b")
            await found.clock.advance(10 * TICK_S)
            claim.check()
            while_acting = found.held()["b"]
            again = first.claim(an_anchor_in(SHARDS - 1))
        await found.clock.advance(2 * TICK_S)

        assert SHARDS - 1 not in while_acting
        assert again is None
        assert found.are_whole()


async def test_who_is_cut_off_loses_its_right_before_another_gets_it():
    """By its own clock, without being told."""
    async with replicas("a", "b") as found:
        await found.clock.advance(20.0)
        cut, theirs = found.there["a"], found.held()["a"]
        anchor = an_anchor_in(min(theirs))
        with cut.claim(anchor) as claim:
            found.server.cut = {"a"}
            while claim_is_good(claim):
                assert not found.held()["b"] & theirs
                await found.clock.advance(0.5)
            lost_s = found.clock.now_s()
            while not theirs <= found.held()["b"]:
                await found.clock.advance(0.5)
            taken_s = found.clock.now_s()

        assert taken_s - lost_s >= MARGIN_S - 0.5
        assert cut.held == frozenset()
        assert cut.obstacle


def claim_is_good(claim):
    try:
        claim.check()
    except Transient as fault:
        return fault.reason is not Reason.NOT_HELD
    return True


async def test_a_replica_that_was_suspended_has_lost_its_right_when_it_wakes():
    """It does not need to run to lose it."""
    async with replicas("a") as found:
        with found.there["a"].claim(an_anchor_in(0)) as claim:
            found.tasks["a"].cancel()
            await idle()
            await found.clock.leap(60.0)

            assert not claim_is_good(claim)


async def test_an_answer_that_is_lost_loses_no_shard():
    """The Lease is ours, and the next look finds that out."""
    async with replicas() as found:
        found.server.lost_answers = 4
        await found.start("a")
        await found.clock.advance(2 * TICK_S)

        assert found.held() == {"a": EVERY}


async def test_each_gain_is_told_once():
    """The history of those shards has to be read; of others not."""
    async with replicas("a") as found:
        gains = found.there["a"].gains()
        first = await anext(gains)
        await found.start("b")
        await found.clock.advance(4 * TICK_S)
        await found.kill("b")
        await found.clock.advance(TAKEOVER_S)
        second = await anext(gains)

        assert (first, second) == (EVERY, frozenset({3, 4, 5}))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["start", "kill", "leave", "cut", "mend"]), st.floats(0, 15)),
        max_size=12,
    )
)
def test_no_shard_is_ever_held_twice_whatever_happens(story):
    """Starts, kills, goodbyes and cuts in any order; and when it is quiet, every shard is held."""

    async def play():
        async with AsyncExitStack() as stack:
            found = await stack.enter_async_context(replicas("a"))
            for name, what, pause_s in story:
                await happen(found, name, what)
                await advance_apart(found, pause_s)
            found.server.cut = set()
            if not found.there:
                await found.start("a")
            await found.clock.advance(2 * TAKEOVER_S)
            assert found.are_whole()

    asyncio.run(play())


async def happen(found, name, what):
    if what == "start" and name not in found.there:
        await found.start(name)
    elif what == "kill" and name in found.there:
        await found.kill(name)
    elif what == "leave" and name in found.there:
        leaving = found.there.pop(name)
        await leaving.leave()
        found.tasks.pop(name).cancel()
    elif what == "cut":
        found.server.cut.add(name)
    elif what == "mend":
        found.server.cut.discard(name)


async def advance_apart(found, seconds):
    for _ in range(int(seconds * 2)):
        await found.clock.advance(0.5)
        assert found.are_apart()


# --- the twin and the API server agree ---


@asynccontextmanager
async def over_http():
    server = KubeApi()
    async with server.api() as api:
        yield Leases(api, "ours", "all", wall_now)


@asynccontextmanager
async def in_memory():
    yield MemoryLeases().of("a")


@pytest.mark.parametrize("open_", [over_http, in_memory])
async def test_a_lease_is_made_read_replaced_and_removed(open_):
    """And of two who want it, one gets it."""
    async with open_() as leases:
        made = await leases.write("x", "shard", "a_1", None)
        second = await leases.write("x", "shard", "b_1", None)
        taken = await leases.write("x", "shard", "b_1", made)
        stale = await leases.write("x", "shard", "a_1", made)
        (read,) = await leases.all()
        await leases.delete("x")

        assert (made.holder, made.sort, made.duration_s, made.transitions) == ("a_1", "shard", LEASE_S, 0)
        assert (second, stale) == (None, None)
        assert (taken.holder, taken.transitions) == ("b_1", 1)
        assert read == taken
        assert await leases.all() == []


async def test_leases_of_another_part_of_the_cluster_are_not_seen():
    """Two installations may share a namespace and look after different ones."""
    server = KubeApi()
    async with server.api() as api:
        await Leases(api, "ours", "all", wall_now).write("x", "shard", "a_1", None)

        assert await Leases(api, "ours", "team", wall_now).all() == []

"""Keys wait in two lanes, each namespace in its turn, and none is lost or worked off by two."""

import asyncio
from collections import Counter

import pytest
from fakes.clock import HandClock, idle
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core.model import Key
from sealwright.flow.line import SHARE, Line


def key(name, namespace="team"):
    return Key(kind="TaskRun", namespace=namespace, name=str(name))


def counts(line):
    return {(found.kind, found.lane): found.count for found in line.waiting()}


async def taken(line, count):
    found = []
    for _ in range(count):
        found.append(await line.get())
        line.done()
    return found


async def fill(line, keys, lane="live"):
    for each in keys:
        await line.put(each, lane)


async def test_keys_of_one_namespace_come_in_their_order():
    """First come, first served."""
    line = Line(live=10, past=10)
    keys = [key(n) for n in range(10)]
    await fill(line, keys)

    assert await taken(line, 10) == keys


async def test_a_namespace_with_ten_runs_does_not_wait_behind_one_with_ten_thousand():
    """They take turns: B's ten are among the first twenty."""
    line = Line(live=20_000, past=20_000)
    await fill(line, [key(n, "a") for n in range(10_000)])
    await fill(line, [key(n, "b") for n in range(10)])
    first = await taken(line, 20)

    assert Counter(each.namespace for each in first) == {"a": 10, "b": 10}


async def test_a_namespace_that_comes_back_goes_to_the_end():
    """Nobody gets two turns by being empty in between."""
    line = Line(live=10, past=10)
    await fill(line, [key(1, "a"), key(2, "a"), key(1, "b")])
    first = await taken(line, 1)
    await line.put(key(3, "a"))

    assert [each.namespace for each in first + await taken(line, 3)] == ["a", "b", "a", "a"]


async def test_with_both_lanes_full_one_take_in_five_is_for_the_past():
    """Neither starves the other."""
    line = Line(live=100, past=100)
    await fill(line, [key(n) for n in range(100)])
    await fill(line, [key(n, "past") for n in range(100)], "past")
    first = await taken(line, 100)

    assert Counter(each.namespace for each in first) == {"team": 100 - 100 // SHARE, "past": 100 // SHARE}
    assert first[SHARE - 1].namespace == "past"


@pytest.mark.parametrize("lane", ["live", "past"])
async def test_a_lane_alone_gets_every_take(lane):
    """No worker idles while something waits."""
    line = Line(live=20, past=20)
    keys = [key(n) for n in range(20)]
    await fill(line, keys, lane)

    assert await taken(line, 20) == keys


async def test_a_key_that_waits_already_waits_once():
    """In whichever lane; after it was taken it can wait again."""
    line = Line(live=3, past=3)
    await line.put(key(1))
    await line.put(key(1))
    await line.put(key(1), "past")
    waiting = counts(line)
    await taken(line, 1)
    await line.put(key(1))

    assert waiting == counts(line) == {("TaskRun", "live"): 1}


async def test_what_is_being_deleted_goes_first():
    """Also what waited already: it leaves its place behind the others."""
    line = Line(live=10, past=10)
    await fill(line, [key(n) for n in range(3)])
    await fill(line, [key("old")], "past")
    await line.put(key("new"), "going")
    await line.put(key(2), "going")
    await line.put(key("old"), "going")
    await line.put(key(2), "live")

    assert await taken(line, 5) == [key("new"), key(2), key("old"), key(0), key(1)]
    assert counts(line) == {}


async def test_it_says_for_how_long_the_oldest_has_waited():
    """In each lane, by kind."""
    clock = HandClock()
    line = Line(live=10, past=10, now_s=clock.now_s)
    await line.put(key(1))
    await clock.advance(7.0)
    await line.put(key(2, "other"))
    await line.put(key(3), "past")
    await clock.advance(1.0)

    assert {found.lane: found.oldest_s for found in line.waiting()} == {"live": 8.0, "past": 1.0}


async def test_whoever_fills_a_full_lane_waits_and_the_other_lane_does_not():
    """Behind it waits the source; memory does not grow."""
    line = Line(live=2, past=2)
    filling = asyncio.create_task(fill(line, [key(n) for n in range(5)], "past"))
    await idle()
    full = counts(line)
    await line.put(key("new"))
    order = await taken(line, 6)
    await filling

    assert full == {("TaskRun", "past"): 2}
    assert order == [key("new"), *(key(n) for n in range(5))]


async def test_getters_wait_for_a_key_and_each_key_goes_to_one():
    """However many wait."""
    line = Line(live=10, past=10)
    getting = [asyncio.create_task(line.get()) for _ in range(4)]
    await idle()
    await fill(line, [key(n) for n in range(4)])

    assert Counter(await asyncio.gather(*getting)) == Counter(key(n) for n in range(4))


async def test_joining_waits_until_every_key_is_worked_off():
    """Not only taken; and an empty line is idle."""
    line = Line(live=10, past=10)
    await line.join()
    await line.put(key(1))
    joining = asyncio.create_task(line.join())
    await line.get()
    await idle()
    before = joining.done()
    line.done()
    await joining

    assert before is False


async def test_a_put_that_is_cancelled_leaves_nothing_behind():
    """Its key can be put again, and `join` does not wait for it."""
    line = Line(live=1, past=1)
    await line.put(key(1))
    putting = asyncio.create_task(line.put(key(2)))
    await idle()
    putting.cancel()
    await asyncio.gather(putting, return_exceptions=True)
    await taken(line, 1)
    await line.join()
    await line.put(key(2))

    assert await taken(line, 1) == [key(2)]


async def test_room_that_a_cancelled_put_was_woken_for_goes_to_the_next():
    """The wake-up is not lost with it."""
    line = Line(live=1, past=1)
    await line.put(key(0))
    first, second = (asyncio.create_task(line.put(key(n))) for n in (1, 2))
    await idle()
    await taken(line, 1)  # wakes the first
    first.cancel()
    await idle()

    assert second.done()
    assert await taken(line, 1) == [key(2)]


async def test_a_get_that_is_cancelled_takes_no_key_with_it():
    """Before a key came, and in the moment in which it comes."""
    line = Line(live=10, past=10)
    waiting = asyncio.create_task(line.get())
    await idle()
    waiting.cancel()
    await idle()
    woken, patient = asyncio.create_task(line.get()), asyncio.create_task(line.get())
    await idle()
    await line.put(key(1))
    woken.cancel()
    await idle()

    assert await patient == key(1)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20), st.sampled_from(["live", "past"])), max_size=60),
    st.integers(1, 8),
    st.sets(st.integers(0, 59)),
)
def test_every_key_is_given_and_what_was_cancelled_stops_nobody(puts, room, cancelled):
    """Whatever is put in whichever order, through lanes of any size: the line ends empty and idle."""

    async def story():
        line, given_ = Line(live=room, past=room), []

        async def work():
            while True:
                given_.append(await line.get())
                line.done()

        tasks = [asyncio.create_task(line.put(key(n, space), lane)) for space, n, lane in puts]
        await asyncio.sleep(0)
        for n in cancelled:
            if n < len(tasks):
                tasks[n].cancel()
        worker = asyncio.create_task(work())
        await asyncio.gather(*tasks, return_exceptions=True)
        await line.join()
        worker.cancel()
        left = {key(*puts[n][1::-1]) for n in cancelled if n < len(tasks) and tasks[n].cancelled()}
        return set(given_), left, counts(line)

    given_, left, waiting = asyncio.run(story())
    wanted = {key(n, space) for space, n, _ in puts}

    assert wanted - left <= given_ <= wanted
    assert not waiting

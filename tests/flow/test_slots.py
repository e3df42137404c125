"""Who waits for somebody far away takes no worker from the others, and little memory (T20, R5)."""

import asyncio

import pytest
from fakes import objects
from fakes.clock import HandClock, idle
from fakes.equipment import equipment
from fakes.runs import MemoryRuns
from fakes.stores import MemoryStore

from sealwright.flow import slots
from sealwright.flow.controller import WORKERS, Controller
from sealwright.flow.reconcile import reconcile
from sealwright.flow.slots import Slots, step_aside


class FarStore(MemoryStore):
    """Registries of the namespace `tar-pit` never answer, until they are told to."""

    def __init__(self, steps_aside=True):
        super().__init__("memory")
        self.answers = asyncio.Event()
        self.waiting = 0
        self.steps_aside = steps_aside

    async def put(self, attestation, origin):
        if self.steps_aside:
            step_aside(len(attestation.envelope))
        if origin.key.namespace == "tar-pit":
            self.waiting += 1
            await self.answers.wait()
        return await super().put(attestation, origin)


def builds(namespace, count):
    return [objects.task_run(f"build-{number}", namespace=namespace) for number in range(count)]


async def signed(store, *found):
    """The namespaces whose runs were marked while nothing answers, and then when everything does."""
    source, reports, clock = MemoryRuns(*found), [], HandClock()
    tools = equipment({"memory": store})

    def look(key, at):
        return reconcile(key, source, tools, at)

    controller = Controller(source, look, reports.append, clock, lambda: 0.5, live_room=5000)
    running = asyncio.create_task(controller.run())
    await idle()
    before = [key.namespace for key in source.marks]
    store.answers.set()
    source.end()
    await running
    return before, [key.namespace for key in source.marks]


async def test_a_thousand_registries_that_never_answer_hold_up_nobody():
    """No time passes, and the others are signed; when they answer, theirs are too."""
    store = FarStore()
    before, after = await signed(store, *builds("tar-pit", 1000), *builds("team", 100))

    assert before == ["team"] * 100
    assert store.waiting == 1000
    assert len(after) == 1100


async def test_without_stepping_aside_they_would():
    """As many as there are workers are enough."""
    before, _ = await signed(FarStore(steps_aside=False), *builds("tar-pit", 4 * WORKERS), *builds("team", 100))

    assert len(before) < 100


async def test_what_stands_aside_is_bounded_in_number(monkeypatch):
    """Above that, whoever waits keeps its worker: memory does not grow with the number of dead registries."""
    monkeypatch.setattr(slots, "ASIDE", 20)
    store = FarStore()
    await signed(store, *builds("tar-pit", 1000))

    assert store.puts == 1000


@pytest.mark.parametrize(("size", "aside"), [(1, 10), (slots.ASIDE_BYTES // 4, 4), (slots.ASIDE_BYTES + 1, 0)])
async def test_what_stands_aside_is_bounded_in_bytes(size, aside):
    """A statement may have megabytes."""
    found = Slots(10)
    done = asyncio.Event()

    async def look():
        async with found.one():
            step_aside(size)
            step_aside(size)
            await done.wait()

    tasks = [asyncio.create_task(look()) for _ in range(10)]
    await idle()
    assert (found.aside, found.aside_bytes) == (aside, aside * size)
    done.set()
    await asyncio.gather(*tasks)

    assert (found.aside, found.aside_bytes) == (0, 0)
    assert sum([await acquired(found) for _ in range(10)]) == 10
    assert found.free.locked()


async def acquired(found):
    await found.free.acquire()
    return True


async def test_a_look_that_is_cancelled_or_fails_gives_its_slot_back_once():
    """Aside or not."""
    found = Slots(1)
    for aside in (False, True):
        with pytest.raises(ZeroDivisionError):
            await failing(found, aside=aside)

    assert not found.free.locked()
    await found.free.acquire()
    assert found.free.locked()


async def failing(found, *, aside):
    async with found.one():
        if aside:
            step_aside(1)
        raise ZeroDivisionError


def test_outside_a_look_nobody_steps_aside():
    """A command that signs by hand has no slots."""
    step_aside(1)

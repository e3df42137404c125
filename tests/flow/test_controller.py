"""Keys in, reports out: nothing is lost, nothing is given up, and what waits is small."""

import asyncio
from contextlib import asynccontextmanager
from itertools import permutations

import pytest
from fakes import objects
from fakes.clock import HandClock, idle
from fakes.equipment import equipment
from fakes.runs import MemoryRuns
from fakes.stores import OUTAGE, REFUSAL, MemoryStore

from sealwright.core import retry
from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Key
from sealwright.core.tekton import marks
from sealwright.flow.controller import AHEAD, WORKERS, Controller
from sealwright.flow.failing import PROBE_S
from sealwright.flow.later import SLACK
from sealwright.flow.reconcile import PATIENCE_S, Report, State, reconcile

BUILD = objects.task_run()
RELEASE = objects.pipeline_run(tasks=["clone", "build"])
CLONE, COMPILE = objects.child(RELEASE, "clone"), objects.child(RELEASE, "build")
KEY, RELEASE_KEY, CLONE_KEY, COMPILE_KEY = map(objects.key, (BUILD, RELEASE, CLONE, COMPILE))
BUG = ZeroDivisionError("what nobody foresaw")
DAY_S = 24 * 3600.0


class Story:
    """A controller over twins, and what it said. `after`: a new start over the source and store of an earlier one."""

    def __init__(
        self,
        *found: objects.Object,
        patient: bool = False,
        chance: float = 0.999,
        echo: bool = False,
        after: "Story | None" = None,
    ) -> None:
        self.source = after.source if after else MemoryRuns(*found, echo=echo)
        self.store = after.store if after else MemoryStore("memory")
        self.clock = HandClock()
        self.reports: list[Report] = []
        self.times_s: list[float] = []
        tools = equipment({"memory": self.store})

        def look(key, at):
            return reconcile(key, self.source, tools, at)

        self.controller = Controller(self.source, look, self._report, self.clock, lambda: chance, patient=patient)

    def _report(self, report: Report) -> None:
        self.reports.append(report)
        self.times_s.append(self.clock.now_s())

    def states(self, key: Key) -> list[State]:
        return [report.state for report in self.reports if report.key == key]

    def looks_s(self, key: Key) -> list[float]:
        """When it was looked at, counted from the first look."""
        times = [at for at, report in zip(self.times_s, self.reports, strict=True) if report.key == key]
        return [at - times[0] for at in times]

    def is_empty(self) -> bool:
        """Nothing is remembered of any run."""
        held = ("_busy", "_again", "_failing", "_later", "_waiting_since_s", "_going_since_s", "_awaited", "_parents")
        return not any(getattr(self.controller, name) for name in held)

    @asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.controller.run())
        try:
            await idle()
            yield
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def to_the_end(self) -> None:
        self.source.end()
        await self.controller.run()


# --- the source's end, and ours ---


async def test_what_the_source_gave_has_been_looked_at_when_it_ends():
    """All of it, and nothing is left in memory."""
    found = [objects.task_run(f"build-{n}") for n in range(3 * AHEAD)]
    story = Story(*found)
    await story.to_the_end()

    assert {objects.key(each) for each in found} == story.source.marks.keys()
    assert {report.state for report in story.reports} == {State.SIGNED}
    assert story.is_empty()


async def test_an_empty_source_ends_at_once():
    """Without a look."""
    story = Story()
    await story.to_the_end()

    assert story.reports == []


async def test_retries_are_left_when_the_source_ends():
    """What failed was looked at once, and is found at the next start."""
    story = Story(BUILD)
    story.store.fault = OUTAGE
    await story.to_the_end()

    assert story.states(KEY) == [State.FAILED]


@pytest.mark.parametrize(
    "order", [*permutations((RELEASE, CLONE, COMPILE))], ids=lambda each: "-".join(found["metadata"]["name"] for found in each)
)
async def test_a_pipeline_is_signed_before_the_end_whatever_the_order(order):
    """With both children, each of which is signed too."""
    story = Story(*order)
    await story.to_the_end()

    assert story.source.marks.keys() == {RELEASE_KEY, CLONE_KEY, COMPILE_KEY}


async def test_a_pipeline_whose_last_child_ends_with_the_source_is_signed():
    """It waited; the child's last change is the last thing that the source says."""
    story = Story(RELEASE, CLONE, objects.running(COMPILE))
    task = asyncio.create_task(story.controller.run())
    await idle()
    waiting = story.states(RELEASE_KEY)
    story.source.add(COMPILE)
    story.source.end()
    await task

    assert set(waiting) == {State.WAITING}
    assert RELEASE_KEY in story.source.marks
    assert story.is_empty()


async def test_a_fault_of_the_source_is_raised_as_it_is_after_all_that_it_gave():
    """Whoever started it can show it: no group around it, and no key is lost."""
    story = Story(BUILD)
    story.source.end_fault = Permanent(Reason.NOT_FOUND, "no such folder")
    with pytest.raises(Permanent, match="no such folder"):
        await story.to_the_end()

    assert story.states(KEY) == [State.SIGNED]


async def test_cancelling_ends_every_task_and_raises_nothing_else():
    """Idle, in the middle of a store, and while a retry waits."""
    for hang in (False, True):
        story = Story(*(objects.task_run(f"build-{n}") for n in range(2 * AHEAD)))
        if hang:
            story.store.hang()
        else:
            story.store.fault = OUTAGE
        before = asyncio.all_tasks()
        task = asyncio.create_task(story.controller.run())
        await idle()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert asyncio.all_tasks() == before
        assert story.source.marks == {}


async def test_a_story_that_is_cancelled_anywhere_is_finished_by_the_next():
    """After each turn of the loop: nothing is marked that is not stored, and a new start completes it with the same bytes."""
    found = (RELEASE, CLONE, COMPILE, objects.task_run(results=objects.image()))
    keys = set(map(objects.key, found))
    turns, cancelled = 0, True
    while cancelled:
        story = Story(*found)
        story.source.end()
        task = asyncio.create_task(story.controller.run())
        for _ in range(turns):
            await asyncio.sleep(0)
        cancelled = task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        stored = {name for name, _, _ in story.store.kept}
        for mark in story.source.marks.values():
            assert {outcome.request.artifact.key for outcome in mark.outcomes} <= stored
        before = set(story.store.bodies)
        story.source.start_again()
        await Story(after=story).to_the_end()

        assert story.source.marks.keys() == keys
        assert before <= story.store.bodies
        assert len(story.store.bodies) == len(story.store.kept) == 5
        turns += 1

    assert turns > 10


# --- one bad thing never stops the others ---

POISON = {"an outage": OUTAGE, "a refusal": REFUSAL, "a bug": BUG, "a recursion": RecursionError(), "no memory": MemoryError()}


@pytest.mark.parametrize("row", POISON)
async def test_a_poisonous_run_never_stops_the_others(row):
    """A store that breaks on one run: more such runs than workers, and all others are signed."""
    poisonous = [objects.task_run(f"poison-{n}") for n in range(3 * WORKERS)]
    story = Story(*poisonous, *(objects.task_run(f"build-{n}") for n in range(50)))
    story.store.poison = lambda found: POISON[row] if found.artifact.name.startswith("team/poison") else None
    async with story.running():
        await story.clock.advance(3600)

        assert story.source.marks.keys() == {Key(kind="TaskRun", namespace="team", name=f"build-{n}") for n in range(50)}
        assert all(len(story.states(objects.key(each))) > 2 for each in poisonous)
        story.store.poison = lambda _: None
        await story.clock.advance(3600)
        assert len(story.source.marks) == 50 + len(poisonous)


async def test_hostile_bytes_never_stop_the_others():
    """More of them than workers."""
    story = Story()
    for n in range(3 * WORKERS):
        story.source.put(Key(kind="TaskRun", namespace="team", name=f"poison-{n}"), b"[" * 10_000)
    story.source.add(BUILD)
    await story.to_the_end()

    assert story.source.marks.keys() == {KEY}
    assert len(story.reports) == 3 * WORKERS + 1


async def test_a_store_that_hangs_holds_no_more_than_its_workers():
    """When it answers again, everything goes on."""
    story = Story(*(objects.task_run(f"build-{n}") for n in range(100)))
    story.store.hang()
    async with story.running():
        await story.clock.advance(60)
        held = story.store.puts
        story.store.release()
        await idle()

        assert held == WORKERS
        assert len(story.source.marks) == 100


# --- retries ---


async def test_retries_grow_and_never_end():
    """A second, two, four, up to five minutes, and on: an outage of a day ends within one such wait."""
    story = Story(BUILD)
    story.store.fault = OUTAGE
    async with story.running():
        for _ in range(int(DAY_S / 30)):
            await story.clock.leap(30)
        tried = len(story.reports)
        assert set(story.states(KEY)) == {State.FAILED}
        assert tried > DAY_S / (retry.CAP_S + 30)
        assert story.source.marks == {}
        story.store.fault = None
        await story.clock.advance(retry.CAP_S)

        assert story.states(KEY)[tried:] == [State.SIGNED]
        assert story.source.annotations(KEY)[marks.SIGNED] == "true"
        assert story.is_empty()


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
async def test_a_retry_comes_when_its_wait_is_over(chance):
    """Within a second of what `core/retry` says, and never later than a probe of what may have recovered."""
    story = Story(BUILD, chance=chance)
    story.store.fault = OUTAGE
    wanted = [0.0]
    for attempt in range(1, 8):
        wanted.append(wanted[-1] + min(2.0 ** (attempt - 1), PROBE_S) * (0.5 + chance / 2))
    async with story.running():
        await story.clock.advance(wanted[-1] + 0.001)

        assert story.looks_s(KEY) == pytest.approx(wanted, abs=0.001)


async def test_a_refusal_is_tried_again_more_slowly():
    """A secret or a permission may have been mended: after a minute, hourly at last."""
    story = Story(BUILD)
    story.store.fault = REFUSAL
    async with story.running():
        await story.clock.advance(4 * 3600)
        tried = len(story.reports)
        story.store.fault = None
        await story.clock.advance(3600)

        assert 6 <= tried <= 10
        assert story.states(KEY)[tried:] == [State.SIGNED]


async def test_a_long_wait_does_not_hold_up_a_shorter_one():
    """One run waits for a minute; another, which fails later, is tried again after its second."""
    story = Story(objects.task_run("refused"))
    story.store.poison = lambda found: REFUSAL if found.artifact.name == "team/refused" else None
    async with story.running():
        await story.clock.advance(10)
        story.store.faults = [OUTAGE]
        story.source.add(BUILD)
        await story.clock.advance(2)

        assert story.states(KEY) == [State.FAILED, State.SIGNED]


async def test_many_runs_in_an_outage_are_all_signed_after_it():
    """Each of them, without a touch from outside."""
    found = [objects.task_run(f"build-{n}") for n in range(200)]
    story = Story(*found)
    story.store.fault = OUTAGE
    async with story.running():
        await story.clock.advance(600)
        story.store.fault = None
        await story.clock.advance(retry.CAP_S)

        assert story.source.marks.keys() == set(map(objects.key, found))
        assert story.is_empty()


async def test_a_success_forgets_the_failures_before_it():
    """The next outage starts again with a second."""
    story = Story(BUILD)
    story.store.faults = [OUTAGE] * 6
    async with story.running():
        await story.clock.advance(120)
        assert story.source.marks
        story.source._done.clear()
        story.store.faults = [OUTAGE]
        story.source.touch(KEY)
        await idle()
        tried = len(story.reports)
        await story.clock.advance(1.0)

        assert len(story.reports) == tried + 1
        assert story.states(KEY)[-1] is State.SIGNED


async def test_a_run_that_goes_while_it_waits_is_forgotten():
    """Its retry finds nothing."""
    story = Story(BUILD)
    story.store.fault = OUTAGE
    async with story.running():
        story.source.delete(KEY)
        await idle()
        looks = len(story.reports)
        await story.clock.advance(3600)

        assert story.states(KEY)[-1] is State.GONE
        assert len(story.reports) == looks
        assert story.is_empty()


async def test_a_run_that_changes_while_it_fails_has_one_retry():
    """Not one for each change: neither tries nor memory grow with what others do to it."""
    story = Story(BUILD)
    story.store.fault = REFUSAL
    async with story.running():
        for _ in range(1000):
            story.source.touch(KEY)
            await idle()
        looks = len(story.reports)
        held = len(story.controller._later._due)
        await story.clock.advance(4 * 3600)

        assert looks == 1001
        assert held <= SLACK + 2
        assert len(story.reports) - looks <= 5


# --- PipelineRuns ---


async def test_a_pipeline_waits_for_its_children_and_is_signed_when_they_end():
    """At once after the last one, and not looked at for each of them."""
    story = Story(RELEASE, objects.running(CLONE), objects.running(COMPILE))
    async with story.running():
        before = story.states(RELEASE_KEY)
        story.source.touch(COMPILE_KEY)
        story.source.add(CLONE)
        await idle()
        between = story.states(RELEASE_KEY)
        story.source.add(COMPILE)
        await idle()

        assert before == between == [State.WAITING]
        assert story.states(RELEASE_KEY) == [State.WAITING, State.SIGNED]
        assert story.looks_s(RELEASE_KEY)[-1] == 0
        assert story.is_empty()


async def test_a_child_that_fails_to_be_signed_does_not_keep_its_pipeline_waiting():
    """The statement needs the child's end, not the child's signature."""
    story = Story(RELEASE, CLONE, objects.running(COMPILE))
    story.store.poison = lambda found: OUTAGE if found.artifact.name == "team/release-build" else None
    async with story.running():
        story.source.add(COMPILE)
        await idle()

        assert story.states(COMPILE_KEY)[-1] is State.FAILED
        assert story.states(RELEASE_KEY)[-1] is State.SIGNED


async def test_a_child_that_changes_while_it_is_signed_does_not_keep_its_pipeline_waiting():
    """The first of two looks in a row was the one that ended the wait."""
    story = Story(RELEASE, CLONE, objects.running(COMPILE))
    async with story.running():
        story.store.hang()
        story.source.add(COMPILE)
        await idle()
        story.source.touch(COMPILE_KEY)
        await idle()
        story.store.release()
        await idle()

        assert story.states(COMPILE_KEY)[-2:] == [State.SIGNED, State.KNOWN]
        assert story.states(RELEASE_KEY)[-1] is State.SIGNED


async def test_a_child_that_is_deleted_does_not_keep_its_pipeline_waiting():
    """It is looked at again, and signed without it."""
    story = Story(RELEASE, CLONE, objects.running(COMPILE))
    async with story.running():
        story.source.delete(COMPILE_KEY)
        await idle()

        assert story.states(RELEASE_KEY)[-1] is State.SIGNED


async def test_the_end_of_a_child_that_nobody_told_is_noticed():
    """A change that came while the pipeline was looked at, or was lost: it looks again by itself."""
    story = Story(RELEASE, CLONE, objects.running(COMPILE))
    async with story.running():
        await story.clock.advance(10 * PATIENCE_S)
        waited = story.states(RELEASE_KEY)
        story.source._objects[COMPILE_KEY] = objects.body(COMPILE)
        await story.clock.advance(PATIENCE_S + 1)

        assert set(waited) == {State.WAITING}
        assert len(waited) <= 12
        assert story.states(RELEASE_KEY)[-1] is State.SIGNED


async def test_two_pipelines_may_wait_for_one_child():
    """One of them forged the reference; both end, and nothing is remembered."""
    other = {**RELEASE, "metadata": {**RELEASE["metadata"], "name": "other", "uid": "uid-of-other"}}
    story = Story(RELEASE, other, CLONE)
    story.controller._patient = True
    async with story.running():
        story.source.add(objects.running(COMPILE))
        await idle()
        story.source.add(COMPILE)
        await story.clock.advance(2 * PATIENCE_S)

        assert {RELEASE_KEY, objects.key(other)} <= story.source.marks.keys()
        assert story.is_empty()


async def test_missing_children_are_not_waited_for_without_patience():
    """Where no more will come, the pipeline is signed with those that are there."""
    story = Story(RELEASE, CLONE)
    await story.to_the_end()

    assert story.states(RELEASE_KEY) == [State.SIGNED]


async def test_missing_children_are_waited_for_a_little_with_patience():
    """PATIENCE_S, then it is signed without them."""
    story = Story(RELEASE, CLONE, patient=True)
    async with story.running():
        await story.clock.advance(PATIENCE_S - 0.1)
        assert story.source.marks.keys() == {CLONE_KEY}
        await story.clock.advance(0.2)

        assert RELEASE_KEY in story.source.marks
        assert "ChildMissing" in str(story.reports[-1].findings)
        assert story.is_empty()


async def test_patience_is_not_made_longer_by_changes():
    """A pipeline that changes again and again is signed all the same."""
    story = Story(RELEASE, CLONE, patient=True)
    async with story.running():
        for _ in range(3):
            await story.clock.advance(PATIENCE_S / 2 + 0.1)
            story.source.touch(RELEASE_KEY)
            await idle()

        assert story.states(RELEASE_KEY) == [State.WAITING, State.WAITING, State.SIGNED, State.KNOWN]


async def test_children_that_come_one_after_the_other_are_all_waited_for():
    """Files may be copied in any order: the first one's arrival does not end the patience for the second."""
    story = Story(RELEASE, patient=True)
    async with story.running():
        await story.clock.advance(1)
        story.source.add(CLONE)
        await story.clock.advance(1)
        early = RELEASE_KEY in story.source.marks
        story.source.add(COMPILE)
        await idle()

        assert not early
        assert story.states(RELEASE_KEY)[-1] is State.SIGNED
        assert story.reports[-1].findings == ()


async def test_patience_is_not_used_up_by_an_outage_before():
    """A pipeline that could not be read at first still waits for its children."""
    story = Story(RELEASE, CLONE, patient=True)
    story.source.fetch_faults[RELEASE_KEY] = OUTAGE
    async with story.running():
        del story.source.fetch_faults[RELEASE_KEY]
        await story.clock.advance(1.1)
        waiting = story.states(RELEASE_KEY)
        story.source.add(COMPILE)
        await idle()

        assert waiting == [State.FAILED, State.WAITING]
        assert story.reports[-1].findings == ()


# --- one look at a time ---


async def test_there_is_one_look_at_a_time_for_each_key():
    """A key that changes while it is looked at is looked at again, once, however often it changed."""
    story = Story(BUILD)
    story.store.hang()
    async with story.running():
        for _ in range(20):
            story.source.touch(KEY)
        await idle()
        during = story.store.puts
        story.store.release()
        await idle()

        assert during == 1
        assert story.states(KEY) == [State.SIGNED, State.KNOWN]


async def test_a_change_during_a_look_is_not_lost():
    """The run was made anew while the first one was signed: the second is signed too."""
    story = Story(BUILD)
    story.store.hang()
    async with story.running():
        story.source.add(objects.task_run(uid="second"))
        await idle()
        story.store.release()
        await idle()

        assert [report.uid for report in story.reports] == ["uid-of-build", "second"]
        assert (KEY, "second") in story.source._done


async def test_our_own_mark_comes_back_and_changes_nothing():
    """A watch tells us of our own write: it is known."""
    story = Story(BUILD, echo=True)
    async with story.running():
        assert story.states(KEY) == [State.SIGNED, State.KNOWN]


async def test_different_keys_are_looked_at_side_by_side():
    """As many as there are workers."""
    story = Story(*(objects.task_run(f"build-{n}") for n in range(2 * WORKERS)))
    story.store.hang()
    async with story.running():
        assert story.store.puts == WORKERS


# --- memory ---


async def test_memory_does_not_grow_with_the_number_of_runs():
    """20,000 keys: never more objects than workers, never more keys ahead of them than AHEAD, and nothing stays."""
    story = Story()
    body = objects.body(objects.running(BUILD))
    given, fetched = 0, 0
    ahead, alive = [], []

    async def follow():
        nonlocal given
        for n in range(20_000):
            given += 1
            ahead.append(given - len(story.reports))
            yield Key(kind="TaskRun", namespace="team", name=f"build-{n}"), "live"

    async def fetch(_key: Key) -> bytes:
        nonlocal fetched
        fetched += 1
        alive.append(fetched - len(story.reports))
        await asyncio.sleep(0)
        return body

    story.source.follow, story.source.fetch = follow, fetch
    await story.controller.run()

    assert len(story.reports) == 20_000
    assert max(alive) <= WORKERS
    assert max(ahead) <= AHEAD + WORKERS + 1
    assert story.is_empty()


async def test_a_store_that_hangs_holds_back_the_source():
    """No more keys are read from it than fit into the line; when the store answers, the rest comes."""
    story = Story()
    given: list[Key] = []

    async def follow():
        for n in range(1000):
            found = objects.task_run(f"build-{n}")
            story.source._objects[objects.key(found)] = objects.body(found)
            given.append(objects.key(found))
            yield given[-1], "live"

    story.source.follow = follow
    story.store.hang()
    task = asyncio.create_task(story.controller.run())
    await idle()
    held = len(given)
    story.store.release()
    await task

    assert held <= AHEAD + WORKERS + 1
    assert len(story.source.marks) == len(given) == 1000

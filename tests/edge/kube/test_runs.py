"""The runs of a cluster: two writes each, no read while they are fresh, and nothing done twice, lost, or made anew."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from fakes import objects
from fakes.kube_api import KubeApi, QuickClock, until
from fakes.shards import cluster_runs

from sealwright.core.errors import Transient
from sealwright.core.model import Mark
from sealwright.core.tekton import marks, receipt
from sealwright.core.tekton.receipt import RingKey
from sealwright.edge.kube import runs as cluster
from sealwright.edge.kube.watch import Watch

RING = [RingKey(id="k1", secret=b"s" * 32)]
BUILD = objects.task_run("build")
RUNNING = objects.running(BUILD)
KEY, UID = objects.key(BUILD), BUILD["metadata"]["uid"]
PLACE = ("taskruns", "team", "build")
OURS = "chains.tekton.dev/taskrun"
MARK = Mark(annotations={marks.SIGNED: "true"}, plan="p")


def having(found, **metadata):
    return found | {"metadata": found["metadata"] | metadata}


class Story:
    """A source over a server, and the keys it gave, the live ones and those of history."""

    def __init__(self, api, accepts):
        self.problems = []
        watch = Watch(api, QuickClock(), (), lambda *problem: self.problems.append(problem))
        self.synced = watch.synced
        self.runs = cluster_runs(api, watch, lambda: RING, accepts)
        self.keys = []

    async def read(self):
        async for key, _ in self.runs.follow():
            self.keys.append(key)

    async def past(self):
        return [key async for key in self.runs.backlog()]

    async def sign(self, key=KEY, uid=UID):
        """A look as the flow takes it."""
        if await self.runs.fetch(key) is not None and not await self.runs.standing(key, uid):
            await self.runs.mark(key, uid, MARK)
            return True
        return False


@asynccontextmanager
async def following(server, accepts=lambda _: True):
    async with server.api() as api:
        story = Story(api, accepts)
        reading = asyncio.create_task(story.read())
        try:
            await until(lambda: server.watches == 2)
            yield story
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def come(server, story, found, count=1):
    put = server.put(found)
    await until(lambda: len(story.keys) >= count)
    return put


async def settled(server, story):
    """Until the watch has given all that was written before now."""
    server.put(objects.task_run("flag"))
    await until(lambda: story.keys[-1:] and story.keys[-1].name == "flag")
    story.keys.pop()
    server.delete("taskruns", "team", "flag")


def is_signed(server, place=PLACE):
    metadata = server.get(*place)["metadata"]
    text = metadata.get("annotations", {}).get(receipt.ANNOTATION, "")
    return receipt.check(RING, text, "TaskRun", metadata["uid"]) is not None


async def test_a_run_that_ended_since_its_page_was_read_is_seen_as_it_is_now():
    """The watch has told its end, and that look may have failed: one at the old state would forget it."""
    server = KubeApi()
    for name in ("a-first", "build"):
        server.put(objects.running(objects.task_run(name)))
    async with following(server) as story:
        keys = story.runs.backlog()
        await anext(keys)
        await come(server, story, BUILD)
        await story.runs.fetch(KEY)
        old = await anext(keys)
        body = await story.runs.fetch(old)

    assert old == KEY
    assert b'"status": "True"' in body or b'"status":"True"' in body


async def test_a_live_run_costs_two_writes_and_no_read():
    """Our finalizer when it is first seen, then everything at once."""
    server = KubeApi()
    async with following(server) as story:
        await come(server, story, RUNNING)
        await story.runs.fetch(KEY)
        await story.runs.hold(KEY, UID)
        held = server.get(*PLACE)["metadata"]["finalizers"]
        await settled(server, story)
        await come(server, story, server.get(*PLACE) | {"status": BUILD["status"]}, 2)
        signed = await story.sign()
        await settled(server, story)

        assert signed
        assert held == [OURS]
        assert server.get(*PLACE)["metadata"]["finalizers"] == []
        assert is_signed(server)
        assert server.count("PATCH") == 2
        assert server.count("GET", "/build") == 0
        assert story.keys == [KEY, KEY]


async def test_history_costs_one_write_and_no_read():
    """The list's own bytes are what is signed."""
    server = KubeApi()
    server.put(BUILD)
    async with following(server) as story:
        past = await story.past()
        await story.sign()

        assert past == [KEY]
        assert is_signed(server)
        assert (server.count("PATCH"), server.count("GET", "/build")) == (1, 0)


async def test_what_has_our_receipt_is_no_work():
    """Not in history, not when it changes; without the receipt it is."""
    server = KubeApi()
    server.put(BUILD)
    async with following(server) as story:
        await story.past()
        await story.sign()
        await settled(server, story)
        story.keys.clear()
        server.put(having(server.get(*PLACE), labels={"a": "b"}))
        await settled(server, story)
        quiet, past = list(story.keys), await story.past()
        bare = having(server.get(*PLACE), annotations={marks.SIGNED: "true"})
        await come(server, story, bare)

        assert quiet == past == []
        assert story.keys == [KEY]
        assert await story.sign()


async def test_a_run_that_changes_while_it_is_signed_is_not_signed_twice():
    """Others annotate runs as they end; the second look reads what is there now."""
    server = KubeApi()
    async with following(server) as story:
        await come(server, story, BUILD)
        await story.runs.fetch(KEY)
        await come(server, story, having(BUILD, annotations={"results.test/x": "1"}), 2)
        await story.runs.mark(KEY, UID, MARK)
        again = await story.sign()

        assert not again
        assert server.count("PATCH") == 1
        assert server.get(*PLACE)["metadata"]["annotations"]["results.test/x"] == "1"


async def test_an_event_from_before_our_mark_is_not_signed_again():
    """It was on its way while we wrote: the run is read as it is now."""
    server = KubeApi()
    async with following(server) as story:
        put = await come(server, story, having(BUILD, finalizers=[OURS]))
        await story.sign()
        await settled(server, story)
        server.tell("taskruns", {"type": "MODIFIED", "object": put})
        await until(lambda: len(story.keys) == 2)

        assert not await story.sign()
        assert server.count("PATCH") == 1


@pytest.mark.parametrize("change", [{"finalizers": ["a/b"]}, {"annotations": {"a": "b"}}, {"finalizers": ["a/b", OURS, "c/d"]}])
async def test_a_write_on_what_has_moved_on_reads_once_and_builds_anew(change):
    """A 422 of our tests: what others wrote meanwhile stays."""
    server = KubeApi()
    async with following(server) as story:
        await come(server, story, having(BUILD, finalizers=[OURS]))
        await story.runs.fetch(KEY)
        server.kept[PLACE] = having(server.get(*PLACE), **change)
        if "finalizers" not in change:
            server.kept[PLACE]["metadata"]["finalizers"] = ["new/one", OURS]
        await story.runs.mark(KEY, UID, MARK)
        metadata = server.get(*PLACE)["metadata"]

        assert is_signed(server)
        assert OURS not in metadata["finalizers"]
        assert set(metadata["finalizers"]) == set(change.get("finalizers", ["new/one"])) - {OURS}
        assert metadata["annotations"].items() >= change.get("annotations", {}).items()
        assert server.count("GET", "/build") == 1


async def test_conflicts_on_every_second_write_are_written_again():
    """And one that never ends is told, to be tried later."""
    server = KubeApi()
    server.is_faulty = lambda method, _: method == "PATCH"
    server.put(BUILD)
    async with following(server) as story:
        await story.past()
        server.faults = [(409, {})]
        await story.sign()
        assert is_signed(server)
        server.put(BUILD)
        server.faults = [(409, {})] * 3
        with pytest.raises(Transient, match="changed three times"):
            await story.sign()
        assert not is_signed(server)


@pytest.mark.parametrize("status", [429, 403, 500, 504])
async def test_a_refused_write_is_told_and_can_be_tried_again(status):
    """Nothing is remembered that did not happen."""
    server = KubeApi()
    server.is_faulty = lambda method, _: method == "PATCH"
    server.put(BUILD)
    async with following(server) as story:
        await story.past()
        server.faults = [(status, {"Retry-After": "1"})]
        with pytest.raises(Transient):
            await story.sign()

        assert await story.sign()
        assert is_signed(server)


async def test_a_run_that_is_gone_is_left_alone_and_never_made_anew():
    """Each write is on what was seen, or on nothing."""
    server = KubeApi()
    async with following(server) as story:
        await come(server, story, BUILD)
        await story.runs.fetch(KEY)
        server.delete(*PLACE)
        await story.runs.mark(KEY, UID, MARK)
        await story.runs.hold(KEY, UID)
        await story.runs.release(KEY, UID)

        assert server.get(*PLACE) is None
        assert await story.runs.fetch(KEY) is None


async def test_another_run_of_the_same_name_is_not_touched():
    """Deleted and made again while the first was signed."""
    server = KubeApi()
    async with following(server) as story:
        await come(server, story, BUILD)
        await story.runs.fetch(KEY)
        server.kept[PLACE] = having(server.get(*PLACE), uid="another")
        await story.runs.mark(KEY, UID, MARK)

        assert "annotations" not in server.get(*PLACE)["metadata"]
        assert not await story.runs.standing(KEY, "another")


async def test_a_run_deleted_before_its_end_is_let_go_and_is_gone():
    """No finalizer of ours keeps it, and none is put on it."""
    server = KubeApi()
    async with following(server) as story:
        await come(server, story, having(RUNNING, finalizers=[OURS], deletionTimestamp="2026-01-31T12:00:00Z"))
        await story.runs.fetch(KEY)
        await story.runs.hold(KEY, UID)
        await story.runs.release(KEY, UID)

        assert server.get(*PLACE) is None


async def test_a_run_deleted_after_its_end_is_signed_and_then_gone():
    """The write that signs it is the one that lets it go."""
    server = KubeApi()
    async with following(server) as story:
        await come(server, story, having(BUILD, finalizers=[OURS], deletionTimestamp="2026-01-31T12:00:00Z"))

        assert await story.sign()
        assert server.get(*PLACE) is None
        assert server.history[-1][2]["object"]["metadata"]["annotations"][marks.SIGNED] == "true"


async def test_steps_of_a_run_that_is_held_are_no_work():
    """Nor is a run that is deleted and that we do not hold."""
    server = KubeApi()
    async with following(server) as story:
        server.put(having(RUNNING, finalizers=[OURS]))
        server.put(having(objects.running(objects.task_run("going")), deletionTimestamp="2026-01-31T12:00:00Z"))
        await settled(server, story)

        assert story.keys == []


async def test_runs_that_are_not_ours_are_left_alone_but_for_our_finalizer():
    """One that is deleted is not kept from going."""
    server = KubeApi()
    async with following(server, lambda found: found.key.name == "flag") as story:
        server.put(BUILD)
        server.put(objects.running(objects.task_run("other")))
        await settled(server, story)
        quiet = list(story.keys)
        await come(server, story, having(BUILD, finalizers=[OURS], deletionTimestamp="2026-01-31T12:00:00Z"))

        assert quiet == []
        assert story.keys == [KEY]


async def test_a_finalizer_is_put_on_once():
    """Events from before the write are still on their way; a later look does not write again."""
    server = KubeApi()
    async with following(server) as story:
        await come(server, story, RUNNING)
        await story.runs.hold(KEY, UID)
        await story.runs.hold(KEY, UID)
        await story.runs.hold(KEY, "another")

        assert server.count("PATCH") == 1


async def test_a_finalizer_that_was_refused_is_put_on_by_the_next_look():
    """Another controller was first: its event brings the look."""
    server = KubeApi()
    async with following(server) as story:
        await come(server, story, RUNNING)
        server.kept[PLACE] = having(server.get(*PLACE), finalizers=["a/b"])
        await story.runs.hold(KEY, UID)
        refused = server.get(*PLACE)["metadata"]["finalizers"]
        await come(server, story, server.get(*PLACE), 2)
        await story.runs.hold(KEY, UID)

        assert refused == ["a/b"]
        assert server.get(*PLACE)["metadata"]["finalizers"] == ["a/b", OURS]


async def test_memory_is_bounded_by_bytes_and_by_number(monkeypatch):
    """What is beyond is read when its turn comes."""
    monkeypatch.setattr(cluster, "FRESH_BYTES", 20_000)
    monkeypatch.setattr(cluster, "NOTICES_KEPT", 10)
    server = KubeApi()
    found = [objects.task_run(f"build-{n}", annotations={"a": "x" * 1000}) for n in range(50)]
    for each in found:
        server.put(each)
    async with following(server) as story:
        keys = await story.past()
        kept, notices = story.runs._fresh_bytes, len(story.runs._notices)
        for key in keys:
            await story.sign(key, f"uid-of-{key.name}")

        assert kept <= 20_000
        assert notices <= 10
        assert all(is_signed(server, ("taskruns", "team", key.name)) for key in keys)
        assert story.runs._fresh_bytes == 0
        assert len(story.runs._marked) <= 10
        assert server.count("PATCH") == 50

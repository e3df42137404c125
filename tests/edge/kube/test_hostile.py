"""What a hostile or broken API server, and hostile objects, cannot do to the cluster's source."""

import asyncio
import json

import pytest
from fakes import objects
from fakes.kube_api import KubeApi, QuickClock, until
from fakes.shards import cluster_runs

from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Key, Mark
from sealwright.core.tekton import marks
from sealwright.core.tekton.receipt import RingKey
from sealwright.edge.clock import SystemClock
from sealwright.edge.kube import notices, settings
from sealwright.edge.kube import watch as watches
from sealwright.edge.kube.watch import Watch

RING = [RingKey(id="k1", secret=b"s" * 32)]
BUILD = objects.task_run("build")
TASKRUNS = "/apis/tekton.dev/v1/taskruns"


def having(found, **metadata):
    return found | {"metadata": found["metadata"] | metadata}


@pytest.mark.parametrize("members", [{"finalizers": None}, {"ownerReferences": None}, {"annotations": None}])
def test_lists_that_are_null_are_absent(members):
    """As Go reads them."""
    found = notices.notice("TaskRun", objects.body(having(BUILD, **members)))

    assert (found.key.name, found.seen.finalizers, found.parent) == ("build", (), "")


@pytest.mark.parametrize("members", [{"name": None}, {"annotations": {"a": None}}, {"finalizers": [1]}, {"uid": 7}])
def test_metadata_that_cannot_be_read_is_a_fault(members):
    """Never an exception that nobody expects."""
    with pytest.raises(Permanent) as refused:
        notices.notice("TaskRun", objects.body(having(BUILD, **members)))

    assert refused.value.reason is Reason.INVALID_RUN


def test_a_notice_keeps_no_text_that_is_too_long_to_be_ours():
    """4,096 notices with 250 KiB each would be a gigabyte."""
    long = {"sealwright.dev/receipt": "v1.k." + "A" * 250_000, marks.SIGNED: "t" * 250_000}
    found = notices.notice("TaskRun", objects.body(having(BUILD, annotations=long)))

    assert (found.receipt, found.mark) == ("", "")


async def test_an_unreadable_object_stops_neither_history_nor_the_watch():
    """It is told of, and what stands beside it is given (T25)."""
    server = KubeApi()
    server.put(having(BUILD, name="bad", annotations={"a": 1}))
    server.put(BUILD)
    problems, seen = [], []
    async with server.api() as api:
        watch = Watch(api, QuickClock(), (), lambda *problem: problems.append(problem))

        async def live():
            async for found, _ in watch.live():
                seen.append(found.key.name)

        reading = asyncio.create_task(live())
        past = [found.key.name async for found, _ in watch.history()]
        await until(lambda: server.watches == 2)
        server.put(having(BUILD, name="worse", annotations={"a": 1}))
        server.put(objects.task_run("later"))
        await until(lambda: seen == ["later"])
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    assert past == ["build"]
    assert [fault.reason for _, fault in problems] == [Reason.INVALID_RUN] * 2


async def test_what_nobody_foresaw_does_not_end_a_watch():
    """A member of the task group that failed would end the whole program."""
    server = KubeApi()
    problems, seen = [], []
    async with server.api() as api:
        watch = Watch(api, QuickClock(), (), lambda *problem: problems.append(problem))
        lines, bad = api.lines, [RuntimeError("of a library"), ConnectionResetError("closing transport")]

        async def broken(path, **parameters):
            if path == TASKRUNS and bad:
                raise bad.pop()
            async for line in lines(path, **parameters):
                yield line

        api.lines = broken

        async def live():
            async for found, _ in watch.live():
                seen.append(found.key.name)

        reading = asyncio.create_task(live())
        await until(lambda: server.watches == 2)
        server.put(BUILD)
        await until(lambda: seen == ["build"])
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    assert [fault.reason for _, fault in problems] == [Reason.INTERNAL_ERROR] * 2
    assert watches.BUG_S > watches.RETRY_S


class EndsAtOnce:
    """A server, or a proxy before it, that ends each watch as soon as it has begun, or tells of a gap each time."""

    def __init__(self, line=b""):
        self.calls = 0
        self._line = line

    async def get(self, _path, **_parameters):
        self.calls += 1
        await asyncio.sleep(0)
        return b'{"metadata":{"resourceVersion":"1"},"items":[]}'

    async def lines(self, _path, **_parameters):
        self.calls += 1
        await asyncio.sleep(0)
        if self._line:
            yield self._line


@pytest.mark.parametrize("line", [b"", b'{"type":"ERROR","object":{"code":410,"message":"too old"}}'])
@pytest.mark.parametrize("what", ["runs", "config"])
async def test_watches_that_end_at_once_are_begun_no_more_than_once_a_second(line, what):
    """Not as fast as the loop turns."""
    api = EndsAtOnce(line)
    follow = {
        "runs": lambda: Watch(api, SystemClock(), (), lambda *_: None).live(),
        "config": lambda: settings.follow_config(api, SystemClock(), "system", lambda *_: None),
    }[what]

    async def read():
        async for _ in follow():
            pass

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await read()

    assert api.calls <= 8


async def test_a_kind_that_is_not_served_yet_is_not_an_empty_one():
    """An API server that starts answers 404 for a while; history is read when it is there."""
    server = KubeApi()
    server.put(BUILD)
    server.faults = [(404, {})] * 4
    problems = []
    async with server.api() as api:
        watch = Watch(api, QuickClock(), (), lambda *problem: problems.append(problem))

        async def live():
            async for _ in watch.live():
                pass

        reading = asyncio.create_task(live())
        past = [found.key.name async for found, _ in watch.history()]
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    assert past == ["build"]
    assert [fault.reason for _, fault in problems] == [Reason.NOT_FOUND] * 4


@pytest.mark.parametrize(
    "name", ["../../../../../../api/v1/namespaces/kube-system/secrets/t", "..", "x?watch=1", "a/b", "", "%2e%2e", "a#b"]
)
async def test_a_childs_name_is_never_a_path(name):
    """A PipelineRun's status names its children, and we read with our own rights."""
    server = KubeApi()
    async with server.api() as api:
        source = cluster_runs(api, Watch(api, QuickClock(), (), print), lambda: RING, lambda _: True)

        assert await source.fetch(Key(kind="TaskRun", namespace="team", name=name)) is None
        assert server.calls == []


async def test_marks_that_do_not_fit_are_refused_once():
    """Annotations have 256 KiB together, and a tenant may have filled them: that is no change to read and try again."""
    cause = {
        "reason": "FieldValueTooLong",
        "field": "metadata.annotations",
        "message": "Too long: may not be more than 262144 bytes",
    }
    answer = json.dumps({"kind": "Status", "code": 422, "reason": "Invalid", "details": {"causes": [cause]}}).encode()

    class Full:
        calls = 0

        async def get(self, _path):
            return objects.body(BUILD)

        async def send(self, *_arguments, **_options):
            self.calls += 1
            return 422, answer

    api = Full()
    source = cluster_runs(api, Watch(api, QuickClock(), (), print), lambda: RING, lambda _: True)
    with pytest.raises(Permanent, match=r"metadata.annotations.*Too long"):
        await source.mark(objects.key(BUILD), BUILD["metadata"]["uid"], Mark(annotations={marks.SIGNED: "true"}, plan="p"))

    assert api.calls == 1

"""Whatever the API server and the network do: no run is missed, memory is bounded, and what went wrong is told."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from fakes import objects
from fakes.kube_api import KubeApi, QuickClock, until

from sealwright.core.errors import Permanent, Transient
from sealwright.edge.kube import client
from sealwright.edge.kube.watch import AHEAD, AHEAD_BYTES, Watch

TASKRUNS = "/apis/tekton.dev/v1/taskruns"


def builds(first, last):
    return [objects.task_run(f"build-{n}") for n in range(first, last)]


class Seen:
    """What a watch gave, in order; `gate` holds the reader back."""

    def __init__(self, api, namespaces=()):
        self.clock = QuickClock()
        self.problems = []
        self.watch = Watch(api, self.clock, namespaces, lambda _where, fault: self.problems.append(fault))
        self.found = []
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def names(self):
        return {notice.key.name for notice, _ in self.found}

    async def read(self):
        async for each in self.watch.live():
            await self.gate.wait()
            self.found.append(each)


@asynccontextmanager
async def watching(server, namespaces=()):
    async with server.api() as api:
        seen = Seen(api, namespaces)
        reading = asyncio.create_task(seen.read())
        try:
            await until(lambda: seen.watch.synced.is_set() and server.watches >= len(seen.watch._paths()))
            yield seen
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def test_what_comes_and_changes_is_given_with_its_own_bytes():
    """Both kinds; what goes is not work."""
    server = KubeApi()
    async with watching(server) as seen:
        put = server.put(objects.task_run("build"))
        server.put(objects.pipeline_run("release"))
        server.delete("taskruns", "team", "build")
        server.put(objects.task_run("last"))
        await until(lambda: seen.names == {"build", "release", "last"})

        assert len(seen.found) == 3
        assert objects.json.loads(seen.found[0][1]) == put or seen.found[0][0].key.name != "build"


async def test_history_is_given_page_by_page_and_the_watch_begins_before_it():
    """So nothing falls between the two. Pages have 400 items."""
    server = KubeApi()
    for each in builds(0, 900):
        server.put(each)
    async with watching(server) as seen:
        found = [notice.key.name async for notice, _ in seen.watch.history()]
        pages = [query for _, path, query in server.calls if path == TASKRUNS and query.get("limit") == "400"]

        assert found == sorted(f"build-{n}" for n in range(900))
        assert len(pages) == 3
        assert seen.found == []


async def cut(server):
    server.cut()


async def cut_in_a_line(server):
    server.cut(b'{"type":"ADDED","object":{"metadata":{"na')


async def expire(server):
    server.expire()
    server.cut()


async def expire_within(server):
    server.tell("taskruns", {"type": "ERROR", "object": {"code": 410, "message": "too old"}})


async def error_within(server):
    server.tell("taskruns", {"type": "ERROR", "object": {"code": 500, "message": "etcd is away"}})


async def poison(server):
    server.tell("taskruns", b'{"type":"ADDED","object":{"metadata":7}}\n')
    server.tell("taskruns", b'{"type":"ADDED","object":' + b"[" * 3000 + b"]" * 3000 + b"}\nnot json\n\xff\n\n{}\n")


async def go_silent(server):
    server.fall_silent()


def refuse(status, **headers):
    async def fault(server):
        server.faults = [(status, headers)] * 3
        server.cut()

    return fault


FAULTS = {
    "cut": cut,
    "cut in a line": cut_in_a_line,
    "410 at the next watch": expire,
    "410 as an event": expire_within,
    "500 as an event": error_within,
    "poison": poison,
    "silence": go_silent,
    "429": refuse(429, **{"Retry-After": "7"}),
    "403": refuse(403),
    "401": refuse(401),
    "410 as a status": refuse(410),
    "503": refuse(503),
    "504": refuse(504),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_no_run_is_missed_across_a_fault(fault, monkeypatch):
    """Before it, in its gap, and after it."""
    monkeypatch.setattr(client, "SILENCE_S", 0.15)
    server = KubeApi()
    async with watching(server) as seen:
        for each in builds(0, 5):
            server.put(each)
        await until(lambda: len(seen.names) == 5)
        await fault(server)
        for each in builds(5, 10):
            server.put(each)
        await until(lambda: len(seen.names) == 10)
        for each in builds(10, 15):
            server.put(each)
        await until(lambda: len(seen.names) == 15)

        assert seen.names == {f"build-{n}" for n in range(15)}
        assert all(isinstance(each, Transient | Permanent) for each in seen.problems)


async def test_a_servers_wish_to_wait_is_followed():
    """Retry-After, in seconds."""
    server = KubeApi()
    async with watching(server) as seen:
        await FAULTS["429"](server)
        await until(lambda: 7.0 in seen.clock.waits_s)


async def test_a_bookmark_moves_the_beginning_of_the_next_watch():
    """After it, compaction of what was before costs no second reading."""
    server = KubeApi()
    async with watching(server) as seen:
        for _ in range(3):
            server.bookmark("taskruns", "TaskRun")
        marked = server.version
        server.put(objects.pipeline_run("after"))
        await until(lambda: seen.names == {"after"})
        server.cut()
        await until(lambda: server.watches == 4)
        begun = [query["resourceVersion"] for _, path, query in server.calls if path == TASKRUNS and "watch" in query]

        assert begun[-1] == str(marked)


async def test_a_run_of_two_mebibytes_comes_through():
    """aiohttp's own limit for a line is far below."""
    server = KubeApi()
    async with watching(server) as seen:
        server.put(objects.task_run("large", annotations={"a": "x" * (2 << 20)}))
        server.put(objects.task_run("small"))
        await until(lambda: seen.names == {"large", "small"})


async def test_a_run_that_cannot_be_read_is_given_for_a_look_at_it():
    """The look tells what is wrong with it, and the others are not stopped."""
    server = KubeApi()
    odd = objects.task_run("odd") | {"status": {"conditions": "none"}, "spec": {"managedBy": 5}}
    server.put(odd)
    async with watching(server) as seen:
        past = [notice async for notice, _ in seen.watch.history()]
        server.put(odd)
        server.put(objects.task_run("even"))
        await until(lambda: seen.names == {"odd", "even"})

        assert [notice.key.name for notice in past] == ["odd"]
        assert not past[0].is_done


async def test_a_slow_reader_holds_the_server_back():
    """What waits is bounded by a number of events."""
    server = KubeApi()
    async with watching(server) as seen:
        seen.gate.clear()
        for each in builds(0, 3 * AHEAD):
            server.put(each)
        await until(lambda: seen.watch._events.qsize() == AHEAD)
        seen.gate.set()
        await until(lambda: len(seen.names) == 3 * AHEAD)


async def test_large_runs_that_wait_keep_no_more_than_eight_mebibytes():
    """Those beyond come without their JSON, which is read in its turn; a small one behind them still has it."""
    server = KubeApi()
    async with watching(server) as seen:
        seen.gate.clear()
        for n in range(12):
            server.put(objects.task_run(f"build-{n}", annotations={"a": "x" * (1 << 20)}))
        server.put(objects.task_run("small"))
        await until(lambda: seen.watch._events.qsize() == 12)
        waiting = seen.watch._waiting_bytes
        seen.gate.set()
        await until(lambda: len(seen.names) == 13)

        assert (7 << 20) < waiting <= AHEAD_BYTES
        assert seen.watch._waiting_bytes == 0
        assert 4 <= sum(not body for _, body in seen.found) <= 5
        assert seen.found[-1][1]


async def test_namespaces_are_limited_at_the_source():
    """Others are never asked for."""
    server = KubeApi()
    async with watching(server, ["a", "b"]) as seen:
        for namespace in "abc":
            server.put(objects.task_run(f"in-{namespace}", namespace=namespace))
        await until(lambda: seen.names == {"in-a", "in-b"})
        past = {notice.key.name async for notice, _ in seen.watch.history()}

        assert past == {"in-a", "in-b"}
        assert all("/namespaces/a/" in path or "/namespaces/b/" in path for _, path, _ in server.calls)


async def test_a_page_that_expired_begins_its_list_anew():
    """And faults in between are waited out."""
    server = KubeApi()
    for each in builds(0, 900):
        server.put(each)
    async with watching(server) as seen:
        server.expired_pages = 1
        server.faults = [(503, {}), (429, {})]
        found = {notice.key.name async for notice, _ in seen.watch.history()}

        assert len(found) == 900
        assert len(seen.problems) == 3

"""Events on a cluster: written beside the signing, dropped where the API server does not want them."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from fakes import looks
from fakes.clock import HandClock
from fakes.eventserver import EventServer

from sealwright.core.errors import Reason
from sealwright.edge.kube.events import PAUSE_S, Events
from sealwright.edge.kube.occurrences import AGAIN_S, EventReason
from sealwright.flow.reconcile import State

AT_S = 1_790_000_000.0
FAILED = looks.look(State.FAILED, failures=(looks.failure(),))


class Rig:
    """Events that are being sent to a server, with a clock that a test moves."""

    def __init__(self, server, api, **options):
        self.server = server
        self.clock = HandClock()
        self.ends = Counter()
        self.events = Events(
            api, self.clock, lambda: AT_S + self.clock.now_s(), lambda end: self.ends.update([end]), instance="pod-1", **options
        )

    async def pass_s(self, seconds):
        """So much time goes by, and what it sets off is done: the sender sleeps again."""
        await self.settled()
        await self.clock.advance(seconds)
        await self.settled()

    async def settled(self):
        async with asyncio.timeout(2):
            while not self.clock.sleeping:  # noqa: ASYNC110  its writes are real
                await asyncio.sleep(0)


@asynccontextmanager
async def rig(server=None, **options):
    server = server or EventServer()
    async with server.api() as api:
        made = Rig(server, api, **options)
        task = asyncio.ensure_future(made.events.send())
        try:
            yield made
        finally:
            task.cancel()


async def test_failure_is_told_on_the_run_itself():
    """Where `kubectl describe` shows it, with a reason to filter by."""
    async with rig() as here:
        here.events.run(FAILED)
        await here.pass_s(1)
    [((namespace, name), event)] = here.server.events.items()

    assert (namespace, name.rpartition(".")[0]) == ("team-a", "build")
    assert event["involvedObject"] == {
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "namespace": "team-a",
        "name": "build",
        "uid": "u1",
    }
    assert (event["type"], event["reason"], event["count"]) == ("Warning", "SigningFailed", 1)
    assert event["message"] == "StoreFailed: store: oci: no answer"
    assert here.ends == {"written": 1}


@pytest.mark.parametrize(("options", "written"), [({}, 0), ({"with_normal": True}, 2)])
async def test_success_is_an_event_only_where_it_is_asked_for(options, written):
    """By default a signed run costs no write but its mark (design D6)."""
    async with rig(**options) as here:
        here.events.run(looks.signed())
        here.events.run(looks.look(State.SKIPPED, uid="u2"))
        await here.pass_s(2)

    assert [event["type"] for event in here.server.events.values()] == ["Normal"] * written


async def test_failures_of_a_minute_are_two_writes():
    """The first at once, the others as one change."""
    async with rig() as here:
        for _ in range(30):
            here.events.run(FAILED)
            await here.pass_s(2)
        await here.pass_s(2)
    [event] = here.server.events.values()

    assert here.server.calls == [("POST", 201), ("PATCH", 200)]
    assert event["count"] == 30


async def test_event_that_expired_is_made_anew_and_one_from_before_a_restart_is_found_again():
    """Events live an hour, programs come and go: one Event for one thing all the same."""
    server = EventServer()
    async with rig(server) as here:
        here.events.run(FAILED)
        await here.pass_s(1)
        server.events.clear()
        here.events.run(FAILED)
        await here.pass_s(AGAIN_S)
    async with rig(server) as after:
        after.events.run(FAILED)
        await after.pass_s(1)

    assert server.calls == [("POST", 201), ("PATCH", 404), ("POST", 201), ("POST", 409), ("PATCH", 200)]
    assert len(server.events) == 1


async def test_namespace_that_is_gone_takes_none_and_stops_no_other():
    """Runs are deleted with their namespaces all the time."""
    async with rig() as here:
        here.server.gone.add("gone")
        here.events.run(looks.look(State.FAILED, about=looks.key(namespace="gone"), failures=(looks.failure(),)))
        here.events.run(looks.look(State.FAILED, uid="u2", failures=(looks.failure(),)))
        await here.pass_s(1)

    assert here.ends == {"dropped": 1, "written": 1}


async def test_server_that_pushes_back_is_left_alone_for_as_long_as_it_says():
    """What it refused is dropped and counted; what comes later carries the count."""
    async with rig() as here:
        here.server.refuse = (429, {"Retry-After": "120"})
        here.events.run(FAILED)
        await here.pass_s(1)
        for _ in range(50):
            here.events.run(FAILED)
            here.events.run(looks.look(State.FAILED, uid="u2", failures=(looks.failure(),)))
            await here.pass_s(2)
        refused = list(here.server.calls)
        here.server.refuse = None
        await here.pass_s(60)
        counts = sorted(event["count"] for event in here.server.events.values())

    assert refused == [("POST", 429)]
    assert counts == [50, 51]
    assert here.ends == {"dropped": 1, "written": 2}


async def test_three_refusals_in_a_row_are_a_reason_to_pause():
    """A missing right, or an API server that is down: it is tried again now and then."""
    async with rig() as here:
        here.server.refuse = (403, {})
        for number in range(20):
            here.events.run(looks.look(State.FAILED, uid=f"u{number}", failures=(looks.failure(),)))
        await here.pass_s(PAUSE_S - 1)
        soon = len(here.server.calls)
        await here.pass_s(PAUSE_S)

    assert soon == 3
    assert len(here.server.calls) == 4
    assert here.ends == {"dropped": 4}


async def test_spoofed_mark_is_told_too():
    """What no look reports has a door of its own."""
    async with rig() as here:
        here.events.tell(looks.key("PipelineRun"), "u9", EventReason.SPOOFED_MARK, f"{Reason.BAD_SIGNATURE}: not ours")
        await here.pass_s(1)
    [event] = here.server.events.values()

    assert (event["involvedObject"]["kind"], event["reason"], event["type"]) == ("PipelineRun", "SpoofedMark", "Warning")


async def test_telling_never_waits_for_the_api_server():
    """A thousand failures are noted while nothing answers, in memory that has a limit."""
    server = EventServer()
    async with server.api() as api:
        ends = Counter()
        events = Events(api, HandClock(), lambda: AT_S, lambda end: ends.update([end]), instance="")
        for number in range(3000):
            events.run(looks.look(State.FAILED, uid=f"u{number}", failures=(looks.failure(),)))

    assert server.calls == []
    assert ends == {"dropped": 3000 - 1024}

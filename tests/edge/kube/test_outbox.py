"""What is owed of runs that are gone waits in the cluster: once for each run, bounded, and read back as it was."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from fakes import sealed
from fakes.clock import HandClock
from fakes.kube_api import KubeApi

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.core.model import Artifact, Key, Origin, Payload, SignRequest
from sealwright.core.outbox import Owed, Pending
from sealwright.edge.kube import outbox
from sealwright.edge.kube.outbox import KubeOutbox
from sealwright.ports import FREE

KEY = Key(kind="TaskRun", namespace="team", name="build")
REQUEST = SignRequest(
    artifact=Artifact(sort="taskrun", key="taskrun-u", name="team/build"), format="f", signer="x509", stores=("oci",)
)
OWED = Owed(request=REQUEST, payload=Payload(media_type="m", body=sealed.body()))


def pending(uid="u", namespace="team", owed=OWED):
    key = Key(kind="TaskRun", namespace=namespace, name="build")
    return Pending(
        origin=Origin(key=key, uid=uid, service_account="builder"),
        anchor=f"anchor-of-{uid}",
        completed="2026-01-31T12:05:00Z",
        owed=(owed,),
    )


class Place:
    """An outbox over a server in memory. `held` are the anchors that are ours."""

    def __init__(self, api, server, scope):
        self.server, self.problems, self.held = server, [], None
        self.clock = HandClock()
        self.box = KubeOutbox(
            api, self.clock, "ours", scope=scope, claims=self.claim, on_problem=lambda *told: self.problems.append(told)
        )

    def claim(self, anchor):
        return FREE if self.held is None or anchor in self.held else None

    async def keys(self, count):
        """The next ones that it gives."""
        found = self.box.follow()
        return [(await anext(found))[0] for _ in range(count)]


@asynccontextmanager
async def place(scope=()):
    server = KubeApi()
    async with server.api() as api:
        yield Place(api, server, scope)


async def test_what_is_kept_is_found_and_read_as_it_was():
    """By any replica."""
    async with place() as found:
        await found.box.put(pending())
        (key,) = await found.keys(1)

        assert key == Key(kind="TaskRun", namespace="team", name="taskrun-u")
        assert await found.box.fetch(key) == pending()


async def test_a_run_is_kept_once():
    """Whoever keeps it again, perhaps after a crash, changes nothing."""
    async with place() as found:
        await found.box.put(pending())
        await found.box.put(pending())

        assert [each for resource, _, each in found.server.kept if resource == "pendingattestations"] == ["taskrun-u"]


async def test_what_is_settled_is_forgotten():
    """And asking for it again is no error."""
    async with place() as found:
        await found.box.put(pending())
        (key,) = await found.keys(1)
        await found.box.drop(key)
        await found.box.drop(key)

        assert await found.box.fetch(key) is None
        assert not found.server.kept


async def test_what_another_replica_holds_is_given_when_its_shard_comes_to_us():
    """Not before."""
    async with place() as found:
        await found.box.put(pending("mine"))
        await found.box.put(pending("theirs"))
        found.held = {"anchor-of-mine"}
        following = found.box.follow()
        first, _ = await anext(following)
        found.held = None
        waiting = anext(following)
        advance = found.clock.advance(outbox.POLL_S)
        (second, _), _ = await asyncio.gather(waiting, advance)

        assert (first.name, second.name) == ("taskrun-mine", "taskrun-theirs")


async def test_runs_of_namespaces_that_are_not_ours_are_left_alone():
    """Two installations may share a namespace of their own."""
    async with place(scope=("team",)) as found:
        await found.box.put(pending("a", namespace="other"))
        await found.box.put(pending("b"))

        assert [key.name for key in await found.keys(1)] == ["taskrun-b"]


async def test_the_outbox_has_an_end(monkeypatch):
    """What does not fit is refused, and said with its numbers."""
    monkeypatch.setattr(outbox, "COUNT_LIMIT", 2)
    async with place() as found:
        await found.box.put(pending("a"))
        await found.box.put(pending("b"))
        with pytest.raises(Transient, match=r"OutboxFull.*holds 2 runs"):
            await found.box.put(pending("c"))

        assert (found.box.load.count, found.box.load.size > 100) == (2, True)


async def test_one_run_has_an_end_too(monkeypatch):
    """etcd takes no more."""
    monkeypatch.setattr(outbox, "ONE_LIMIT", 10)
    async with place() as found:
        with pytest.raises(Permanent, match=Reason.TOO_LARGE):
            await found.box.put(pending())


async def test_a_cluster_without_the_kind_is_told_what_to_do():
    """The definition is part of deploy/."""
    async with place() as found:
        found.server.faults, found.server.is_faulty = [(404, {})], lambda method, _: method == "POST"
        with pytest.raises(Transient, match="apply deploy/ again"):
            await found.box.put(pending())


async def test_an_object_that_somebody_else_wrote_is_refused():
    """Clearly, and it stays."""
    async with place() as found:
        found.server.put({"kind": "PendingAttestation", "metadata": {"name": "x", "namespace": "ours"}, "spec": {"run": 7}})
        with pytest.raises(Permanent, match=Reason.INVALID_INPUT):
            await found.box.fetch(Key(kind="TaskRun", namespace="", name="x"))


async def test_a_server_that_does_not_answer_is_asked_again():
    """And said."""
    async with place() as found:
        await found.box.put(pending())
        found.server.faults, found.server.is_faulty = [(503, {})], lambda method, _: method == "GET"
        following = found.box.follow()
        (key, _), _ = await asyncio.gather(anext(following), found.clock.advance(2 * outbox.POLL_S))

        assert key.name == "taskrun-u"
        assert [where for where, _ in found.problems] == ["outbox"]

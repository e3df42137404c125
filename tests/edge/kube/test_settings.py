"""Configuration and receipt keys in our own namespace: followed, made once, and never guessed."""

import asyncio
import base64
from contextlib import asynccontextmanager

import pytest
from fakes.kube_api import KubeApi, QuickClock, until

from sealwright.core.errors import Permanent, Transient
from sealwright.edge.kube import client, settings

SPACE = "tekton-chains"


def config(**data):
    return {"kind": "ConfigMap", "metadata": {"name": settings.CONFIG, "namespace": SPACE}, "data": data}


def ring(**keys):
    data = {name: base64.b64encode(secret).decode() for name, secret in keys.items()}
    return {"kind": "Secret", "metadata": {"name": settings.RING, "namespace": SPACE}, "data": data}


class Followed:
    def __init__(self):
        self.clock = QuickClock()
        self.problems = []
        self.found = []

    def told(self, _where, fault):
        self.problems.append(fault)

    @property
    def data(self):
        return [dict(data) for _, data in self.found]


@asynccontextmanager
async def following(server):
    followed = Followed()
    async with server.api() as api:

        async def read():
            async for each in settings.follow_config(api, followed.clock, SPACE, followed.told):
                followed.found.append(each)

        reading = asyncio.create_task(read())
        try:
            await until(lambda: followed.found and server.watches)
            yield followed
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def test_the_configuration_is_given_now_and_after_each_change():
    """Also when it goes, and comes again; others in the namespace are not looked at."""
    server = KubeApi()
    server.put(config(a="1"))
    async with following(server) as followed:
        server.put(config(a="2"))
        await until(lambda: len(followed.found) == 2)
        server.put(config() | {"metadata": {"name": "other", "namespace": SPACE}})
        server.delete("configmaps", SPACE, settings.CONFIG)
        await until(lambda: len(followed.found) == 3)
        server.put(config(a="3"))
        await until(lambda: len(followed.found) == 4)

        assert followed.data == [{"a": "1"}, {"a": "2"}, {}, {"a": "3"}]
        assert len({version for version, _ in followed.found}) == 4


async def test_without_a_configmap_the_defaults_are_in_force_until_one_comes():
    """Its data is empty, as with Chains."""
    server = KubeApi()
    async with following(server) as followed:
        server.put(config(a="1"))
        await until(lambda: len(followed.found) == 2)

        assert followed.data == [{}, {"a": "1"}]


async def test_an_old_configmap_is_watched_without_asking_again_and_again():
    """Its own version is long compacted: the watch begins from that of the list."""
    server = KubeApi()
    server.put(config(a="1"))
    server.expire()
    async with following(server) as followed:
        asked = server.count("GET", "configmaps")
        server.put({"kind": "TaskRun", "metadata": {"name": "x", "namespace": "y"}})
        server.put(config(a="2"))
        await until(lambda: len(followed.found) == 2)

        assert asked == 1
        assert server.count("GET", "configmaps") == 2


@pytest.mark.parametrize("fault", ["cut", "silence", "403", "429", "garbage", "410"])
async def test_no_change_is_missed_across_a_fault(fault, monkeypatch):
    """The last one is always given; what could not be read is told."""
    monkeypatch.setattr(client, "SILENCE_S", 0.1)
    server = KubeApi()
    server.put(config(a="1"))
    async with following(server) as followed:
        if fault == "silence":
            server.fall_silent()
        elif fault == "garbage":
            server.tell("configmaps", b"not json\n")
        elif fault == "410":
            server.expire()
            server.cut()
        else:
            server.faults = [] if fault == "cut" else [(int(fault), {"Retry-After": "5"})] * 2
            server.cut()
        server.put(config(a="2"))
        await until(lambda: followed.data[-1] == {"a": "2"})

        assert bool(followed.problems) == (fault in ("403", "429", "garbage"))
        assert (5.0 in followed.clock.waits_s) == (fault == "429")


async def test_a_configmap_that_is_none_is_told_and_looked_at_again():
    """The last good one is left in force by not giving another."""
    server = KubeApi()
    server.put(config(a="1"))
    async with following(server) as followed:
        server.put(config() | {"data": 7})
        await until(lambda: followed.problems)
        server.put(config(a="3"))
        await until(lambda: len(followed.found) == 2)

        assert followed.data == [{"a": "1"}, {"a": "3"}]
        assert isinstance(followed.problems[0], Permanent)


async def test_two_that_start_together_have_one_ring():
    """Made by whoever comes first; it stays at later starts."""
    server = KubeApi()
    async with server.api() as api:
        rings = await asyncio.gather(*(settings.receipt_ring(api, SPACE) for _ in range(5)))
        later = await settings.receipt_ring(api, SPACE)

    assert all(each == later for each in rings)
    assert [(key.id, len(key.secret)) for key in later] == [("k1", 32)]
    assert server.get("secrets", SPACE, settings.RING)["type"] == "Opaque"


async def test_keys_of_the_ring_are_ordered_by_their_names():
    """The last is the newest, and makes receipts."""
    server = KubeApi()
    server.put(ring(k2=b"n" * 32, k1=b"o" * 32))
    async with server.api() as api:
        found = await settings.receipt_ring(api, SPACE)

    assert [(key.id, key.secret[:1]) for key in found] == [("k1", b"o"), ("k2", b"n")]


@pytest.mark.parametrize("keys", [{}, {"k1": b""}, {"k1": b"short"}, {"k1": b"x" * 32, "k2": b""}, {"k.1": b"x" * 32}])
async def test_a_ring_that_others_could_forge_or_nobody_could_read_is_refused(keys):
    """Empty, short or with a name that ends a receipt early: said, with what to do, and no secret in it."""
    server = KubeApi()
    server.put(ring(**keys))
    async with server.api() as api:
        with pytest.raises(Permanent, match=settings.RING):
            await settings.receipt_ring(api, SPACE)


@pytest.mark.parametrize("data", [{"k1": "%%%"}, {"k1": "a"}, "text", {"k1": 7}])
async def test_a_ring_that_is_no_ring_is_refused(data):
    """Whatever stands in the Secret, it is a fault and no crash."""
    server = KubeApi()
    server.put(ring() | {"data": data})
    async with server.api() as api:
        with pytest.raises(Permanent, match=settings.RING):
            await settings.receipt_ring(api, SPACE)


async def test_a_ring_that_may_not_be_read_yet_is_waited_for():
    """Rights may be bound later."""
    server = KubeApi()
    server.faults = [(403, {})]
    async with server.api() as api:
        with pytest.raises(Transient):
            await settings.receipt_ring(api, SPACE)

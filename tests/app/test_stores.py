"""The stores of a configuration: none stops another, each is opened and closed once."""

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from fakes.equipment import everywhere
from fakes.stores import MemoryStore

from sealwright import plugins
from sealwright.app.stores import OwnStores
from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Artifact, Attestation, Key, Origin, Payload, Signature
from sealwright.edge.stores import Tools

ORIGIN = Origin(key=Key(kind="TaskRun", namespace="ns", name="run"), uid="u")
ATTESTATION = Attestation(
    artifact=Artifact(sort="taskrun", key="taskrun-u", name="ns/run"),
    format="in-toto",
    payload=Payload(media_type="m", body=b"p"),
    signature=Signature(key_id="", raw=b"s"),
    envelope=b"e",
)


class Member:
    """A file of the room. `faults` are raised at opening, once each."""

    def __init__(self, word, *faults):
        self.store = MemoryStore(word)
        self.faults = list(faults)
        self.settings = []
        self.opened = self.closed = 0

    @asynccontextmanager
    async def open(self, settings, _tools):
        self.settings.append(settings)
        if self.faults:
            raise self.faults.pop(0)
        self.opened += 1
        yield self.store
        self.closed += 1


@pytest.fixture
def room(monkeypatch):
    """A good store, and one that fails to open twice."""
    failing = Permanent(Reason.INVALID_CONFIG, "storage.bad.url is not set")
    members = {"good": Member("good"), "bad": Member("bad", failing, failing)}
    monkeypatch.setattr(plugins, "members", lambda _room: members)
    return SimpleNamespace(**members, stores=OwnStores(everywhere(members), Tools()))


async def test_one_that_cannot_be_opened_stops_no_other(room):
    """Its own requests say why; one bad setting disables every store of Chains."""
    faults = await room.stores.open()
    by_word = room.stores.by_word

    assert {word: fault.message for word, fault in faults.items()} == {"bad": "storage.bad.url is not set"}
    assert (await by_word["good"].put(ATTESTATION, ORIGIN)).store == "good"
    with pytest.raises(Permanent, match=r"storage\.bad\.url is not set"):
        await by_word["bad"].put(ATTESTATION, ORIGIN)


async def test_one_that_could_not_be_opened_is_tried_again_by_each_request(room):
    """A file that another container writes may come late."""
    await room.stores.open()
    bad = room.stores.by_word["bad"]
    with pytest.raises(Permanent):
        await bad.put(ATTESTATION, ORIGIN)

    assert (await bad.put(ATTESTATION, ORIGIN)).store == "bad"
    assert await bad.find(ATTESTATION.artifact, ORIGIN) == [ATTESTATION]


async def test_each_is_opened_once_and_closed_once(room):
    """Also by many requests at the same time."""
    good = room.stores.by_word["good"]
    await asyncio.gather(*(good.put(ATTESTATION, ORIGIN) for _ in range(20)))
    await room.stores.close()
    await room.stores.close()

    assert (room.good.opened, room.good.closed) == (1, 1)


async def test_who_took_a_store_before_it_was_closed_still_ends_with_it(room):
    """A configuration is swapped while runs are being signed: the last of them closes it."""
    good = room.stores.by_word["good"]
    room.good.store.hang()
    under_way = asyncio.ensure_future(good.put(ATTESTATION, ORIGIN))
    for _ in range(5):
        await asyncio.sleep(0)
    await room.stores.close()
    assert room.good.closed == 0
    room.good.store.release()

    assert (await under_way).store == "good"
    assert room.good.closed == 1
    # A look that began under the old configuration may ask even later.
    assert (await good.put(ATTESTATION, ORIGIN)).store == "good"
    assert (room.good.opened, room.good.closed) == (2, 2)

"""The equipment in force: taken as a whole, kept when a change is bad, tried again while there is none."""

import asyncio
from dataclasses import replace

import pytest
from fakes.clock import HandClock, idle
from fakes.equipment import equipment

from sealwright.app.gear import Gear
from sealwright.app.running import REFRESH_S
from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Finding


class Changes:
    """Configurations as they come from the cluster."""

    def __init__(self):
        self._queue = asyncio.Queue()

    def give(self, version, **data):
        self._queue.put_nowait((version, data))

    async def __aiter__(self):
        while True:
            yield await self._queue.get()


class Shop:
    """Opens what a configuration asks for; `bad: yes` cannot be opened, and nothing can while `is_closed`."""

    def __init__(self, clock):
        self._clock = clock
        self.is_closed = False
        self.delays_s = []
        self.closed = []
        self.taken, self.refused = [], []

    async def equip(self, data):
        if self.is_closed or data.get("bad"):
            raise Permanent(Reason.INVALID_CONFIG, "bad is no setting")
        if self.delays_s:
            await self._clock.sleep(self.delays_s.pop())

        async def close():
            self.closed.append(data.get("id"))

        tools = replace(equipment({}, **{"builder.id": data.get("id", "one")}), close=close)
        return tools, (Finding(where="warned", message=str(data)),)


@pytest.fixture
async def followed():
    changes, clock = Changes(), HandClock()
    shop = Shop(clock)
    gear = Gear(shop.equip, clock, shop.taken.append, shop.refused.append)
    task = asyncio.ensure_future(gear.follow(changes.__aiter__()))
    yield gear, shop, changes, clock
    task.cancel()


async def test_a_good_change_is_taken_as_a_whole(followed):
    """From the next look on, and said."""
    gear, shop, changes, _ = followed
    changes.give("1", id="one")
    await gear.ready()
    first = gear.current()
    changes.give("2", id="two")
    await idle()

    assert (first.config.builder_id, gear.current().config.builder_id) == ("one", "two")
    assert (gear.version, shop.taken, gear.obstacle) == ("2", ["1", "2"], None)


async def test_a_bad_change_leaves_the_last_good_one(followed):
    """It is visible as a warning, and the controller stays ready."""
    gear, shop, changes, _ = followed
    changes.give("1", id="one")
    await gear.ready()
    changes.give("2", bad="yes")
    await idle()

    assert gear.current().config.builder_id == "one"
    assert gear.obstacle is None
    assert "version 2 is refused" in gear.warnings[0].message
    assert [fault.reason for fault in shop.refused] == [Reason.INVALID_CONFIG]


async def test_a_configuration_that_is_tried_again_never_replaces_a_newer_one(followed):
    """Opening a key takes a while, and the newer one comes meanwhile."""
    gear, shop, changes, clock = followed
    shop.is_closed = True
    changes.give("1", id="old")
    await idle()
    shop.is_closed = False
    shop.delays_s = [5.0]
    await clock.advance(REFRESH_S)
    changes.give("2", id="new")
    await idle()
    await clock.advance(5.0)

    assert shop.taken == ["1", "2"]
    assert (gear.version, gear.current().config.builder_id) == ("2", "new")


async def test_without_a_good_one_it_is_not_ready_and_tries_again(followed):
    """A key that comes later is found without any change of the configuration."""
    gear, shop, changes, clock = followed
    shop.is_closed = True
    changes.give("1")
    await idle()
    assert "INVALID" not in str(gear.obstacle)
    assert "bad is no setting" in gear.obstacle.message
    with pytest.raises(Permanent):
        gear.current()

    shop.is_closed = False
    await clock.advance(REFRESH_S)
    await gear.ready()

    assert gear.obstacle is None
    assert gear.version == "1"


async def test_what_is_replaced_is_closed_and_what_is_in_force_is_not(followed):
    """Until the end, which closes it too."""
    gear, shop, changes, _ = followed
    for name in ("one", "two"):
        changes.give(name, id=name)
    changes.give("3", bad="yes")
    await idle()

    assert shop.closed == ["one"]
    await gear.close()
    assert shop.closed == ["one", "two"]


async def test_nothing_is_closed_where_nothing_was_opened():
    """A controller may be stopped before it has read its configuration."""
    shop = Shop(HandClock())
    await Gear(shop.equip, HandClock(), shop.taken.append, shop.refused.append).close()

    assert shop.closed == []

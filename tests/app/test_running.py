"""How the controller ends: by a signal, by its own end, or by a failure that must not look like either."""

import asyncio
import os
import signal

import pytest

from sealwright.app.running import until_signal


async def test_a_signal_ends_it_and_is_said():
    """The story is cancelled, and that is no failure."""

    async def story():
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    assert await until_signal(story())


async def test_its_own_end_is_no_signal():
    """As with `--once`."""

    async def story():
        pass

    assert not await until_signal(story())


async def test_a_story_that_is_cancelled_from_inside_has_failed():
    """A task group cancels whoever opened it when one of its members fails: exit code 0 would hide that."""

    async def story():
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="no signal"):
        await until_signal(story())


async def test_what_it_raises_is_raised():
    """Also while it is waited for."""

    async def story():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await until_signal(story())

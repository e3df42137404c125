"""What every way to run the controller shares: its end by a signal, and keys that change on disk."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from sealwright.core.errors import Fault
from sealwright.edge.reports import Log
from sealwright.edge.signing import CheckedSigner
from sealwright.ports import Clock

# Kubelets renew a mounted Secret about once a minute; looking more often costs three stat calls.
REFRESH_S = 10.0


async def until_signal(story: Coroutine[Any, Any, None], wind_down: Callable[[], Awaitable[None]] | None = None) -> bool:
    """Run the story to its end, or to SIGTERM or SIGINT, which cancel it; true if a signal was the end.

    `wind_down` is awaited between a first signal and the cancellation; a second signal does not wait for it.
    A story that is cancelled from inside raises: it must never look like one that was asked to stop.
    """
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(story)
    ending: asyncio.Task[None] | None = None
    is_asked = False

    async def end() -> None:
        try:
            if wind_down:
                await wind_down()
        finally:
            running.cancel()

    def stop() -> None:
        nonlocal is_asked, ending
        is_asked = True
        if ending:
            running.cancel()
        else:
            ending = loop.create_task(end())

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await asyncio.wait({running})
        if running.cancelled() and not is_asked:
            raise RuntimeError("the controller was cancelled, and no signal asked for it: one of its tasks has failed")
        if not running.cancelled():
            await running
        return running.cancelled()
    finally:
        if ending:
            ending.cancel()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def refresh_keys(signers: Callable[[], Iterable[CheckedSigner]], clock: Clock, log: Log) -> None:
    """Follow changed keys for ever, in files and services; one that cannot be read leaves the last good one signing."""

    async def refresh(signer: CheckedSigner) -> None:
        try:
            if await signer.refresh():
                log.note("took a new key", key_id=signer.key_id)
        except Fault as fault:
            log.problem("signing key", fault)

    while True:
        await clock.sleep(REFRESH_S)
        await asyncio.gather(*map(refresh, signers()))


def together(*closers: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """One way to close all of these, also where one will not."""

    async def close() -> None:
        await asyncio.gather(*(each() for each in closers), return_exceptions=True)

    return close

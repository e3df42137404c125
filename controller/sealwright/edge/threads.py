"""Threads for libraries that cannot wait asynchronously, and that may hang in C where nothing can stop them.

They are daemons: a call that never ends does not keep the process from ending. As many as are allowed are under way at once,
the forgotten ones counted, so that a dead device costs a few threads and not one for each signature.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from sealwright.core.errors import Reason, Transient

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """`limit` is how many calls may be under way; `where` names the library's peer in messages."""

    def __init__(self, where: str, limit: int) -> None:
        self._where, self._limit = where, limit
        self._busy = 0

    async def run(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """What the work returns or raises. Cancelled, the caller goes on and the thread ends when it can.

        Raises Transient(UNAVAILABLE) when `limit` calls are under way: callers have a limit of their own, so these hang.
        """
        if self._busy >= self._limit:
            raise Transient(Reason.UNAVAILABLE, f"{self._where}: {self._busy} calls are under way and none has come back")
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[T] = loop.create_future()

        def settle(tell: Callable[[], None]) -> None:
            self._busy -= 1
            if not ended.cancelled():
                tell()

        def thread() -> None:
            tell: Callable[[], None]
            try:
                result = work(*arguments, **named)
                tell = partial(ended.set_result, result)
            except BaseException as error:  # noqa: BLE001  it is raised again where it was awaited
                tell = partial(ended.set_exception, error)
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile, and nobody waits
                loop.call_soon_threadsafe(settle, tell)

        self._busy += 1
        threading.Thread(target=thread, name=self._where, daemon=True).start()
        return await ended

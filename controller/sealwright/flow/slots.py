"""Few looks at a time, and room for many that only wait for somebody far away.

A look that is about to wait for a registry says so (`step_aside`), and its slot goes to the next: 1,000 registries that never
answer then hold 1,000 small things in memory, and no worker. After that wait it does one write, so it needs no slot again;
whoever waited for one there could wait for a look that waits for him.

Which look is meant goes with the task and those that it starts, so nothing between the worker and the store has to pass it on.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

# How many may stand aside, and with how many bytes in all; above that a look keeps its slot while it waits.
ASIDE, ASIDE_BYTES = 1024, 64 << 20


class _Slot:
    def __init__(self, slots: "Slots") -> None:
        self._slots = slots
        self._bytes: int | None = None

    def step_aside(self, size_bytes: int) -> None:
        slots = self._slots
        if self._bytes is None and slots.aside < ASIDE and slots.aside_bytes + size_bytes <= ASIDE_BYTES:
            self._bytes = size_bytes
            slots.aside += 1
            slots.aside_bytes += size_bytes
            slots.free.release()

    def end(self) -> None:
        if self._bytes is None:
            self._slots.free.release()
        else:
            self._slots.aside -= 1
            self._slots.aside_bytes -= self._bytes


_current: ContextVar[_Slot | None] = ContextVar("slot", default=None)


class Slots:
    """`count` looks at a time. `aside` and `aside_bytes` are what stands aside now."""

    def __init__(self, count: int) -> None:
        self.free = asyncio.Semaphore(count)
        self.aside = 0
        self.aside_bytes = 0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """For one look."""
        await self.free.acquire()
        slot = _Slot(self)
        token = _current.set(slot)
        try:
            yield
        finally:
            _current.reset(token)
            slot.end()


def step_aside(size_bytes: int) -> None:
    """The look that this belongs to waits for somebody far away, and holds so many bytes meanwhile."""
    slot = _current.get()
    if slot is not None:
        slot.step_aside(size_bytes)

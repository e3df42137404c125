"""The equipment in force: swapped as a whole when the ConfigMap or a key changes, kept when the change is bad."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from sealwright.app.running import REFRESH_S
from sealwright.core.errors import Fault, Permanent, Reason, Transient
from sealwright.core.model import Finding
from sealwright.ports import Clock, Equipment

Equip = Callable[[Mapping[str, str]], Awaitable[tuple[Equipment, tuple[Finding, ...]]]]
_CONFIG = "ConfigMap chains-config"


class Gear:
    """`equip` opens what a configuration names. `on_taken` is told of each version in force, `on_refused` of each bad one."""

    def __init__(self, equip: Equip, clock: Clock, on_taken: Callable[[str], None], on_refused: Callable[[Fault], None]) -> None:
        self._equip = equip
        self._clock = clock
        self._on_taken = on_taken
        self._on_refused = on_refused
        self._current: Equipment | None = None
        self._refused: tuple[str, Mapping[str, str]] | None = None
        self._may_mend = False  # whether what was refused lacks something that waiting may bring
        self._first = asyncio.Event()
        self._turn = asyncio.Lock()  # one at a time: what was refused before must not come after what is newer
        self.version = ""
        self.warnings: tuple[Finding, ...] = ()
        self.obstacle: Finding | None = Finding(where=_CONFIG, message="it has not been read yet")

    def current(self) -> Equipment:
        """What is in force. Only after `ready`."""
        if self._current is None:
            raise Permanent(Reason.INVALID_CONFIG, "no configuration has been taken yet")
        return self._current

    async def close(self) -> None:
        """Let go of what is in force, at the end."""
        if self._current:
            await self._current.close()

    async def ready(self) -> None:
        """Until there is something to sign with."""
        await self._first.wait()

    async def follow(self, changes: AsyncIterator[tuple[str, Mapping[str, str]]]) -> None:
        """Take each change, for ever. What was refused is tried again now and then, while nothing is in force or where waiting
        may help: the key it lacks may come, the key service answer.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._retry())
            async for version, data in changes:
                await self._take(version, data)

    async def _retry(self) -> None:
        while True:
            await self._clock.sleep(REFRESH_S)
            async with self._turn:
                if self._refused and (self._current is None or self._may_mend):
                    await self._open(*self._refused)

    async def _take(self, version: str, data: Mapping[str, str]) -> None:
        async with self._turn:
            await self._open(version, data)

    async def _open(self, version: str, data: Mapping[str, str]) -> None:
        try:
            taken, warnings = await self._equip(data)
        except Fault as fault:
            self._refused, self._may_mend = (version, data), isinstance(fault, Transient)
            if self._current is None:
                self.obstacle = Finding(where=_CONFIG, message=str(fault))
            self.warnings = (Finding(where=_CONFIG, message=f"version {version} is refused: {fault}"),)
            self._on_refused(fault)
            return
        before, self._current, self.warnings = self._current, taken, warnings
        self._refused, self.obstacle, self.version = None, None, version
        self._on_taken(version)
        self._first.set()
        if before:
            await before.close()

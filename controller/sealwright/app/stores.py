"""The stores of one configuration: opened with it, closed with it, and none of them stops another.

A store that cannot be opened fails its own requests, in the words that it failed with, and each of them tries again: the
library may be missing for ever, but a file that another container writes comes.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from types import ModuleType

from sealwright import plugins
from sealwright.core.config import Config, Settings
from sealwright.core.errors import Fault
from sealwright.core.model import Artifact, Attestation, Origin, Receipt
from sealwright.edge.stores import Tools
from sealwright.flow.slots import step_aside
from sealwright.ports import Store

ROOM = "sealwright.edge.stores"


class OwnStore:
    """A member of the room with its settings. Whoever took it before it was closed still ends with it open."""

    def __init__(self, member: ModuleType, settings: Settings, tools: Tools) -> None:
        self._member, self._settings, self._tools = member, settings, tools
        self._turn = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._store: Store | None = None
        self._users = 0
        self._is_closed = False

    async def put(self, attestation: Attestation, origin: Origin) -> Receipt:
        if getattr(self._member, "IS_FAR", False):
            step_aside(len(attestation.stored_signature) + len(attestation.payload.body))
        async with self.using() as store:
            return await store.put(attestation, origin)

    async def find(self, artifact: Artifact, origin: Origin) -> Sequence[Attestation]:
        async with self.using() as store:
            return await store.find(artifact, origin)

    @asynccontextmanager
    async def using(self) -> AsyncIterator[Store]:
        """The open store. Raises what opening raises."""
        self._users += 1
        try:
            yield await self._open()
        finally:
            self._users -= 1
            await self._close_if_done()

    async def close(self) -> None:
        """When the last who uses it has ended."""
        self._is_closed = True
        await self._close_if_done()

    async def _open(self) -> Store:
        async with self._turn:
            if self._store is None:
                opened: Store = await self._stack.enter_async_context(self._member.open(self._settings, self._tools))
                self._store = opened
            return self._store

    async def _close_if_done(self) -> None:
        if self._is_closed and not self._users:
            async with self._turn:
                self._store = None
                await self._stack.aclose()


class OwnStores:
    """The stores that a configuration names, by their words."""

    def __init__(self, config: Config, tools: Tools) -> None:
        rooms = plugins.members(ROOM)
        tools = replace(tools, key_reference=str(config.signers["kms"].get("kmsref", "")))
        self.by_word: Mapping[str, OwnStore] = {
            word: OwnStore(rooms[word], config.storage.get(word, {}), tools) for word in sorted(config.stores_in_use)
        }

    async def open(self) -> Mapping[str, Fault]:
        """Open all at once; by their words, those that could not be, and why."""
        faults = await asyncio.gather(*map(_try, self.by_word.values()))
        return {word: fault for word, fault in zip(self.by_word, faults, strict=True) if fault}

    async def close(self) -> None:
        """All of them, also where one will not."""
        await asyncio.gather(*(store.close() for store in self.by_word.values()), return_exceptions=True)


async def _try(store: OwnStore) -> Fault | None:
    try:
        async with store.using():
            return None
    except Fault as fault:
        return fault

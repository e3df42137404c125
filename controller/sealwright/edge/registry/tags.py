"""cosign's tags in a registry: layers are added to a manifest that others add to as well, and none is lost.

A tag is read, extended and written again, and registries have nothing to compare with in between (few look at `If-Match`).
So: one writer for each tag in this process, who takes along what waits; between reading and writing no more than the upload
of two small blobs; and after writing, a pause that is longer than that, then a look. Whoever read before our write has
written by then, and what he overwrote we add again (hack/adr/0007).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from sealwright.core import oci
from sealwright.core.envelope import cosign
from sealwright.core.errors import Fault, Reason, Transient
from sealwright.core.model import value
from sealwright.core.oci import Descriptor, Layer
from sealwright.edge.registry.repository import Manifest, Repository
from sealwright.edge.registry.together import together
from sealwright.ports import Clock

# Times that a tag is read; each but the last may end in a write. With two writers each takes two or three.
ROUNDS = 12
# At least so long between writing and looking; and so many times what our own reading and writing took.
PAUSE_S, PAUSE_TIMES, PAUSE_CAP_S = 0.2, 3.0, 5.0


@value
class _Asked:
    layer: Layer
    done: asyncio.Future[None]


class TagWriter:
    """`append` returns once the layer stands below the tag and has outlasted other writers. `chance` spreads those in [0, 1)."""

    def __init__(self, clock: Clock, chance: Callable[[], float]) -> None:
        self._clock = clock
        self._chance = chance
        self._turns: dict[Any, asyncio.Lock] = {}
        self._waiting: dict[Any, list[_Asked]] = {}

    async def append(self, repository: Repository, tag: str, layer: Layer) -> None:
        """Add it, unless a layer with the same bytes and the same signature is there."""
        place = (repository.visitor.endpoint, repository.name, tag)
        # Whoever writes for others writes with his own login, so only the same owner's layers go along.
        group = (*place, repository.visitor.owner)
        asked = _Asked(layer=layer, done=asyncio.get_running_loop().create_future())
        self._waiting.setdefault(group, []).append(asked)
        turn = self._turns.setdefault(place, asyncio.Lock())
        try:
            async with turn:
                if not asked.done.done():
                    await self._write_all(repository, tag, self._waiting[group])
            await asked.done
        finally:
            self._leave(place, group, asked, turn)

    def _leave(self, place: Any, group: Any, asked: _Asked, turn: asyncio.Lock) -> None:
        waiting = self._waiting.get(group, [])
        if asked in waiting:
            waiting.remove(asked)
        if not waiting:
            self._waiting.pop(group, None)
        if not turn.locked() and not any(each[:3] == place for each in self._waiting):
            self._turns.pop(place, None)

    async def _write_all(self, repository: Repository, tag: str, waiting: list[_Asked]) -> None:
        """All that wait now, in one go; they share what becomes of it."""
        taken = [each for each in waiting if not each.done.done()]
        try:
            await self._write(repository, tag, [each.layer for each in taken])
        except Fault as fault:
            for each in taken:
                each.done.set_exception(fault)
                each.done.exception()  # told, also where who asked has gone
        else:
            for each in taken:
                each.done.set_result(None)

    async def _write(self, repository: Repository, tag: str, layers: Sequence[Layer]) -> None:
        wanted = {_identity(layer.descriptor): layer for layer in layers}
        uploaded: set[str] = set()
        for _ in range(ROUNDS):
            begun_s = self._clock.now_s()
            found = await repository.manifest(tag)
            missing = _missing(found, wanted, f"{repository.name}:{tag}")
            if not missing:
                return
            if await self._extend(repository, tag, found, missing, uploaded):
                pause_s = min(max(PAUSE_S, PAUSE_TIMES * (self._clock.now_s() - begun_s)), PAUSE_CAP_S)
                await self._clock.sleep(pause_s * (1 + self._chance() / 2))
        why = "others write to it all the time, or the registry does not keep what it takes"
        raise Transient(Reason.STORE_FAILED, f"{repository.name}:{tag}: written {ROUNDS} times and not there afterwards: {why}")

    async def _extend(
        self, repository: Repository, tag: str, found: Manifest | None, missing: Sequence[Layer], uploaded: set[str]
    ) -> bool:
        """Write the tag with these layers too; false where somebody was quicker, and the registry says so."""
        described = [layer.descriptor for layer in missing]
        body, config = (
            oci.extended(found.body, described, f"{repository.name}:{tag}")
            if found
            else (oci.manifest(described), oci.config(described))
        )
        blobs = {oci.digest_of(blob): blob for blob in (*(layer.body for layer in missing), config)}
        await together([repository.put_blob(blob) for digest, blob in blobs.items() if digest not in uploaded])
        uploaded |= blobs.keys()
        media_type = found.media_type if found and found.media_type else oci.MANIFEST_TYPE
        return await repository.put_manifest(tag, body, media_type, found.etag if found else "") is not None


def _missing(found: Manifest | None, wanted: dict[tuple[str, str], Layer], what: str) -> list[Layer]:
    there = {_identity(each) for each in oci.read_manifest(found.body, what).layers} if found else set()
    return [layer for identity, layer in wanted.items() if identity not in there]


def _identity(layer: Descriptor) -> tuple[str, str]:
    """A re-signed image has the same payload, so the signature counts; Chains skips it after a key rotation."""
    return layer.digest, layer.annotations.get(cosign.SIGNATURE, "")

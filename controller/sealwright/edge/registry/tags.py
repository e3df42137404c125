"""Tags in a registry to which several write: something is added to a manifest that others add to as well, and none is lost.

A tag is read, extended and written again, and registries have nothing to compare with in between (few look at `If-Match`).
So: one writer for each tag in this process, who takes along what waits; between reading and writing no more than the upload
of two small blobs; and after writing, a pause that is longer than that, then a look. Whoever read before our write has
written by then, and what he overwrote we add again (hack/adr/0040).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sealwright.core import oci
from sealwright.core.envelope import cosign
from sealwright.core.errors import Fault, Reason, Transient
from sealwright.core.model import value
from sealwright.core.oci import Descriptor, Layer, Referrer
from sealwright.edge.registry.repository import Manifest, Repository
from sealwright.edge.registry.together import together
from sealwright.ports import Clock

# Times that a tag is read; each but the last may end in a write. With two writers each takes two or three.
ROUNDS = 12
# At least so long between writing and looking; and so many times what our own reading and writing took.
PAUSE_S, PAUSE_TIMES, PAUSE_CAP_S = 0.2, 3.0, 5.0


@value
class Extended:
    """A tag's next manifest, and the blobs that must be there before it."""

    body: bytes
    media_type: str
    blobs: tuple[bytes, ...] = ()


class Addition(Protocol):
    """Something that goes below a tag. All that are added to one tag are of one kind."""

    @property
    def identity(self) -> Any:
        """Equal to that of what is there already if it need not be added."""

    def identities(self, body: bytes, what: str) -> set[Any]:
        """Those of all that a manifest holds."""

    def extend(self, body: bytes | None, more: Sequence[Any], what: str) -> Extended:
        """The manifest with `more`, of which this is one."""


@value
class LayerAddition:
    """A layer below cosign's `.sig` or `.att` tag."""

    layer: Layer

    @property
    def identity(self) -> tuple[str, str]:
        return _identity(self.layer.descriptor)

    def identities(self, body: bytes, what: str) -> set[tuple[str, str]]:
        return {_identity(each) for each in oci.read_manifest(body, what).layers}

    def extend(self, body: bytes | None, more: Sequence["LayerAddition"], what: str) -> Extended:
        described = [each.layer.descriptor for each in more]
        written, config = oci.extended(body, described, what) if body else (oci.manifest(described), oci.config(described))
        return Extended(body=written, media_type=oci.MANIFEST_TYPE, blobs=(*(each.layer.body for each in more), config))


@value
class ReferrerAddition:
    """An entry of the index that stands for a referrers API where there is none."""

    entry: Referrer

    @property
    def identity(self) -> str:
        return self.entry.digest

    def identities(self, body: bytes, what: str) -> set[str]:
        return {each.digest for each in oci.read_index(body, what)}

    def extend(self, body: bytes | None, more: Sequence["ReferrerAddition"], what: str) -> Extended:
        return Extended(body=oci.extended_index(body, [each.entry for each in more], what), media_type=oci.INDEX_TYPE)


def _identity(layer: Descriptor) -> tuple[str, str]:
    """A re-signed image has the same payload, so the signature counts; Chains skips it after a key rotation."""
    return layer.digest, layer.annotations.get(cosign.SIGNATURE, "")


@value
class _Asked:
    addition: Addition
    done: asyncio.Future[None]


class TagWriter:
    """`append` returns once it stands below the tag and has outlasted other writers. `chance` spreads those, in [0, 1)."""

    def __init__(self, clock: Clock, chance: Callable[[], float]) -> None:
        self._clock = clock
        self._chance = chance
        self._turns: dict[Any, asyncio.Lock] = {}
        self._waiting: dict[Any, list[_Asked]] = {}

    async def append(self, repository: Repository, tag: str, addition: Addition) -> None:
        """Add it, unless it is there."""
        place = (repository.visitor.endpoint, repository.name, tag)
        # Whoever writes for others writes with his own login, so only what is the same owner's goes along.
        group = (*place, repository.visitor.owner)
        asked = _Asked(addition=addition, done=asyncio.get_running_loop().create_future())
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
            await self._write(repository, tag, [each.addition for each in taken])
        except Fault as fault:
            for each in taken:
                each.done.set_exception(fault)
                each.done.exception()  # told, also where who asked has gone
        else:
            for each in taken:
                each.done.set_result(None)

    async def _write(self, repository: Repository, tag: str, additions: Sequence[Addition]) -> None:
        what = f"{repository.name}:{tag}"
        wanted = {each.identity: each for each in additions}
        uploaded: set[bytes] = set()
        for _ in range(ROUNDS):
            found = await repository.manifest(tag)
            begun_s = self._clock.now_s()
            there = additions[0].identities(found.body, what) if found else set()
            missing = [each for identity, each in wanted.items() if identity not in there]
            if not missing:
                return
            made = missing[0].extend(found.body if found else None, missing, what)
            if await self._put(repository, tag, found, made, uploaded):
                pause_s = min(max(PAUSE_S, PAUSE_TIMES * (self._clock.now_s() - begun_s)), PAUSE_CAP_S)
                await self._clock.sleep(pause_s * (1 + self._chance() / 2))
        why = "others write to it all the time, or the registry does not keep what it takes"
        raise Transient(Reason.STORE_FAILED, f"{what}: written {ROUNDS} times and not there afterwards: {why}")

    async def _put(self, repository: Repository, tag: str, found: Manifest | None, made: Extended, uploaded: set[bytes]) -> bool:
        """Write the tag; false where somebody was quicker, and the registry says so."""
        new = set(made.blobs) - uploaded
        await together([repository.put_blob(blob) for blob in new])
        uploaded |= new
        media_type = found.media_type if found and found.media_type else made.media_type
        return await repository.put_manifest(tag, made.body, media_type, found.etag if found else "") is not None

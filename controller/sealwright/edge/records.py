"""Records in a bucket, whichever it is: Chains' names, created and never overwritten, read back before they count.

An acknowledged write that cannot be read back is a failure (T29): Chains believes Google Cloud Storage before it has said so.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from sealwright.core.envelope import record
from sealwright.core.errors import Permanent, Reason, Transient, quote
from sealwright.core.model import Artifact, Attestation, Origin, Receipt
from sealwright.core.oci import digest_of

# Objects of one run that are looked through for those of one artifact.
NAMES_LIMIT = 10_000
# The largest part that is read: above any statement that is signed (design D21), base64 and all.
PART_LIMIT = 16 << 20


class Bucket(Protocol):
    """Bytes under names with slashes. Raises Fault."""

    async def create(self, name: str, body: bytes) -> None:
        """Put it there if nothing is; what is there stays. Whole or not at all."""

    async def read(self, name: str) -> bytes | None:
        """The bytes, up to PART_LIMIT; None where there are none."""

    async def names(self, folder: str) -> Sequence[str]:
        """Of what lies directly in a folder, without the folder, at most NAMES_LIMIT of them."""


class RecordStore:
    """`ports.Store` over a bucket. `where` is the address before a name, for people."""

    def __init__(self, word: str, bucket: Bucket, where: str) -> None:
        self._word, self._bucket, self._where = word, bucket, where

    async def put(self, attestation: Attestation, origin: Origin) -> Receipt:
        """Keep it under Chains' name, or beside what is there under that name already."""
        folder, parts = record.folder(origin), record.parts(attestation)
        for name in record.names(attestation):
            place = f"{folder}/{name}"
            if await self._keep(place, parts):
                digest = digest_of(attestation.stored_signature)
                return Receipt(store=self._word, uri=f"{self._where}{place}.signature", digest=digest)
        message = f"{self._where}{place}.*: something else is kept under a name that only this can have; remove it"
        raise Permanent(Reason.STORE_FAILED, message)

    async def find(self, artifact: Artifact, origin: Origin) -> Sequence[Attestation]:
        """Every record of this artifact in the run's folder, the one with Chains' name first."""
        folder = record.folder(origin)
        names = await self._bucket.names(folder)
        found = {name.removesuffix(".signature") for name in names if name.endswith(".signature")}
        ours = sorted(name for name in found if record.is_of(name, artifact))  # Chains' is the shortest, so the first
        return [await self._read(f"{folder}/{name}", artifact) for name in ours]

    async def _keep(self, place: str, parts: Mapping[str, bytes]) -> bool:
        """Whether these parts are there now, and no others under their names."""
        *first, last = record.PARTS
        kept = await asyncio.gather(*(self._keep_part(f"{place}.{part}", parts[part]) for part in first))
        return all(kept) and await self._keep_part(f"{place}.{last}", parts[last])

    async def _keep_part(self, name: str, body: bytes) -> bool:
        await self._bucket.create(name, body)
        kept = await self._bucket.read(name)
        if kept is None:
            raise Transient(Reason.STORE_FAILED, f"{self._where}{name} was acknowledged, and is not there")
        return kept == body

    async def _read(self, place: str, artifact: Artifact) -> Attestation:
        bodies = await asyncio.gather(*(self._bucket.read(f"{place}.{part}") for part in record.PARTS))
        found = {part: body for part, body in zip(record.PARTS, bodies, strict=True) if body is not None}
        return record.read(artifact, found, quote(f"{self._where}{place}"))

"""A store in memory, and the faults that a real one has."""

import asyncio
from collections.abc import Callable, Sequence

from fakes.stepping import step

from sealwright.core import oci
from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.core.model import Artifact, Attestation, Origin, Receipt
from sealwright.core.tekton import annotations

Kept = dict[tuple[str, str, str], Attestation]

OUTAGE = Transient(Reason.UNAVAILABLE, "the store does not answer")
REFUSAL = Permanent(Reason.STORE_FAILED, "the store refuses this")


class MemoryStore:
    """`ports.Store` under the name `word`. `fault` is raised as long as it is set; `faults` are raised once each, before that.

    `poison` decides by the attestation. `in_object`: its part goes with the mark, as the store `tekton` does it.
    """

    def __init__(self, word: str = "memory", *faults: Exception, in_object: bool = False) -> None:
        self._word = word
        self._in_object = in_object
        self._open = asyncio.Event()
        self._open.set()
        self.faults = list(faults)
        self.fault: Exception | None = None
        self.poison: Callable[[Attestation], Exception | None] = lambda _: None
        self.kept: Kept = {}
        self.bodies: set[bytes] = set()  # everything that was ever put
        self.origins: dict[str, Origin] = {}
        self.puts = 0

    def hang(self) -> None:
        """Every `put` from now on waits for `release`."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    async def put(self, attestation: Attestation, origin: Origin) -> Receipt:
        self.puts += 1
        await step()
        if not self._open.is_set():
            await self._open.wait()
        if fault := self._fault(attestation):
            raise fault
        artifact = attestation.artifact
        self.kept[artifact.key, artifact.name, attestation.format] = attestation
        self.origins[artifact.key] = origin
        self.bodies.add(attestation.stored_signature)
        await step()
        return Receipt(
            store=self._word,
            uri=f"memory:{artifact.key}",
            digest=oci.digest_of(attestation.stored_signature),
            annotations=annotations.write(attestation) if self._in_object else {},
        )

    async def find(self, artifact: Artifact, origin: Origin) -> Sequence[Attestation]:  # noqa: ARG002
        return [kept for (key, name, _), kept in self.kept.items() if (key, name) == (artifact.key, artifact.name)]

    def _fault(self, attestation: Attestation) -> Exception | None:
        return self.faults.pop(0) if self.faults else self.fault or self.poison(attestation)

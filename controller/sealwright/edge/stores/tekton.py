"""The store `tekton`: annotations of the run itself. It writes nothing: its part goes with the mark, in one write."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sealwright.core.config import Settings
from sealwright.core.model import Artifact, Attestation, Origin, Receipt
from sealwright.core.oci import digest_of
from sealwright.core.tekton import annotations
from sealwright.edge.stores import Tools

NAMES = ("tekton",)


class AnnotationStore:
    """Hands an attestation's annotations to the mark; `core/tekton/annotations.py` reads them back."""

    async def put(self, attestation: Attestation, origin: Origin) -> Receipt:  # noqa: ARG002  the mark knows the run
        """A receipt that is true once its annotations are on the run."""
        return Receipt(
            store="tekton",
            uri=f"annotation {annotations.PREFIX}signature-{attestation.artifact.key}",
            digest=digest_of(attestation.stored_signature),
            annotations=annotations.write(attestation),
        )

    async def find(self, artifact: Artifact, origin: Origin) -> Sequence[Attestation]:  # noqa: ARG002
        """Nothing: what it keeps is on the run, and whoever has the run reads it there."""
        return []


@asynccontextmanager
async def open(_settings: Settings, _tools: Tools) -> AsyncIterator[AnnotationStore]:  # noqa: A001  the verb of every store
    """The store; it needs no place of its own."""
    yield AnnotationStore()

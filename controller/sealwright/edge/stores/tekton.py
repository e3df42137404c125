"""The store `tekton`: annotations of the run itself. It writes nothing: its part goes with the mark, in one write."""

from sealwright.core.model import Attestation, Receipt
from sealwright.core.oci import digest_of
from sealwright.core.tekton import annotations
from sealwright.edge.output import Output

NAMES = ("tekton",)


class AnnotationStore:
    """Hands an attestation's annotations to the mark; `core/tekton/annotations.py` reads them back."""

    async def put(self, attestation: Attestation) -> Receipt:
        """A receipt that is true once its annotations are on the run."""
        return Receipt(
            store="tekton",
            uri=f"annotation {annotations.PREFIX}signature-{attestation.artifact.key}",
            digest=digest_of(attestation.stored_signature),
            annotations=annotations.write(attestation),
        )


def open(_output: Output | None) -> AnnotationStore:  # noqa: A001  the verb of every store
    """The store; it needs no place of its own."""
    return AnnotationStore()

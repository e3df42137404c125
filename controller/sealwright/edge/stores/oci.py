"""The store `oci`: cosign's `.sig` and `.att` tags, in one OCI image layout on disk for each image repository."""

from sealwright.core import oci
from sealwright.core.envelope import cosign
from sealwright.core.model import Attestation, Receipt
from sealwright.core.oci import Image
from sealwright.edge.layout import folder
from sealwright.edge.output import LAYOUTS, Output

NAMES = ("oci",)
NOWHERE = "no image subject"


class LayoutStore:
    """Keeps an attestation under each image it speaks of; subjects that are no image are left to the other stores."""

    def __init__(self, output: Output) -> None:
        self._output = output

    async def put(self, attestation: Attestation) -> Receipt:
        """Keep it once under each image. The receipt's `uri` names the first place; it is NOWHERE if there is none."""
        places = self._output.tags.keep(attestation)
        named = [f"{LAYOUTS}/{folder(image.name)}:{tag}" for image, tag in places.items()]
        more = f" and {len(named) - 1} more" if len(named) > 1 else ""
        uri = f"{named[0]}{more}" if named else NOWHERE
        return Receipt(store="oci", uri=uri, digest=oci.digest_of(attestation.envelope or attestation.payload.body))

    def find(self, image: Image) -> list[Attestation]:
        """What is kept under this image, signatures first, unproven. Raises like `Layout.blob` and `from_layer`."""
        tags = (oci.signature_tag(image.digest), oci.attestation_tag(image.digest))
        layers = [layer for tag in tags for layer in self._output.tags.layers(image.name, tag)]
        return [found for layer in layers if (found := cosign.from_layer(layer, image))]


def open(output: Output) -> LayoutStore:  # noqa: A001  the verb of every store
    """The store below this output folder."""
    return LayoutStore(output)

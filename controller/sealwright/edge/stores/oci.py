"""The store `oci`: cosign's `.sig` and `.att` tags, in the images' registries, or over a folder in an OCI image layout each."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sealwright.core import oci
from sealwright.core.config import Settings
from sealwright.core.envelope import cosign
from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Artifact, Attestation, Origin, Receipt
from sealwright.edge.layout import folder
from sealwright.edge.output import LAYOUTS, Output
from sealwright.edge.stores import Tools
from sealwright.ports import Store

NAMES = ("oci",)
# Runs name the registries: whoever waits for one must not keep a worker (T20).
IS_FAR = True


class LayoutStore:
    """Keeps an attestation under each image it speaks of; subjects that are no image are left to the other stores."""

    def __init__(self, output: Output) -> None:
        self._output = output

    async def put(self, attestation: Attestation, origin: Origin) -> Receipt:  # noqa: ARG002  a folder needs no login
        """Keep it once under each image. The receipt's `uri` names the first place; it is NOWHERE if there is none."""
        places = self._output.tags.keep(attestation)
        named = [f"{LAYOUTS}/{folder(image.name)}:{tag}" for image, tag in places.items()]
        more = f" and {len(named) - 1} more" if len(named) > 1 else ""
        uri = f"{named[0]}{more}" if named else cosign.NOWHERE
        digest = oci.digest_of(attestation.envelope or attestation.payload.body)
        return Receipt(store="oci", uri=uri, digest=digest, is_kept=bool(named))

    async def find(self, artifact: Artifact, origin: Origin) -> Sequence[Attestation]:  # noqa: ARG002
        """What is kept under an image, signatures first. A run's provenance lies under its images: ask for one of these.

        Raises like `Layout.blob` and `from_layer`.
        """
        if artifact.sort != "oci":
            return []
        image = oci.image(f"{artifact.name}@{artifact.digest}")
        tags = (oci.signature_tag(image.digest), oci.attestation_tag(image.digest))
        layers = [layer for tag in tags for layer in self._output.tags.layers(image.name, tag)]
        return [found for layer in layers if (found := cosign.from_layer(layer, image))]


@asynccontextmanager
async def open(settings: Settings, tools: Tools) -> AsyncIterator[Store]:  # noqa: A001  the verb of every store
    """The store below the output folder; without one, in the registries. Raises Permanent(INVALID_CONFIG)."""
    if tools.output is not None:
        if settings.get("encoding-format") == "sigstore-bundle":
            message = "storage.oci.encoding-format: over a folder there are cosign's tags only; unset it, or run in a cluster"
            raise Permanent(Reason.INVALID_CONFIG, message)
        yield LayoutStore(tools.output)
        return
    # Here: a folder needs no network, and does not load what speaks over it.
    from sealwright.edge.registry.logins import NoLogins, ServiceAccountLogins  # noqa: PLC0415
    from sealwright.edge.registry.store import open_registries  # noqa: PLC0415

    logins = ServiceAccountLogins(tools.api, tools.clock) if tools.api else NoLogins()
    async with open_registries(settings, logins, tools.clock, tools.chance, strict=tools.strict) as store:
        yield store

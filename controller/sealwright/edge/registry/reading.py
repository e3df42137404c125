"""What a registry keeps about an image, as the attestations that were stored there: nothing here is proven."""

from sealwright.core import oci
from sealwright.core.envelope import bundle as bundles
from sealwright.core.envelope import dsse
from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Artifact, Attestation, Payload, Signature
from sealwright.core.oci import Image, Layer
from sealwright.edge.registry.repository import Repository

# cosign reads no more below one tag.
LAYERS_LIMIT = 1000
# Bytes of all that is read about one image.
TOTAL_LIMIT = 64 << 20


async def layers(repository: Repository, image: Image) -> list[Layer]:
    """Those below cosign's tags, signatures first, oldest first. Raises as `Repository.blob`, and TOO_LARGE."""
    found: list[Layer] = []
    left = TOTAL_LIMIT
    for tag in (oci.signature_tag(image.digest), oci.attestation_tag(image.digest)):
        manifest = await repository.manifest(tag)
        described = oci.read_manifest(manifest.body, f"{image.name}:{tag}").layers if manifest else []
        left -= sum(each.size for each in described)
        if len(described) > LAYERS_LIMIT or left < 0:
            message = f"{image.name}:{tag}: more than {LAYERS_LIMIT} layers, or {TOTAL_LIMIT} bytes in all"
            raise Permanent(Reason.TOO_LARGE, message)
        for each in described:
            body = await repository.blob(each)
            found.append(Layer(media_type=each.media_type, body=body, annotations=each.annotations))
    return found


def of_bundle(body: bytes, image: Image) -> Attestation:
    """A bundle as an attestation of this image, unproven. Raises as `bundle.read`."""
    found = bundles.read(body)
    envelope = found.envelope
    sealed = dsse.seal(envelope.payload_type, envelope.body, list(envelope.signatures)) if envelope else b""
    return Attestation(
        artifact=Artifact(sort="oci", key=image.digest[7:19], name=image.name, digest=image.digest),
        format="",
        payload=Payload(media_type="", body=b""),
        signature=Signature(key_id="", raw=found.signature),
        envelope=sealed,
        entries=found.entries,
        timestamps=found.timestamps,
    )

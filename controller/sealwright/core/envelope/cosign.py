"""Attestations as the layers that cosign keeps under an image's `.sig` and `.att` tags, written and read back.

Nothing is proven here: what `from_layer` returns is what somebody wrote. Source: chains.md 5.2 (`dsse` mode); cosign's
signature specification. Annotations of a plain key's certificate and chain are written empty, as Chains does.
"""

import base64
import binascii

from sealwright.core import oci
from sealwright.core.errors import Permanent, Reason, Untrusted, quote
from sealwright.core.model import Artifact, Attestation, Finding, Payload, Signature
from sealwright.core.oci import Image, Layer

SIGNATURE_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
ATTESTATION_TYPE = "application/vnd.dsse.envelope.v1+json"

SIGNATURE = "dev.cosignproject.cosign/signature"
CERTIFICATE = "dev.sigstore.cosign/certificate"
CHAIN = "dev.sigstore.cosign/chain"


def to_layer(attestation: Attestation) -> Layer:
    """The layer that keeps this attestation: the envelope, or a bare payload with its signature beside it."""
    signature = attestation.signature
    sealed = bool(attestation.envelope)
    return Layer(
        media_type=ATTESTATION_TYPE if sealed else SIGNATURE_TYPE,
        body=attestation.envelope or attestation.payload.body,
        annotations={
            SIGNATURE: "" if sealed else base64.b64encode(signature.raw).decode(),
            CERTIFICATE: signature.certificate,
            CHAIN: signature.chain,
        },
    )


def places(attestation: Attestation) -> tuple[dict[Image, str], list[Finding]]:
    """The images under which this attestation belongs, each with its tag, and the subjects which are no image.

    A bare payload speaks of one image, its artifact; an envelope of every subject that reads as `name@sha256:<hex>`.
    """
    if not attestation.envelope:
        found = oci.image(f"{attestation.artifact.name}@{attestation.artifact.digest}")
        return {found: oci.signature_tag(found.digest)}, []
    images: dict[Image, str] = {}
    findings = []
    for position, subject in enumerate(attestation.payload.subjects):
        try:
            found = oci.image(f"{subject.name}@sha256:{subject.digest.get('sha256', '')}")
        except Permanent as error:
            findings.append(Finding(where=f"subject[{position}]", message=f"not stored with an image: {error.message}"))
        else:
            images[found] = oci.attestation_tag(found.digest)
    return images, findings


def from_layer(layer: Layer, image: Image) -> Attestation | None:
    """What a layer below a tag of `image` holds, unproven; None for a layer of another kind.

    The payload of an envelope stays in it (`payload.body` is empty), and key ids are not kept outside it.
    Raises Untrusted(BAD_SIGNATURE) where the signature's text is no base64.
    """
    if layer.media_type not in (SIGNATURE_TYPE, ATTESTATION_TYPE):
        return None
    sealed = layer.media_type == ATTESTATION_TYPE
    return Attestation(
        # The key is the digest's first 12 hex digits, after `sha256:`.
        artifact=Artifact(sort="oci", key=image.digest[7:19], name=image.name, digest=image.digest),
        format="" if sealed else "simplesigning",
        payload=Payload(media_type="", body=b"") if sealed else Payload(media_type=SIGNATURE_TYPE, body=layer.body),
        signature=Signature(
            key_id="",
            raw=b"" if sealed else _decoded(layer.annotations.get(SIGNATURE, ""), image),
            certificate=layer.annotations.get(CERTIFICATE, ""),
            chain=layer.annotations.get(CHAIN, ""),
        ),
        envelope=layer.body if sealed else b"",
    )


def _decoded(text: str, image: Image) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        message = f"image {quote(image.reference)}: the annotation {SIGNATURE} {quote(text)} is not base64"
        raise Untrusted(Reason.BAD_SIGNATURE, message) from error

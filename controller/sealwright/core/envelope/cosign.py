"""Attestations as the layers that cosign keeps under an image's `.sig` and `.att` tags, written and read back.

Nothing is proven here: what `from_layer` returns is what somebody wrote. Source: chains.md 5.2 (`dsse` mode); cosign's
signature specification. Annotations of a plain key's certificate and chain are written empty, as Chains does.
"""

import base64
import binascii
from collections.abc import Sequence

import msgspec

from sealwright.core import oci
from sealwright.core.errors import Permanent, Reason, Untrusted, quote
from sealwright.core.model import Artifact, Attestation, Finding, LogEntry, Payload, Signature
from sealwright.core.oci import Image, Layer

SIGNATURE_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
ATTESTATION_TYPE = "application/vnd.dsse.envelope.v1+json"

# What a receipt says instead of a place where a statement speaks of no image.
NOWHERE = "no image subject"

SIGNATURE = "dev.cosignproject.cosign/signature"
CERTIFICATE = "dev.sigstore.cosign/certificate"
CHAIN = "dev.sigstore.cosign/chain"
BUNDLE = "dev.sigstore.cosign/bundle"
TIMESTAMP = "dev.sigstore.cosign/rfc3161timestamp"


class _Entry(msgspec.Struct, rename={"integrated_time": "integratedTime", "log_index": "logIndex", "log_id": "logID"}):
    body: str
    integrated_time: int
    log_index: int
    log_id: str


class _Bundle(msgspec.Struct, rename="pascal"):
    """What cosign calls a bundle here: an entry of Rekor v1 with the log's promise, and no proof that it is in."""

    signed_entry_timestamp: str
    payload: _Entry


class _Timestamp(msgspec.Struct):
    """An RFC 3161 response (DER) over the signature."""

    response: str = msgspec.field(name="SignedRFC3161Timestamp")


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
            **_to_bundle(attestation.entries),
            **_to_timestamp(attestation.timestamps),
        },
    )


def _to_bundle(entries: Sequence[LogEntry]) -> dict[str, str]:
    """The first entry with a promise; a log without one (Rekor v2) has no place in this annotation."""
    found = next((entry for entry in entries if entry.promise), None)
    if found is None:
        return {}
    body = base64.b64encode(found.body).decode()
    entry = _Entry(body=body, integrated_time=found.integrated_s, log_index=found.index, log_id=found.log_id.hex())
    bundle = _Bundle(signed_entry_timestamp=base64.b64encode(found.promise).decode(), payload=entry)
    return {BUNDLE: msgspec.json.encode(bundle).decode()}


def _to_timestamp(timestamps: Sequence[bytes]) -> dict[str, str]:
    """The first one: the annotation has room for no other."""
    if not timestamps:
        return {}
    return {TIMESTAMP: msgspec.json.encode(_Timestamp(response=base64.b64encode(timestamps[0]).decode())).decode()}


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
        entries=_from_bundle(layer.annotations.get(BUNDLE, ""), image),
        timestamps=_from_timestamp(layer.annotations.get(TIMESTAMP, ""), image),
    )


def _from_bundle(text: str, image: Image) -> tuple[LogEntry, ...]:
    if not text:
        return ()
    try:
        found = msgspec.json.decode(text, type=_Bundle)
        body = base64.b64decode(found.payload.body, validate=True)
        kind = msgspec.json.decode(body, type=_Kind)
        entry = LogEntry(
            log_id=bytes.fromhex(found.payload.log_id),
            index=found.payload.log_index,
            kind=kind.kind,
            version=kind.api_version,
            body=body,
            integrated_s=found.payload.integrated_time,
            promise=base64.b64decode(found.signed_entry_timestamp, validate=True),
        )
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        message = f"image {quote(image.reference)}: the annotation {BUNDLE} is not a log entry: {error}"
        raise Untrusted(Reason.BAD_SIGNATURE, message) from error
    return (entry,)


def _from_timestamp(text: str, image: Image) -> tuple[bytes, ...]:
    if not text:
        return ()
    try:
        return (base64.b64decode(msgspec.json.decode(text, type=_Timestamp).response, validate=True),)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        message = f"image {quote(image.reference)}: the annotation {TIMESTAMP} is not a timestamp: {error}"
        raise Untrusted(Reason.BAD_TIMESTAMP, message) from error


class _Kind(msgspec.Struct, rename="camel"):
    """The head of an entry's canonical body."""

    kind: str = ""
    api_version: str = ""


def _decoded(text: str, image: Image) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        message = f"image {quote(image.reference)}: the annotation {SIGNATURE} {quote(text)} is not base64"
        raise Untrusted(Reason.BAD_SIGNATURE, message) from error

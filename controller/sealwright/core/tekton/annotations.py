"""Attestations as annotations of the run they belong to, written and read back; and how annotations get into an object.

Four annotations for each artifact, in Chains' names (chains.md 4.3): `payload-`, `signature-`, `cert-`, `chain-<key>`, each
standard base64, empty where a plain key has no certificate. A tenant can write them, so what is read is unproven.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from sealwright.core.errors import Permanent, Reason, Untrusted, quote
from sealwright.core.model import Artifact, Attestation, Payload, Signature

PREFIX = "chains.tekton.dev/"

_IMAGE_KEY = re.compile(r"[0-9a-f]{12}")
_Members = dict[str, msgspec.Raw]


def write(attestation: Attestation) -> dict[str, str]:
    """The annotations that keep this attestation."""
    parts = {
        "payload": attestation.payload.body,
        "signature": attestation.stored_signature,
        "cert": attestation.signature.certificate.encode(),
        "chain": attestation.signature.chain.encode(),
    }
    key = attestation.artifact.key
    return {f"{PREFIX}{part}-{key}": base64.b64encode(content).decode() for part, content in parts.items()}


def keys(annotations: Mapping[str, str]) -> list[str]:
    """The artifact keys for which there is a signature, in the order of the annotations."""
    start = f"{PREFIX}signature-"
    found = (name.removeprefix(start) for name in annotations if name.startswith(start))
    return [key for key in found if _sort(key)]


def read(annotations: Mapping[str, str], key: str) -> Attestation:
    """The attestation kept under one of `keys(annotations)`, unproven.

    Of an image only the key is known here, and of a key its id only inside the envelope.
    Raises Untrusted: NO_ATTESTATION where payload or signature is not there, BAD_SIGNATURE where a part is no base64 or
    a certificate is no text.
    """
    sort = _sort(key)
    if not sort or f"{PREFIX}signature-{key}" not in annotations or f"{PREFIX}payload-{key}" not in annotations:
        message = f"{quote(key)}: the annotations {PREFIX}payload-<key> and {PREFIX}signature-<key> must both be there"
        raise Untrusted(Reason.NO_ATTESTATION, message)
    payload, signature, certificate, chain = (
        _part(annotations, f"{PREFIX}{part}-{key}") for part in ("payload", "signature", "cert", "chain")
    )
    bare = sort == "oci"
    return Attestation(
        artifact=Artifact(sort=sort, key=key, name=""),
        format="simplesigning" if bare else "",
        payload=Payload(media_type="", body=payload),
        signature=Signature(
            key_id="",
            raw=signature if bare else b"",
            certificate=_text(certificate, f"cert-{key}"),
            chain=_text(chain, f"chain-{key}"),
        ),
        envelope=b"" if bare else signature,
    )


def annotate(body: bytes, annotations: Mapping[str, str]) -> bytes:
    """The object with these annotations added or replaced; the values of other members keep the bytes they had.

    Raises Permanent(INVALID_RUN) where `body` has no metadata that could hold them.
    """
    try:
        members = msgspec.json.decode(body, type=_Members)
        metadata = msgspec.json.decode(members["metadata"], type=_Members)
        there = msgspec.json.decode(metadata.get("annotations", b"null"), type=dict[str, str] | None) or {}
    except (msgspec.MsgspecError, KeyError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(Reason.INVALID_RUN, f"annotations cannot be added: the object has bad metadata: {error}") from error
    metadata["annotations"] = msgspec.Raw(msgspec.json.encode({**there, **annotations}))
    members["metadata"] = msgspec.Raw(msgspec.json.encode(metadata))
    return msgspec.json.encode(members)


def _sort(key: str) -> Literal["taskrun", "pipelinerun", "oci"] | None:
    if key.startswith("taskrun-"):
        return "taskrun"
    if key.startswith("pipelinerun-"):
        return "pipelinerun"
    return "oci" if _IMAGE_KEY.fullmatch(key) else None


def _part(annotations: Mapping[str, str], name: str) -> bytes:
    text = annotations.get(name, "")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Untrusted(Reason.BAD_SIGNATURE, f"the annotation {quote(name)} is not base64: {quote(text)}") from error


def _text(pem: bytes, name: str) -> str:
    try:
        return pem.decode()
    except UnicodeDecodeError as error:
        raise Untrusted(Reason.BAD_SIGNATURE, f"the annotation {quote(PREFIX + name)} holds bytes that are no PEM") from error

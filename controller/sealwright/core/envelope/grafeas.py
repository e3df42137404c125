"""Attestations as notes and occurrences of Grafeas v1, in its JSON (chains.md 5.5): written, and read back unproven.

A note is the class, one for each namespace; an occurrence binds an attestation to one resource. The envelope's `sig` is the whole
DSSE envelope, as Chains has it. Grafeas has messages for SLSA provenance of both versions whose JSON is the statement's own.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Artifact, Attestation, Origin, Payload, Signature

SLSA_V1 = "https://slsa.dev/provenance/v1"


def note_id(attestation: Attestation, origin: Origin, prefix: str) -> str:
    """Which note an attestation belongs to. `prefix` is the setting; without it, the run's namespace names it."""
    start = prefix or f"tekton-{origin.key.namespace}"
    return f"{start}-{origin.key.kind.lower()}-intoto" if attestation.envelope else f"{start}-simplesigning"


def note(attestation: Attestation, origin: Origin, hint: str) -> dict[str, Any]:
    """What the note says."""
    if not attestation.envelope:
        return {
            "shortDescription": "OCI Artifact Attestation Note",
            "attestation": {"hint": {"humanReadableName": hint}},
        }
    return {
        "shortDescription": f"Build Provenance Note for {origin.key.kind}",
        "build": {"builderVersion": f"tekton.dev/v1/{origin.key.kind}"},
    }


def resources(attestation: Attestation) -> list[str]:
    """What the occurrences speak of: the image, or `name@algorithm:hex` of each subject."""
    if not attestation.envelope:
        return [f"{attestation.artifact.name}@{attestation.artifact.digest}"]
    subjects = attestation.payload.subjects
    return [f"{subject.name}@{sort}:{digits}" for subject in subjects for sort, digits in subject.digest.items()]


def occurrence(attestation: Attestation, resource: str, note_name: str, key_reference: str) -> dict[str, Any]:
    """One occurrence. `key_reference` is the configured key service's, empty for other keys."""
    body, signature = _text(attestation.payload.body), _text(attestation.stored_signature)
    details = _build(attestation) if attestation.envelope else _attestation(body, signature, key_reference)
    return {
        "resourceUri": resource,
        "noteName": note_name,
        **details,
        "envelope": {
            "payload": body,
            "payloadType": attestation.payload.media_type,
            "signatures": [{"sig": signature, "keyid": key_reference}],
        },
    }


def read(artifact: Artifact, found: Mapping[str, Any], where: str) -> Attestation:
    """The attestation in an occurrence. Raises Permanent(INVALID_INPUT) where it holds none."""
    try:
        envelope = found["envelope"]
        body, signature = (
            base64.b64decode(text, validate=True) for text in (envelope["payload"], envelope["signatures"][0]["sig"])
        )
        is_bare = "attestation" in found
    except (KeyError, IndexError, TypeError, binascii.Error, ValueError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"{where}: the occurrence holds no envelope: {error}") from error
    return Attestation(
        artifact=artifact,
        format="simplesigning" if is_bare else "",
        payload=Payload(media_type=str(envelope.get("payloadType", "")), body=body),
        signature=Signature(key_id="", raw=signature if is_bare else b""),
        envelope=b"" if is_bare else signature,
    )


def _attestation(body: str, signature: str, key_reference: str) -> dict[str, Any]:
    signed = {"signature": signature, "publicKeyId": key_reference}
    return {"attestation": {"serializedPayload": body, "signatures": [signed]}}


def _build(attestation: Attestation) -> dict[str, Any]:
    statement = json.loads(attestation.payload.body)
    if statement.get("predicateType") == SLSA_V1:
        return {"build": {"inTotoSlsaProvenanceV1": statement}}
    predicate = statement.pop("predicate", {})
    return {"build": {"intotoStatement": {**statement, "slsaProvenanceZeroTwo": predicate}}}


def _text(body: bytes) -> str:
    return base64.b64encode(body).decode()

"""Signed statements and image signatures by a real key, to be stored somewhere."""

import json
from dataclasses import replace

from fakes import signers

from sealwright.core import oci
from sealwright.core.envelope import dsse
from sealwright.core.model import Artifact, Attestation, Key, Origin, Payload, Signature, Subject
from sealwright.core.provenance import cosign_sign

DIGEST = f"sha256:{'ab' * 32}"
ORIGIN = Origin(key=Key(kind="TaskRun", namespace="ns", name="run"), uid="0-1", service_account="builder")
STATEMENT_TYPE = "application/vnd.in-toto+json"


def statement(*names, number=0, digest=DIGEST):
    """About these images, all with one digest."""
    subjects = [{"name": name, "digest": {"sha256": digest[7:]}} for name in names]
    loaded = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "x",
        "predicate": {"number": number},
    }
    found = tuple(Subject(name=name, digest={"sha256": digest[7:]}) for name in names)
    payload = Payload(media_type=STATEMENT_TYPE, body=json.dumps(loaded).encode(), predicate_type="x", subjects=found)
    return replace(_sealed(payload), artifact=Artifact(sort="taskrun", key=f"taskrun-{number}", name="ns/run"))


def _sealed(payload):
    key = signers.key()
    signature = Signature(key_id=key.public.key_id, raw=key.sign(dsse.pae(STATEMENT_TYPE, payload.body), "sha256"))
    return Attestation(
        artifact=Artifact(sort="taskrun", key="", name=""),
        format="slsa/v2alpha4",
        payload=payload,
        signature=signature,
        envelope=dsse.seal(STATEMENT_TYPE, payload.body, [signature]),
    )


def image_signature(name, digest=DIGEST, key=0):
    """By one of several keys."""
    critical = {
        "identity": {"docker-reference": name},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }
    body = json.dumps({"critical": critical, "optional": None}).encode()
    return Attestation(
        artifact=Artifact(sort="oci", key=digest[7:19], name=name, digest=digest),
        format="simplesigning",
        payload=Payload(media_type="application/vnd.dev.cosign.simplesigning.v1+json", body=body),
        signature=Signature(key_id="", raw=signers.key(number=key).sign(body, "sha256")),
    )


def bundled_signature(name, digest=DIGEST):
    """An image signature as a bundle holds it."""
    artifact = Artifact(sort="oci", key=digest[7:19], name=name, digest=digest)
    payload = cosign_sign.build(oci.image(f"{name}@{digest}"))
    return replace(_sealed(payload), artifact=artifact, format="cosign/sign/v1")


def sought(name, digest=DIGEST):
    """What `find` is asked for."""
    return Artifact(sort="oci", key=digest[7:19], name=name, digest=oci.image(f"{name}@{digest}").digest)

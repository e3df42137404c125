"""Signed statements and image signatures by a real key, to be stored somewhere."""

import json

from fakes import signers

from sealwright.core import oci
from sealwright.core.envelope import dsse
from sealwright.core.model import Artifact, Attestation, Key, Origin, Payload, Signature, Subject

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
    body = json.dumps(loaded).encode()
    key = signers.key()
    signature = Signature(key_id=key.public.key_id, raw=key.sign(dsse.pae(STATEMENT_TYPE, body), "sha256"))
    return Attestation(
        artifact=Artifact(sort="taskrun", key=f"taskrun-{number}", name="ns/run"),
        format="slsa/v2alpha4",
        payload=Payload(
            media_type=STATEMENT_TYPE,
            body=body,
            subjects=tuple(Subject(name=name, digest={"sha256": digest[7:]}) for name in names),
        ),
        signature=signature,
        envelope=dsse.seal(STATEMENT_TYPE, body, [signature]),
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


def sought(name, digest=DIGEST):
    """What `find` is asked for."""
    return Artifact(sort="oci", key=digest[7:19], name=name, digest=oci.image(f"{name}@{digest}").digest)

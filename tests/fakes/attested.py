"""Signed things, as the flow makes them: a statement in an envelope, and an image's bare payload."""

from fakes import signers

from sealwright.core.envelope import dsse
from sealwright.core.envelope.rekor.asking import Author
from sealwright.core.keys import Form
from sealwright.core.model import Artifact, Attestation, Payload, Signature, Subject

DIGEST = "ab" * 32
TYPE = "application/vnd.in-toto+json"


def author(algorithm: str = "ecdsa-p256", form: Form = "sha256") -> Author:
    return Author(key=signers.key(algorithm).public, form=form)


def statement(number: int = 0, algorithm: str = "ecdsa-p256", form: Form = "sha256") -> Attestation:
    """A different one for each number."""
    body = (
        b'{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"name":"gcr.io/team/app","digest":{"sha256":"%s"}}],'
        b'"predicateType":"https://slsa.dev/provenance/v0.2","predicate":{"number":%d}}' % (DIGEST.encode(), number)
    )
    key = signers.key(algorithm)
    signature = Signature(key_id=key.public.key_id, raw=key.sign(dsse.pae(TYPE, body), form))
    return Attestation(
        artifact=Artifact(sort="taskrun", key=f"taskrun-{number}", name="ns/run"),
        format="in-toto",
        payload=Payload(
            media_type=TYPE,
            body=body,
            predicate_type="https://slsa.dev/provenance/v0.2",
            subjects=(Subject(name="gcr.io/team/app", digest={"sha256": DIGEST}),),
        ),
        signature=signature,
        envelope=dsse.seal(TYPE, body, [signature]),
    )


def image(number: int = 0, algorithm: str = "ecdsa-p256", form: Form = "sha256") -> Attestation:
    body = b'{"image":%d}' % number
    key = signers.key(algorithm)
    return Attestation(
        artifact=Artifact(sort="oci", key=DIGEST[:12], name="gcr.io/team/app", digest=f"sha256:{DIGEST}"),
        format="simplesigning",
        payload=Payload(media_type="", body=body),
        signature=Signature(key_id=key.public.key_id, raw=key.sign(body, form)),
    )

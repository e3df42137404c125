"""What is signed for an image inside a bundle."""

import json

from fakes import signers

from sealwright.core import oci
from sealwright.core.envelope import dsse
from sealwright.core.proof import attestation
from sealwright.core.proof.attestation import TrustedKey
from sealwright.core.provenance import cosign_sign

IMAGE = oci.image(f"registry.test/shop/web@sha256:{'ab' * 32}")


def test_the_statement_names_the_image_and_claims_no_more():
    """The predicate type is the one that cosign 3 looks for (cosign v3, `cosign sign`)."""
    payload = cosign_sign.build(IMAGE)

    assert json.loads(payload.body) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "registry.test/shop/web", "digest": {"sha256": "ab" * 32}}],
        "predicateType": "https://sigstore.dev/cosign/sign/v1",
        "predicate": {},
    }
    assert payload.media_type == "application/vnd.in-toto+json"
    assert payload == cosign_sign.build(IMAGE)


def test_it_is_proven_as_any_statement_is():
    """Sealed, and opened by the same key."""
    key, payload = signers.key(), cosign_sign.build(IMAGE)
    raw = key.sign(dsse.pae(payload.media_type, payload.body), "sha256")
    envelope = dsse.seal(payload.media_type, payload.body, [signers.Signature(key_id="", raw=raw)])
    verified = attestation.prove(envelope, [TrustedKey(key=key.public)])

    assert verified.payload.subjects == payload.subjects
    assert verified.payload.predicate_type == cosign_sign.PREDICATE

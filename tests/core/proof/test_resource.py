"""Signatures of definitions: what one key signs, that key proves, and nothing else."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from fakes import signers

from sealwright.core.errors import Permanent, Reason, Untrusted
from sealwright.core.proof import resource as proof
from sealwright.core.proof.resource import HASHES, ResourceKey
from sealwright.core.tekton.resources import Resource

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def definition(signature=None, canonical=b'{"kind":"Task"}'):
    return Resource(kind="Task", api_version="tekton.dev/v1", name="t", namespace="", signature=signature, canonical=canonical)


def signed(key, hash_="sha256"):
    return definition(proof.annotation(key.sign(definition().digest, hash_)))


def refusal(resource, trusted):
    with pytest.raises(Permanent) as caught:
        proof.prove(resource, trusted)
    return caught.value


def encoded(raw):
    return definition(base64.b64encode(raw).decode())


@pytest.mark.parametrize("hash_", HASHES)
@pytest.mark.parametrize("algorithm", signers.ALGORITHMS)
def test_what_a_key_signs_it_proves(algorithm, hash_):
    """With each hash, but for RSA with SHA-224, which nobody else accepts; Ed25519 has a hash of its own."""
    key = signers.key(algorithm)
    trusted = ResourceKey(key=key.public, hash=hash_)
    if (algorithm, hash_) == ("rsa-2048", "sha224"):
        assert refusal(definition("MEQ="), trusted).reason is Reason.KEY_UNUSABLE
        return
    proof.prove(signed(key, hash_), trusted)
    for other in HASHES:
        if other != hash_ and algorithm != "ed25519" and (algorithm, other) != ("rsa-2048", "sha224"):
            assert refusal(signed(key, hash_), ResourceKey(key=key.public, hash=other)).reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("algorithm", signers.ALGORITHMS)
def test_each_changed_byte_is_refused(algorithm):
    """Of the signature, and of what was signed."""
    key = signers.key(algorithm)
    raw = key.sign(definition().digest, "sha256")
    trusted = ResourceKey(key=key.public)
    for n in range(len(raw)):
        changed = raw[:n] + bytes([raw[n] ^ 1]) + raw[n + 1 :]
        assert refusal(encoded(changed), trusted).reason is Reason.BAD_SIGNATURE
    other = definition(proof.annotation(raw), b'{"kind":"TasK"}')
    assert refusal(other, trusted).reason is Reason.BAD_SIGNATURE
    if algorithm != "rsa-2048":
        assert refusal(signed(key), ResourceKey(key=signers.key(algorithm, 1).public)).reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("algorithm", signers.ALGORITHMS)
def test_no_signature_proves_nothing(algorithm):
    trusted = ResourceKey(key=signers.key(algorithm).public)

    assert refusal(definition(None), trusted).reason is Reason.NO_ATTESTATION
    for text in ("", "AA==", "AAAA", base64.b64encode(bytes(64)).decode(), base64.b64encode(bytes(132)).decode()):
        assert refusal(definition(text), trusted).reason is Reason.BAD_SIGNATURE


def test_ecdsa_may_be_two_numbers():
    """As Tekton's library reads it, where the bytes are no ASN.1; of P-521 too, and not of unequal lengths."""
    for algorithm, size in (("ecdsa-p256", 32), ("ecdsa-p384", 48), ("ecdsa-p521", 66)):
        key = signers.key(algorithm)
        r, s = decode_dss_signature(key.sign(definition().digest, "sha256"))
        raw = r.to_bytes(size) + s.to_bytes(size)
        proof.prove(encoded(raw), ResourceKey(key=key.public))
        for broken in (raw[1:], raw + b"\x00", b"\x00" * 2 + raw[:-2] + b"\x01" * 140):
            assert refusal(encoded(broken), ResourceKey(key=key.public)).reason is Reason.BAD_SIGNATURE


def test_both_forms_of_s_are_accepted():
    """Tekton accepts both, so a signature's text identifies nothing."""
    key = signers.key()
    r, s = decode_dss_signature(key.sign(definition().digest, "sha256"))

    proof.prove(encoded(encode_dss_signature(r, P256_ORDER - s)), ResourceKey(key=key.public))


# The text -> where Go's decoder stops; None where it does not.
BASE64 = {
    "": None, "QUJD": None, "QUI=": None, "QQ==": None, "QU\nJD\r\n": None, "QUI\n=\n": None, "QR==": None,
    "*": 0, "QUJD*": 4, "Q": 0, "QU": 0, "QUJ": 0, "QUJDQ": 4, "QUJDQU": 4, "QQ=": 3, "QQ=\n": 4, "=": 0, "Q=": 1, "Q===": 1, "QQ=A": 2, "QQ=\nA": 3,
    "QUI=A": 4, "QQ==\n\nA": 6, "QQ===": 4, "QUI==": 4, "QU JD": 2, "QUJD\u00e9": 4, "QU-_": 2, "Q\nU": 1, "\nQUJ": 1,
}  # fmt: skip


@pytest.mark.parametrize("text", BASE64)
def test_base64_is_read_as_go_reads_it(text):
    """Line breaks are skipped, padding is needed; the message names the byte."""
    if BASE64[text] is None:
        assert proof.annotation(proof.decoded(text)).rstrip("=")[:-1] == text.replace("\n", "").replace("\r", "").rstrip("=")[:-1]
        return
    with pytest.raises(ValueError, match=f"^illegal base64 data at input byte {BASE64[text]}$"):
        proof.decoded(text)
    with pytest.raises(Untrusted, match=f"input byte {BASE64[text]}"):
        proof.prove(definition(text), ResourceKey(key=signers.key().public))

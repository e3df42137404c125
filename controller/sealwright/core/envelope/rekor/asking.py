"""What a Rekor log is asked to keep: the bodies of its POST requests."""

import hashlib
from typing import Any, Literal, TypeAlias

import msgspec

from sealwright.core import pem
from sealwright.core.envelope import dsse
from sealwright.core.envelope.rekor.wire import encoded
from sealwright.core.errors import Permanent, Reason
from sealwright.core.keys import Form, PublicKey
from sealwright.core.model import Attestation, value

Kind: TypeAlias = Literal["dsse", "intoto", "hashedrekord"]

# (algorithm, form) -> protobuf-specs' name of the whole, and its hash. What is not here, Rekor v2 takes from nobody.
_DETAILS: dict[tuple[str, Form], tuple[str, str]] = {
    ("ecdsa-p256", "sha256"): ("PKIX_ECDSA_P256_SHA_256", "sha256"),
    ("ecdsa-p256", "by-curve"): ("PKIX_ECDSA_P256_SHA_256", "sha256"),
    ("ecdsa-p384", "by-curve"): ("PKIX_ECDSA_P384_SHA_384", "sha384"),
    ("ecdsa-p521", "by-curve"): ("PKIX_ECDSA_P521_SHA_512", "sha512"),
    ("ed25519", "by-curve"): ("PKIX_ED25519_PH", "sha512"),
    **{
        (f"rsa-{bits}", form): (f"PKIX_RSA_PKCS1V15_{bits}_SHA256", "sha256")
        for bits in (2048, 3072, 4096)
        for form in ("sha256", "by-curve")
    },
}


@value
class Author:
    """Who made a signature: a key, the form in which it signs, and its certificate (PEM), empty for a plain key."""

    key: PublicKey
    form: Form = "sha256"
    certificate: str = ""

    @property
    def pem(self) -> bytes:
        """What Rekor v1 verifies with, in the one way of writing that it keeps too."""
        return pem.write(pem.first_block(self.certificate.encode() or self.key.pem, "the signer's key or certificate"))

    @property
    def der(self) -> bytes:
        """The certificate's bytes, or the key's (SPKI)."""
        return pem.first_block(self.pem, "the signer's key or certificate").body


def message(attestation: Attestation) -> bytes:
    """The bytes that were signed: the envelope's pre-authentication encoding, or the bare payload."""
    if not attestation.envelope:
        return attestation.payload.body
    opened = dsse.open_envelope(attestation.envelope)
    return dsse.pae(opened.payload_type, opened.body)


def propose_v1(attestation: Attestation, author: Author, kind: Kind) -> bytes:
    """The body of `POST /api/v1/log/entries`. A bare payload is always a hashedrekord.

    Raises Permanent(KEY_UNUSABLE) for a key that Rekor v1 cannot verify in this kind of entry.
    """
    if kind == "hashedrekord" or not attestation.envelope:
        return _proposal("hashedrekord", _hashed(attestation, author))
    if _other_hash(author):
        advice = "signers.x509.hash: sha256, or transparency.entries: hashedrekord"
        raise _unusable(author, f"a Rekor v1 entry of kind {kind}", advice)
    if kind == "intoto":
        return _proposal("intoto", {"content": _intoto(attestation, author)}, "0.0.2")
    return _proposal("dsse", {"proposedContent": {"envelope": attestation.envelope.decode(), "verifiers": [encoded(author.pem)]}})


def propose_v2(attestation: Attestation, author: Author) -> bytes:
    """The body of `POST /api/v2/log/entries`. Raises Permanent(KEY_UNUSABLE) for a key that Rekor v2 does not take."""
    if (author.key.algorithm, author.form) not in _DETAILS:
        raise _unusable(author, "Rekor v2", "signers.x509.hash: by-curve, or use an ECDSA key on P-256")
    details, algorithm = _DETAILS[author.key.algorithm, author.form]
    raw = {"rawBytes": encoded(author.der)}
    verifier = {"x509Certificate": raw} if author.certificate else {"publicKey": raw}
    request = {
        "digest": encoded(hashlib.new(algorithm, message(attestation)).digest()),
        "signature": {"content": encoded(attestation.signature.raw), "verifier": verifier | {"keyDetails": details}},
    }
    return msgspec.json.encode({"hashedRekordRequestV002": request})


def _hashed(attestation: Attestation, author: Author) -> dict[str, Any]:
    if (author.key.algorithm, author.form) == ("ed25519", "sha256"):
        raise _unusable(author, "a hashedrekord", "signers.x509.hash: by-curve, or use an ECDSA key on P-256")
    _, algorithm = _DETAILS.get((author.key.algorithm, author.form), ("", "sha256"))
    digest = hashlib.new(algorithm, message(attestation)).hexdigest()
    signature = {"content": encoded(attestation.signature.raw), "publicKey": {"content": encoded(author.pem)}}
    return {"data": {"hash": {"algorithm": algorithm, "value": digest}}, "signature": signature}


def _intoto(attestation: Attestation, author: Author) -> dict[str, Any]:
    """Rekor takes the texts of the envelope, which are base64 already, in base64."""
    opened = dsse.open_envelope(attestation.envelope)
    signatures = [
        {"keyid": each.key_id, "sig": encoded(encoded(each.raw).encode()), "publicKey": encoded(author.pem)}
        for each in opened.signatures
    ]
    payload = encoded(encoded(opened.body).encode())
    return {
        "envelope": {"payloadType": opened.payload_type, "payload": payload, "signatures": signatures},
        "hash": _sha256(attestation.envelope),
        "payloadHash": _sha256(opened.body),
    }


def _sha256(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}


def _other_hash(author: Author) -> bool:
    """Whether it signs with another hash than SHA-256, the one that Rekor v1 verifies envelopes with."""
    is_curve = author.key.algorithm in ("ecdsa-p384", "ecdsa-p521", "ed25519")
    return is_curve and author.form == "by-curve"


def _proposal(kind: Kind, spec: dict[str, Any], version: str = "0.0.1") -> bytes:
    return msgspec.json.encode({"apiVersion": version, "kind": kind, "spec": spec})


def _unusable(author: Author, where: str, advice: str) -> Permanent:
    found = f"{author.key.algorithm} key {author.key.key_id} signs in form {author.form}"
    return Permanent(Reason.KEY_UNUSABLE, f"{found}, which {where} cannot hold; set {advice}")

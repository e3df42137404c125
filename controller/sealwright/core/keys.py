"""Keys, and the two forms in which they sign (design D20). Signing and verifying stand side by side here.

Which key and which form is the caller's word (configuration or policy), never the envelope's: a verifier that asks the
message how to verify it can be told anything. Accepted: ECDSA on P-256, P-384 and P-521, Ed25519, RSA of 2048 to 8192
bits with PKCS#1 v1.5. Nothing here draws random numbers: keys are made in `edge/keyfiles`, signing is deterministic.
"""

import base64
import hashlib
from dataclasses import field
from typing import Literal

import nacl.bindings
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)
from nacl.exceptions import CryptoError

from sealwright.core import pem, sealedkey
from sealwright.core.errors import Permanent, Reason, Untrusted, quote
from sealwright.core.model import value

# "sha256" is what cosign verifies: SHA-256 for every curve, pure Ed25519. "by-curve" is what Chains writes with
# cosign.key: SHA-384 for P-384, SHA-512 for P-521, Ed25519ph. RSA and P-256 are the same in both. The other hashes are those
# that a VerificationPolicy may name: for any curve, and RSA but for SHA-224; Ed25519 is pure in all of them.
Form = Literal["sha256", "by-curve", "sha224", "sha384", "sha512"]

PUBLIC_LABELS = ("PUBLIC KEY", "RSA PUBLIC KEY")
PLAIN_LABELS = ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY")
PRIVATE_LABELS = (*PLAIN_LABELS, "ENCRYPTED PRIVATE KEY", *sealedkey.LABELS)

PublicMaterial = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
PrivateMaterial = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

_CURVES: dict[str, tuple[str, hashes.HashAlgorithm]] = {
    "secp256r1": ("ecdsa-p256", hashes.SHA256()),
    "secp384r1": ("ecdsa-p384", hashes.SHA384()),
    "secp521r1": ("ecdsa-p521", hashes.SHA512()),
}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
# NIST SP 800-131A from below. From above a signature's cost bounds it; cosign itself reads 2048, 3072 and 4096.
_RSA_BITS = range(2048, 8192 + 1)
# Go, and so cosign and Chains, refuses larger exponents; a large one is work for the verifier.
_RSA_EXPONENT_LIMIT = 1 << 31


@value
class PublicKey:
    """`key_id` is the OpenSSH fingerprint that Chains writes; `pem` is SPKI, however the key came in.

    `algorithm` is a word: ecdsa-p256, ecdsa-p384, ecdsa-p521, ed25519, rsa-2048 (the number is the modulus' bits).
    """

    material: PublicMaterial = field(repr=False)
    algorithm: str
    key_id: str
    pem: bytes = field(repr=False)


@value
class PrivateKey:
    """A key that signs, open in memory, and its public half."""

    material: PrivateMaterial = field(repr=False)
    public: PublicKey

    def sign(self, message: bytes, form: Form) -> bytes:
        """The signature: ECDSA as ASN.1 DER with RFC 6979, so the same message gives the same bytes (design D11)."""
        match self.material:
            case ec.EllipticCurvePrivateKey() as key:
                return key.sign(message, ec.ECDSA(_hash(key.curve, form), deterministic_signing=True))
            case ed25519.Ed25519PrivateKey() as key if form == "by-curve":
                secret = key.private_bytes_raw() + key.public_key().public_bytes_raw()
                return nacl.bindings.crypto_sign_ed25519ph_final_create(_prehashed(message), secret)
            case ed25519.Ed25519PrivateKey() as key:
                return key.sign(message)
            case rsa.RSAPrivateKey() as key:
                return key.sign(message, padding.PKCS1v15(), _rsa_hash(form))


def verify(key: PublicKey, form: Form, message: bytes, signature: bytes) -> None:
    """Prove that this key signed this message in this form. Raises Untrusted(BAD_SIGNATURE).

    ECDSA signatures are strict DER (OpenSSL re-encodes and compares). Both s and n - s are accepted, as cosign does, so
    a signature's bytes identify nothing: count keys, not signatures.
    """
    try:
        _verify(key.material, form, message, signature)
    except (InvalidSignature, CryptoError) as error:
        raise Untrusted(
            Reason.BAD_SIGNATURE,
            f"the signature ({len(signature)} bytes) is not by {key.algorithm} key {key.key_id} in form {form}",
        ) from error


def _verify(material: PublicMaterial, form: Form, message: bytes, signature: bytes) -> None:
    match material:
        case ec.EllipticCurvePublicKey() as key:
            key.verify(signature, message, ec.ECDSA(_hash(key.curve, form)))
        case ed25519.Ed25519PublicKey() as key if form == "by-curve":
            nacl.bindings.crypto_sign_ed25519ph_final_verify(_prehashed(message), signature, key.public_bytes_raw())
        case ed25519.Ed25519PublicKey() as key:
            key.verify(signature, message)
        case rsa.RSAPublicKey() as key:
            key.verify(signature, message, padding.PKCS1v15(), _rsa_hash(form))


def digest(key: PublicKey, form: Form, message: bytes) -> tuple[str, bytes]:
    """Name (`sha256`, `sha384`, `sha512`) and bytes of what stands for the message where a service signs hashes only.

    Pure Ed25519 signs no hash: not to be asked for it.
    """
    name = "sha256"
    if isinstance(key.material, ec.EllipticCurvePublicKey):
        name = _hash(key.material.curve, form).name
    elif key.algorithm == "ed25519":
        name = "sha512"
    return name, hashlib.new(name, message).digest()


def ecdsa_der(raw: bytes) -> bytes:
    """r and s side by side, as JOSE and PKCS#11 have them -> the ASN.1 DER that everybody else has.

    Raises Untrusted(BAD_SIGNATURE) for what cannot be two numbers of one length.
    """
    if not raw or len(raw) % 2:
        raise Untrusted(Reason.BAD_SIGNATURE, f"wanted r and s of one length, found {len(raw)} bytes")
    half = len(raw) // 2
    return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))


def _hash(curve: ec.EllipticCurve, form: Form) -> hashes.HashAlgorithm:
    return _CURVES[curve.name][1] if form == "by-curve" else _HASHES[form]


def _rsa_hash(form: Form) -> hashes.HashAlgorithm:
    return _HASHES["sha256" if form == "by-curve" else form]


def fits(key: PublicKey, form: Form) -> bool:
    """Whether a key may be used in this form: RSA with SHA-224 is what no other tool accepts."""
    return not (isinstance(key.material, rsa.RSAPublicKey) and form == "sha224")


def _prehashed(message: bytes) -> nacl.bindings.crypto_sign_ed25519ph_state:
    state = nacl.bindings.crypto_sign_ed25519ph_state()
    nacl.bindings.crypto_sign_ed25519ph_update(state, message)
    return state


def load_public(data: bytes) -> PublicKey:
    """The key in the first PEM block: `PUBLIC KEY` (SPKI) or `RSA PUBLIC KEY` (PKCS#1).

    Raises Permanent: TOO_LARGE, INVALID_INPUT (not PEM), KEY_UNUSABLE (another label, algorithm, curve or size).
    """
    block = pem.first_block(data, "public key")
    if block.label not in PUBLIC_LABELS:
        raise _wrong_label("public key", block.label, PUBLIC_LABELS)
    try:
        return public_key(load_der_public_key(block.body))
    except (ValueError, UnsupportedAlgorithm, InternalError) as error:
        raise _unreadable("public", block, error) from error


def load_public_der(der: bytes) -> PublicKey:
    """The key in SPKI, as key services give it. Raises Permanent(KEY_UNUSABLE, TOO_LARGE)."""
    if len(der) > pem.SIZE_LIMIT:
        raise Permanent(Reason.TOO_LARGE, f"a public key of {len(der)} bytes")
    try:
        return public_key(load_der_public_key(der))
    except (ValueError, UnsupportedAlgorithm, InternalError) as error:
        raise _unreadable("public", pem.Block(label="PUBLIC KEY", body=der), error) from error


def load_private(data: bytes, password: bytes | None) -> PrivateKey:
    """The key in the first PEM block, its label one of PRIVATE_LABELS. Opening cosign's box takes 0.2 s and 64 MiB.

    `password` is used verbatim, and not at all for a key without one.
    Raises Permanent: TOO_LARGE, INVALID_INPUT (not PEM), KEY_UNUSABLE (another label, algorithm, curve or size, or a
    cost that no honest file asks for), WRONG_PASSWORD (it does not open the key, or there is none).
    """
    block = pem.first_block(data, "private key")
    if block.label in PLAIN_LABELS:
        return _read_private(block, None)
    if block.label not in PRIVATE_LABELS:
        raise _wrong_label("private key", block.label, PRIVATE_LABELS)
    if password is None:
        raise Permanent(Reason.WRONG_PASSWORD, f"{block.label}: this key needs a password and none was given")
    if block.label in sealedkey.LABELS:
        opened = pem.Block(label="PRIVATE KEY", body=sealedkey.open_box(block, password))
        return _read_private(opened, None)
    sealedkey.check_cost(block.body)
    return _read_private(block, password)


def _read_private(block: pem.Block, password: bytes | None) -> PrivateKey:
    try:
        return private_key(load_der_private_key(block.body, password))
    except (UnsupportedAlgorithm, InternalError) as error:  # the latter for an X448 key of a wrong length, for one
        raise _unreadable("private", block, error) from error
    except (ValueError, TypeError) as error:
        # A wrong password passes the padding check of one in 256 keys and shows as broken DER instead.
        if password is not None:
            raise sealedkey.wrong_password(block) from error
        raise _unreadable("private", block, error) from error


def seal_private(key: PrivateKey, password: bytes, salt: bytes, nonce: bytes) -> bytes:
    """The key in cosign's encrypted PEM. `salt` is 32 and `nonce` 24 fresh random bytes. Takes 0.2 s and 64 MiB."""
    der = key.material.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return sealedkey.seal(der, password, salt, nonce)


def public_key(material: object) -> PublicKey:
    """Admit a key of the `cryptography` library, or raise Permanent(KEY_UNUSABLE): the one allow-list (threat T13)."""
    match material:
        case ec.EllipticCurvePublicKey(curve=curve) if curve.name in _CURVES:
            return _public(material, _CURVES[curve.name][0])
        case ed25519.Ed25519PublicKey() if _is_sound(material):
            return _public(material, "ed25519")
        case rsa.RSAPublicKey(key_size=bits) if bits in _RSA_BITS and material.public_numbers().e < _RSA_EXPONENT_LIMIT:
            return _public(material, f"rsa-{bits}")
    raise Permanent(
        Reason.KEY_UNUSABLE,
        f"{_described(material)} is not accepted; wanted ECDSA on P-256, P-384 or P-521, Ed25519, or RSA of "
        f"{_RSA_BITS.start} to {_RSA_BITS.stop - 1} bits",
    )


def private_key(material: object) -> PrivateKey:
    """Admit a private key of the `cryptography` library. Raises Permanent(KEY_UNUSABLE) like `public_key`."""
    if not isinstance(material, PrivateMaterial):
        raise Permanent(Reason.KEY_UNUSABLE, f"{_described(material)} is not accepted for signing")
    return PrivateKey(material=material, public=public_key(material.public_key()))


def _public(material: PublicMaterial, algorithm: str) -> PublicKey:
    spki = material.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(material=material, algorithm=algorithm, key_id=_fingerprint(material), pem=spki)


def _fingerprint(material: PublicMaterial) -> str:
    """SHA-256 over the SSH wire form (RFC 4253, 6.6), as `ssh-keygen -l` shows it: base64 without padding."""
    line = material.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    digest = hashlib.sha256(base64.b64decode(line.split(b" ")[1])).digest()
    return "SHA256:" + base64.b64encode(digest).rstrip(b"=").decode()


def _is_sound(key: ed25519.Ed25519PublicKey) -> bool:
    """Not one of the few points of small order, under which a signature can be made that fits nearly any message."""
    return nacl.bindings.crypto_core_ed25519_is_valid_point(key.public_bytes_raw())


def _described(material: object) -> str:
    match material:
        case ec.EllipticCurvePublicKey(curve=curve):
            return f"an EC key on {curve.name}"
        case rsa.RSAPublicKey(key_size=bits):
            return f"an RSA key of {bits} bits with exponent {quote(material.public_numbers().e)}"
        case ed25519.Ed25519PublicKey():
            return "an Ed25519 key of small order"
    return f"a key of type {type(material).__name__}"


def _unreadable(half: str, block: pem.Block, error: Exception) -> Permanent:
    return Permanent(Reason.KEY_UNUSABLE, f"{block.label}: not a {half} key that can be read: {quote(error)}")


def _wrong_label(what: str, label: str, wanted: tuple[str, ...]) -> Permanent:
    return Permanent(Reason.KEY_UNUSABLE, f"{what}: the first PEM block is {quote(label)}, wanted one of {', '.join(wanted)}")

"""Functionary keys of in-toto: what a layout and a command line say of a key, and signatures by it.

A key is known by its id. in-toto computes it, SHA-256 over the canonical JSON of type, scheme and key, and a signature counts
only under the id of the key that it is by. The scheme stands beside the key, so no signature chooses how it is verified.
OpenPGP keys are refused: they would need a program of their own.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sealwright.core import keys
from sealwright.core.errors import Permanent, Reason, Untrusted, quote
from sealwright.core.keys import PublicKey
from sealwright.core.layout import canonical
from sealwright.core.model import value

_HASHES: dict[str, hashes.HashAlgorithm] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_ECDSA = {"ecdsa-p256": "ecdsa-sha2-nistp256", "ecdsa-p384": "ecdsa-sha2-nistp384", "ecdsa-p521": "ecdsa-sha2-nistp521"}


@value
class Signer:
    """A public key with the id and the scheme under which in-toto knows it."""

    key_id: str
    scheme: str
    key: PublicKey = field(repr=False)


@value
class Signed:
    """Bytes with the signatures that stand with them, as (key id, signature)."""

    message: bytes = field(repr=False)
    signatures: tuple[tuple[str, bytes], ...]


def is_by(signed: Signed, signer: Signer) -> bool:
    """Whether the first signature under this key's id is by this key: in-toto looks at no second one."""
    found = next((raw for key_id, raw in signed.signatures if key_id == signer.key_id), None)
    if found is None:
        return False
    try:
        _verify(signer, signed.message, found)
    except (InvalidSignature, Untrusted):
        return False
    return True


def _verify(signer: Signer, message: bytes, signature: bytes) -> None:
    match signer.key.material:
        case rsa.RSAPublicKey() as key:
            algorithm = _HASHES[signer.scheme[-3:]]
            is_pss = signer.scheme.startswith("rsassa-pss-")
            padded = padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO) if is_pss else padding.PKCS1v15()
            key.verify(signature, message, padded, algorithm)
        case ec.EllipticCurvePublicKey():
            keys.verify(signer.key, "by-curve", message, signature)
        case ed25519.Ed25519PublicKey():
            keys.verify(signer.key, "sha256", message, signature)


def load(pem: bytes) -> Signer:
    """A key from its PEM file, with the scheme that in-toto takes for its type. Raises as `keys.load_public`."""
    key = keys.load_public(pem)
    kind, scheme, text = _described(key)
    described = {"keytype": kind, "scheme": scheme, "keyval": {"public": text}}
    return Signer(key_id=hashlib.sha256(canonical.encode(described)).hexdigest(), scheme=scheme, key=key)


def described(signer: Signer) -> dict[str, Any]:
    """The key as layouts hold it."""
    kind, _, text = _described(signer.key)
    return {"keyid": signer.key_id, "keytype": kind, "scheme": signer.scheme, "keyval": {"public": text}}


def read(found: Any) -> Signer:
    """A key that a layout holds. Raises Permanent(KEY_UNUSABLE) for what is no such key, for types and sizes not accepted."""
    match found:
        case {"keyid": str(key_id), "keytype": "ed25519", "scheme": "ed25519" as scheme, "keyval": {"public": str(text)}}:
            key = _raw_ed25519(text)
        case {"keyid": str(key_id), "keytype": str(), "scheme": str(scheme), "keyval": {"public": str(text)}}:
            key = keys.load_public(text.encode())
            _check_scheme(key, found["keytype"], scheme)
        case _:
            wanted = "keyid, keytype, scheme and keyval.public (OpenPGP keys are not read)"
            raise Permanent(Reason.KEY_UNUSABLE, f"a functionary's key: wanted an object with {wanted}")
    return Signer(key_id=key_id, scheme=scheme, key=key)


def _raw_ed25519(text: str) -> PublicKey:
    try:
        return keys.public_key(ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(text)))
    except ValueError as error:
        raise Permanent(Reason.KEY_UNUSABLE, f"an ed25519 key: wanted 64 hex digits, found {quote(text)}") from error


def _check_scheme(key: PublicKey, kind: str, scheme: str) -> None:
    match key.material:
        case rsa.RSAPublicKey():
            schemes: Sequence[str] = [f"{name}-sha{bits}" for name in ("rsassa-pss", "rsa-pkcs1v15") for bits in _HASHES]
            kinds: Sequence[str] = ("rsa",)
        case ec.EllipticCurvePublicKey():
            schemes = (_ECDSA[key.algorithm],)
            # Older in-toto wrote the scheme in both places.
            kinds = ("ecdsa", _ECDSA[key.algorithm])
        case _:
            schemes, kinds = (), ()
    if scheme not in schemes or kind not in kinds:
        message = f"a functionary's {key.algorithm} key: wanted a scheme of {', '.join(schemes)}, found {quote(scheme)}"
        raise Permanent(Reason.KEY_UNUSABLE, f"{message} with type {quote(kind)}")


def _described(key: PublicKey) -> tuple[str, str, str]:
    """Type, in-toto's own scheme for it, and its text: raw hex for Ed25519, else PEM."""
    match key.material:
        case ed25519.Ed25519PublicKey() as material:
            return "ed25519", "ed25519", material.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        case ec.EllipticCurvePublicKey():
            return "ecdsa", _ECDSA[key.algorithm], key.pem.decode()
        case _:
            return "rsa", "rsassa-pss-sha256", key.pem.decode()

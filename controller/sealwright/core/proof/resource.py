"""The signature of a trusted resource: made and proven side by side.

The message is the 32-byte digest of the canonical bytes, which the signature's own hash then hashes once more (Ed25519 takes
it as it is). Where ECDSA's bytes are no ASN.1 they may be r and s of equal length, as Tekton's library also reads them.
"""

import base64
from typing import Literal, get_args

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from sealwright.core import keys
from sealwright.core.errors import Permanent, Reason, Untrusted
from sealwright.core.keys import Form, PublicKey
from sealwright.core.model import value
from sealwright.core.tekton.resources import Resource

Hash = Literal["sha224", "sha256", "sha384", "sha512"]
HASHES: tuple[Hash, ...] = get_args(Hash)

_BY_CURVE: dict[str, Hash] = {"ecdsa-p384": "sha384", "ecdsa-p521": "sha512"}
_P1363_LIMIT = 132  # two numbers of P-521
_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


@value
class ResourceKey:
    """A public key, and the hash with which it signs. Ed25519 has none of its own, and ignores it."""

    key: PublicKey
    hash: Hash = "sha256"


def hash_of(key: PublicKey, form: Form) -> Hash:
    """The hash with which a key service signs, whatever a policy says: it follows the kind of its key.

    Raises Permanent(KEY_UNUSABLE) for Ed25519ph, which Tekton does not verify.
    """
    if form != "by-curve":
        return form
    if key.algorithm == "ed25519":
        raise Permanent(Reason.KEY_UNUSABLE, "this key signs with Ed25519ph, and Tekton verifies pure Ed25519 alone")
    return _BY_CURVE.get(key.algorithm, "sha256")


def annotation(signature: bytes) -> str:
    """The text of the annotation for a signature over `Resource.digest`; `decoded` reads it."""
    return base64.b64encode(signature).decode()


def prove(resource: Resource, trusted: ResourceKey) -> None:
    """Prove that this key signed this definition.

    Raises Untrusted: NO_ATTESTATION (no signature), BAD_SIGNATURE; Permanent(KEY_UNUSABLE) for RSA with SHA-224.
    """
    refuse_misfit(trusted.key, trusted.hash)
    if resource.signature is None:
        raise Untrusted(Reason.NO_ATTESTATION, f"{resource.kind} '{resource.name}' carries no tekton.dev/signature")
    try:
        signature = decoded(resource.signature)
    except ValueError as error:
        raise Untrusted(Reason.BAD_SIGNATURE, f"the annotation tekton.dev/signature: {error}") from error
    verify(resource.digest, signature, trusted)


def verify(digest: bytes, signature: bytes, trusted: ResourceKey) -> None:
    """Prove that this key signed this digest. Raises Untrusted(BAD_SIGNATURE)."""
    if isinstance(trusted.key.material, ec.EllipticCurvePublicKey) and not _is_asn1(signature):
        signature = _from_p1363(signature)
    keys.verify(trusted.key, trusted.hash, digest, signature)


def refuse_misfit(key: PublicKey, hash_: Hash) -> None:
    """Raises Permanent(KEY_UNUSABLE) for RSA with SHA-224."""
    if not keys.fits(key, hash_):
        raise Permanent(Reason.KEY_UNUSABLE, f"{key.algorithm} does not sign with {hash_}; choose sha256, sha384 or sha512")


def _is_asn1(signature: bytes) -> bool:
    try:
        decode_dss_signature(signature)
    except ValueError:
        return False
    return True


def _from_p1363(signature: bytes) -> bytes:
    """r and s, one after the other, as ASN.1; what has another shape stays, and will not verify."""
    half = len(signature) // 2
    if not 0 < len(signature) <= _P1363_LIMIT or len(signature) % 2:
        return signature
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))


# --- base64 -------------------------------------------------------------------------------------------------------------


def decoded(text: str) -> bytes:
    """Base64 as Go decodes it: line breaks are skipped, padding is needed. ValueError in Go's words, with Go's position."""
    data = text.encode()
    kept = [(position, byte) for position, byte in enumerate(data) if byte not in b"\r\n"]
    bad = _bad_position(kept, len(data))
    if bad is not None:
        raise ValueError(f"illegal base64 data at input byte {bad}")
    return base64.b64decode(bytes(byte for _, byte in kept))


def _bad_position(kept: list[tuple[int, int]], end: int) -> int | None:
    """Where Go's decoder stops, if it does; `kept` are the bytes that are no line breaks, with their positions."""
    body = next((n for n, (_, byte) in enumerate(kept) if byte not in _ALPHABET), len(kept))
    extra = body % 4
    if body == len(kept):
        return end - extra if extra else None
    position, byte = kept[body]
    if byte != ord("=") or extra < 2:
        return position
    after = body + 1
    if extra == 2:
        if after == len(kept):
            return end
        if kept[after][1] != ord("="):
            return kept[after][0] - 1
        after += 1
    return kept[after][0] if after < len(kept) else None

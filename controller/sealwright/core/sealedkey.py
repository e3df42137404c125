"""Private keys under a password: cosign's box, and how much work a PKCS#8 file may ask for.

The password becomes a key by a function whose cost is written in the file. A file is input, so that cost is bounded
before anything is computed: otherwise a changed file is a bomb for memory or time.
Source of the box: sigstore and go-securesystemslib `encrypted`, as read from keys that cosign writes.
"""

from typing import Annotated, Literal

import msgspec
import nacl.bindings
import nacl.exceptions
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sealwright.core import pem, strict
from sealwright.core.errors import Permanent, Reason
from sealwright.core.pem import Block

LABELS = ("ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY")

# 128 * N * r bytes of memory: 32, 64 and 128 MiB. cosign wrote the first, writes the second, and reads no others.
_COSTS = (1 << 15, 1 << 16, 1 << 17)
_COST = 1 << 16

_Nonce = Annotated[bytes, msgspec.Meta(min_length=24, max_length=24)]
_Ciphertext = Annotated[bytes, msgspec.Meta(min_length=16)]  # begins with Poly1305's 16-byte tag


class _Params(msgspec.Struct, frozen=True):
    N: int
    r: Literal[8]
    p: Literal[1]


class _Kdf(msgspec.Struct, frozen=True):
    name: Literal["scrypt"]
    params: _Params
    salt: bytes


class _Cipher(msgspec.Struct, frozen=True):
    name: Literal["nacl/secretbox"]
    nonce: _Nonce


class _Box(msgspec.Struct, frozen=True):
    kdf: _Kdf
    cipher: _Cipher
    ciphertext: _Ciphertext


def seal(der: bytes, password: bytes, salt: bytes, nonce: bytes) -> bytes:
    """Cosign's PEM around a PKCS#8 key. `salt` is 32 and `nonce` 24 fresh random bytes. Takes 0.2 s and 64 MiB."""
    if len(salt) != 32 or len(nonce) != 24:
        raise ValueError(f"wanted a salt of 32 and a nonce of 24 bytes, got {len(salt)} and {len(nonce)}")
    params = _Params(N=_COST, r=8, p=1)
    box = _Box(
        kdf=_Kdf(name="scrypt", params=params, salt=salt),
        cipher=_Cipher(name="nacl/secretbox", nonce=nonce),
        ciphertext=nacl.bindings.crypto_secretbox(der, nonce, _derive(password, salt, params)),
    )
    return pem.write(Block(label=LABELS[0], body=msgspec.json.encode(box)))


def open_box(block: Block, password: bytes) -> bytes:
    """The PKCS#8 DER in a block with one of LABELS. Takes 0.2 s and 64 MiB, at most twice that.

    Raises Permanent: KEY_UNUSABLE (not such a box, or another cost than cosign's), WRONG_PASSWORD.
    """
    box = _read(block)
    if box.kdf.params.N not in _COSTS:
        raise Permanent(
            Reason.KEY_UNUSABLE,
            f"{block.label}: scrypt cost N={box.kdf.params.N} is refused, wanted one of {', '.join(map(str, _COSTS))}",
        )
    key = _derive(password, box.kdf.salt, box.kdf.params)
    try:
        return nacl.bindings.crypto_secretbox_open(box.ciphertext, box.cipher.nonce, key)
    except nacl.exceptions.CryptoError as error:
        raise wrong_password(block) from error


def wrong_password(block: Block) -> Permanent:
    """The same words for every kind of sealed key."""
    return Permanent(Reason.WRONG_PASSWORD, f"{block.label}: the password does not open this key, or the file was changed")


def _read(block: Block) -> _Box:
    loaded = strict.loads(block.body, block.label, pem.SIZE_LIMIT)
    try:
        return msgspec.convert(loaded, _Box)
    except msgspec.ValidationError as error:
        raise Permanent(Reason.KEY_UNUSABLE, f"{block.label}: not a box that cosign writes: {error}") from error


def _derive(password: bytes, salt: bytes, params: _Params) -> bytes:
    return Scrypt(salt=salt, length=32, n=params.N, r=params.r, p=params.p).derive(password)


@asn1.sequence
class _AlgorithmIdentifier:
    oid: x509.ObjectIdentifier
    params: asn1.TLV


@asn1.sequence
class _EncryptedPrivateKeyInfo:
    algorithm: _AlgorithmIdentifier
    encrypted: bytes


@asn1.sequence
class _Pbes2:
    kdf: _AlgorithmIdentifier
    cipher: _AlgorithmIdentifier


@asn1.sequence
class _Pbkdf2:
    salt: bytes
    iterations: int
    key_length: int | None
    prf: _AlgorithmIdentifier | None


@asn1.sequence
class _Scrypt:
    salt: bytes
    n: int
    r: int
    p: int
    key_length: int | None


_PBES2, _PBKDF2, _SCRYPT = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12", "1.3.6.1.4.1.11591.4.11"
_ITERATION_LIMIT = 10_000_000  # about 5 seconds; today's advice is 600,000
_SCRYPT_LIMIT = 1 << 20  # N * r * p, as in the largest box of cosign: 128 MiB


def check_cost(der: bytes) -> None:
    """Refuse an EncryptedPrivateKeyInfo (RFC 5958) that is not PBES2 (RFC 8018) with PBKDF2 or scrypt of bearable cost.

    Raises Permanent(KEY_UNUSABLE).
    """
    try:
        bearable = _is_bearable(der)
    except ValueError as error:
        raise Permanent(
            Reason.KEY_UNUSABLE,
            "ENCRYPTED PRIVATE KEY: wanted PBES2 with PBKDF2 or scrypt; rewrite it with 'openssl pkcs8 -topk8'",
        ) from error
    if not bearable:
        raise Permanent(
            Reason.KEY_UNUSABLE,
            f"ENCRYPTED PRIVATE KEY: asks for more than {_ITERATION_LIMIT} rounds of PBKDF2 or 128 MiB of scrypt",
        )


def _is_bearable(der: bytes) -> bool:
    algorithm = asn1.decode_der(_EncryptedPrivateKeyInfo, der).algorithm
    if algorithm.oid.dotted_string != _PBES2:
        raise ValueError("not PBES2")
    kdf = algorithm.params.parse(_Pbes2).kdf
    if kdf.oid.dotted_string == _PBKDF2:
        rounds: int = kdf.params.parse(_Pbkdf2).iterations
        return 0 < rounds <= _ITERATION_LIMIT
    if kdf.oid.dotted_string == _SCRYPT:
        cost: _Scrypt = kdf.params.parse(_Scrypt)
        return min(cost.n, cost.r, cost.p) > 0 and cost.n * cost.r * cost.p <= _SCRYPT_LIMIT
    raise ValueError("neither PBKDF2 nor scrypt")

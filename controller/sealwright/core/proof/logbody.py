"""Does a log's entry speak of this signature? A proven entry of another signature proves nothing about ours (CVE-2022-23649).

The body is what the log hashed and signed. It must name the same kind as the entry says, the digest of what was signed, this very
signature, and this very key or certificate. Sources: sigstore/rekor, pkg/types; rekor-tiles, rekor-v2 specification 6.1.
The body of `intoto` 0.0.1 has no signature: only the digest of the whole envelope ties it to one, so its bytes must be at hand.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import TypeVar

import msgspec

from sealwright.core import pem, strict
from sealwright.core.envelope import dsse
from sealwright.core.errors import Fault, Reason, Untrusted, quote
from sealwright.core.model import LogEntry, value

T = TypeVar("T", bound=msgspec.Struct)
_BODY_LIMIT = 256 << 10
_DIGESTS = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}
_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}


@value
class Signed:
    """A signature and what it is said to be over. `payload_type` is None for bare bytes.

    `envelope` is the text of the envelope that holds both, where it was kept as it was made.
    """

    payload_type: str | None
    body: bytes
    signature: bytes
    envelope: bytes = b""

    @property
    def message(self) -> bytes:
        """The bytes under the signature."""
        return self.body if self.payload_type is None else dsse.pae(self.payload_type, self.body)


class _Wire(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    pass


class _Hash(_Wire):
    algorithm: str
    value: str


class _Content(_Wire):
    content: str


class _RecordData(_Wire):
    hash: _Hash


class _RecordSignature(_Wire):
    content: str
    public_key: _Content


class _Record(_Wire):
    data: _RecordData
    signature: _RecordSignature


class _DsseSignature(_Wire):
    signature: str
    verifier: str


class _Dsse(_Wire):
    envelope_hash: _Hash
    payload_hash: _Hash
    signatures: list[_DsseSignature]


class _IntotoSignature(_Wire):
    public_key: str
    sig: str
    keyid: str = ""


class _IntotoEnvelope(_Wire):
    payload_type: str
    signatures: list[_IntotoSignature]
    payload: str = ""


class _IntotoContent(_Wire):
    envelope: _IntotoEnvelope
    hash: _Hash
    payload_hash: _Hash


class _OldIntotoContent(_Wire):
    hash: _Hash
    payload_hash: _Hash


class _OldIntoto(_Wire):
    content: _OldIntotoContent
    public_key: str


class _Intoto(_Wire):
    content: _IntotoContent


class _Digest(_Wire):
    algorithm: str
    digest: str


class _Raw(_Wire):
    raw_bytes: str


class _Verifier(_Wire):
    key_details: str
    public_key: _Raw | None = None
    x509_certificate: _Raw | None = None


class _TiledSignature(_Wire):
    content: str
    verifier: _Verifier


class _TiledRecord(_Wire):
    data: _Digest
    signature: _TiledSignature


class _TiledDsse(_Wire):
    payload_hash: _Digest
    signatures: list[_TiledSignature]


class _TiledRecordSpec(_Wire):
    hashed_rekord_v002: _TiledRecord = msgspec.field(name="hashedRekordV002")


class _TiledDsseSpec(_Wire):
    dsse_v002: _TiledDsse = msgspec.field(name="dsseV002")


class _Body(_Wire):
    api_version: str
    kind: str
    spec: msgspec.Raw


def prove(entry: LogEntry, signed: Signed, verifier: bytes) -> str:
    """Prove that the entry's body is about this signature; the step in words. Raises Untrusted(WRONG_ENTRY).

    `verifier` is the certificate or public key (DER) that made the signature.
    """
    try:
        strict.loads(entry.body, "the log entry's body", _BODY_LIMIT)
        body = _read(entry.body, _Body)
    except Fault as fault:
        raise _wrong(fault.message) from fault
    if (body.kind, body.api_version) != (entry.kind, entry.version):
        raise _wrong(f"it says {quote(entry.kind)} {quote(entry.version)}, its body {quote(body.kind)} {quote(body.api_version)}")
    check = _KINDS.get((body.kind, body.api_version))
    if check is None:
        raise _wrong(f"{quote(body.kind)} {quote(body.api_version)} is no kind that ties an entry to a signature")
    if check(body.spec, signed) != verifier:
        raise _wrong("it has another key or certificate")
    return f"its body ({body.kind} {body.api_version}) has this signature, its key and the digest of what was signed"


def _record(spec: msgspec.Raw, signed: Signed) -> bytes:
    found = _read(spec, _Record)
    _same_digest(found.data.hash, signed.message)
    _same_signature(_decoded(found.signature.content), signed)
    return _pem(found.signature.public_key.content)


def _dsse(spec: msgspec.Raw, signed: Signed) -> bytes:
    # The envelope's own hash is not compared: it is over JSON whose bytes nobody keeps. Payload, signature and key are the same.
    found = _read(spec, _Dsse)
    _need_envelope(signed)
    _same_digest(found.payload_hash, signed.body)
    [one] = _one(found.signatures)
    _same_signature(_decoded(one.signature), signed)
    return _pem(one.verifier)


def _intoto(spec: msgspec.Raw, signed: Signed) -> bytes:
    found = _read(spec, _Intoto).content
    _need_envelope(signed)
    if found.envelope.payload_type != signed.payload_type:
        raise _wrong(f"it is about a payload of the type {quote(found.envelope.payload_type)}")
    _same_digest(found.payload_hash, signed.body)
    if found.envelope.payload and _twice_decoded(found.envelope.payload) != signed.body:
        raise _wrong("it has another payload")
    [one] = _one(found.envelope.signatures)
    _same_signature(_twice_decoded(one.sig), signed)
    return _pem(one.public_key)


def _old_intoto(spec: msgspec.Raw, signed: Signed) -> bytes:
    found = _read(spec, _OldIntoto)
    _need_envelope(signed)
    if not signed.envelope:
        raise _wrong("intoto 0.0.1 is about an envelope's text, which a bundle does not keep")
    _same_digest(found.content.hash, signed.envelope)
    _same_digest(found.content.payload_hash, signed.body)
    return _pem(found.public_key)


def _tiled_record(spec: msgspec.Raw, signed: Signed) -> bytes:
    found = _read(spec, _TiledRecordSpec).hashed_rekord_v002
    _same_tiled_digest(found.data, signed.message)
    return _tiled_signature(found.signature, signed)


def _tiled_dsse(spec: msgspec.Raw, signed: Signed) -> bytes:
    found = _read(spec, _TiledDsseSpec).dsse_v002
    _need_envelope(signed)
    _same_tiled_digest(found.payload_hash, signed.body)
    [one] = _one(found.signatures)
    return _tiled_signature(one, signed)


# Each compares digest and signature, and returns the key or certificate that the body names.
_KINDS: dict[tuple[str, str], Callable[[msgspec.Raw, Signed], bytes]] = {
    ("hashedrekord", "0.0.1"): _record,
    ("dsse", "0.0.1"): _dsse,
    ("intoto", "0.0.1"): _old_intoto,
    ("intoto", "0.0.2"): _intoto,
    ("hashedrekord", "0.0.2"): _tiled_record,
    ("dsse", "0.0.2"): _tiled_dsse,
}


def _need_envelope(signed: Signed) -> None:
    if signed.payload_type is None:
        raise _wrong("it is about an envelope, and a bare signature is to be proven")


def _one(found: list[T]) -> list[T]:
    if len(found) != 1:
        raise _wrong(f"it has {len(found)} signatures, wanted 1")
    return found


def _same_digest(found: _Hash, data: bytes) -> None:
    if found.algorithm not in _SIZES or found.value != hashlib.new(found.algorithm, data).hexdigest():
        raise _wrong(f"it has another digest ({quote(found.algorithm)}) than what was signed")


def _same_tiled_digest(found: _Digest, data: bytes) -> None:
    name = _DIGESTS.get(found.algorithm)
    if name is None or _decoded(found.digest) != hashlib.new(name, data).digest():
        raise _wrong(f"it has another digest ({quote(found.algorithm)}) than what was signed")


def _tiled_signature(found: _TiledSignature, signed: Signed) -> bytes:
    _same_signature(_decoded(found.content), signed)
    given = [raw for raw in (found.verifier.public_key, found.verifier.x509_certificate) if raw is not None]
    if len(given) != 1:
        raise _wrong("it has not one key or certificate")
    return _decoded(given[0].raw_bytes)


def _same_signature(found: bytes, signed: Signed) -> None:
    if found != signed.signature:
        raise _wrong("it has another signature")


def _pem(text: str) -> bytes:
    try:
        return pem.first_block(_decoded(text), "its key").body
    except Untrusted:
        raise
    except Fault as error:
        raise _wrong(error.message) from error


def _twice_decoded(text: str) -> bytes:
    """This kind encodes the envelope's text once more."""
    return _decoded(_decoded(text).decode("ascii", errors="replace"))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _wrong("it holds something that is not base64") from error


def _read(data: bytes | msgspec.Raw, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _wrong(f"its body cannot be read: {error}") from error


def _wrong(why: str) -> Untrusted:
    return Untrusted(Reason.WRONG_ENTRY, f"the log entry is not about this signature: {why}")

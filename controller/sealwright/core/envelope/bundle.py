"""Sigstore bundles: one file with a signature and all that proves it offline.

Versions 0.1, 0.2 and 0.3 are read, 0.3 is written; the same shapes serve both ways. Reading proves nothing: whether a key or
certificate is trusted, and whether the log has the entry, is asked in `core/proof`.
Sources: sigstore/protobuf-specs, sigstore_bundle.proto and its client rules by version; protobuf's JSON mapping, of which only
what its writers write is taken: camel-case names, padded standard base64, 64-bit integers in decimal, null for "not there".
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from sealwright.core import pem, strict
from sealwright.core.envelope import dsse
from sealwright.core.envelope.dsse import Envelope
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import Attestation, InclusionProof, LogEntry, Signature, value
from sealwright.core.oci import Descriptor

T = TypeVar("T")

# What every version's media type begins with.
PREFIX = "application/vnd.dev.sigstore.bundle"
MEDIA_TYPE = f"{PREFIX}.v0.3+json"
_VERSIONS = {
    f"{PREFIX}+json;version=0.1": "0.1",
    f"{PREFIX}+json;version=0.2": "0.2",
    f"{PREFIX}+json;version=0.3": "0.3",
    MEDIA_TYPE: "0.3",
}

# Each entry, time and certificate is work for the verifier; other clients draw the line at 32 entries and times.
ENTRY_LIMIT, TIMESTAMP_LIMIT, CERTIFICATE_LIMIT = 32, 32, 8

_DECIMAL = re.compile(r"0|-?[1-9][0-9]{0,18}")
# The digests that a message signature may state; the length tells a cut one.
_DIGESTS = {"SHA2_256": 32, "SHA2_384": 48, "SHA2_512": 64}


@value
class MessageSignature:
    """A signature over the bytes of a file. `digest` is what the bundle says is their digest: a hint, until it is compared."""

    raw: bytes
    algorithm: str = ""
    digest: bytes = b""


@value
class Bundle:
    """An opened bundle, unproven. Exactly one of `envelope` and `message` is there.

    `key_hint` is set where a plain key signed, and names it; else `certificates` (DER) starts with the signer's own.
    `timestamps` are RFC 3161 responses (DER) over the signature.
    """

    version: str = "0.3"
    envelope: Envelope | None = None
    message: MessageSignature | None = None
    key_hint: str | None = None
    certificates: tuple[bytes, ...] = ()
    entries: tuple[LogEntry, ...] = ()
    timestamps: tuple[bytes, ...] = ()

    @property
    def signature(self) -> bytes:
        """The signature's bytes: what timestamps are over."""
        return self.envelope.signatures[0].raw if self.envelope else self.message.raw if self.message else b""


# --- the wire -----------------------------------------------------------------------------------------------------------


class _Wire(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Protobuf's JSON: what has its default value may be left out, what is unknown is refused."""


class _Bytes(_Wire):
    raw_bytes: str = ""


class _Chain(_Wire):
    certificates: list[_Bytes] = []


class _PublicKey(_Wire):
    hint: str = ""


class _LogId(_Wire):
    key_id: str = ""


class _KindVersion(_Wire):
    kind: str = ""
    version: str = ""


class _Promise(_Wire):
    signed_entry_timestamp: str = ""


class _Checkpoint(_Wire):
    envelope: str = ""


class _Proof(_Wire):
    log_index: str | int | None = None
    root_hash: str = ""
    tree_size: str | int | None = None
    hashes: list[str] = []
    checkpoint: _Checkpoint | None = None


class _Entry(_Wire):
    log_index: str | int | None = None
    log_id: _LogId | None = None
    kind_version: _KindVersion | None = None
    integrated_time: str | int | None = None
    inclusion_promise: _Promise | None = None
    inclusion_proof: _Proof | None = None
    canonicalized_body: str = ""


class _Stamp(_Wire):
    signed_timestamp: str = ""


class _Stamps(_Wire):
    rfc3161_timestamps: list[_Stamp] = []


class _Material(_Wire):
    public_key: _PublicKey | None = None
    x509_certificate_chain: _Chain | None = None
    certificate: _Bytes | None = None
    # Written also where there is none, since sigstore-python's model needs them; so is a signature's key id.
    tlog_entries: list[_Entry] | None = None
    timestamp_verification_data: _Stamps | None = None


class _Digest(_Wire):
    algorithm: str = ""
    digest: str = ""


class _Message(_Wire):
    message_digest: _Digest | None = None
    signature: str = ""


class _DsseSignature(_Wire):
    sig: str = ""
    keyid: str | None = None


class _Envelope(_Wire):
    payload: str = ""
    payload_type: str = ""
    signatures: list[_DsseSignature] = []


class _Bundle(_Wire):
    media_type: str = ""
    verification_material: _Material | None = None
    message_signature: _Message | None = None
    dsse_envelope: _Envelope | None = None


class _Subject(msgspec.Struct):
    digest: str = ""


class _Artifact(msgspec.Struct):
    layers: list[Descriptor] = []
    subject: _Subject | None = None


# --- reading ------------------------------------------------------------------------------------------------------------


def looks_like(loaded: Mapping[str, Any]) -> bool:
    """Whether a JSON object says that it is a bundle, of whatever version."""
    return str(loaded.get("mediaType", "")).startswith(PREFIX)


def layers(manifest: bytes, digest: str, what: str) -> list[Descriptor]:
    """The bundles in an OCI artifact that refers to the image with this digest (OCI image specification 1.1, `subject`).

    It must say so itself: an index that names it can say anything. Raises Permanent: INVALID_INPUT, WRONG_SUBJECT.
    """
    try:
        found = msgspec.json.decode(manifest, type=_Artifact)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: cannot be read: {error}") from error
    subject = found.subject.digest if found.subject else ""
    if subject != digest:
        raise Permanent(Reason.WRONG_SUBJECT, f"{what}: it is about {quote(subject)}")
    return [layer for layer in found.layers if layer.media_type.startswith(PREFIX)]


def read(data: bytes) -> Bundle:
    """A bundle that somebody else wrote.

    Raises Permanent(BAD_BUNDLE) where it breaks a rule of its version, and what `strict.loads` raises.
    """
    wire = _shaped(_present(strict.loads(data, "the bundle", strict.ENVELOPE_LIMIT)))
    version = _VERSIONS.get(wire.media_type)
    if version is None:
        raise _bad(f"mediaType is {quote(wire.media_type)}, wanted a bundle of version 0.1, 0.2 or 0.3")
    if wire.verification_material is None:
        raise _bad("it has no verificationMaterial")
    return Bundle(
        version=version,
        envelope=_envelope(wire),
        message=_message(wire),
        key_hint=_hint(wire.verification_material),
        certificates=_certificates(wire.verification_material, version),
        entries=_entries(wire.verification_material, version),
        timestamps=_timestamps(wire.verification_material),
    )


def read_entry(loaded: Any) -> LogEntry:
    """A log entry that stands alone, as Rekor v2 answers. Raises Permanent(BAD_BUNDLE)."""
    try:
        return _entry(msgspec.convert(_present(loaded), _Entry), "0.3", "the log entry")
    except msgspec.ValidationError as error:
        raise _bad(str(error)) from error


def _present(loaded: Any) -> Any:
    """Without members that are null, which in protobuf's JSON are not there."""
    if isinstance(loaded, dict):
        return {name: _present(member) for name, member in loaded.items() if member is not None}
    return [_present(item) for item in loaded] if isinstance(loaded, list) else loaded


def _shaped(loaded: Any) -> _Bundle:
    try:
        return msgspec.convert(loaded, _Bundle)
    except msgspec.ValidationError as error:
        raise _bad(str(error)) from error


def _envelope(wire: _Bundle) -> Envelope | None:
    if (wire.dsse_envelope is None) == (wire.message_signature is None):
        raise _bad("it must have one of messageSignature and dsseEnvelope")
    if wire.dsse_envelope is None:
        return None
    found = wire.dsse_envelope
    # A bundle has one key or certificate, so a second signature would be one that nobody looks at.
    if len(found.signatures) != 1:
        raise _bad(f"its envelope has {len(found.signatures)} signatures, wanted 1")
    [signature] = found.signatures
    return Envelope(
        payload_type=found.payload_type,
        body=_decoded(found.payload, "dsseEnvelope.payload"),
        signatures=(Signature(key_id=signature.keyid or "", raw=_needed(signature.sig, "dsseEnvelope.signatures[0].sig")),),
    )


def _message(wire: _Bundle) -> MessageSignature | None:
    if wire.message_signature is None:
        return None
    raw = _needed(wire.message_signature.signature, "messageSignature.signature")
    stated = wire.message_signature.message_digest
    # cosign leaves it empty where the key signs the whole file (Ed25519).
    if stated is None or stated == _Digest():
        return MessageSignature(raw=raw)
    digest = _needed(stated.digest, "messageSignature.messageDigest.digest")
    if _DIGESTS.get(stated.algorithm) != len(digest):
        raise _bad(f"messageDigest is {len(digest)} bytes of {quote(stated.algorithm)}, wanted one of {', '.join(_DIGESTS)}")
    return MessageSignature(raw=raw, algorithm=stated.algorithm, digest=digest)


def _hint(material: _Material) -> str | None:
    given = (material.public_key, material.x509_certificate_chain, material.certificate)
    if sum(each is not None for each in given) != 1:
        raise _bad("verificationMaterial must have one of publicKey, certificate and x509CertificateChain")
    return material.public_key.hint if material.public_key is not None else None


def _certificates(material: _Material, version: str) -> tuple[bytes, ...]:
    if material.certificate is not None:
        return (_needed(material.certificate.raw_bytes, "certificate.rawBytes"),)
    if material.x509_certificate_chain is None:
        return ()
    if version == "0.3":
        raise _bad("a bundle of version 0.3 has its certificate in 'certificate', not in x509CertificateChain")
    found = material.x509_certificate_chain.certificates
    _count(found, 1, CERTIFICATE_LIMIT, "certificates in x509CertificateChain")
    return tuple(_needed(each.raw_bytes, f"certificates[{n}].rawBytes") for n, each in enumerate(found))


def _entries(material: _Material, version: str) -> tuple[LogEntry, ...]:
    found = material.tlog_entries or []
    _count(found, 0, ENTRY_LIMIT, "tlogEntries")
    return tuple(_entry(each, version, f"tlogEntries[{n}]") for n, each in enumerate(found))


def _entry(wire: _Entry, version: str, what: str) -> LogEntry:
    if version == "0.1" and wire.inclusion_promise is None:
        raise _bad(f"{what} has no inclusionPromise, which version 0.1 asks for")
    if version != "0.1" and (wire.inclusion_proof is None or wire.inclusion_proof.checkpoint is None):
        raise _bad(f"{what} has no inclusionProof with a checkpoint, which version {version} asks for")
    if wire.log_id is None or wire.kind_version is None:
        raise _bad(f"{what} needs logId and kindVersion")
    promise = wire.inclusion_promise
    return LogEntry(
        log_id=_needed(wire.log_id.key_id, f"{what}.logId.keyId"),
        index=_number(wire.log_index, f"{what}.logIndex"),
        kind=wire.kind_version.kind,
        version=wire.kind_version.version,
        body=_needed(wire.canonicalized_body, f"{what}.canonicalizedBody"),
        integrated_s=_number(wire.integrated_time, f"{what}.integratedTime"),
        promise=_needed(promise.signed_entry_timestamp, f"{what}.inclusionPromise") if promise is not None else b"",
        proof=_proof(wire.inclusion_proof, f"{what}.inclusionProof"),
    )


def _proof(wire: _Proof | None, what: str) -> InclusionProof | None:
    # Version 0.1 may have a proof without a checkpoint: nothing can be proven with it, and its promise stands alone.
    if wire is None or wire.checkpoint is None:
        return None
    return InclusionProof(
        index=_number(wire.log_index, f"{what}.logIndex"),
        size=_number(wire.tree_size, f"{what}.treeSize"),
        root=_needed(wire.root_hash, f"{what}.rootHash"),
        hashes=tuple(_needed(each, f"{what}.hashes[{n}]") for n, each in enumerate(wire.hashes)),
        checkpoint=wire.checkpoint.envelope,
    )


def _timestamps(material: _Material) -> tuple[bytes, ...]:
    found = material.timestamp_verification_data.rfc3161_timestamps if material.timestamp_verification_data else []
    _count(found, 0, TIMESTAMP_LIMIT, "rfc3161Timestamps")
    return tuple(_needed(each.signed_timestamp, f"rfc3161Timestamps[{n}]") for n, each in enumerate(found))


def _count(found: Sequence[msgspec.Struct], least: int, most: int, what: str) -> None:
    """Each once: what stands twice would be counted twice by somebody."""
    if not least <= len(found) <= most:
        raise _bad(f"it has {len(found)} {what}, wanted {least} to {most}")
    if len({msgspec.json.encode(each) for each in found}) != len(found):
        raise _bad(f"one of its {what} stands there twice")


def _number(text: str | int | None, what: str) -> int:
    if text is None:
        return 0
    if not _DECIMAL.fullmatch(str(text)) or not 0 <= int(text) < 1 << 63:
        raise _bad(f"{what} is {quote(text)}, wanted a number from 0 to 2^63")
    return int(text)


def _needed(text: str, what: str) -> bytes:
    if not text:
        raise _bad(f"{what} is missing or empty")
    return _decoded(text, what)


def _decoded(text: str, what: str) -> bytes:
    raw = strict.base64_bytes(text)
    if raw is None:
        raise _bad(f"{what} is not padded standard base64: {quote(text[:40])}")
    return raw


def _bad(why: str) -> Permanent:
    return Permanent(Reason.BAD_BUNDLE, f"not a bundle that can be verified: {why}")


# --- writing ------------------------------------------------------------------------------------------------------------


def seal(attestation: Attestation) -> bytes:
    """The bundle of an attestation: its envelope, or a signature over its bare payload. Raises as `write`.

    A signature without certificate names its key by its id. Intermediate certificates stay out, as version 0.3 asks: a
    verifier has them from its trusted root.
    """
    signature = attestation.signature
    certificate = pem.first_block(signature.certificate.encode(), "the certificate").body if signature.certificate else b""
    return write(
        Bundle(
            envelope=dsse.open_envelope(attestation.envelope) if attestation.envelope else None,
            message=None if attestation.envelope else _over(attestation.payload.body, signature.raw),
            key_hint=None if certificate else signature.key_id,
            certificates=(certificate,) if certificate else (),
            entries=attestation.entries,
            timestamps=attestation.timestamps,
        )
    )


def write(bundle: Bundle) -> bytes:
    """The JSON of version 0.3, deterministic. Raises Permanent(BAD_BUNDLE) for what `read` would refuse."""
    wire = _Bundle(
        media_type=MEDIA_TYPE,
        verification_material=_wire_material(bundle),
        message_signature=_wire_message(bundle.message) if bundle.message else None,
        dsse_envelope=_wire_envelope(bundle.envelope) if bundle.envelope else None,
    )
    written = msgspec.json.encode(wire)
    read(written)
    return written


def _over(body: bytes, raw: bytes) -> MessageSignature:
    return MessageSignature(raw=raw, algorithm="SHA2_256", digest=hashlib.sha256(body).digest())


def _wire_material(bundle: Bundle) -> _Material:
    stamps = [_Stamp(_encoded(each)) for each in bundle.timestamps]
    return _Material(
        public_key=_PublicKey(bundle.key_hint) if bundle.key_hint is not None else None,
        certificate=_Bytes(_encoded(bundle.certificates[0])) if bundle.certificates else None,
        tlog_entries=[_wire_entry(each) for each in bundle.entries],
        timestamp_verification_data=_Stamps(stamps) if stamps else None,
    )


def _wire_entry(entry: LogEntry) -> _Entry:
    return _Entry(
        log_index=str(entry.index),
        log_id=_LogId(_encoded(entry.log_id)),
        kind_version=_KindVersion(entry.kind, entry.version),
        integrated_time=str(entry.integrated_s) if entry.integrated_s else None,
        inclusion_promise=_Promise(_encoded(entry.promise)) if entry.promise else None,
        inclusion_proof=_wire_proof(entry.proof) if entry.proof else None,
        canonicalized_body=_encoded(entry.body),
    )


def _wire_proof(proof: InclusionProof) -> _Proof:
    return _Proof(
        log_index=str(proof.index),
        root_hash=_encoded(proof.root),
        tree_size=str(proof.size),
        hashes=[_encoded(each) for each in proof.hashes],
        checkpoint=_Checkpoint(proof.checkpoint),
    )


def _wire_message(message: MessageSignature) -> _Message:
    digest = _Digest(message.algorithm, _encoded(message.digest)) if message.digest else None
    return _Message(message_digest=digest, signature=_encoded(message.raw))


def _wire_envelope(envelope: Envelope) -> _Envelope:
    signatures = [_DsseSignature(_encoded(each.raw), each.key_id) for each in envelope.signatures]
    return _Envelope(payload=_encoded(envelope.body), payload_type=envelope.payload_type, signatures=signatures)


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()

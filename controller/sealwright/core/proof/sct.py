"""Signed certificate timestamps: did a trusted log of certificates see this one before it was used? Source: RFC 6962, 3."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.certificate_transparency import LogEntryType, SignedCertificateTimestamp

from sealwright.core import keys
from sealwright.core.errors import Reason, Untrusted
from sealwright.core.proof.trustroot import TrustedLog

_LIMIT = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Numbers of RFC 6962: SignatureType and LogEntryType.
_CERTIFICATE_TIMESTAMP, _PRECERTIFICATE = 0, 1


def prove(leaf: x509.Certificate, issuer: x509.Certificate, logs: Sequence[TrustedLog]) -> str:
    """Prove that a trusted log promised to show this certificate; the step in words. Raises Untrusted(BAD_CERTIFICATE)."""
    stamps = _embedded(leaf)
    faults = []
    for stamp in stamps:
        named = [log for log in logs if log.log_id == stamp.log_id]
        if not named:
            faults.append(f"the log {stamp.log_id.hex()[:16]} is not trusted")
        for log in named:
            if not log.window.holds(_moment(stamp)):
                faults.append(f"the log {stamp.log_id.hex()[:16]} is trusted only from {log.window}")
            elif fault := _fault(stamp, leaf, issuer, log):
                faults.append(fault)
            else:
                return f"the certificate log {stamp.log_id.hex()[:16]} saw the certificate at {_moment(stamp).isoformat()}"
    raise _bad("; ".join(faults))


def _embedded(leaf: x509.Certificate) -> list[SignedCertificateTimestamp]:
    try:
        found = list(leaf.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value)
    except x509.ExtensionNotFound:
        found = []
    if not 1 <= len(found) <= _LIMIT:
        raise _bad(f"it holds {len(found)} of them, wanted 1 to {_LIMIT}")
    return found


def _moment(stamp: SignedCertificateTimestamp) -> datetime:
    return stamp.timestamp.replace(tzinfo=UTC)


def _fault(stamp: SignedCertificateTimestamp, leaf: x509.Certificate, issuer: x509.Certificate, log: TrustedLog) -> str:
    if stamp.entry_type is not LogEntryType.PRE_CERTIFICATE or not isinstance(stamp.signature_hash_algorithm, hashes.SHA256):
        return "it is of a kind that is not accepted"
    try:
        keys.verify(log.key, "sha256", _signed(stamp, leaf, issuer), stamp.signature)
    except Untrusted as error:
        return error.message
    return ""


def _signed(stamp: SignedCertificateTimestamp, leaf: x509.Certificate, issuer: x509.Certificate) -> bytes:
    """The struct that the log signed (RFC 6962, 3.2), over the certificate without its timestamps."""
    issuer_key = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    certificate = leaf.tbs_precertificate_bytes
    return b"".join(
        (
            bytes([stamp.version.value, _CERTIFICATE_TIMESTAMP]),
            ((_moment(stamp) - _EPOCH) // timedelta(milliseconds=1)).to_bytes(8),
            _PRECERTIFICATE.to_bytes(2),
            hashlib.sha256(issuer_key).digest(),
            len(certificate).to_bytes(3),
            certificate,
            len(stamp.extension_bytes).to_bytes(2),
            stamp.extension_bytes,
        )
    )


def _bad(why: str) -> Untrusted:
    return Untrusted(Reason.BAD_CERTIFICATE, f"no trusted log is shown to have seen the certificate (SCT): {why}")

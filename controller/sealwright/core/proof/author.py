"""Who made a signature: the one whose certificate goes with it, or the one of our keys that it names."""

from collections.abc import Sequence

from cryptography import x509

from sealwright.core import keys
from sealwright.core.envelope.rekor.asking import Author
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import Attestation
from sealwright.core.proof.attestation import TrustedKey


def of(attestation: Attestation, trusted: Sequence[TrustedKey]) -> Author:
    """The author of a signature that was just made.

    Raises Permanent: KEY_MISSING where no trusted key has its id, KEY_UNUSABLE where its certificate cannot be read.
    """
    signature = attestation.signature
    if signature.certificate:
        return _certified(signature.certificate)
    for candidate in trusted:
        if candidate.key.key_id == signature.key_id:
            return Author(key=candidate.key, form=candidate.form)
    known = ", ".join(candidate.key.key_id for candidate in trusted) or "none"
    raise Permanent(Reason.KEY_MISSING, f"key {quote(signature.key_id)} signed, and the keys that sign now are: {known}")


def _certified(certificate: str) -> Author:
    try:
        key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    except ValueError as error:
        raise Permanent(Reason.KEY_UNUSABLE, f"the signer's certificate cannot be read: {quote(error)}") from error
    return Author(key=keys.public_key(key), certificate=certificate)

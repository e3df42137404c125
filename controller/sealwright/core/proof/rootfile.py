"""A trusted root for one log and one clock, as cosign and other clients read it: for those who check a private log by hand.

Source: sigstore/protobuf-specs, sigstore_trustroot.proto.
"""

import base64
from collections.abc import Sequence
from typing import Any

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from sealwright.core import pem
from sealwright.core.errors import Permanent, Reason
from sealwright.core.keys import PublicKey
from sealwright.core.proof.chain import Authority
from sealwright.core.proof.checkpoint import LogKey

MEDIA_TYPE = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
# Since when the key is trusted: before the first log there was.
_SINCE = "2021-01-01T00:00:00Z"
_DETAILS = {
    "ecdsa-p256": "PKIX_ECDSA_P256_SHA_256",
    "ed25519": "PKIX_ED25519",
    "rsa-2048": "PKIX_RSA_PKCS1V15_2048_SHA256",
    "rsa-3072": "PKIX_RSA_PKCS1V15_3072_SHA256",
    "rsa-4096": "PKIX_RSA_PKCS1V15_4096_SHA256",
}


def write(log: LogKey | None, url: str, clocks: Sequence[Authority] = ()) -> bytes:
    """The file's JSON. Raises Permanent(KEY_UNUSABLE) for a log's key that these files have no name for."""
    found = {
        "mediaType": MEDIA_TYPE,
        "tlogs": [_log(log, url)] if log else [],
        "certificateAuthorities": [],
        "ctlogs": [],
        "timestampAuthorities": [_clock(each) for each in clocks],
    }
    return msgspec.json.format(msgspec.json.encode(found))


def _log(log: LogKey, url: str) -> dict[str, Any]:
    key = {
        "rawBytes": _text(pem.first_block(log.key.pem, "the log's key").body),
        "keyDetails": _details(log.key),
        "validFor": {"start": _SINCE},
    }
    address = f"https://{log.origin}" if log.origin else url
    return {"baseUrl": address, "hashAlgorithm": "SHA2_256", "publicKey": key, "logId": {"keyId": _text(log.log_id)}}


def _clock(clock: Authority) -> dict[str, Any]:
    own = clock.chain[0].subject.rfc4514_string()
    certificates = [{"rawBytes": _text(each.public_bytes(Encoding.DER))} for each in clock.chain]
    subject = {"organization": own, "commonName": own}
    return {"subject": subject, "certChain": {"certificates": certificates}, "validFor": {"start": _SINCE}}


def _details(key: PublicKey) -> str:
    if key.algorithm not in _DETAILS:
        known = ", ".join(_DETAILS)
        raise Permanent(
            Reason.KEY_UNUSABLE, f"a log with a key of {key.algorithm} cannot stand in a trusted root (these can: {known})"
        )
    return _DETAILS[key.algorithm]


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()

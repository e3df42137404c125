"""What a timestamp authority is asked: RFC 3161, 2.4.1. The answer is proven in `core/proof/timestamp`.

There is no nonce: an old answer over the same bytes is still true, and the time that it gives is compared with now where it is
fetched.
"""

import hashlib

MEDIA_TYPE = "application/timestamp-query"

# SEQUENCE { SEQUENCE { sha256, NULL }, OCTET STRING of 32 bytes: what follows }.
_IMPRINT = bytes.fromhex("3031300d060960864801650304020105000420")
_VERSION, _CERTIFICATE_WANTED = bytes.fromhex("020101"), bytes.fromhex("0101ff")


def request(message: bytes) -> bytes:
    """A TimeStampReq (DER) for the time at which these bytes, a signature, were seen; the clock's certificate is asked for."""
    body = _VERSION + _IMPRINT + hashlib.sha256(message).digest() + _CERTIFICATE_WANTED
    return b"\x30" + bytes([len(body)]) + body

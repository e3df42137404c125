"""A Layout that its owners signed: its JSON in a DSSE envelope with a payload type of its own, so that nothing else that they
sign passes for a layout.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from sealwright.core import keys
from sealwright.core.envelope import dsse
from sealwright.core.errors import Permanent, Reason, Untrusted, quote
from sealwright.core.layout import pipeline
from sealwright.core.layout.pipeline import Layout
from sealwright.core.model import Payload
from sealwright.core.proof.attestation import TrustedKey

MEDIA_TYPE = "application/vnd.sealwright.layout.v1alpha1+json"


def payload(document: Any, what: str) -> Payload:
    """What is signed of a decoded Layout. Raises as `pipeline.read`: what could not be kept is not signed either."""
    pipeline.read(document, what)
    return Payload(media_type=MEDIA_TYPE, body=msgspec.json.encode(document, order="sorted"))


def open_signed(envelope: bytes, owners: Sequence[TrustedKey], what: str) -> Layout:
    """The Layout inside, signed by every one of its owners.

    Raises Permanent(KEY_MISSING) without an owner, Untrusted: WRONG_PAYLOAD_TYPE, BAD_SIGNATURE; and as `pipeline.parse`.
    """
    if not owners:
        raise Permanent(Reason.KEY_MISSING, f"{what}: a signed layout; name the key of each owner who must have signed it")
    opened = dsse.open_envelope(envelope)
    if opened.payload_type != MEDIA_TYPE:
        raise Untrusted(Reason.WRONG_PAYLOAD_TYPE, f"{what}: holds {quote(opened.payload_type)}, wanted {MEDIA_TYPE}")
    message = dsse.pae(opened.payload_type, opened.body)
    for owner in owners:
        if not any(_is_by(owner, message, signature.raw) for signature in opened.signatures):
            key = f"{owner.key.algorithm} key {owner.key.key_id}"
            raise Untrusted(Reason.BAD_SIGNATURE, f"{what}: none of {len(opened.signatures)} signature(s) is by the {key}")
    return pipeline.parse(opened.body, what)


def _is_by(owner: TrustedKey, message: bytes, signature: bytes) -> bool:
    try:
        keys.verify(owner.key, owner.form, message, signature)
    except Untrusted:
        return False
    return True

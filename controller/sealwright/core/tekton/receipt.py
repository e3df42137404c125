"""Our own word on a run that its work is done: an HMAC that nobody without our key ring can write (design D5).

The annotation `sealwright.dev/receipt` holds `v1.<key id>.<claims>.<mac>`, both base64url without padding. Claims are JSON: kind,
uid, what was stored where with its sha256, and the hash of the configuration as information. The uid binds it to one object, so
marks that propagate to other runs, or are copied to a re-run, prove nothing there.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

import msgspec

from sealwright.core.model import Kind, Outcome, value

ANNOTATION = "sealwright.dev/receipt"
# Claims of a run with hundreds of images stay below; a longer text is not ours.
LENGTH_LIMIT = 64 << 10


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """One attestation in one store: Chains' key of what was signed, format, store, `sha256:<hex>` of what was stored."""

    key: str
    format: str
    store: str
    digest: str


class Claims(msgspec.Struct, frozen=True):
    """What a receipt says. `config` is `signing_hash`: information, not validity."""

    kind: str
    uid: str
    stored: list[Stored]
    config: str


@value
class RingKey:
    """A key of the ring: `id` is short text, `secret` 32 random bytes."""

    id: str
    secret: bytes

    def __repr__(self) -> str:
        return f"RingKey(id={self.id!r})"


def issue(ring: Sequence[RingKey], kind: Kind, uid: str, outcomes: Sequence[Outcome], config: str) -> str:
    """A receipt by the newest key, the last of the ring; equal input, equal text."""
    stored = [
        Stored(outcome.request.artifact.key, outcome.request.format, receipt.store, receipt.digest)
        for outcome in outcomes
        for receipt in outcome.receipts
    ]
    body = _text(msgspec.json.encode(Claims(kind=kind, uid=uid, stored=stored, config=config)))
    newest = ring[-1]
    return f"v1.{newest.id}.{body}.{_text(_mac(newest, body))}"


def check(ring: Sequence[RingKey], text: str, kind: Kind, uid: str) -> Claims | None:
    """The claims, if a key of the ring made them for this object; None for everything else, however it is broken."""
    # Ours is ASCII; half a surrogate pair, which JSON can spell, would have no bytes to take the HMAC of.
    parts = text.split(".") if len(text) <= LENGTH_LIMIT and text.isascii() else []
    if len(parts) != 4 or parts[0] != "v1":
        return None
    _, key_id, body, mac = parts
    for key in ring:
        if key.id == key_id and hmac.compare_digest(_text(_mac(key, body)).encode(), mac.encode()):
            claims = _claims(body)
            return claims if claims and (claims.kind, claims.uid) == (kind, uid) else None
    return None


def _mac(key: RingKey, body: str) -> bytes:
    # The prefix keeps these bytes apart from anything else that such a key may ever sign.
    return hmac.new(key.secret, b"sealwright.dev/receipt/v1\0" + body.encode(), hashlib.sha256).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _claims(body: str) -> Claims | None:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=Claims)
    except (ValueError, msgspec.MsgspecError):
        return None

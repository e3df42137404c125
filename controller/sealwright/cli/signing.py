"""A signature by hand, with a key from a folder, for commands that sign once."""

from sealwright.core.envelope import dsse
from sealwright.core.keys import Form, PrivateKey
from sealwright.core.model import Payload, Signature


def seal(payload: Payload, key: PrivateKey, *, form: Form = "sha256", key_id: str = "") -> bytes:
    """A DSSE envelope; `key_id` where its readers know the key by another id than ours."""
    raw = key.sign(dsse.pae(payload.media_type, payload.body), form)
    return dsse.seal(payload.media_type, payload.body, [Signature(key_id=key_id or key.public.key_id, raw=raw)])

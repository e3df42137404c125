"""DSSE v1: what is signed (the pre-authentication encoding), and the envelope that carries it.

`seal` writes exactly Chains' bytes; `open_envelope` reads what any producer may write. Opening proves nothing: the
caller checks a signature over `pae(envelope.payload_type, envelope.body)`, then the payload type, then what the body
says.
Source: secure-systems-lab/dsse, protocol.md and envelope.md, version 1.0.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from sealwright.core import strict
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import Signature, value

# A verifier tries keys against signatures, so their number is work that an attacker chooses; real ones hold 1 to 5.
SIGNATURE_LIMIT = 100

T = TypeVar("T")


class _WireSignature(msgspec.Struct, frozen=True):
    sig: str
    keyid: str = ""  # optional in envelope.md; unset means empty


class _WireEnvelope(msgspec.Struct, frozen=True, rename="camel"):
    payload_type: str
    payload: str
    signatures: list[dict[str, Any]]


@value
class Envelope:
    """An opened envelope, still unproven. `body` is the payload's bytes after base64; signatures keep their order.

    Two signatures may have the same key id, or none: it is a hint that nobody signed.
    """

    payload_type: str
    body: bytes
    signatures: tuple[Signature, ...]


def pae(payload_type: str, body: bytes) -> bytes:
    """The bytes that are signed. Lengths count bytes ("LEN(s)"): a type with an accent is longer than it looks."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def seal(payload_type: str, body: bytes, signatures: Sequence[Signature]) -> bytes:
    """The envelope's JSON, byte for byte as Chains writes it: this key order, no spaces, standard base64.

    Raises Permanent(BAD_ENVELOPE) without a signature or with more than SIGNATURE_LIMIT.
    """
    _check_count(len(signatures))
    wire = {
        "payloadType": payload_type,
        "payload": base64.b64encode(body).decode(),
        "signatures": [{"keyid": each.key_id, "sig": base64.b64encode(each.raw).decode()} for each in signatures],
    }
    return msgspec.json.encode(wire)


def open_envelope(data: bytes) -> Envelope:
    """Read an envelope that somebody else wrote. Unknown keys are ignored, as envelope.md asks.

    Raises Permanent: whatever `strict.loads` raises (size, nesting, repeated keys, JSON), REPEATED_KEY (a key
    differs from a known one in case alone, so Go reads it as that one), BAD_ENVELOPE (a field is missing, of another
    type or not base64, no signatures or too many).
    """
    loaded = strict.loads(data, "DSSE envelope", strict.ENVELOPE_LIMIT)
    if not isinstance(loaded, dict):
        raise Permanent(Reason.BAD_ENVELOPE, "DSSE envelope: wanted a JSON object with payloadType, payload, signatures")
    wire = _shaped(loaded, _WireEnvelope, ("payloadType", "payload", "signatures"), "DSSE envelope")
    _check_count(len(wire.signatures))
    return Envelope(
        payload_type=wire.payload_type,
        body=_from_base64(wire.payload, "DSSE payload"),
        signatures=tuple(_signature(each, f"DSSE signature {index}") for index, each in enumerate(wire.signatures)),
    )


def _signature(loaded: dict[str, Any], what: str) -> Signature:
    wire = _shaped(loaded, _WireSignature, ("sig", "keyid"), what)
    return Signature(key_id=wire.keyid, raw=_from_base64(wire.sig, what))


def _shaped(loaded: dict[str, Any], shape: type[T], known: Sequence[str], what: str) -> T:
    strict.refuse_lookalike_keys(loaded, known, what)
    try:
        return msgspec.convert(loaded, shape)
    except msgspec.ValidationError as error:
        raise Permanent(Reason.BAD_ENVELOPE, f"{what}: {error}") from error


def _check_count(count: int) -> None:
    if not 1 <= count <= SIGNATURE_LIMIT:
        raise Permanent(Reason.BAD_ENVELOPE, f"DSSE envelope: {count} signatures, wanted 1 to {SIGNATURE_LIMIT}")


def _from_base64(text: str, what: str) -> bytes:
    """Padded base64 in one line, in the standard or the URL-safe alphabet (protocol.md allows both), never mixed.

    Bytes have one text in each alphabet: encoding them again must give the same, so spare bits, spare padding and line
    breaks are refused.
    """
    alphabet = b"-_" if "-" in text or "_" in text else b"+/"
    try:
        raw = base64.b64decode(text, altchars=alphabet, validate=True)
        exact = base64.b64encode(raw, altchars=alphabet).decode() == text
    except (binascii.Error, ValueError):
        exact = False
    if not exact:
        raise Permanent(
            Reason.BAD_ENVELOPE,
            f"{what}: wanted padded base64 in one alphabet and without line breaks, found {quote(text[:40])}",
        )
    return raw

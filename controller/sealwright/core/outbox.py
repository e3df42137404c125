"""What is owed of a run that goes before everything could be done for it, kept as bytes and read back (design D4).

Payloads are kept, not runs: what was to be signed then is signed later, byte for byte, whatever became of the run, its children
and the configuration (design D11, D12). The store `tekton` is inside the run, so nothing is owed to it once the run is gone.
"""

import zlib
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Attestation, Origin, Outcome, Payload, SignRequest, value

INSIDE_THE_RUN = "tekton"
# A run's object has at most 3 MiB (design D21), and what is built of it is not much larger.
EXPANDED_LIMIT = 16 << 20


@value
class Owed:
    """One request as far as it came: a payload that is to be signed, or an attestation that is to be stored, never both.

    The request's stores are those that lack it.
    """

    request: SignRequest
    payload: Payload | None = None
    attestation: Attestation | None = None


@value
class Pending:
    """A run that is gone, or is about to go. `anchor` says which shard it belongs to; `completed` is RFC 3339."""

    origin: Origin
    anchor: str
    completed: str
    owed: tuple[Owed, ...]


_owed = msgspec.json.Decoder(tuple[Owed, ...])


def owed(outcomes: Sequence[Outcome]) -> tuple[Owed, ...]:
    """What these outcomes leave to be done outside the run; nothing where all that is missing was inside it."""
    return tuple(found for outcome in outcomes if (found := _rest(outcome)))


def pack(found: Sequence[Owed]) -> bytes:
    """Compressed bytes: equal input, equal bytes."""
    return zlib.compress(msgspec.json.encode(found))


def unpack(blob: bytes) -> tuple[Owed, ...]:
    """What was packed. Raises Permanent: INVALID_INPUT for anything else, TOO_LARGE for what would not end."""
    try:
        expander = zlib.decompressobj()
        text = expander.decompress(blob, EXPANDED_LIMIT)
        if expander.unconsumed_tail:
            raise Permanent(Reason.TOO_LARGE, f"what is kept of a run is over {EXPANDED_LIMIT} bytes")
        return _owed.decode(text)
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"what is kept of a run cannot be read: {error}") from error


def _rest(outcome: Outcome) -> Owed | None:
    there = {INSIDE_THE_RUN, *(receipt.store for receipt in outcome.receipts)}
    asked = outcome.request
    missing = tuple(word for word in asked.stores if word not in there)
    made = outcome.attestation
    is_unlogged = asked.log == "needed" and not (made and made.entries)
    if outcome.payload is None or not (missing or is_unlogged):
        return None
    request = replace(asked, stores=missing)
    return Owed(request=request, payload=None if made else outcome.payload, attestation=made)

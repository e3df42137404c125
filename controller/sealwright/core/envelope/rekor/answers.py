"""What a Rekor log answers: entries with their proofs, and the ids of entries."""

import msgspec

from sealwright.core import strict
from sealwright.core.envelope import bundle
from sealwright.core.envelope.rekor.wire import ANSWER_LIMIT, Typed, bad, decoded, shaped, unhex
from sealwright.core.model import InclusionProof, LogEntry

# Answers that a search names; a digest with more entries is either famous or flooded.
FOUND_LIMIT = 1000


class _V1Proof(msgspec.Struct, rename="camel"):
    log_index: int
    tree_size: int
    root_hash: str
    hashes: list[str]
    checkpoint: str


class _V1Verification(msgspec.Struct, rename="camel"):
    signed_entry_timestamp: str = ""
    inclusion_proof: _V1Proof | None = None


class _V1Entry(msgspec.Struct, rename={"integrated_time": "integratedTime", "log_id": "logID", "log_index": "logIndex"}):
    body: str
    integrated_time: int
    log_id: str
    log_index: int
    verification: _V1Verification


def read_v1(data: bytes) -> tuple[tuple[str, LogEntry], ...]:
    """Rekor v1's answer: each entry under its id (hex), unproven.

    Raises Permanent(BAD_LOG_ENTRY), and what `strict.loads` raises.
    """
    loaded = strict.loads(data, "the log's answer", ANSWER_LIMIT)
    found = shaped(loaded, dict[str, _V1Entry], "the log's answer")
    return tuple((uuid, _entry_v1(each)) for uuid, each in found.items())


def _entry_v1(wire: _V1Entry) -> LogEntry:
    body = decoded(wire.body, "body")
    typed = shaped(strict.loads(body, "the entry's body", ANSWER_LIMIT), Typed, "the entry's body")
    proof = wire.verification.inclusion_proof
    return LogEntry(
        log_id=unhex(wire.log_id, "logID"),
        index=wire.log_index,
        kind=typed.kind,
        version=typed.api_version,
        body=body,
        integrated_s=wire.integrated_time,
        promise=decoded(wire.verification.signed_entry_timestamp, "signedEntryTimestamp"),
        proof=_proof_v1(proof) if proof else None,
    )


def _proof_v1(wire: _V1Proof) -> InclusionProof:
    return InclusionProof(
        index=wire.log_index,
        size=wire.tree_size,
        root=unhex(wire.root_hash, "rootHash"),
        hashes=tuple(unhex(each, "hashes") for each in wire.hashes),
        checkpoint=wire.checkpoint,
    )


def read_v2(data: bytes) -> LogEntry:
    """Rekor v2's answer, which is a bundle's entry, unproven. Raises Permanent: BAD_BUNDLE, and what `strict.loads` does."""
    return bundle.read_entry(strict.loads(data, "the log's answer", ANSWER_LIMIT))


def read_found(data: bytes) -> tuple[str, ...]:
    """Ids of entries, Rekor v1's answer to a search. Raises Permanent(BAD_LOG_ENTRY), and what `strict.loads` does."""
    found = shaped(strict.loads(data, "the log's answer", ANSWER_LIMIT), list[str], "the log's answer")
    if not all(len(uuid) in (64, 80) and set(uuid) <= set("0123456789abcdef") for uuid in found):
        raise bad("the log's answer", "an id of an entry is not 64 or 80 hex digits")
    return tuple(dict.fromkeys(found))[:FOUND_LIMIT]

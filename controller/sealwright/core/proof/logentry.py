"""Is an entry in the log? The steps, in order; each that was taken is said in `Proven.steps`:

1. the log is one whose key is trusted, found by the entry's log id;
2. its promise (Rekor v1's signed entry timestamp), if there is one, is by the log's key over exactly this body, index and time;
3. its inclusion proof, if there is one, leads from exactly this body to a root;
4. the log's key signed a checkpoint with that root and that size.

An entry with neither proves nothing and is refused; one that has a broken one is refused, whatever the other says.
Not done here: what the entry speaks of (`logbody`), and whether its time fits.
"""

import base64
from collections.abc import Sequence

import msgspec

from sealwright.core import keys
from sealwright.core.errors import Reason, Untrusted
from sealwright.core.model import InclusionProof, LogEntry, value
from sealwright.core.proof import checkpoint, merkle
from sealwright.core.proof.checkpoint import LogKey


@value
class Proven:
    """How an entry was proven. `promised_s` is the time that the log signed, seconds after 1970; 0 where it signed none."""

    entry: LogEntry
    log: LogKey
    is_included: bool
    promised_s: int
    steps: tuple[str, ...]


def prove(entry: LogEntry, logs: Sequence[LogKey]) -> Proven:
    """All four steps.

    Raises Untrusted: UNKNOWN_LOG, BAD_LOG_ENTRY (numbers that no log gives, or no proof), BAD_PROMISE, BAD_INCLUSION,
    BAD_CHECKPOINT.
    """
    log = _log(entry, logs)
    if entry.index < 0 or entry.integrated_s < 0:
        raise Untrusted(Reason.BAD_LOG_ENTRY, f"the log entry has the index {entry.index} and the time {entry.integrated_s}")
    if not entry.promise and entry.proof is None:
        raise Untrusted(Reason.BAD_LOG_ENTRY, "the log entry has neither a promise nor an inclusion proof")
    steps = [f"the log is {log.log_id.hex()[:16]}, whose {log.key.algorithm} key is trusted"]
    if entry.promise:
        steps.append(_prove_promise(entry, log))
    if entry.proof is not None:
        steps += _prove_inclusion(entry, entry.proof, log)
    promised_s = entry.integrated_s if entry.promise else 0
    return Proven(entry=entry, log=log, is_included=entry.proof is not None, promised_s=promised_s, steps=tuple(steps))


def _log(entry: LogEntry, logs: Sequence[LogKey]) -> LogKey:
    for log in logs:
        if log.log_id == entry.log_id:
            return log
    known = ", ".join(log.log_id.hex()[:16] for log in logs) or "none"
    message = f"the entry is of the log {entry.log_id.hex()[:64]}, and the logs trusted here are: {known}"
    raise Untrusted(Reason.UNKNOWN_LOG, message)


def promise_message(entry: LogEntry) -> bytes:
    """What a promise signs: JSON with sorted keys and no spaces (RFC 8785), numbers as numbers."""
    said = {
        "body": base64.b64encode(entry.body).decode(),
        "integratedTime": entry.integrated_s,
        "logID": entry.log_id.hex(),
        "logIndex": entry.index,
    }
    return msgspec.json.encode(said)


def _prove_promise(entry: LogEntry, log: LogKey) -> str:
    try:
        keys.verify(log.key, "sha256", promise_message(entry), entry.promise)
    except Untrusted as error:
        message = f"the promise of log entry {entry.index}: {error.message}; its body, index or time was changed"
        raise Untrusted(Reason.BAD_PROMISE, message) from error
    return f"it promised to keep this entry as number {entry.index}, {entry.integrated_s} s after 1970"


def _prove_inclusion(entry: LogEntry, proof: InclusionProof, log: LogKey) -> list[str]:
    if proof.index > entry.index:  # a log in shards counts on from one to the next, so never the other way
        message = f"the log entry {entry.index} is said to be number {proof.index} of its shard"
        raise Untrusted(Reason.BAD_LOG_ENTRY, message)
    merkle.verify_inclusion(entry.body, proof.index, proof.size, proof.hashes, proof.root)
    signed = checkpoint.verify(proof.checkpoint, log)
    if (signed.size, signed.root) != (proof.size, proof.root):
        message = f"the checkpoint is of another tree ({signed.size} leaves) than the inclusion proof ({proof.size} leaves)"
        raise Untrusted(Reason.BAD_CHECKPOINT, message)
    return [
        f"{len(proof.hashes)} hashes lead from entry {proof.index} of {proof.size} to the root {proof.root.hex()[:16]}",
        f"the log signed that root and size as {signed.name}",
    ]

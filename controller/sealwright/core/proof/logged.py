"""What a log must have shown before its answer is kept: the entry is ours, it is in the log, and it is not from the future.

A log that lies is no worse than one that is down: nothing is stored with its word (threat T49).
"""

from collections.abc import Sequence

from sealwright.core.envelope.rekor.asking import Author
from sealwright.core.errors import Reason, Untrusted
from sealwright.core.model import Attestation, LogEntry
from sealwright.core.proof import logbody, logentry
from sealwright.core.proof.checkpoint import LogKey
from sealwright.core.proof.logbody import Signed

# Clocks of two well-kept machines differ by less.
SKEW_S = 300


def prove(entry: LogEntry, attestation: Attestation, author: Author, logs: Sequence[LogKey], unix_s: float) -> tuple[str, ...]:
    """The steps that were taken, in words.

    Raises Untrusted: what `logbody.prove` and `logentry.prove` raise, and BAD_LOG_ENTRY for an entry that is only promised, or
    that came later than now.
    """
    signed = Signed(
        payload_type=attestation.payload.media_type if attestation.envelope else None,
        body=attestation.payload.body,
        signature=attestation.signature.raw,
        envelope=attestation.envelope,
    )
    spoken = logbody.prove(entry, signed, author.der)
    proven = logentry.prove(entry, logs)
    if not proven.is_included:
        raise Untrusted(Reason.BAD_LOG_ENTRY, f"the log promised entry {entry.index}, and did not show that it is included")
    if entry.integrated_s > unix_s + SKEW_S:
        ahead_s = int(entry.integrated_s - unix_s)
        raise Untrusted(Reason.BAD_LOG_ENTRY, f"the log says that entry {entry.index} comes in {ahead_s} s; look at both clocks")
    return (spoken, *proven.steps)

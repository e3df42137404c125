"""Marks that somebody else wrote: a run that says it is signed is believed if its own signature proves it (design D5).

So are runs taken over from Chains, and those whose receipt was lost. A spoofed mark proves nothing, and the run is signed.
"""

from collections.abc import Sequence

from sealwright.core.errors import Fault
from sealwright.core.policy import evidence
from sealwright.core.policy.wanted import Wanted
from sealwright.core.proof.attestation import TrustedKey
from sealwright.core.tekton.documents import RunDocument
from sealwright.core.tekton.marks import SIGNED
from sealwright.core.tekton.runs import Run, key_of


def says_signed(run: Run) -> bool:
    """Whether the run carries the mark, whoever wrote it."""
    return (run.metadata.annotations or {}).get(SIGNED) == "true"


def is_proven(run: Run, trusted: Sequence[TrustedKey]) -> bool:
    """Whether the run's own provenance stands on it, signed by a key of ours, and speaks of this run as it is now."""
    if not trusted:
        return False
    document = RunDocument(key=key_of(run), uid=run.metadata.uid, position=0, body=run.raw)
    try:
        judged = [evidence.judge(found, trusted, Wanted()) for found in evidence.of_run(document)]
    except Fault:
        return False
    own = [found for found in judged if found.evidence.where == "annotation"]
    return bool(own) and all(found.verdict.is_pass for found in own)

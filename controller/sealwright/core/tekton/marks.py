"""What is written on a run when its work is done: the only place that says "signed"."""

from collections.abc import Sequence

from sealwright.core.model import Failure, Outcome
from sealwright.core.tekton.annotations import PREFIX

SIGNED = f"{PREFIX}signed"
TRANSPARENCY = f"{PREFIX}transparency"
RETRIES = f"{PREFIX}retries"
REASON = "sealwright.dev/reason"
FAILED = "failed"
# What stands on a run only while it is not signed.
PASSING = (RETRIES, REASON)
# A sentence for a person, in an object that has room for 256 KiB of annotations in all.
_REASON_LIMIT = 1024


def after(outcomes: Sequence[Outcome], skipped: str) -> dict[str, str] | None:
    """The annotations that say how it ended; None while it has not.

    `signed: "true"` needs a receipt from every store of every request (design D2). Nothing to sign is `skipped`, with the
    reason: users of Chains who wait for the annotation go on, and Chains reads it as not handled.
    """
    if skipped:
        return {SIGNED: "skipped", REASON: skipped}
    if not outcomes or not all(outcome.complete for outcome in outcomes):
        return None
    kept = {key: text for outcome in outcomes for found in outcome.receipts for key, text in found.annotations.items()}
    return kept | {SIGNED: "true"}


def failed(failures: Sequence[Failure]) -> dict[str, str]:
    """What Chains leaves on a run that it gave up, for those who wait for it. Here it is tried again, and then replaced."""
    why = str(failures[0]) if failures else ""
    return {SIGNED: FAILED, RETRIES: "3", REASON: why[:_REASON_LIMIT]}

"""What is written on a run when its work is done: the only place that says "signed"."""

from collections.abc import Sequence

from sealwright.core.model import Outcome
from sealwright.core.tekton.annotations import PREFIX

SIGNED = f"{PREFIX}signed"
TRANSPARENCY = f"{PREFIX}transparency"
REASON = "sealwright.dev/reason"


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

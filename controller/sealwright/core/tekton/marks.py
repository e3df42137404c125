"""What is written on a run when its work is done: the only place that says "signed"."""

from collections.abc import Mapping, Sequence

from sealwright.core.model import Failure, Outcome
from sealwright.core.tekton.annotations import PREFIX

SIGNED = f"{PREFIX}signed"
TRANSPARENCY = f"{PREFIX}transparency"
RETRIES = f"{PREFIX}retries"
REASON = "sealwright.dev/reason"
FAILED = "failed"
# What stands on a run only while it is not signed.
PASSING = (RETRIES, REASON)
# Where an attestation is kept that has no room on the object: `sha256:<hex of what was stored> <store>: <place>`.
ELSEWHERE = "sealwright.dev/elsewhere-"
# What attestations may take of those; the rest is for our receipt, and for what others write.
ROOM_BYTES = 192 << 10
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
    return _fitting(outcomes) | {SIGNED: "true"}


def _fitting(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """What stores want on the object; while it is too much, the largest that is kept elsewhere too gives way to where (T21).

    What is kept nowhere else stays: the API server then refuses the mark in its own words, and the run waits.
    """
    parts = [_annotations(outcome) for outcome in outcomes]
    for at in sorted(range(len(parts)), key=lambda at: _size(parts[at]), reverse=True):
        if sum(map(_size, parts)) <= ROOM_BYTES:
            break
        parts[at] = _elsewhere(outcomes[at]) or parts[at]
    return {key: text for part in parts for key, text in part.items()}


def _annotations(outcome: Outcome) -> dict[str, str]:
    return {key: text for found in outcome.receipts for key, text in found.annotations.items()}


def _elsewhere(outcome: Outcome) -> dict[str, str]:
    """One annotation that says where, beside what is not the stores' (a log's); none where it is only here."""
    stores = outcome.request.stores
    others = [found for found in outcome.receipts if found.store in stores and found.is_kept and not found.annotations]
    if not others:
        return {}
    places = ", ".join(f"{found.store}: {found.uri}" for found in others)
    rest = {key: text for found in outcome.receipts if found.store not in stores for key, text in found.annotations.items()}
    return rest | {f"{ELSEWHERE}{outcome.request.artifact.key}": f"{others[0].digest} {places}"[:_REASON_LIMIT]}


def _size(annotations: Mapping[str, str]) -> int:
    return sum(len(key) + len(text) for key, text in annotations.items())


def failed(failures: Sequence[Failure]) -> dict[str, str]:
    """What Chains leaves on a run that it gave up, for those who wait for it. Here it is tried again, and then replaced."""
    why = str(failures[0]) if failures else ""
    return {SIGNED: FAILED, RETRIES: "3", REASON: why[:_REASON_LIMIT]}

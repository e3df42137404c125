"""What is owed of a run that is gone: sign what is unsigned, store it where it is missing, and forget it.

fetch > claim > sign > store > drop. The same queue as for runs drives it, so that it waits, retries and recovers as they do.
"""

from sealwright.core.model import Key
from sealwright.flow.reconcile import Report, State
from sealwright.flow.sign import Work, failure, settle
from sealwright.ports import Equipment, Outbox


async def settle_one(key: Key, box: Outbox, tools: Equipment) -> Report:
    """One look at one entry; the report speaks of the run. Never raises but for cancellation."""
    bugs: list[Exception] = []
    try:
        return await _settle(key, box, tools, bugs)
    except Exception as error:  # noqa: BLE001  one poisonous entry must never stop the others
        return Report(key=key, state=State.FAILED, failures=(failure("outbox", error, bugs.append),), bug=next(iter(bugs), None))


async def _settle(key: Key, box: Outbox, tools: Equipment, bugs: list[Exception]) -> Report:
    pending = await box.fetch(key)
    if pending is None:
        return Report(key=key, state=State.GONE)
    claim = box.claim(pending.anchor)
    if claim is None:
        return Report(key=key, state=State.ELSEWHERE, uid=pending.origin.uid)
    with claim:
        work = Work(origin=pending.origin, tools=tools, claim=claim, on_bug=bugs.append)
        outcomes = await settle(pending.owed, work)
        is_complete = all(outcome.complete for outcome in outcomes)
        if is_complete:
            claim.check()
            await box.drop(key)
    return Report(
        key=pending.origin.key,
        state=State.SIGNED if is_complete else State.FAILED,
        uid=pending.origin.uid,
        completed=pending.completed,
        outcomes=outcomes,
        failures=tuple(failed for outcome in outcomes for failed in outcome.failures),
        bug=next(iter(bugs), None),
    )

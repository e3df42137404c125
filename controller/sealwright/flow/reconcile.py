"""One run, as it is now: look, decide, sign, mark, report. Called again for the same run it changes nothing.

fetch > read > done? > known? > children > plan > sign > mark > report
"""

from collections.abc import Mapping
from enum import StrEnum

from sealwright.core import plan as planning
from sealwright.core.config import signing_hash
from sealwright.core.errors import Reason
from sealwright.core.model import Failure, Finding, Key, Mark, Outcome, value
from sealwright.core.policy import takeover
from sealwright.core.tekton import family, marks, runs
from sealwright.core.tekton.runs import PipelineRun, Run, TaskRun
from sealwright.flow.sign import failure, sign
from sealwright.ports import Equipment, Runs

_SPOOFED = Finding(
    where=f"annotation {marks.SIGNED}",
    message=f"{Reason.SPOOFED_MARK}: the run said that it was signed, and nothing on it proved that; it is signed now",
)


class State(StrEnum):
    """How far a run is, after one look at it."""

    SIGNED = "signed"
    SKIPPED = "skipped"
    KNOWN = "known"  # done before
    WAITING = "waiting"  # it, or a child, has not finished
    GONE = "gone"
    FAILED = "failed"  # and will be tried again


@value
class Report:
    """What one look at a run came to: every log line, metric and event is a function of this value.

    `completed` is when the run ended, RFC 3339. `waits_for` are the children whose end, or appearance, makes another look
    worth while. `bug` is set for what nobody foresaw; its traceback is for the log.
    """

    key: Key
    state: State
    uid: str = ""
    completed: str = ""
    outcomes: tuple[Outcome, ...] = ()
    findings: tuple[Finding, ...] = ()
    failures: tuple[Failure, ...] = ()
    waits_for: tuple[Key, ...] = ()
    bug: BaseException | None = None


async def reconcile(key: Key, source: Runs, tools: Equipment, *, patient: bool = False) -> Report:
    """One look at one run. Never raises but for cancellation: what goes wrong is in the report.

    `patient` waits for children that are not there (yet) instead of signing without them.
    """
    bugs: list[Exception] = []
    try:
        return await _reconcile(key, source, tools, patient=patient)
    except Exception as error:  # noqa: BLE001  one poisonous object must never stop the others (T25)
        return Report(key=key, state=State.FAILED, failures=(failure("read", error, bugs.append),), bug=next(iter(bugs), None))


async def _reconcile(key: Key, source: Runs, tools: Equipment, *, patient: bool) -> Report:
    data = await source.fetch(key)
    if data is None:
        return Report(key=key, state=State.GONE)
    run = runs.read(data)
    uid = run.metadata.uid
    if not runs.is_done(run):
        await (source.release if run.metadata.deletion_timestamp else source.hold)(key, uid)
        return Report(key=key, state=State.WAITING, uid=uid, findings=(_waiting(key.name),))
    if await _is_known(key, run, source, tools):
        return Report(key=key, state=State.KNOWN, uid=uid)
    findings = (_SPOOFED,) if takeover.says_signed(run) else ()
    if isinstance(run, TaskRun):
        return await _sign(key, run, findings, source, tools)
    return await _pipeline(key, run, findings, source, tools, patient=patient)


async def _is_known(key: Key, run: Run, source: Runs, tools: Equipment) -> bool:
    """By our own record; or by a signature of ours that is on it, and then our record is made again without signing again."""
    uid = run.metadata.uid
    if await source.standing(key, uid):
        return True
    if not (takeover.says_signed(run) and takeover.is_proven(run, tools.trusted)):
        return False
    await source.mark(key, uid, Mark(annotations={}, plan=signing_hash(tools.config)))
    return True


async def _pipeline(
    key: Key, run: PipelineRun, findings: tuple[Finding, ...], source: Runs, tools: Equipment, *, patient: bool
) -> Report:
    members = family.gather(run, await children(run, source))
    absent = (*members.unfinished, *(members.missing if patient else ()))
    if absent:
        keys = tuple(Key(kind="TaskRun", namespace=key.namespace, name=name) for name in absent)
        waiting = tuple(map(_waiting, absent))
        return Report(key=key, state=State.WAITING, uid=run.metadata.uid, findings=waiting, waits_for=keys)
    whole = runs.with_children(run, members.children)
    return await _sign(key, whole, (*findings, *members.findings), source, tools)


async def children(run: PipelineRun, source: Runs) -> Mapping[str, TaskRun]:
    """The TaskRuns that are there under the names in `status.childReferences`, unjudged."""
    found = {}
    for reference in run.status.child_references:
        child_key = Key(kind="TaskRun", namespace=run.metadata.namespace, name=reference.name)
        data = await source.fetch(child_key) if reference.kind in ("TaskRun", "") else None
        child = runs.read(data) if data is not None else None
        if isinstance(child, TaskRun):
            found[reference.name] = child
    return found


async def _sign(key: Key, run: Run, findings: tuple[Finding, ...], source: Runs, tools: Equipment) -> Report:
    bugs: list[Exception] = []
    plan = planning.plan(run, tools.config)
    outcomes = await sign(run, plan.requests, tools, bugs.append)
    findings = (*findings, *plan.findings, *(found for outcome in outcomes for found in outcome.findings))
    failures = tuple(failed for outcome in outcomes for failed in outcome.failures)
    state = State.SKIPPED if plan.skipped else State.SIGNED
    annotations = marks.after(outcomes, plan.skipped)
    if annotations is None:
        state = State.FAILED
    else:
        mark = Mark(annotations=annotations, plan=signing_hash(tools.config), outcomes=outcomes)
        try:
            await source.mark(key, run.metadata.uid, mark)
        except Exception as error:  # noqa: BLE001  what was stored must still be reported
            state, failures = State.FAILED, (*failures, failure("mark", error, bugs.append))
    return Report(
        key=key,
        state=state,
        uid=run.metadata.uid,
        completed=run.status.completion_time,
        outcomes=outcomes,
        findings=findings,
        failures=failures,
        bug=next(iter(bugs), None),
    )


def _waiting(name: str) -> Finding:
    return Finding(where=name, message=f"{Reason.NOT_FINISHED}: waiting for its end")

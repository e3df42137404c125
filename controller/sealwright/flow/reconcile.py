"""One run, as it is now: look, decide, sign, mark, report. Called again for the same run it changes nothing.

fetch > read > done? > known? > children > plan > sign > mark > report
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from sealwright.core import outbox
from sealwright.core import plan as planning
from sealwright.core.config import signing_hash
from sealwright.core.errors import Fault, Reason
from sealwright.core.model import Failure, Finding, Key, Mark, Outcome, value
from sealwright.core.outbox import Pending
from sealwright.core.policy import takeover
from sealwright.core.tekton import family, marks, runs
from sealwright.core.tekton.runs import PipelineRun, Run, TaskRun
from sealwright.flow import definitions as judging
from sealwright.flow.sign import OnBug, Work, failure, sign
from sealwright.ports import Claim, Equipment, Objects, Runs

# How long a PipelineRun waits for children that are not there: files may be copied in any order.
PATIENCE_S = 5.0
# A run that is being deleted is held for so long by what fails, and never longer than LET_GO_S (design D4).
KEEP_AFTER_S, LET_GO_S = 60.0, 600.0

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
    ELSEWHERE = "elsewhere"  # another replica works on it
    GONE = "gone"
    FAILED = "failed"  # and will be tried again
    KEPT = "kept"  # it was let go, and what is owed of it is in the outbox
    RELEASED = "released"  # it was let go unsigned: it is being deleted, and waiting any longer would hinder that


@value
class Report:
    """What one look at a run came to: every log line, metric and event is a function of this value.

    `completed` is when the run ended, RFC 3339; `is_going` whether it is being deleted. `waits_for` are the children whose end,
    or appearance, makes another look worth while. `bug` is set for what nobody foresaw; its traceback is for the log.
    """

    key: Key
    state: State
    uid: str = ""
    completed: str = ""
    is_going: bool = False
    outcomes: tuple[Outcome, ...] = ()
    findings: tuple[Finding, ...] = ()
    failures: tuple[Failure, ...] = ()
    waits_for: tuple[Key, ...] = ()
    bug: BaseException | None = None


@value
class Circumstances:
    """What the queue knows of a run beside its name, in seconds: how long its looks have failed, how long it has waited for
    others, how long it has been known to be deleted.

    `patient` waits up to PATIENCE_S for children that are not there (yet) instead of signing without them.
    """

    failing_s: float = 0.0
    waiting_s: float = 0.0
    going_s: float = 0.0
    patient: bool = False


async def reconcile(key: Key, source: Runs, tools: Equipment, at: Circumstances = Circumstances()) -> Report:  # noqa: B008  frozen
    """One look at one run. Never raises but for cancellation: what goes wrong is in the report."""
    bugs: list[Exception] = []
    try:
        return await _reconcile(key, source, tools, at)
    except Exception as error:  # noqa: BLE001  one poisonous object must never stop the others (T25)
        failed = failure("read", error, bugs.append)
        if at.failing_s >= LET_GO_S:
            await _release_unread(key, source)
        return Report(key=key, state=State.FAILED, failures=(failed,), bug=next(iter(bugs), None))


async def _release_unread(key: Key, source: Runs) -> None:
    """Not even what cannot be read may keep a namespace from going (I5)."""
    with contextlib.suppress(Fault):
        await source.release(key, "")


async def _reconcile(key: Key, source: Runs, tools: Equipment, at: Circumstances) -> Report:
    data = await source.fetch(key)
    if data is None:
        return Report(key=key, state=State.GONE)
    run = runs.read(data)
    claim = source.claim(runs.anchor(run))
    if claim is None:
        return Report(key=key, state=State.ELSEWHERE, uid=run.metadata.uid)
    with claim:
        return await _Look(key=key, source=source, tools=tools, at=at, claim=claim).at_run(run)


@value
class _Look:
    """One look, with what it needs at each step."""

    key: Key
    source: Runs
    tools: Equipment
    at: Circumstances
    claim: Claim

    async def at_run(self, run: Run) -> Report:
        uid = run.metadata.uid
        if not runs.is_done(run):
            self.claim.check()
            await (self.source.release if run.metadata.deletion_timestamp else self.source.hold)(self.key, uid)
            return Report(key=self.key, state=State.WAITING, uid=uid, findings=(_waiting(self.key.name),))
        if await self._is_known(run):
            return Report(key=self.key, state=State.KNOWN, uid=uid)
        findings = (_SPOOFED,) if takeover.says_signed(run) else ()
        if isinstance(run, TaskRun):
            return await self._sign(run, findings)
        return await self._pipeline(run, findings)

    async def _is_known(self, run: Run) -> bool:
        """By our own record; or by a signature of ours that is on it, and then our record is made again without signing again."""
        uid = run.metadata.uid
        if await self.source.standing(self.key, uid):
            return True
        if not (takeover.says_signed(run) and takeover.is_proven(run, self.tools.trusted)):
            return False
        self.claim.check()
        await self.source.mark(self.key, uid, Mark(annotations={}, plan=signing_hash(self.tools.config)))
        return True

    async def _pipeline(self, run: PipelineRun, findings: tuple[Finding, ...]) -> Report:
        members = family.gather(run, await children(run, self.source))
        absent = self._worth_waiting_for(run, members)
        if absent:
            keys = tuple(Key(kind="TaskRun", namespace=self.key.namespace, name=name) for name in absent)
            waiting = tuple(map(_waiting, absent))
            going = bool(run.metadata.deletion_timestamp)
            return Report(
                key=self.key, state=State.WAITING, uid=run.metadata.uid, findings=waiting, waits_for=keys, is_going=going
            )
        left_out = tuple(_unfinished(name) for name in members.unfinished)
        whole = runs.with_children(run, members.children)
        return await self._sign(whole, (*findings, *members.findings, *left_out))

    def _worth_waiting_for(self, run: PipelineRun, members: family.Family) -> tuple[str, ...]:
        """Children whose end, or appearance, is to come; but a run that is being deleted must not wait for long."""
        is_late = bool(run.metadata.deletion_timestamp) and self.at.going_s >= KEEP_AFTER_S
        missing = members.missing if self.at.patient and self.at.waiting_s < PATIENCE_S else ()
        return () if is_late else (*members.unfinished, *missing)

    async def _sign(self, run: Run, findings: tuple[Finding, ...]) -> Report:
        bugs: list[Exception] = []
        plan = planning.plan(run, self.tools.config)
        work = Work(origin=runs.origin_of(run), tools=self.tools, claim=self.claim, on_bug=bugs.append)
        outcomes = await sign(run, plan.requests, work)
        annotations = marks.after(outcomes, plan.skipped)
        judged = await self._judged(run, bugs.append) if annotations is not None else ()
        report = Report(
            key=self.key,
            state=State.SKIPPED if plan.skipped else State.SIGNED if annotations is not None else State.FAILED,
            uid=run.metadata.uid,
            completed=run.status.completion_time,
            is_going=bool(run.metadata.deletion_timestamp),
            outcomes=outcomes,
            findings=(*findings, *judged, *plan.findings, *(found for outcome in outcomes for found in outcome.findings)),
            failures=tuple(failed for outcome in outcomes for failed in outcome.failures),
        )
        try:
            if annotations is not None:
                await self._mark(run, annotations, outcomes)
            else:
                report = await self._failed(run, report)
        except Exception as error:  # noqa: BLE001  what was stored must still be reported
            failures = (*report.failures, failure("mark", error, bugs.append))
            report = replace(report, state=State.FAILED, failures=failures)
        return replace(report, bug=next(iter(bugs), None))

    async def _judged(self, run: Run, on_bug: OnBug) -> tuple[Finding, ...]:
        """Whether its definition may be believed is told beside the signing, and never in its way."""
        if self.tools.definitions is None:
            return ()
        try:
            return await judging.judge(run, self.tools.definitions)
        except Exception as error:  # noqa: BLE001  what cannot be told is no yes, and no reason not to sign what happened
            failed = failure("judge", error, on_bug)
            return (Finding(where=judging.WHERE, message=f"{Reason.DEFINITION_UNKNOWN}: {failed.message}"),)

    async def _mark(self, run: Run, annotations: Mapping[str, str], outcomes: Sequence[Outcome]) -> None:
        self.claim.check()
        mark = Mark(annotations=annotations, plan=signing_hash(self.tools.config), outcomes=tuple(outcomes))
        await self.source.mark(self.key, run.metadata.uid, mark)

    async def _failed(self, run: Run, report: Report) -> Report:
        """What users of Chains wait for, after some minutes; and the end of a run that is being deleted."""
        if report.is_going and self.at.going_s >= KEEP_AFTER_S:
            return await self._let_go(run, report)
        if self.at.failing_s >= self.tools.config.failed_after_s:
            self.claim.check()
            await self.source.fail(self.key, report.uid, marks.failed(report.failures))
        return report

    async def _let_go(self, run: Run, report: Report) -> Report:
        """Keep what is owed, then take the finalizer off; after LET_GO_S even where it cannot be kept."""
        owed = outbox.owed(report.outcomes)
        self.claim.check()
        try:
            if owed:
                origin, anchor = runs.origin_of(run), runs.anchor(run)
                await self.source.keep(Pending(origin=origin, anchor=anchor, completed=report.completed, owed=owed))
        except Fault as fault:
            report = replace(report, failures=(*report.failures, failure("keep", fault, lambda _: None)))
            if self.at.going_s < LET_GO_S:
                return report
            owed = ()
        await self.source.release(self.key, report.uid)
        return replace(report, state=State.KEPT if owed else State.RELEASED)


async def children(run: PipelineRun, source: Objects) -> Mapping[str, TaskRun]:
    """The TaskRuns that are there under the names in `status.childReferences`, unjudged."""
    found = {}
    for reference in run.status.child_references:
        child_key = Key(kind="TaskRun", namespace=run.metadata.namespace, name=reference.name)
        data = await source.fetch(child_key) if reference.kind in ("TaskRun", "") else None
        child = runs.read(data) if data is not None else None
        if isinstance(child, TaskRun):
            found[reference.name] = child
    return found


def _waiting(name: str) -> Finding:
    return Finding(where=name, message=f"{Reason.NOT_FINISHED}: waiting for its end")


def _unfinished(name: str) -> Finding:
    return Finding(
        where=name, message=f"{Reason.NOT_FINISHED}: the PipelineRun is being deleted; the statement is made without it"
    )

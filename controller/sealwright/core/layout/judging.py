"""May the next task start? Are all of them as the layout wants? Verified statements, a Layout and a PipelineRun -> Verdict.

    layout = pipeline.parse(data, "layout.yaml")
    family = tekton.family.gather(run, found)                            # forged children are left out
    verified = proof.attestation.prove(envelope, layout.trusted)         # for each statement found for a TaskRun's uid
    chain = Chain(run=with_children(run, family.children), statements={uid: [verified, ...]}, now=now)
    judging.before(layout, chain, held)    # one TaskRun on hold: PASS releases it, UNKNOWN waits, FAIL stops the pipeline
    judging.whole(layout, chain)           # the end: every step, and nothing missing

`before` is the layout cut to the steps already done. It asks, in this order:

1. the layout is still valid, and the PipelineRun runs the Pipeline that it speaks of;
2. the held TaskRun is a step of the layout, with the ServiceAccount, the Task and the definition named there;
3. each step before it (by the layout and by the Pipeline, through others too) has ended well, or was skipped and may be;
4. each of these is signed, by as many different functionaries as the layout asks, in statements which name this TaskRun, its
   PipelineRun and its task, say the same results as its status does now, and whose artifacts keep the step's rules;
5. the held TaskRun has exactly the parameters which the layout and the Pipeline's expressions give it, worked out from results
   that were signed.

Steps that are not before it are judged too as far as they are signed, and stop it if they are wrong: a pipeline with a forged
branch is not to go on. A breach names step, rule, what was expected and what was found, and is UNKNOWN only where a signature
is still to come: how long to wait is the caller's decision.

Statements of strangers, about other runs or of other kinds count for nothing, neither for nor against: whoever can store one
must not be able to stop a pipeline. What is accepted grows with each statement and so never by taking one away.

Left to the caller: that the children are the PipelineRun's own (`tekton/family`), that `status.pipelineSpec` is what its
definition says and which definition a held TaskRun has (`Chain.definitions`), the clock.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from sealwright.core import globs
from sealwright.core.errors import Fault, Reason, quote
from sealwright.core.layout import acceptance, expressions
from sealwright.core.layout.acceptance import Accepted, Chain, account, breach, definition, shown
from sealwright.core.layout.pipeline import Layout, ParamRule, Step
from sealwright.core.layout.rules import Artifacts
from sealwright.core.policy import verdict
from sealwright.core.policy.verdict import Breach, State, Verdict
from sealwright.core.tekton import pipelines, runs
from sealwright.core.tekton.runs import PIPELINE_TASK_LABEL, PipelineTask, TaskRun
from sealwright.core.tekton.values import ParamValue

__all__ = ["Chain", "before", "whole"]


def before(layout: Layout, chain: Chain, held: TaskRun) -> Verdict:
    """Whether this TaskRun, which has not started, may start now. Never raises for hostile input."""
    judge = _Judge(layout, chain)
    name = (held.metadata.labels or {}).get(PIPELINE_TASK_LABEL, "")
    return _ended(judge, lambda: [*judge.outline(), *judge.held(name, held)])


def whole(layout: Layout, chain: Chain) -> Verdict:
    """Whether a PipelineRun that has ended did all that the layout asks for, and nothing else. Never raises."""
    if not runs.is_done(chain.run):
        expected = "a PipelineRun that has ended"
        return verdict.of_breach(_waiting(breach(Reason.NOT_FINISHED, "", "status", expected, "one that has not")))
    judge = _Judge(layout, chain)
    return _ended(judge, lambda: [*judge.outline(), *judge.every_step()])


def _ended(judge: "_Judge", look: Callable[[], Sequence[Breach]]) -> Verdict:
    try:
        breaches = look()
    except Fault as fault:
        return verdict.of_fault(fault)
    return verdict.all_of([verdict.passed(*judge.proven), *map(verdict.of_breach, breaches)])


class _Judge:
    """One judgement. Steps are judged in the layout's order, since rules speak of steps before; each once."""

    def __init__(self, layout: Layout, chain: Chain) -> None:
        self.layout = layout
        self.chain = chain
        listed = pipelines.tasks(chain.run)
        self.tasks = {task.name: task for task, _ in listed}
        self.children = {task.name: children for task, children in listed}
        spec = chain.run.status.pipeline_spec
        self.final = {task.name for task in spec.finally_} if spec else set()
        self.skipped = {task.name for task in chain.run.status.skipped_tasks}
        self.proven: list[str] = []
        self.made: dict[str, list[Artifacts]] = {}
        self.accepted: dict[str, list[Accepted]] = {}
        self.judged: dict[str, list[Breach]] = {}

    # --- the whole ------------------------------------------------------------------------------------------------------

    def outline(self) -> Iterator[Breach]:
        """Step 1: time and Pipeline."""
        if self.chain.now >= self.layout.expires:
            until, now = self.layout.expires.isoformat(), self.chain.now.isoformat()
            yield breach(Reason.LAYOUT_EXPIRED, "", "expires", f"a time before {until}", now)
        reference = self.chain.run.reference
        known = set(self.chain.definitions.get("", ()))
        yield from definition("", self.layout.pipeline, reference.name if reference else "", known)
        if not self.tasks:
            rule, expected = "status.pipelineSpec", "the tasks of the Pipeline"
            yield _waiting(breach(Reason.INVALID_RUN, "", rule, expected, "none"))

    def every_step(self) -> Iterator[Breach]:
        for name, step in self.layout.steps.items():
            yield from self._finished(step)
            for child in self.children.get(name, []):
                yield from self._parameters(name, self.tasks[name], child)
        for name, children in self.children.items():
            if name not in self.layout.steps and children:
                yield from self._unnamed(name)

    def held(self, name: str, held: TaskRun) -> Iterator[Breach]:
        """Steps 2 to 5."""
        task, step = self.tasks.get(name), self.layout.steps.get(name)
        if task is None:
            if self.tasks:
                yield breach(Reason.STEP_UNKNOWN, name, "pipeline", "a task of this PipelineRun", quote(name))
            return
        yield from self._start(step, held) if step else self._unnamed(name)
        needed = self._needed(name, task)
        for earlier in self._in_order(needed):
            yield from self._earlier(earlier, name)
        yield from self._branches(needed, name)
        yield from self._parameters(name, task, held)

    def _branches(self, needed: set[str], name: str) -> Iterator[Breach]:
        """What is wrong elsewhere; what is only not signed yet is no reason to wait. A finally task runs after a failure too."""
        for other, step in self.layout.steps.items():
            if name not in self.final and other not in needed and other != name and self.children.get(other):
                yield from (found for found in self._step(step) if found.state is State.FAIL)

    # --- order ----------------------------------------------------------------------------------------------------------

    def _needed(self, name: str, task: PipelineTask) -> set[str]:
        """Each step before this one. A finally task needs those whose results it uses; no failure may keep it from running."""
        if name in self.final:
            step = self.layout.steps.get(name)
            consumed = {other for other, _ in expressions.references(self.chain.run, task)}
            return consumed | ({rule.step for rule in step.params if rule.step} if step else set())
        waiting, needed = [name], set[str]()
        while waiting:
            current = waiting.pop()
            planned, asked = self.tasks.get(current), self.layout.steps.get(current)
            found = {*(asked.before if asked else ()), *(pipelines.after(planned) if planned else ())}
            waiting += found - needed
            needed |= found
        return needed - {name}

    def _in_order(self, names: set[str]) -> list[str]:
        """The layout's order, then what it does not name."""
        known = [name for name in self.layout.steps if name in names]
        return known + sorted(names - set(known))

    def _earlier(self, name: str, held: str) -> Iterator[Breach]:
        step = self.layout.steps.get(name)
        if step is None:
            yield from self._unnamed(name)
        elif self._has_ended(name):
            yield from self._finished(step)
        else:
            expected = f"that {quote(name)} has ended before {quote(held)} starts"
            yield _waiting(breach(Reason.WRONG_ORDER, held, "after", expected, "it has not"))

    def _has_ended(self, name: str) -> bool:
        """Also what will never run: skipped, or no task of this Pipeline."""
        children = self.children.get(name, [])
        return all(map(runs.is_done, children)) if children else name in self.skipped or name not in self.tasks

    def _unnamed(self, name: str) -> Iterator[Breach]:
        """A task that the layout does not name: only in `finally`, and only as far as the layout lets it."""
        mode = self.layout.finally_mode
        if name in self.final and (mode == "allow" or (mode == "verify" and name in self.layout.finally_allowed)):
            self.proven.append(f"finally task {quote(name)}: the layout lets it run")
        else:
            expected = "a step of the layout with this name"
            yield breach(Reason.STEP_UNKNOWN, name, "steps", expected, "a task of the pipeline that has none")

    # --- one step -------------------------------------------------------------------------------------------------------

    def _start(self, step: Step, held: TaskRun) -> Iterator[Breach]:
        """Step 2: what can be said of a TaskRun that has done nothing yet."""
        if step.name in self.final and self.layout.finally_mode == "deny":
            yield breach(Reason.STEP_UNKNOWN, step.name, "finally", "no finally task to run", "this one is about to start")
        yield from account(step, held.spec.service_account_name)
        reference = held.spec.task_ref
        known = set(self.chain.definitions.get(step.name, ()))
        yield from definition(step.name, step.task, reference.name if reference else "", known)

    def _finished(self, step: Step) -> Iterator[Breach]:
        """A step that must be there, unless it may be skipped; a finally task may be missing, since Tekton may skip it."""
        if self.children.get(step.name):
            yield from self._step(step)
        elif step.optional or step.name in self.final:
            self.proven.append(f"step {quote(step.name)} has not run, and need not")
        else:
            found = "it was skipped" if step.name in self.skipped else "it has not run"
            yield breach(Reason.STEP_MISSING, step.name, "steps", "that it runs", found)

    def _step(self, step: Step) -> list[Breach]:
        if step.name not in self.judged:
            for earlier in self.layout.steps:
                if earlier in step.before and self.children.get(earlier):
                    self._step(self.layout.steps[earlier])
            children = self.children[step.name]
            self.judged[step.name] = [found for child in children for found in self._child(step, child)]
        return self.judged[step.name]

    def _child(self, step: Step, child: TaskRun) -> Iterator[Breach]:
        """Steps 3 and 4 for one TaskRun; a matrix has several."""
        if not runs.is_done(child):
            yield _waiting(breach(Reason.NOT_FINISHED, step.name, "status", "that it has ended", "it still runs"))
            return
        if not runs.has_succeeded(child) and not step.may_fail:
            condition = runs.condition(child)
            found = quote(f"{condition.reason}: {condition.message}") if condition else "no condition"
            yield breach(Reason.STEP_FAILED, step.name, "mayFail", "that it succeeds", found)
        accepted = acceptance.judge(self.layout, self.chain, step, child, self.made)
        yield from accepted.breaches
        self.accepted.setdefault(step.name, []).append(accepted)
        self.made.setdefault(step.name, []).extend(claim.artifacts for claim in accepted.claims)
        if accepted.claims:
            names = ", ".join(sorted(accepted.signers))
            self.proven.append(f"step {quote(step.name)} (TaskRun {quote(child.metadata.name)}) was signed by {names}")

    # --- parameters -----------------------------------------------------------------------------------------------------

    def _parameters(self, name: str, task: PipelineTask, run: TaskRun) -> Iterator[Breach]:
        """Step 5."""
        given = {param.name: param.read for param in run.spec.params}
        wanted = expressions.expected(self.chain.run, task, self._result)
        for extra in sorted(given.keys() - {each.name for each in wanted}):
            yield breach(Reason.WRONG_PARAM, name, f"params.{extra}", "no such parameter", shown(given[extra]))
        for each in wanted:
            yield from self._param(name, each, given.get(each.name))
        step = self.layout.steps.get(name)
        for rule in step.params if step else ():
            yield from self._param_rule(name, rule, given.get(rule.name))

    def _param(self, name: str, wanted: expressions.Expected, found: ParamValue | None) -> Iterator[Breach]:
        rule = f"params.{wanted.name}"
        if wanted.values is None and wanted.results:
            missing = breach(Reason.WRONG_PARAM, name, rule, "a value made of signed results", wanted.why)
            yield _waiting(missing) if any(self._is_awaited(task) for task, _ in wanted.results) else missing
        elif wanted.values is None:
            self.proven.append(f"step {quote(name)}: {rule} was not compared: {wanted.why}")
        elif found not in wanted.values:
            values = " or ".join(map(shown, wanted.values)) or "nothing"
            names = ", ".join(f"{task}.{result}" for task, result in wanted.results)
            origin = f" (signed result {names})" if names else ""
            yield breach(Reason.WRONG_PARAM, name, rule, values + origin, shown(found))

    def _param_rule(self, name: str, rule: ParamRule, found: ParamValue | None) -> Iterator[Breach]:
        if rule.step:
            signed = self._result(rule.step, rule.result)
            if signed is None or signed != found:
                expected = f"the signed result {rule.step}.{rule.result}"
                known = f" {shown(signed)}" if signed is not None else ""
                wrong = breach(Reason.WRONG_PARAM, name, f"params.{rule.name}", expected + known, shown(found))
                yield _waiting(wrong) if signed is None and self._is_awaited(rule.step) else wrong
        elif not isinstance(found, str) or not any(globs.matching({found}, pattern) for pattern in rule.values):
            yield breach(Reason.WRONG_PARAM, name, f"params.{rule.name}", " or ".join(map(quote, rule.values)), shown(found))

    def _is_awaited(self, name: str) -> bool:
        """Whether its results may still come to be signed."""
        return not self._has_ended(name) or any(found.state is State.UNKNOWN for found in self.judged.get(name, ()))

    def _result(self, name: str, result: str) -> ParamValue | None:
        """A result whose value was signed, of a step in which nothing is wrong; of a matrix the list of each one's."""
        if self.judged.get(name, [None]):
            return None
        found = [
            named.read
            for child, accepted in zip(self.children[name], self.accepted[name], strict=True)
            for named in child.status.results
            if named.name == result and accepted.signs(named)
        ]
        if len(found) != len(self.children[name]):
            return None
        return [item for item in found if isinstance(item, str)] if self.tasks[name].matrix else found[0]


def _waiting(found: Breach) -> Breach:
    """The same, where waiting may still bring what is wanted."""
    return dataclasses.replace(found, state=State.UNKNOWN)

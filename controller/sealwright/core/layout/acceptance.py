"""Which verified statements about one run of a step count, and whether they are enough.

A statement counts if one of the step's functionaries signed it, it names this TaskRun, and nothing in it breaks what the layout
asks of the step. Enough are as many different functionaries as the threshold says, about the same artifacts. Others count
for nothing, so none more can turn a yes into a no, and none less a no into a yes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime

from sealwright.core.errors import Fault, Reason, quote
from sealwright.core.layout import claims, rules
from sealwright.core.layout.claims import Claim
from sealwright.core.layout.pipeline import Definition, Layout, Step
from sealwright.core.layout.rules import Artifacts, Digests, Has, Rule, Side
from sealwright.core.model import Verified, value
from sealwright.core.policy.verdict import Breach, State
from sealwright.core.proof import place
from sealwright.core.tekton import hints
from sealwright.core.tekton.links import value_digest
from sealwright.core.tekton.results import Named
from sealwright.core.tekton.runs import PipelineRun, TaskRun

# Step name -> the artifacts of its accepted claims: what rules of later steps may match with.
Made = Mapping[str, Sequence[Artifacts]]


@value
class Chain:
    """A PipelineRun so far. `run.children` are its own TaskRuns, also unfinished ones; `now` has a time zone.

    `statements`: TaskRun uid -> what was proven with `layout.trusted`. `definitions`: task's name in the pipeline ("" for the
    Pipeline) -> digests (`algorithm:hex`) that the caller has verified its definition to have.
    """

    run: PipelineRun
    statements: Mapping[str, Sequence[Verified]]
    now: datetime
    definitions: Mapping[str, Sequence[str]] = field(default_factory=dict)


@value
class Accepted:
    """The claims that hold (none if they are too few) and their signers; `results` are the names whose values are signed."""

    claims: tuple[Claim, ...]
    signers: frozenset[str]
    breaches: tuple[Breach, ...]

    def signs(self, result: Named) -> bool:
        """Whether the value that this result has is one that was signed."""
        return any(_is_signed(claim, result) for claim in self.claims)


def judge(layout: Layout, chain: Chain, step: Step, child: TaskRun, made: Made) -> Accepted:
    """The largest group of functionaries that agree, if it is large enough."""
    known = [(layout.signers(claim.verified), claim) for claim in _claims(chain, child)]
    good: list[tuple[str, Claim]] = []
    wrong: list[Breach] = []
    for names, claim in known:
        if asked := names & set(step.functionaries):
            breaches = [*_claim(chain, step, child, claim), *_rules(step, claim, made)]
            wrong += breaches
            good += [(name, claim) for name in asked if not breaches]
    groups = [[pair for pair in good if pair[1].artifacts == claim.artifacts] for _, claim in good]
    best = max(groups, key=lambda group: len({signer for signer, _ in group}), default=[])
    signers = frozenset(signer for signer, _ in best)
    if len(signers) >= step.threshold:
        return Accepted(claims=tuple(claim for _, claim in best), signers=signers, breaches=())
    others = sorted({", ".join(sorted(names)) or "a stranger" for names, _ in known if not names & set(step.functionaries)})
    is_mute = bool(chain.statements.get(child.metadata.uid)) and not known
    return Accepted(claims=(), signers=signers, breaches=(*wrong, _too_few(step, signers, others, is_mute=is_mute)))


def _too_few(step: Step, signers: frozenset[str], others: Sequence[str], *, is_mute: bool) -> Breach:
    expected = f"{step.threshold} of {', '.join(step.functionaries)}"
    found = ", ".join(sorted(signers)) or "none of them"
    if others:
        found += f", and statements by {', '.join(others)}"
    elif is_mute:
        found += ", and statements that name no TaskRun (formats that do: slsa/v2alpha3, slsa/v2alpha4, link)"
    reason = Reason.WRONG_FUNCTIONARY if others else Reason.NOT_SIGNED
    rule = "functionaries"
    return Breach(reason=reason, step=step.name, rule=rule, expected=expected, found=found, state=State.UNKNOWN)


def _claims(chain: Chain, child: TaskRun) -> Iterator[Claim]:
    """What is said of exactly this TaskRun."""
    for verified in chain.statements.get(child.metadata.uid, ()):
        claim = claims.read(verified)
        if claim is not None and claim.uid and claim.uid == child.metadata.uid:
            yield claim


# --- one statement against one TaskRun ----------------------------------------------------------------------------------


def _claim(chain: Chain, step: Step, child: TaskRun, claim: Claim) -> Iterator[Breach]:
    if claim.task and claim.task != step.name:
        yield breach(Reason.WRONG_OBJECT, step.name, "task", f"a statement about task {quote(step.name)}", quote(claim.task))
    uid = chain.run.metadata.uid
    if claim.pipeline_run_uid and claim.pipeline_run_uid != uid:
        expected = f"a statement about the PipelineRun {quote(uid)}"
        yield breach(Reason.WRONG_OBJECT, step.name, "pipelineRun", expected, quote(claim.pipeline_run_uid))
    if claim.succeeded is False and not step.may_fail:
        yield breach(Reason.STEP_FAILED, step.name, "mayFail", "a statement that it succeeded", "one that it failed")
    yield from account(step, claim.service_account)
    known = {*claim.definitions, *chain.definitions.get(step.name, ())}
    yield from definition(step.name, step.task, claim.task_name, known)
    yield from _in_place(step, child, claim)
    yield from _results(step, child, claim)


def account(step: Step, found: str) -> Iterator[Breach]:
    if step.service_accounts and found not in step.service_accounts:
        expected = " or ".join(map(quote, step.service_accounts))
        shown = quote(found) if found else "nothing that says"
        yield breach(Reason.WRONG_ACCOUNT, step.name, "serviceAccounts", expected, shown)


def definition(step: str, wanted: Definition, found_name: str, digests: set[str]) -> Iterator[Breach]:
    """`step` is "" for the Pipeline itself."""
    rule = "task" if step else "pipeline"
    if wanted.name and wanted.name != found_name:
        yield breach(Reason.WRONG_DEFINITION, step, f"{rule}.name", quote(wanted.name), quote(found_name))
    if wanted.digests and not digests & set(wanted.digests):
        expected, found = " or ".join(map(quote, wanted.digests)), ", ".join(sorted(map(quote, digests)))
        yield breach(Reason.WRONG_DEFINITION, step, f"{rule}.digests", expected, found or "nothing that says")


def _in_place(step: Step, child: TaskRun, claim: Claim) -> Iterator[Breach]:
    """What `proof/place` finds: times and subjects."""
    try:
        place.of_run(child, claim.verified)
    except Fault as fault:
        yield breach(fault.reason, step.name, "provenance", "a statement about the TaskRun as it is", fault.message)


def _results(step: Step, child: TaskRun, claim: Claim) -> Iterator[Breach]:
    """The status must say now what was signed: a result that changed, came or went since was written by somebody else."""
    for result in child.status.results:
        signed = claim.results.get(result.name)
        # slsa/v2alpha4 has no byproduct for what names an artifact: its subjects, compared above, say the same.
        if not _is_signed(claim, result) and (signed is not None or hints.is_byproduct(result)):
            expected = f"the signed value (sha256:{signed})" if signed else "a value that was signed"
            found = f"{shown(result.read)} (sha256:{value_digest(result.read)})"
            yield breach(Reason.WRONG_RESULT, step.name, f"results.{result.name}", expected, found)
    for name in sorted(claim.results.keys() - {result.name for result in child.status.results}):
        yield breach(
            Reason.WRONG_RESULT, step.name, f"results.{name}", f"the signed value (sha256:{claim.results[name]})", "none"
        )


def _is_signed(claim: Claim, result: Named) -> bool:
    """By its value, or because its text is the name or digest of a subject."""
    if result.name in claim.results:
        return claim.results[result.name] == value_digest(result.read)
    subjects = claim.verified.payload.subjects
    return any(
        result.read == text
        for subject in subjects
        for text in (subject.name, *(f"{algorithm}:{digits}" for algorithm, digits in subject.digest.items()))
    )


# --- artifact rules -----------------------------------------------------------------------------------------------------


def _rules(step: Step, claim: Claim, made: Made) -> Iterator[Breach]:
    sides: tuple[tuple[Side, Sequence[Rule]], ...] = (("materials", step.materials), ("products", step.products))
    for side, listed in sides:
        broken = rules.judge(listed, claim.artifacts, side, _relation(step, claim, made))
        if broken:
            yield breach(Reason.RULE_BROKEN, step.name, f"{side}: {broken.rule}", broken.expected, broken.found)


def _relation(step: Step, claim: Claim, made: Made) -> Has:
    def has(other: str, side: Side, name: str, digests: Digests) -> bool:
        listed = [claim.artifacts] if other == step.name else made.get(other, ())
        return any(claims.has(artifacts, side, name, digests) for artifacts in listed)

    return has


# --- words --------------------------------------------------------------------------------------------------------------


def breach(reason: Reason, step: str, rule: str, expected: str, found: str) -> Breach:
    return Breach(reason=reason, step=step, rule=rule, expected=expected, found=found)


def shown(found: object) -> str:
    return "nothing" if found is None else quote(found)

"""Are the statements about an artifact enough for a Policy? Policy, digest, verified statements and the time -> Verdict.

Each rule looks among the statements that name the artifact's digest for those of its signers that say what is asked. It holds
if there are enough; what others say, or what the same signers say of other things, counts for nothing. A rule that cannot be
judged (no evaluator for its expression) is could-not-tell, and no statement at all is a no.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sealwright.core import globs
from sealwright.core.errors import Fault, Reason, Transient, quote
from sealwright.core.model import Verified, value
from sealwright.core.policy import cel, facts, people, verdict
from sealwright.core.policy.language import (
    SEVERITIES,
    Asked,
    Cel,
    Different,
    Licenses,
    Policy,
    Provenance,
    Rule,
    Sbom,
    Tasks,
    Test,
    Vulnerabilities,
)
from sealwright.core.policy.verdict import Breach, State, Verdict

F = TypeVar("F")
# Clocks of builders and verifiers differ; a statement from further ahead was not made yet.
_SKEW = timedelta(minutes=5)
_SHOWN = 3


@value
class Question:
    """`digest` is `algorithm:hex`; `now` has a time zone."""

    digest: str
    statements: Sequence[Verified]
    now: datetime


@value
class _Kept:
    """A statement that keeps a rule, and whom it counts for: its builder, or its signer."""

    verified: Verified
    counts_for: frozenset[str]


def judge(policy: Policy, question: Question) -> Verdict:
    """Pass if every rule holds. Never raises for hostile statements."""
    algorithm, _, digits = question.digest.partition(":")
    about = [each for each in question.statements if any(s.digest.get(algorithm) == digits for s in each.payload.subjects)]
    verdicts = [_rule(policy, rule, about, question.now) for rule in policy.rules]
    return verdict.all_of(verdicts)


def _rule(policy: Policy, rule: Rule, about: Sequence[Verified], now: datetime) -> Verdict:
    try:
        if isinstance(rule.asked, Different):
            return _different(policy, rule, rule.asked, about, now)
        kept, problems = _kept(policy, rule, about, now)
    except Transient as fault:
        return verdict.of_breach(_breach(rule, "an answer", fault.message, State.UNKNOWN))
    except Fault as fault:
        return verdict.of_breach(_breach(rule, "a rule that can be judged", fault.message))
    counted = {name for each in kept for name in each.counts_for}
    if len(counted) >= rule.count:
        return verdict.passed(f"rule {quote(rule.name)}: kept by {', '.join(sorted(map(quote, counted)))}")
    return verdict.of_breach(_breach(rule, _wanted(rule), _found(kept, problems, len(about))))


def _kept(policy: Policy, rule: Rule, about: Sequence[Verified], now: datetime) -> tuple[list[_Kept], list[str]]:
    """The statements that keep the rule, and why others of the right kind do not."""
    kept: list[_Kept] = []
    problems: list[str] = []
    for verified in about:
        found = next(_problems(rule.asked, verified, now), "")
        if found is None:
            continue
        signers = people.signers(policy.signers, verified) & set(rule.signers) if rule.signers else people.marks(verified)
        if not found and not signers:
            found = f"signed by {', '.join(sorted(people.marks(verified)))}, none of {', '.join(rule.signers)}"
        if found:
            problems.append(found)
        else:
            kept.append(_Kept(verified=verified, counts_for=_counts_for(rule.asked, verified, signers)))
    return kept, problems


def _counts_for(asked: Asked, verified: Verified, signers: frozenset[str]) -> frozenset[str]:
    read = facts.provenance(verified) if isinstance(asked, Provenance) else None
    return frozenset([read.builder]) if read else signers


def _different(policy: Policy, rule: Rule, asked: Different, about: Sequence[Verified], now: datetime) -> Verdict:
    by_name = {each.name: each for each in policy.rules}
    kept = (_kept(policy, by_name[name], about, now)[0] for name in asked.rules)
    first, second = ({mark for each in found for mark in people.marks(each.verified)} for found in kept)
    pair = next(((one, other) for one in sorted(first) for other in sorted(second) if one != other), None)
    if pair:
        return verdict.passed(f"rule {quote(rule.name)}: {pair[0]} and {pair[1]} are two")
    found = f"{', '.join(sorted(first)) or 'nobody'} and {', '.join(sorted(second)) or 'nobody'}"
    return verdict.of_breach(_breach(rule, f"different signers for {' and '.join(map(quote, asked.rules))}", found))


# --- kinds --------------------------------------------------------------------------------------------------------------


def _problems(asked: Asked, verified: Verified, now: datetime) -> Iterator[str | None]:
    """What is wrong with this statement; None if it is of another kind."""
    match asked:
        case Provenance():
            yield from _over(facts.provenance(verified), lambda read: _provenance(asked, read, now))
        case Tasks():
            yield from _over(facts.provenance(verified), lambda read: _tasks(asked, read))
        case Test():
            yield from _over(facts.test_result(verified), lambda read: _test(asked, read, now))
        case Vulnerabilities():
            yield from _over(facts.scan(verified), lambda read: _scan(asked, read, now))
        case Sbom():
            yield from _over(facts.bill(verified), lambda read: _sbom(asked, read))
        case Licenses():
            yield from _over(facts.bill(verified), lambda read: _licenses(asked, read))
        case Cel():
            yield from _cel(asked, verified)


def _over(read: F | None, look: Callable[[F], Iterator[str]]) -> Iterator[str | None]:
    if read is None:
        yield None
    else:
        yield from look(read)


def _provenance(asked: Provenance, read: facts.Provenance, now: datetime) -> Iterator[str]:
    if asked.builders and not _fits(read.builder, asked.builders):
        yield f"the builder is {quote(read.builder)}, wanted {_listed(asked.builders)}"
    if asked.sources and not (read.sources and all(_fits(name, asked.sources) for name in read.sources)):
        yield f"the sources are {_listed(read.sources)}, wanted {_listed(asked.sources)}"
    if asked.branches and not (read.branches and all(_fits(name, asked.branches) for name in read.branches)):
        yield f"the branches are {_listed(read.branches)}, wanted {_listed(asked.branches)}"
    yield from _materials(asked, read)
    for name, patterns in asked.parameters.items():
        if not _fits(read.parameters.get(name), patterns):
            yield f"the parameter {quote(name)} is {quote(read.parameters.get(name, '(none)'))}, wanted {_listed(patterns)}"
    if asked.service_accounts and not _fits(read.service_account, asked.service_accounts):
        yield f"the ServiceAccount is {quote(read.service_account or '(not said)')}, wanted {_listed(asked.service_accounts)}"
    yield from _age(asked.max_age, read.finished, now)
    if asked.hermetic and not read.is_hermetic:
        yield "it was not run in hermetic execution mode, or does not say so"
    if asked.single_use and not read.is_single_use:
        yield "it had a workspace that outlives the run, or does not say"


def _materials(asked: Provenance, read: facts.Provenance) -> Iterator[str]:
    allowed = asked.materials.allow
    strange = [name for name in read.materials if not _fits(name, allowed)] if allowed else []
    if strange:
        yield f"{_listed(strange)} went in, allowed are {_listed(allowed)}"
    for pattern in asked.materials.require:
        if not globs.matching(set(read.materials), pattern):
            yield f"no material fits {quote(pattern)}"


def _tasks(asked: Tasks, read: facts.Provenance) -> Iterator[str]:
    for name in asked.names:
        if name not in read.tasks:
            yield f"the task {quote(name)} has not run; {_listed(sorted(read.tasks))} have"
        elif not read.tasks[name]:
            yield f"the task {quote(name)} has not succeeded"


def _test(asked: Test, read: facts.TestResult, now: datetime) -> Iterator[str]:
    if read.result not in asked.results:
        yield f"the tests ended {quote(read.result)}, wanted {_listed(asked.results)}"
    yield from _age(asked.max_age, read.finished, now)


def _scan(asked: Vulnerabilities, read: facts.Scan, now: datetime) -> Iterator[str]:
    least = SEVERITIES.index(asked.below)
    bad = [
        name
        for name, severity in read.found.items()
        if name not in asked.ignore and (severity is None or SEVERITIES.index(severity) >= least)
    ]
    if bad:
        yield f"{_listed(sorted(bad))} of severity {asked.below} or worse, or of unknown severity"
    yield from _age(asked.max_age, read.finished, now)


def _sbom(asked: Sbom, read: facts.Bill) -> Iterator[str]:
    if read.format not in asked.formats:
        yield f"the bill of materials is {read.format}, wanted {_listed(asked.formats)}"
    elif not read.licenses:
        yield "the bill of materials lists nothing"


def _licenses(asked: Licenses, read: facts.Bill) -> Iterator[str]:
    if not read.licenses:
        yield "the bill of materials lists nothing"
    bad = [f"{name}: {said or 'none said'}" for name, said in read.licenses.items() if not _is_licensed(asked, said)]
    if bad:
        yield f"licenses that are not allowed: {_listed(sorted(bad))}"


def _is_licensed(asked: Licenses, said: str) -> bool:
    """An SPDX expression without brackets: each part of an AND, one of each OR. Anything else is not understood, and refused."""
    if not said or "(" in said:
        return False
    return all(any(_is_allowed(asked, each.strip()) for each in part.split(" OR ")) for part in said.split(" AND "))


def _is_allowed(asked: Licenses, name: str) -> bool:
    return not _fits(name, asked.deny) and (not asked.allow or _fits(name, asked.allow))


def _cel(asked: Cel, verified: Verified) -> Iterator[str | None]:
    if verified.payload.predicate_type not in asked.predicate_types:
        yield None
    elif found := cel.problem(asked.expression, verified):
        yield f"{quote(asked.expression)}: {found}"


def _age(most: timedelta | None, made: datetime | None, now: datetime) -> Iterator[str]:
    if most is None:
        return
    if made is None:
        yield "it does not say when it was made"
    elif made > now + _SKEW:
        yield f"it says that it was made at {made.isoformat()}, which has not come yet"
    elif now - made > most:
        yield f"it was made at {made.isoformat()}, more than {most} ago"


# --- words --------------------------------------------------------------------------------------------------------------


def _fits(name: str | None, patterns: Sequence[str]) -> bool:
    return name is not None and any(globs.matching({name}, pattern) for pattern in patterns)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(map(quote, names[:_SHOWN])) + more) or "none"


def _wanted(rule: Rule) -> str:
    who = f" signed by {' or '.join(rule.signers)}" if rule.signers else ""
    unit = "builders" if isinstance(rule.asked, Provenance) else "signers"
    number = f" of {rule.count} different {unit}" if rule.count > 1 else ""
    return f"a statement{number}{who} that keeps it"


def _found(kept: Sequence[_Kept], problems: Sequence[str], about: int) -> str:
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        return "; ".join(problems[:_SHOWN]) + more
    if kept:
        return f"only {', '.join(sorted({quote(name) for each in kept for name in each.counts_for}))}"
    return f"none of that kind among {about} statement(s) about it"


def _breach(rule: Rule, expected: str, found: str, state: State = State.FAIL) -> Breach:
    name = f"rule {quote(rule.name)}"
    return Breach(reason=Reason.POLICY_BROKEN, step="", rule=name, expected=expected, found=found, state=state)

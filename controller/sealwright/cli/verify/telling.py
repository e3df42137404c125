"""What is said of things that were verified, and the wishes that they are judged by: the same for every kind of thing."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar, cast

import click

from sealwright.cli import exits, policies, progress, show
from sealwright.cli.policies import ByPolicy, Whom
from sealwright.core.model import Identity, value
from sealwright.core.policy import evidence as rules
from sealwright.core.policy.evidence import Evidence, Judged
from sealwright.core.policy.verdict import State
from sealwright.core.policy.wanted import PREDICATES, Wanted
from sealwright.core.proof.attestation import FILE, SIMPLESIGNING
from sealwright.core.proof.trust import Trust

F = TypeVar("F", bound=Callable[..., Any])

_EXIT = {State.PASS: exits.YES, State.FAIL: exits.REFUSED, State.UNKNOWN: exits.COULD_NOT_TELL}


@value
class Telling:
    """How it is said: in a table or with every step, as text or for programs."""

    steps: bool
    output: str


def options(command: F) -> F:
    """Adds `--steps` and `--output`, as the argument `how`."""

    def wrapped(*, steps: bool, output: str, **given: Any) -> Any:
        return command(how=Telling(steps=steps, output=output), **given)

    steps = click.option("--steps", is_flag=True, help="Say what was proven, step by step.")
    return replacing(command, wrapped, (steps, show.output_option))


def wishes(command: F) -> F:
    """Adds what is asked for beside a proof, as the argument `wanted`."""

    def wrapped(*, predicate_type: str, subject: str, builder_id: str, **given: Any) -> Any:
        return command(wanted=Wanted(predicate_type=predicate_type, subject=subject, builder_id=builder_id), **given)

    kinds = f"Predicate type wanted: a URI, {' or '.join(PREDICATES)}."
    added = (
        click.option("--type", "predicate_type", default="", help=kinds),
        click.option("--subject", default="", help="Subject wanted: a name, sha256:HEX, or NAME@sha256:HEX."),
        click.option("--builder-id", default="", help="Builder wanted."),
    )
    return replacing(command, wrapped, added)


def replacing(command: F, wrapped: Any, added: Sequence[Callable[[Any], Any]]) -> F:
    """`wrapped` in place of `command`, with the options that it has and those that are added before them."""
    wrapped.__click_params__ = list(getattr(command, "__click_params__", ()))
    for option in reversed(added):
        wrapped = option(wrapped)
    return cast("F", wrapped)


def conclude(
    context: click.Context, found: Iterable[Evidence], whom: Whom, wanted: Wanted, how: Telling, *, one_is_enough: bool = False
) -> None:
    """Judge each, say it, and end with the exit code of the worst; of the best, where one is enough; of the policy, if any."""
    if whom.policy:
        context.exit(_EXIT[_by_policy(found, whom.trust, wanted, how, whom.policy)])
    judged = (rules.judge(piece, whom.trust, wanted) for piece in progress.over(found, "verifying"))
    states = _tell(judged, how)
    context.exit(_EXIT[State.PASS if one_is_enough and State.PASS in states else _overall(states)])


def _by_policy(found: Iterable[Evidence], trust: Trust, wanted: Wanted, how: Telling, policy: ByPolicy) -> State:
    """All that was proven is judged together; which artifact is meant is a question to the policy, not to each statement."""
    wishes = dataclasses.replace(wanted, subject="")
    judged = [rules.judge(piece, trust, wishes) for piece in progress.over(found, "verifying")]
    proven = [each.verified for each in judged if each.verified and each.verdict.is_pass]
    verdicts = policies.judge(policy.policy, proven, wanted.subject)
    if how.output == "table":
        _tell(iter(judged), how)
        policies.tell(verdicts)
    else:
        attestations = [_data(each, []) for each in judged]
        show.data(how.output, {"attestations": attestations, "policy": policies.data(verdicts)})
    policies.keep(policy, verdicts, proven)
    return policies.overall(verdicts)


def _overall(states: Sequence[State]) -> State:
    """Nothing found is not a pass."""
    return next((state for state in (State.FAIL, State.UNKNOWN) if state in states), State.PASS if states else State.FAIL)


def _tell(judged: Iterator[Judged], how: Telling) -> list[State]:
    states: list[State] = []
    if how.output != "table":
        listed = [_data(found, states) for found in judged]
        show.data(how.output, listed)
        return states
    if how.steps:
        for found in judged:
            _steps(found, states)
    else:
        columns = ("what", "subjects", "format", "where stored", "verdict")
        show.table("Attestations", columns, (_row(found, states) for found in judged))
    failed = sum(state is not State.PASS for state in states)
    click.echo(f"{len(states) - failed} verified, {failed} not" if states else "nothing here claims to be signed")
    return states


def _said(judged: Judged) -> str:
    return {State.PASS: "verified", State.FAIL: "REFUSED", State.UNKNOWN: "could not tell"}[judged.verdict.state]


def _row(judged: Judged, states: list[State]) -> tuple[str, ...]:
    states.append(judged.verdict.state)
    verdict = _said(judged) if judged.verdict.is_pass else f"{_said(judged)}: {rules.summary(judged)}"
    evidence = judged.evidence
    return evidence.what, _subject(judged), _format(judged), evidence.where, verdict


def _steps(judged: Judged, states: list[State]) -> None:
    """What was proven of one attestation, numbered, and where it stopped."""
    states.append(judged.verdict.state)
    rows = [(str(n), reason) for n, reason in enumerate(judged.verdict.reasons, 1)]
    title = f"{judged.evidence.what}, {judged.evidence.where}: {_said(judged)}"
    click.echo(show.printable(title))
    for number, reason in rows:
        click.echo(f"  {number}. {show.printable(reason)}")


def _subject(judged: Judged) -> str:
    """The subject of its place, or the first one, and how many more there are."""
    subjects = rules.subjects(judged)
    if not subjects:
        return "-"
    of_place = [subject for subject in subjects if judged.evidence.digest and subject.endswith(judged.evidence.digest)]
    more = f" +{len(subjects) - 1}" if len(subjects) > 1 else ""
    return show.shortened((of_place or subjects)[0]) + more


def _format(judged: Judged) -> str:
    found = judged.verified.payload.predicate_type if judged.verified else ""
    names = {uri: name for name, uri in PREDICATES.items()} | {SIMPLESIGNING: "image signature", FILE: "file signature"}
    return names.get(found, found) or "-"


def _data(judged: Judged, states: list[State]) -> dict[str, Any]:
    states.append(judged.verdict.state)
    verified = judged.verified
    return {
        "what": judged.evidence.what,
        "where": judged.evidence.where,
        "verdict": str(judged.verdict.state),
        "reasons": list(judged.verdict.reasons),
        "keyId": verified.key_id if verified else "",
        "identity": _identity(verified.identity) if verified and verified.identity else None,
        "times": [moment.isoformat() for moment in verified.times] if verified else [],
        "logs": [log.hex() for log in verified.log_ids] if verified else [],
        "predicateType": verified.payload.predicate_type if verified else "",
        "subjects": rules.subjects(judged),
    }


def _identity(found: Identity) -> dict[str, Any]:
    return {"names": [list(name) for name in found.names], "issuer": found.issuer, "claims": dict(found.claims)}

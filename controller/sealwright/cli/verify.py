"""`sealwright verify`: is it signed, by a key you trust, and is it what you asked for?"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from sealwright.cli import exits, progress, show
from sealwright.core import keys as public_keys
from sealwright.core.keys import Form
from sealwright.core.policy import evidence as rules
from sealwright.core.policy.evidence import Judged
from sealwright.core.policy.verdict import State
from sealwright.core.policy.wanted import PREDICATES, Wanted
from sealwright.core.proof.attestation import TrustedKey
from sealwright.edge import evidence as evidence_on_disk

_HELP = """Verify PATH... with the public keys you trust.

A PATH is a DSSE envelope, a Statement (with --envelope), an annotated TaskRun or PipelineRun, an OCI layout with cosign
tags, a folder that the controller wrote, or - for standard input. Each attestation is proven step by step: the
envelope, its type, the signature over exactly its bytes, the Statement in them, that it belongs where it was found, then
what you asked for. Nothing is fetched, and no key is taken from what is verified.

\b
Exit code: 0 all verified, 1 something was refused, 2 wrong input, 3 could not tell.

\b
Examples:
  sealwright verify runs --key cosign.pub
  sealwright verify build.signed.json --key cosign.pub --steps
  sealwright verify envelope.json --key cosign.pub --subject gcr.io/app@sha256:0123... --type slsaprovenance1
  sealwright verify statement.json --envelope envelope.json --key cosign.pub --builder-id https://tekton.dev/chains/v2
"""

_PATH = click.Path(path_type=Path)
_EXIT = {State.PASS: exits.YES, State.FAIL: exits.REFUSED, State.UNKNOWN: exits.COULD_NOT_TELL}


@click.command("verify", help=_HELP, short_help="Prove what a file, run, layout or folder claims.")
@click.argument("paths", nargs=-1, required=True, type=_PATH)
@click.option("--key", "keys", type=click.File("rb"), multiple=True, help="Public key (PEM) to trust; may be repeated.")
@click.option(
    "--hash",
    "form",
    type=click.Choice(["sha256", "by-curve"]),
    default="sha256",
    show_default=True,
    help="How the keys sign: by-curve is how Chains signs with P-384, P-521 and Ed25519 cosign keys.",
)
@click.option("--type", "predicate_type", default="", help=f"Predicate type wanted: a URI, {' or '.join(PREDICATES)}.")
@click.option("--subject", default="", help="Subject wanted: a name, sha256:HEX, or NAME@sha256:HEX.")
@click.option("--builder-id", default="", help="Builder wanted.")
@click.option("--envelope", type=click.File("rb"), help="The envelope that signs PATH, where PATH is a Statement.")
@click.option("--steps", is_flag=True, help="Say what was proven, step by step.")
@show.output_option
@click.pass_context
def command(
    context: click.Context,
    *,
    paths: Sequence[Path],
    keys: Sequence[Any],
    form: Form,
    predicate_type: str,
    subject: str,
    builder_id: str,
    envelope: Any,
    steps: bool,
    output: str,
) -> None:
    """Find, prove, judge, tell."""
    trusted = [TrustedKey(key=public_keys.load_public(file.read()), form=form) for file in keys]
    wanted = Wanted(predicate_type=predicate_type, subject=subject, builder_id=builder_id)
    signing = envelope.read() if envelope else b""
    found = (piece for path in paths for piece in evidence_on_disk.find(path, signing))
    judged = (rules.judge(piece, trusted, wanted) for piece in progress.over(found, "verifying"))
    states = _tell(judged, output, steps=steps)
    context.exit(_EXIT[_overall(states)])


def _overall(states: Sequence[State]) -> State:
    """Nothing found is not a pass."""
    return next((state for state in (State.FAIL, State.UNKNOWN) if state in states), State.PASS if states else State.FAIL)


def _tell(judged: Iterator[Judged], output: str, *, steps: bool) -> list[State]:
    states: list[State] = []
    if output != "table":
        listed = [_data(found, states) for found in judged]
        show.data(output, listed)
        return states
    if steps:
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
    names = {uri: name for name, uri in PREDICATES.items()} | {"cosign container image signature": "image signature"}
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
        "predicateType": verified.payload.predicate_type if verified else "",
        "subjects": rules.subjects(judged),
    }

"""`sealwright policy lint|test|explain`, and what `sealwright verify --policy` adds: Policies over verified statements."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sealwright import __version__
from sealwright.cli import exits, show, signing
from sealwright.core.model import Subject, Verified, value
from sealwright.core.policy import judging, language, rehearsal, summary, verdict, words
from sealwright.core.policy.judging import Question
from sealwright.core.policy.language import Policy
from sealwright.core.policy.verdict import State, Verdict
from sealwright.core.proof.trust import Trust
from sealwright.edge.clock import wall_now
from sealwright.edge.reading import read_argument
from sealwright.edge.signers import x509

_LINT = """Read Policies and say what in them gives pause.

\b
Exit code: 0 nothing, 1 something gives pause, 2 it cannot be read.

\b
Example:
  sealwright policy lint policy.yaml
"""

_TEST = """Judge the cases in CASES by a Policy, and say which do not end as expected.

CASES holds statements, who would have signed them, and the verdict expected. Nothing needs to be signed for that.

\b
Exit code: 0 all as expected, 1 some not, 2 wrong input.

\b
Example:
  sealwright policy test policy.yaml cases.yaml
"""

_EXPLAIN = """Say in plain words what a Policy asks for.

\b
Example:
  sealwright policy explain policy.yaml
"""

_PATH = click.Path(path_type=Path)
VERIFIER = f"https://sealwright.dev/verifier@{__version__}"
Judged = tuple[Subject, Verdict]


@click.command("lint", help=_LINT, short_help="Say what in a Policy gives pause.")
@click.argument("files", nargs=-1, required=True, type=_PATH)
@click.pass_context
def lint(context: click.Context, *, files: Sequence[Path]) -> None:
    """Tell findings."""
    findings = [(file, finding) for file in files for finding in words.lint(read(file))]
    for file, finding in findings:
        click.echo(show.printable(f"{file}: {finding}"))
    click.echo(f"{len(findings)} finding(s) in {len(files)} file(s)")
    context.exit(exits.REFUSED if findings else exits.YES)


@click.command("test", help=_TEST, short_help="Judge cases by a Policy.")
@click.argument("policy", type=_PATH)
@click.argument("cases", type=_PATH)
@click.pass_context
def test(context: click.Context, *, policy: Path, cases: Path) -> None:
    """Tell how each case ended."""
    rehearsed = rehearsal.rehearse(read(policy), read_argument(cases), str(cases))
    for case in rehearsed:
        said = "as expected" if case.is_as_expected else f"NOT AS EXPECTED, wanted {case.expected}"
        click.echo(show.printable(f"{case.name}: {case.verdict.state}, {said}"))
        _reasons(case.verdict)
    wrong = sum(not case.is_as_expected for case in rehearsed)
    click.echo(f"{len(rehearsed) - wrong} as expected, {wrong} not")
    context.exit(exits.REFUSED if wrong else exits.YES)


@click.command("explain", help=_EXPLAIN, short_help="Say in plain words what a Policy asks for.")
@click.argument("file", type=_PATH)
def explain(*, file: Path) -> None:
    """Tell each rule."""
    policy = read(file)
    click.echo(show.printable(f"{policy.name or file}: all of these must hold for the digest of an artifact"))
    for number, rule in enumerate(policy.rules, 1):
        click.echo(show.printable(f"  {number}. {rule.name}: {words.explain(rule)}"))


def read(file: Path) -> Policy:
    return language.parse(read_argument(file), str(file))


# --- for `sealwright verify` --------------------------------------------------------------------------------------------


@value
class ByPolicy:
    """A policy to judge by, and where its verdict is kept, signed with which folder's key; both or neither."""

    policy: Policy
    summary: Path | None
    keys: Path | None


@value
class Whom:
    """Who is trusted, and the policy that says what for, if there is one."""

    trust: Trust
    policy: ByPolicy | None


# The options, and the names under which click gives them.
OPTIONS = (
    click.option("--policy", "policy_file", type=_PATH, help="Policy to judge all that is proven by; its signers are trusted."),
    click.option("--summary", type=_PATH, help="File for a Verification Summary of the policy's verdict."),
    click.option("--summary-keys", type=_PATH, help="Folder with the key that signs it (x509.pem, or cosign.key)."),
)
ARGUMENTS = ("policy_file", "summary", "summary_keys")


def asked(file: Path | None, summary_file: Path | None, keys: Path | None) -> ByPolicy | None:
    """What the options said. Raises UsageError for one that needs another, and as `read`."""
    if (summary_file is None) != (keys is None) or (summary_file and file is None):
        raise click.UsageError("--summary, --summary-keys and --policy go together")
    return ByPolicy(policy=read(file), summary=summary_file, keys=keys) if file else None


def judge(policy: Policy, statements: Sequence[Verified], wanted: str) -> list[Judged]:
    """A verdict for each artifact that a statement names, or for those `wanted` (`algorithm:hex`, a name, or `name@...`)."""
    subjects = _wanted(wanted) or [each for each in _named(statements) if not wanted or each.name == wanted]
    found = []
    for subject in subjects:
        digest = ":".join(next(iter(subject.digest.items())))
        found.append((subject, judging.judge(policy, Question(digest=digest, statements=statements, now=wall_now()))))
    return found


def overall(judged: Sequence[Judged]) -> State:
    """No artifact at all is not a pass."""
    return verdict.all_of([each for _, each in judged]).state


def tell(judged: Sequence[Judged]) -> None:
    said = {State.PASS: "keeps the policy", State.FAIL: "REFUSED by the policy", State.UNKNOWN: "could not tell"}
    for subject, found in judged:
        click.echo(show.printable(f"{show.shortened(_spoken(subject))}: {said[found.state]}"))
        _reasons(found)
    if not judged:
        click.echo("nothing here names an artifact, so nothing keeps the policy")


def data(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    return [
        {"subject": _spoken(subject), "verdict": str(found.state), "reasons": list(found.reasons)} for subject, found in judged
    ]


def keep(asked_for: ByPolicy, judged: Sequence[Judged], used: Sequence[Verified]) -> None:
    """One signed Verification Summary a line, where a file for it was named."""
    if asked_for.summary is None or asked_for.keys is None:
        return
    key, now, policy = x509.read(asked_for.keys), wall_now(), asked_for.policy
    built = [summary.build(policy, found, subject, used=used, now=now, verifier=VERIFIER) for subject, found in judged]
    with asked_for.summary.open("wb") as file:
        file.writelines(signing.seal(payload, key) + b"\n" for payload in built)


def _wanted(text: str) -> list[Subject]:
    name, _, digest = text.rpartition("@")
    algorithm, _, digits = digest.partition(":")
    return [Subject(name=name, digest={algorithm: digits})] if digits else []


def _named(statements: Sequence[Verified]) -> list[Subject]:
    """Each digest once, under the first name that it has."""
    found: dict[tuple[str, str], Subject] = {}
    for subject in (subject for verified in statements for subject in verified.payload.subjects):
        for pair in subject.digest.items():
            found.setdefault(pair, Subject(name=subject.name, digest=dict([pair])))
    return list(found.values())


def _spoken(subject: Subject) -> str:
    digest = ":".join(next(iter(subject.digest.items())))
    return f"{subject.name}@{digest}" if subject.name else digest


def _reasons(found: Verdict) -> None:
    for reason in found.reasons:
        click.echo(f"  {show.printable(reason)}")

"""`sealwright layout`: who may do which step, and did they? Classic in-toto layouts, and Layouts of Tekton Pipelines."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sealwright.cli import exits, layout_making, show
from sealwright.core import keys as public_keys
from sealwright.core import strict
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.keys import Form
from sealwright.core.layout import chains, classic, judging, pipeline, sealed, signatures
from sealwright.core.layout.acceptance import Chain
from sealwright.core.layout.pipeline import Layout
from sealwright.core.policy.verdict import State, Verdict
from sealwright.core.proof.attestation import TrustedKey
from sealwright.core.tekton import documents
from sealwright.edge import linkfiles
from sealwright.edge.clock import wall_now
from sealwright.edge.reading import read_argument

_HELP = """Layouts: who may do which step of a pipeline, in what order, and how artifacts pass from step to step.

\b
Examples:
  sealwright layout verify --layout root.layout --layout-keys owner.pub --link-dir links
  sealwright layout verify --layout layout.yaml runs.yaml
  sealwright layout draft pipeline.yaml --key cosign.pub > layout.yaml
"""

_VERIFY_HELP = """Verify that a product or a PipelineRun keeps a layout.

An in-toto layout (DSSE or with `signed`) is verified with the links in --link-dir, with the verdict of in-toto-verify.
Commands of its inspections are never run: such a layout could not be told. Every key given must have signed the layout.

A Layout of a Pipeline (kind: Layout) is verified over each PipelineRun in PATH..., with the TaskRuns in the same files, their
annotations, and envelopes among the PATHs.

\b
Exit code: 0 kept, 1 broken, 2 wrong input, 3 could not tell.

\b
Examples:
  sealwright layout verify --layout root.layout --layout-keys owner.pub --link-dir links --param version=1.2
  sealwright layout verify --layout root.layout --layout-keys owner.pub --strict
  kubectl get pipelineruns,taskruns -o yaml > runs.yaml
  sealwright layout verify --layout layout.yaml runs.yaml
  sealwright layout verify --layout layout.signed.json --layout-keys owner.pub runs.yaml -o json
"""

_PATH = click.Path(path_type=Path)
_EXIT = {State.PASS: exits.YES, State.FAIL: exits.REFUSED, State.UNKNOWN: exits.COULD_NOT_TELL}
_SAID = {State.PASS: "kept", State.FAIL: "BROKEN", State.UNKNOWN: "could not tell"}
# What was verified, how it ended, and what gives pause.
_Told = tuple[str, Verdict, Sequence[str]]
_PARAMETER = re.compile(r"([a-zA-Z0-9_-]+)=(.*)", re.DOTALL)


@click.group("layout", help=_HELP)
def command() -> None:
    """Holds the subcommands."""


@command.command("verify", help=_VERIFY_HELP, short_help="Say whether steps were done as a layout asks.")
@click.argument("paths", nargs=-1, type=_PATH)
@click.option("--layout", "layout_file", type=_PATH, required=True, help="The layout.")
@click.option("--layout-keys", "owners", type=click.File("rb"), multiple=True, help="Public key (PEM) that must have signed it.")
@click.option("--link-dir", type=_PATH, default=Path(), show_default=True, help="Where the links of an in-toto layout are.")
@click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", help="Fill {NAME} in an in-toto layout.")
@click.option("--strict", "is_strict", is_flag=True, help="Refuse also what in-toto lets pass and only gives pause.")
@show.output_option
@click.pass_context
def verify(
    context: click.Context,
    *,
    paths: Sequence[Path],
    layout_file: Path,
    owners: Sequence[Any],
    link_dir: Path,
    parameters: Sequence[str],
    is_strict: bool,
    output: str,
) -> None:
    """Tell the verdicts, one for an in-toto layout, one for each PipelineRun otherwise."""
    data = read_argument(layout_file)
    pems = [file.read() for file in owners]
    if _is_ours(data, str(layout_file)):
        layout = _read_layout(data, pems, str(layout_file))
        found: list[_Told] = [(chains.name(chain.run), judging.whole(layout, chain), ()) for chain in _chains(layout, paths)]
        if not found:
            raise Permanent(Reason.INVALID_INPUT, "no PipelineRun to verify: name files that hold one and its TaskRuns")
    else:
        question = classic.Question(
            layout=data,
            keys=[signatures.load(pem) for pem in pems],
            files=linkfiles.read(link_dir),
            now=wall_now(),
            parameters=dict(map(_parameter, parameters)) if parameters else None,
        )
        checked = classic.verify(question)
        refused = is_strict and checked.verdict.is_pass and checked.cautions
        verdict = Verdict(state=State.FAIL, reasons=checked.cautions) if refused else checked.verdict
        found = [(str(layout_file), verdict, checked.cautions)]
    _tell(found, output)
    states = [verdict.state for _, verdict, _ in found]
    context.exit(_EXIT[next((state for state in (State.FAIL, State.UNKNOWN) if state in states), State.PASS)])


for _each in (layout_making.draft, layout_making.write_links, layout_making.sign):
    command.add_command(_each)


# --- reading ------------------------------------------------------------------------------------------------------------


def _is_ours(data: bytes, what: str) -> bool:
    """Whether it is a Layout of a Pipeline, bare or in its envelope; anything else is taken for in-toto's."""
    if data.lstrip()[:1] != b"{":
        return True
    found = strict.loads(data, what, strict.ENVELOPE_LIMIT)
    return isinstance(found, dict) and ("kind" in found or found.get("payloadType") == sealed.MEDIA_TYPE)


def _read_layout(data: bytes, pems: Sequence[bytes], what: str) -> Layout:
    """With keys only a signed one will do."""
    form: Form = "sha256"
    trusted = [TrustedKey(key=public_keys.load_public(pem), form=form) for pem in pems]
    is_signed = data.lstrip()[:1] == b"{" and "payloadType" in strict.loads(data, what, strict.ENVELOPE_LIMIT)
    if trusted and not is_signed:
        message = f"{what}: not signed, and --layout-keys asks for signatures; sign it with: sealwright layout sign"
        raise Permanent(Reason.INVALID_LAYOUT, message)
    return sealed.open_signed(data, trusted, what) if is_signed else pipeline.parse(data, what)


def _chains(layout: Layout, paths: Sequence[Path]) -> list[Chain]:
    contents = [(read_argument(path), str(path)) for path in paths]
    envelopes = [data for data, _ in contents if _is_envelope(data)]
    listed = [document for data, what in contents if not _is_envelope(data) for document in documents.runs(data, what)]
    return list(chains.gather(layout, listed, envelopes, wall_now()))


def _is_envelope(data: bytes) -> bool:
    return data.lstrip()[:1] == b"{" and b'"payloadType"' in data[:4096] and b'"apiVersion"' not in data[:4096]


def _parameter(text: str) -> tuple[str, str]:
    match = _PARAMETER.fullmatch(text)
    if match is None:
        raise click.BadParameter(
            f"wanted NAME=VALUE, the name of letters, digits, _ and -; found {quote(text)}", param_hint="--param"
        )
    return match[1], match[2]


# --- telling ------------------------------------------------------------------------------------------------------------


def _tell(found: Sequence[_Told], output: str) -> None:
    if output != "table":
        show.data(output, [_data(*each) for each in found])
        return
    for what, verdict, cautions in found:
        click.echo(show.printable(f"{what}: {_SAID[verdict.state]}"))
        reasons = [str(breach) for breach in verdict.breaches] or verdict.reasons
        for reason in reasons:
            click.echo(f"  {show.printable(reason)}")
        for caution in cautions:
            click.echo(f"  caution: {show.printable(caution)}")


def _data(what: str, verdict: Verdict, cautions: Sequence[str]) -> dict[str, Any]:
    return {
        "what": what,
        "verdict": str(verdict.state),
        "reasons": list(verdict.reasons),
        "breaches": [
            {
                "reason": str(breach.reason),
                "step": breach.step,
                "rule": breach.rule,
                "expected": breach.expected,
                "found": breach.found,
                "state": str(breach.state),
            }
            for breach in verdict.breaches
        ],
        "cautions": list(cautions),
    }

"""`sealwright why`: what is signed of a run, what is not, and the reason for each."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from sealwright.app import configuration
from sealwright.cli import show
from sealwright.cli.search import open_index
from sealwright.core import plan as planning
from sealwright.core.config import Config
from sealwright.core.errors import Fault, Permanent, Reason, quote
from sealwright.core.model import Finding, Kind, value
from sealwright.core.policy import evidence as rules
from sealwright.core.tekton import documents, family, marks, receipt, runs
from sealwright.core.tekton.runs import PipelineRun, Run, TaskRun
from sealwright.edge.output import DATABASE
from sealwright.edge.reading import read_argument
from sealwright.edge.runfiles import RunFiles

_HELP = """Say what is signed of KIND/NAME in a cluster or folder, or of each run in FILE, what is not, and why.

Shown are: whether the run has finished, what would be signed and where it would be kept, every result that looks like
a type hint and was ignored, which attestations there are, how the run is marked, and in a cluster its Events. Nothing
is signed or changed.

The cluster is that of --kubeconfig, of KUBECONFIG, or kubectl's own; you need to be allowed to read the run. The
configuration is the cluster's where you may read it.

\b
Examples:
  sealwright why taskrun/build-7
  sealwright why pipelinerun/release-3 --namespace shop -o json
  sealwright why build.yaml
  sealwright why taskrun/build-7 --in runs
  sealwright why pipelinerun/release-3 --in runs --config chains-config.yaml -o json
"""

_PATH = click.Path(path_type=Path)
_KINDS: Mapping[str, Kind] = {"taskrun": "TaskRun", "pipelinerun": "PipelineRun"}


@value
class _Answer:
    """All that is known of one run."""

    run: str
    ended: str
    requests: tuple[str, ...]
    findings: tuple[Finding, ...]
    stored: tuple[str, ...]
    marked: str
    events: tuple[str, ...]


@click.command("why", help=_HELP, short_help="Say what is signed of a run, what is not, and why.")
@click.argument("what", metavar="FILE|KIND/NAME")
@click.option("--in", "folder", type=_PATH, help="Folder of runs that the controller reads and writes.")
@click.option("--config", type=_PATH, help="ConfigMap chains-config.  [default: the defaults of Chains]")
@click.option("--kubeconfig", type=_PATH, envvar="KUBECONFIG", help="How to reach the cluster.")
@click.option("-n", "--namespace", default="", help="Of the run in the cluster.  [default: the kubeconfig's]")
@show.output_option
def command(*, what: str, folder: Path | None, config: Path | None, kubeconfig: Path | None, namespace: str, output: str) -> None:
    """Explain each run."""
    if folder is None and _kind_and_name(what) and not Path(what).exists():
        answers = [_in_cluster(what, kubeconfig, namespace, config)]
    else:
        settings = configuration.read_config(config).config
        answers = [_answer(run, settings, folder) for run in _runs(what, folder)]
    if output != "table":
        show.data(output, [_data(answer) for answer in answers])
        return
    for answer in answers:
        show.table(what, ("what", "says"), list(_rows(answer)))


def _kind_and_name(what: str) -> tuple[Kind, str] | None:
    """Of KIND/NAME; None where it is the name of a file."""
    word, _, name = what.partition("/")
    kind = _KINDS.get(word.lower())
    return (kind, name) if kind and name else None


def _in_cluster(what: str, kubeconfig: Path | None, namespace: str, config: Path | None) -> _Answer:
    from sealwright.app import lookup  # noqa: PLC0415  the client of the API server, which a folder does not need

    kind, name = _kind_and_name(what) or ("TaskRun", what)
    seen = asyncio.run(lookup.look(kubeconfig, kind, namespace, name))
    if config is None and seen.config is not None:
        settings = configuration.parse_config(seen.config).config
    else:
        settings = configuration.read_config(config).config
    return replace(_answer(seen.run, settings, None), events=seen.events)


def _runs(what: str, folder: Path | None) -> Sequence[Run]:
    wanted = _kind_and_name(what)
    if folder is None or wanted is None:
        return _with_children(_read(Path(what)))
    found = [run for run in _with_children(_in_folder(folder)) if (run.kind, run.metadata.name) == wanted]
    if not found:
        raise Permanent(Reason.NOT_FOUND, f"{quote(folder)}: no {wanted[0]} named {quote(wanted[1])}")
    return found


def _in_folder(folder: Path) -> list[Run]:
    """Every run that the controller would read there; files it could not read say so by themselves."""

    def tell(path: object, fault: Fault) -> None:
        click.echo(show.printable(f"warning: {path}: {fault}"), err=True)

    files = RunFiles(folder, tell)
    found: list[Run] = []
    for path, _ in files.walk():
        try:
            file = files.read(path) or documents.RunFile(runs=())
            found += [runs.read(document.body) for document in file.runs]
        except Fault as fault:
            tell(path, fault)
        else:
            for unreadable in file.faults:
                tell(path, unreadable)
    return found


def _read(path: Path) -> list[Run]:
    return [runs.read(document.body) for document in documents.runs(read_argument(path), str(path))]


def _with_children(found: list[Run]) -> list[Run]:
    tasks = {run.metadata.name: run for run in found if isinstance(run, TaskRun)}
    return [runs.with_children(run, family.gather(run, tasks).children) if isinstance(run, PipelineRun) else run for run in found]


def _answer(run: Run, settings: Config, folder: Path | None) -> _Answer:
    plan = planning.plan(run, settings)
    requests = [f"{request.artifact.key} as {request.format}, kept in {', '.join(request.stores)}" for request in plan.requests]
    return _Answer(
        run=str(runs.key_of(run)),
        ended=_ended(run),
        requests=(*requests, *([plan.skipped] if plan.skipped else [])),
        findings=(*_family(run), *plan.findings),
        stored=(*_in_object(run), *_in_index(run, folder)),
        marked=_mark(run),
        events=(),
    )


def _mark(run: Run) -> str:
    """What stands on the run; whether it is true, only a signature says."""
    kept = run.metadata.annotations or {}
    words = [f"signed: {kept[marks.SIGNED]}"] if marks.SIGNED in kept else ["no"]
    words += [kept[marks.REASON]] if marks.REASON in kept else []
    words += ["with a receipt of Sealwright"] if receipt.ANNOTATION in kept else []
    return ", ".join(words)


def _ended(run: Run) -> str:
    found = runs.condition(run)
    if found is None or not runs.is_done(run):
        return "no: only finished runs are signed (its condition Succeeded is neither True nor False)"
    return f"{'succeeded' if runs.has_succeeded(run) else 'failed'} ({found.reason})"


def _family(run: Run) -> tuple[Finding, ...]:
    """What is odd about the children; they were judged when they were read."""
    if not isinstance(run, PipelineRun):
        return ()
    return family.gather(run, {child.metadata.name: child for child in run.children}).findings


def _in_object(run: Run) -> Iterator[str]:
    document = documents.RunDocument(key=runs.key_of(run), uid=run.metadata.uid, position=0, body=run.raw)
    yield from (f"{found.where} of the object" for found in rules.of_run(document) if found.attestation)


def _in_index(run: Run, folder: Path | None) -> Iterator[str]:
    if folder is None or not (folder / DATABASE).is_file():
        return
    for entry in open_index(folder).search(run=run.metadata.uid):
        yield show.shortened(f"{entry.attestation.artifact.key} as {entry.attestation.format}: {', '.join(entry.places)}")


def _rows(answer: _Answer) -> Iterator[tuple[str, str]]:
    yield "run", answer.run
    yield "finished", answer.ended
    for name, texts in (("to sign", answer.requests), ("ignored or odd", answer.findings), ("stored", answer.stored)):
        yield from ((name if n == 0 else "", str(text)) for n, text in enumerate(texts or ("nothing",)))
    yield "marked", answer.marked
    yield from (("events" if n == 0 else "", text) for n, text in enumerate(answer.events))


def _data(answer: _Answer) -> dict[str, Any]:
    return {
        "run": answer.run,
        "finished": answer.ended,
        "toSign": list(answer.requests),
        "findings": [{"where": found.where, "message": found.message} for found in answer.findings],
        "stored": list(answer.stored),
        "marked": answer.marked,
        "events": list(answer.events),
    }

"""`sealwright provenance`: the Statement of a run, unsigned, for reading, comparing and testing."""

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from sealwright import plugins
from sealwright.app import configuration
from sealwright.core import strict
from sealwright.core.config import Config
from sealwright.core.errors import Fault, Permanent, Reason
from sealwright.core.model import Built
from sealwright.core.tekton import documents, runs
from sealwright.core.tekton.runs import PipelineRun, Run, TaskRun
from sealwright.edge.reading import read_argument

_HELP = """Print the in-toto Statement of each run in FILE..., one a line, as Chains would make it.

A PipelineRun finds its TaskRuns among the FILEs. With - as only FILE, each line of standard input is a request

\b
  {"taskrun": {...}, "format": "slsa/v2alpha4", "builder": "...", "buildtype": "...", "deep": false}
  {"pipelinerun": {...}, "taskruns": [...], "format": "in-toto"}

and is answered with a line {"statement": ..., "images": [...], "simplesigning": [...]} or {"error": "..."}; findings,
if a part of the run had to be left out, stand beside the statement.

\b
Examples:
  sealwright provenance build.yaml
  sealwright provenance --format slsa/v2alpha4 --deep pipelinerun.yaml taskruns.yaml
  sealwright provenance - < requests.jsonl
"""

_OF_IMAGES = ("cosign/sign/v1", "simplesigning")
_ROOM = "sealwright.core.provenance"
_LIMIT = 64 << 20  # a request may hold a PipelineRun with hundreds of TaskRuns


class _Request(msgspec.Struct, frozen=True):
    """One line of standard input."""

    taskrun: msgspec.Raw = msgspec.Raw(b"")
    pipelinerun: msgspec.Raw = msgspec.Raw(b"")
    taskruns: list[msgspec.Raw] = []
    format: str = ""
    builder: str | None = None
    buildtype: str | None = None
    deep: bool = False


@click.command("provenance", help=_HELP, short_help="Print the Statement of a run.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--format", "format_", default="", help="in-toto, slsa/v1, slsa/v2alpha3, slsa/v2alpha4.  [default: as configured]")
@click.option("--deep", is_flag=True, help="Deep inspection: a PipelineRun speaks for its TaskRuns' results too.")
@click.option("--builder-id", default="", help="The builder's id.")
@click.option("--config", type=click.Path(path_type=Path), help="ConfigMap chains-config.  [default: the defaults of Chains]")
def command(files: Sequence[Path], format_: str, deep: bool, builder_id: str, config: Path | None) -> None:
    """Print Statements, or answer requests."""
    settings = configuration.read_config(config).config
    if config is None:
        # Without a wish this answers as Chains does; the controller leaves out what others change after a run's end.
        settings = dataclasses.replace(settings, metadata="chains")
    if [str(file) for file in files] == ["-"]:
        for line in _lines(sys.stdin.buffer):
            if line.strip():
                _write(_answer(line, settings))
        return
    settings = dataclasses.replace(
        settings, deep_inspection=deep or settings.deep_inspection, builder_id=builder_id or settings.builder_id
    )
    for run in read_runs([(read_argument(file), str(file)) for file in files]):
        chosen = settings.taskrun if isinstance(run, TaskRun) else settings.pipelinerun
        built = build(run, format_ or chosen.format, settings)
        for finding in built.findings:
            click.echo(f"warning: {finding}", err=True)
        _write(built.payload.body)


def read_runs(files: Sequence[tuple[bytes, str]]) -> Iterator[Run]:
    """Every run in these files, contents and names; PipelineRuns with those of their TaskRuns that are among them."""
    found = [document for data, what in files for document in documents.runs(data, what)]
    by_key = {document.key: document.body for document in found}
    for document in found:
        run = runs.read(document.body)
        if isinstance(run, PipelineRun):
            keys = [dataclasses.replace(document.key, kind="TaskRun", name=child.name) for child in run.status.child_references]
            run = _with_children(run, [by_key[key] for key in keys if key in by_key])
        yield run


def build(run: Run, word: str, config: Config) -> Built:
    """The Statement in the format `word`. Raises Permanent: UNKNOWN_FORMAT, INVALID_RUN."""
    formats = {name: module for name, module in plugins.members(_ROOM).items() if name not in _OF_IMAGES}
    if word not in formats:
        raise Permanent(Reason.UNKNOWN_FORMAT, f"no format {word!r} (there are: {', '.join(formats)})")
    built: Built = formats[word].build(run, word, config)
    return built


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines, which end at LF alone; of one that is too long only the beginning, a byte more than is read."""
    while line := stream.readline(_LIMIT + 1):
        rest = line
        while not rest.endswith(b"\n") and (rest := stream.readline(_LIMIT)):
            pass
        yield line


def _answer(line: bytes, config: Config) -> bytes:
    """One request, one answer; whatever is wrong with it becomes the answer."""
    try:
        return msgspec.json.encode(_response(line, config))
    except Fault as fault:
        return msgspec.json.encode({"error": str(fault)})


def _response(line: bytes, config: Config) -> dict[str, Any]:
    if len(line) > _LIMIT:
        raise Permanent(Reason.TOO_LARGE, f"a request of more than the {_LIMIT} bytes that are read")
    strict.loads(line, "the request", limit=_LIMIT)
    try:
        request = msgspec.json.decode(line, type=_Request)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"not a request: {error}") from error
    settings = _settings(request, config)
    run = _run(request)
    built = build(run, request.format or config.taskrun.format, settings)
    images = run.hints.images if isinstance(run, TaskRun) else ()
    payloads = [plugins.members(_ROOM)["simplesigning"].build(image).body for image in images]
    answer: dict[str, Any] = {
        "statement": msgspec.Raw(built.payload.body),
        "images": [image.reference for image in images],
        "simplesigning": [msgspec.Raw(payload) for payload in payloads],
    }
    return answer | ({"findings": [str(finding) for finding in built.findings]} if built.findings else {})


def _settings(request: _Request, config: Config) -> Config:
    """The requested settings; what a request leaves out is as configured."""
    builder_id = config.builder_id if request.builder is None else request.builder
    build_type = config.build_type if request.buildtype is None else request.buildtype
    return dataclasses.replace(config, deep_inspection=request.deep, builder_id=builder_id, build_type=build_type)


def _run(request: _Request) -> Run:
    if request.taskrun:
        return runs.read(bytes(request.taskrun))
    if not request.pipelinerun:
        raise Permanent(Reason.INVALID_INPUT, "not a request: it needs `taskrun` or `pipelinerun`")
    run = runs.read(bytes(request.pipelinerun))
    return _with_children(run, [bytes(child) for child in request.taskruns]) if isinstance(run, PipelineRun) else run


def _with_children(run: PipelineRun, bodies: Sequence[bytes]) -> PipelineRun:
    """The children in `status.childReferences` order, by name, as Chains collects them."""
    found = {child.metadata.name: child for child in map(runs.read, bodies) if isinstance(child, TaskRun)}
    names = [child.name for child in run.status.child_references]
    return runs.with_children(run, [found[name] for name in names if name in found])


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()

"""`sealwright sign`: sign runs or a Statement by hand, with the same bytes as the controller."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from sealwright.app import configuration
from sealwright.app.signers import Signers, tools_by_hand
from sealwright.cli.provenance import build, read_runs
from sealwright.core import statement, strict
from sealwright.core.config import NO_SIGNER, Config
from sealwright.core.errors import Permanent, Reason, Untrusted
from sealwright.core.model import Payload
from sealwright.core.tekton import documents, runs
from sealwright.core.tekton.runs import TaskRun
from sealwright.edge.reading import read_argument
from sealwright.flow.sign import seal

_HELP = """Sign the provenance of each run in FILE..., or a Statement, and print one DSSE envelope a line.

\b
Examples:
  sealwright sign build.yaml --keys signing-secrets > envelope.json
  sealwright sign pipelinerun.yaml taskruns.yaml --keys signing-secrets --format slsa/v2alpha4
  sealwright sign statement.json --keys signing-secrets
  sealwright sign statement.json --config chains-config.yaml   (signer kms, or keyless)

The signer is the one that the configuration names for TaskRuns.
"""

_PATH = click.Path(path_type=Path)


@click.command("sign", help=_HELP, short_help="Sign runs or a Statement by hand.")
@click.argument("files", nargs=-1, required=True, type=_PATH)
@click.option("--keys", type=_PATH, help="Folder with x509.pem, or cosign.key and cosign.password, for the signer x509.")
@click.option("--format", "format_", default="", help="in-toto, slsa/v1, slsa/v2alpha3, slsa/v2alpha4.  [default: as configured]")
@click.option("--config", type=_PATH, help="ConfigMap chains-config.  [default: the defaults of Chains]")
def command(files: Sequence[Path], keys: Path | None, format_: str, config: Path | None) -> None:
    """Print envelopes."""
    settings = configuration.read_config(config).config
    found = [(read_argument(file).strip(), str(file)) for file in files]
    payloads = _statements(found) or _provenance(found, format_, settings)
    # Whoever signs by hand wants a signature, also of what the controller is told to leave unsigned.
    word = "x509" if settings.taskrun.signer == NO_SIGNER else settings.taskrun.signer
    asyncio.run(_sign(payloads, keys, settings, word))


async def _sign(payloads: Sequence[Payload], keys: Path | None, settings: Config, word: str) -> None:
    opened = Signers(tools_by_hand(keys))
    try:
        signer = (await opened.equip(settings, {word}))[word]
        for payload in payloads:
            envelope = await seal(payload, signer)
            sys.stdout.buffer.write(envelope + b"\n")
    finally:
        await opened.close()


def _statements(files: Sequence[tuple[bytes, str]]) -> list[Payload]:
    """The Statements in the files, as they stand; none if the first file holds something else."""
    return [_statement(*file) for file in files] if _is_statement(*files[0]) else []


def _statement(body: bytes, what: str) -> Payload:
    """A broken one is wrong input here: nothing was to be proven."""
    try:
        return statement.parse(body)[0]
    except Untrusted as fault:
        raise Permanent(fault.reason, f"{what}: {fault.message}") from fault


def _is_statement(body: bytes, what: str) -> bool:
    """Whether it calls itself one. A run may hold a Statement, in a result for example."""
    found = strict.loads(body, what, limit=documents.FILE_LIMIT) if body.startswith(b"{") else None
    return isinstance(found, dict) and "_type" in found


def _provenance(files: Sequence[tuple[bytes, str]], format_: str, settings: Config) -> list[Payload]:
    payloads = []
    for run in read_runs(files):
        if not runs.is_done(run):
            raise Permanent(Reason.NOT_FINISHED, f"{runs.key_of(run)} has not finished; only what has ended is signed")
        chosen = settings.taskrun if isinstance(run, TaskRun) else settings.pipelinerun
        built = build(run, format_ or chosen.format, settings)
        for finding in built.findings:
            click.echo(f"warning: {finding}", err=True)
        payloads.append(built.payload)
    if not payloads:
        raise Permanent(Reason.INVALID_RUN, "nothing to sign: no TaskRun, PipelineRun or Statement in these files")
    return payloads

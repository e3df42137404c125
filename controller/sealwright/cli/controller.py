"""`sealwright controller`: sign every finished run that a source holds."""

import asyncio
from pathlib import Path

import click

from sealwright.app import configuration, embedded
from sealwright.cli import exits, show
from sealwright.edge.reports import Log
from sealwright.flow.reconcile import State

_HELP = """Sign every finished TaskRun and PipelineRun in a folder, and go on as files come and change.

Reads *.json, *.yaml and *.yml below --source: one run, several YAML documents, or a List as kubectl prints it. Writes
below --out: NAME.signed.json beside each input, an OCI layout for each image repository below oci/, and the index
sealwright.db that search reads. Makes a key in signing-secrets/ on first use. Stopped at any moment, it finishes at
the next start.

Exit code with --once: 0 all signed, 3 something failed, or it was stopped, and the next start goes on, 2 wrong
input.

\b
Examples:
  sealwright controller --source runs --once
  sealwright controller --source runs --out signed --keys signing-secrets
  sealwright controller --source runs --config chains-config.yaml --log-level debug
"""

_SAID = {State.KNOWN: "signed before", State.WAITING: "not finished", State.FAILED: "failed (see above)"}
_PATH = click.Path(path_type=Path)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command("controller", help=_HELP, short_help="Sign every finished run that a folder holds.")
@click.option("--source", type=_FOLDER, required=True, help="Folder of runs.")
@click.option("--out", type=_PATH, help="Folder for results.  [default: the source]")
@click.option("--keys", type=_PATH, help="Folder with x509.pem, or cosign.key and cosign.password.")
@click.option("--config", type=_PATH, help="ConfigMap chains-config.  [default: the defaults of Chains]")
@click.option("--once", is_flag=True, help="End after one look at every file.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True)
@click.pass_context
def command(
    context: click.Context,
    *,
    source: Path,
    out: Path | None,
    keys: Path | None,
    config: Path | None,
    once: bool,
    log_level: str,
) -> None:
    """Run the embedded default."""
    parsed = configuration.read_config(config)
    for warning in parsed.warnings:
        click.echo(f"warning: {warning}", err=True)
    options = embedded.FolderOptions(source=source, out=out or source, keys=keys, config=parsed.config, once=once)
    ended = asyncio.run(embedded.run_folder(options, Log(log_level, is_coloured=show.is_coloured())))
    if once:
        click.echo(f"{source}: {_counts(ended)}")
        context.exit(exits.COULD_NOT_TELL if ended.looks.get(State.FAILED) or ended.is_stopped else exits.YES)


def _counts(ended: embedded.Ended) -> str:
    looks = ended.looks
    counts = [f"{looks[state]} {_SAID.get(state, state)}" for state in State if looks.get(state)] or ["no runs found"]
    return ", ".join([*counts, *(["stopped before the end"] if ended.is_stopped else [])])

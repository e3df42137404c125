"""`sealwright controller`: sign every finished run that a source holds."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import click

from sealwright.app import configuration
from sealwright.cli import exits, show
from sealwright.edge.reports import Log
from sealwright.flow.reconcile import State

_HELP = """Sign every finished TaskRun and PipelineRun of a cluster, or in a folder, and go on as runs come and change.

Without --source the runs are those of the cluster that this pod runs in, or that --kubeconfig names. They are read and
marked there; the ConfigMap chains-config and the receipts' Secret are in the namespace SYSTEM_NAMESPACE
(tekton-chains), keys in /etc/signing-secrets or --keys.

With --source a folder is the cluster: read are *.json, *.yaml and *.yml below it, with one run, several YAML documents,
or a List as kubectl prints it. Written below --out are NAME.signed.json beside each input, an OCI layout for each image
repository below oci/, and the index sealwright.db that search reads. A key is made in signing-secrets/ on first use.
Stopped at any moment, it finishes at the next start.

Exit code with --once: 0 all signed, 3 something failed, or it was stopped, and the next start goes on, 2 wrong
input.

\b
Examples:
  sealwright controller --source runs --once
  sealwright controller --source runs --out signed --keys signing-secrets
  sealwright controller --source runs --config chains-config.yaml --log-level debug
  sealwright controller --kubeconfig ~/.kube/config --namespace team-a,team-b --keys signing-secrets
"""

_SAID = {State.KNOWN: "signed before", State.WAITING: "not finished", State.FAILED: "failed (see above)"}
_PATH = click.Path(path_type=Path)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command("controller", help=_HELP, short_help="Sign every finished run of a cluster, or of a folder.")
@click.option("--source", type=_FOLDER, help="Folder of runs, instead of a cluster.")
@click.option("--kubeconfig", type=_PATH, envvar="KUBECONFIG", help="How to reach the cluster, outside of it.")
@click.option("--namespace", default="", help="Namespaces to watch, with commas.  [default: all]")
@click.option("--all-history", is_flag=True, help="Sign also runs that finished more than 7 days before the start.")
@click.option("--audit-log", type=_PATH, help="In a cluster: a file of hash-chained lines, one for each run signed or refused.")
@click.option("--metrics-port", default=9090, show_default=True, help="Metrics and the status page; 0 takes a free one.")
@click.option("--health-port", default=8080, show_default=True, help="/health and /readiness; 0 takes a free one.")
@click.option("--out", type=_PATH, help="Folder for results.  [default: the source]")
@click.option("--keys", type=_PATH, help="Folder with x509.pem, or cosign.key and cosign.password.")
@click.option("--config", type=_PATH, help="ConfigMap chains-config.  [default: the defaults of Chains]")
@click.option("--once", is_flag=True, help="End after one look at every file.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True)
@click.pass_context
def command(
    context: click.Context,
    *,
    source: Path | None,
    kubeconfig: Path | None,
    namespace: str,
    all_history: bool,
    metrics_port: int,
    health_port: int,
    audit_log: Path | None,
    out: Path | None,
    keys: Path | None,
    config: Path | None,
    once: bool,
    log_level: str,
) -> None:
    """Run in a cluster, or over a folder."""
    log = Log(log_level, is_coloured=show.is_coloured())
    if source is None:
        _refuse_folder_options(out=out, config=config, once=once)
        _in_cluster(
            log,
            kubeconfig=kubeconfig,
            namespace=namespace,
            keys=keys,
            ports=(metrics_port, health_port),
            audit_log=audit_log,
            all_history=all_history,
        )
        return
    from sealwright.app import embedded  # noqa: PLC0415  databases and layouts, which a cluster does not need

    parsed = configuration.read_config(config)
    for warning in parsed.warnings:
        click.echo(f"warning: {warning}", err=True)
    folder = embedded.FolderOptions(source=source, out=out or source, keys=keys, config=parsed.config, once=once)
    ended = asyncio.run(embedded.run_folder(folder, log))
    if once:
        click.echo(f"{source}: {_counts(ended.looks, is_stopped=ended.is_stopped)}")
        context.exit(exits.COULD_NOT_TELL if ended.looks.get(State.FAILED) or ended.is_stopped else exits.YES)


def _in_cluster(
    log: Log,
    *,
    kubeconfig: Path | None,
    namespace: str,
    keys: Path | None,
    ports: tuple[int, int],
    audit_log: Path | None,
    all_history: bool,
) -> None:
    from sealwright.app import cluster  # noqa: PLC0415  the client of the API server, which a folder does not need
    from sealwright.edge.web import Address  # noqa: PLC0415

    options = cluster.ClusterOptions(
        kubeconfig=kubeconfig,
        namespaces=tuple(name for name in namespace.replace(" ", "").split(",") if name),
        keys=keys or cluster.KEYS,
        address=Address(metrics_port=ports[0], health_port=ports[1]),
        all_history=all_history,
        audit_log=audit_log,
    )
    asyncio.run(cluster.run_cluster(options, log))


def _refuse_folder_options(**given: object) -> None:
    named = [f"--{name}" for name, found in given.items() if found]
    if named:
        raise click.UsageError(f"{', '.join(named)} goes with --source; in a cluster the ConfigMap chains-config says it")


def _counts(looks: Mapping[State, int], *, is_stopped: bool) -> str:
    counts = [f"{looks[state]} {_SAID.get(state, state)}" for state in State if looks.get(state)] or ["no runs found"]
    return ", ".join([*counts, *(["stopped before the end"] if is_stopped else [])])

"""`sealwright migrate`: take key and configuration out of an installation of Tekton Chains that is about to go."""

import asyncio
from pathlib import Path

import click

from sealwright.app.migration import migrate
from sealwright.cli import exits, show
from sealwright.edge.kube.copying import Copied

_HELP = """Copy Secret signing-secrets and ConfigMap chains-config from Chains' namespace to ours.

Where the Tekton operator installed Chains, switching it off there deletes both, and with the Secret the key that
everything was signed with. Run this first; then switch Chains off; then apply deploy/overlays/keep. What is there
already and equal is left, what is there and different is never replaced. Needs the rights to read the one namespace
and to write the other.

\b
Exit code: 0 all is there now, 1 something different is there, 2 wrong input, 3 could not tell.

\b
Examples:
  sealwright migrate --dry-run
  sealwright migrate --from tekton-pipelines --to tekton-chains
"""

_WORDS = {
    "copied": "copied",
    "there": "is there already, and equal",
    "absent": "is not there, or empty: nothing to copy",
    "different": "is there already, and DIFFERENT: nothing was written; remove one of the two, or keep what is there",
}


@click.command("migrate", help=_HELP, short_help="Copy key and configuration from Chains before it is deleted.")
@click.option("--from", "source", default="tekton-pipelines", show_default=True, help="Namespace where Chains runs.")
@click.option("--to", "target", default="tekton-chains", show_default=True, help="Namespace where Sealwright will run.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), envvar="KUBECONFIG", help="How to reach the cluster.")
@click.option("--dry-run", is_flag=True, help="Say what would be done.")
@click.pass_context
def command(context: click.Context, *, source: str, target: str, kubeconfig: Path | None, dry_run: bool) -> None:
    """Copy, and say what became of each."""
    found = asyncio.run(migrate(kubeconfig, source, target, writes=not dry_run))
    for each in found:
        click.echo(show.printable(_line(each, source, target, dry_run=dry_run)))
    states = {each.state for each in found}
    if "different" in states:
        context.exit(exits.REFUSED)
    if states == {"absent"}:
        click.echo(f"Nothing of Chains is in {show.printable(source)}; name its namespace with --from.")
        context.exit(exits.COULD_NOT_TELL)


def _line(found: Copied, source: str, target: str, *, dry_run: bool) -> str:
    what = "would be copied" if dry_run and found.state == "copied" else _WORDS[found.state]
    entries = f" ({', '.join(found.entries)})" if found.entries else ""
    return f"{found.kind} {found.name}{entries}, {source} -> {target}: {what}"

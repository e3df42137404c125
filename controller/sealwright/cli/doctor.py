"""`sealwright doctor`: does what the configuration names work, as whom, and if not, what to do."""

import asyncio
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from sealwright.app import doctor
from sealwright.app.configuration import parse_config, read_config
from sealwright.app.doctor import State, Trial, Wish
from sealwright.app.signers import tools_by_hand
from sealwright.cli import exits, show
from sealwright.core import oci
from sealwright.edge.stores import Tools

_HELP = """Try each signer, store, log and registry that the configuration names, one by one.

A probe (a small Statement about nothing) is signed by each signer, and verified; each store but the run itself and registries
keeps it and finds it again. It stays there, under the name taskrun-00000000-...; --no-writes only reads. Registries are
read as the run's ServiceAccount, where --image names an image. Nothing is written to a transparency log.

Without --config the ConfigMap chains-config is read from the cluster, as the controller reads it.

\b
Exit code: 0 all that was tried works, 1 something fails and waiting does not help, 2 wrong input, 3 could not tell.

\b
Examples:
  sealwright doctor --config chains-config.yaml --keys signing-secrets
  sealwright doctor --kubeconfig ~/.kube/config --keys signing-secrets --namespace team-a
  sealwright doctor --image registry.example.com/app@sha256:0123... --service-account builder
  sealwright doctor --config chains-config.yaml --keys signing-secrets --no-writes -o json
"""

_PATH = click.Path(path_type=Path)
_DEFAULT_KEYS = Path("/etc/signing-secrets")


@click.command("doctor", help=_HELP, short_help="Try each signer, store, log and registry, and say what to do.")
@click.option("--config", type=_PATH, help="ConfigMap chains-config.  [default: the cluster's]")
@click.option("--kubeconfig", type=_PATH, envvar="KUBECONFIG", help="How to reach the cluster, outside of it.")
@click.option("--keys", type=_PATH, default=_DEFAULT_KEYS, show_default=True, help="Folder with the signing keys.")
@click.option("--namespace", default="default", show_default=True, help="Namespace of the run whose part is played.")
@click.option("--service-account", default="", help="Its ServiceAccount.  [default: default]")
@click.option("--image", default="", help="An image, by digest, whose registry is tried.")
@click.option("--no-writes", is_flag=True, help="Keep no probe in any store.")
@show.output_option
@click.pass_context
def command(
    context: click.Context,
    *,
    config: Path | None,
    kubeconfig: Path | None,
    keys: Path,
    namespace: str,
    service_account: str,
    image: str,
    no_writes: bool,
    output: str,
) -> None:
    """Try, tell, and end by the worst that was found."""
    wish = Wish(
        signing=tools_by_hand(keys),
        origin=doctor.origin(namespace, service_account),
        image=oci.image(image) if image else None,
        writes=not no_writes,
    )
    trials = asyncio.run(_with_file(config, wish) if config else _in_cluster(kubeconfig, wish))
    _tell(trials, output)
    context.exit(_exit(trials))


async def _with_file(path: Path, wish: Wish) -> Sequence[Trial]:
    return await doctor.examine(read_config(path).config, Tools(environment=os.environ), wish)


async def _in_cluster(kubeconfig: Path | None, wish: Wish) -> Sequence[Trial]:
    from sealwright.app import lookup  # noqa: PLC0415  the client of the API server, which a file does not need
    from sealwright.edge.kube import login  # noqa: PLC0415
    from sealwright.edge.kube.client import Api  # noqa: PLC0415

    async with Api(login.find(kubeconfig)) as api:
        config = parse_config(await lookup.read_config(api) or {}).config
        return await doctor.examine(config, Tools(api=api, environment=os.environ), wish)


def _tell(trials: Sequence[Trial], output: str) -> None:
    if output != "table":
        listed = [{"part": each.part, "state": str(each.state), "reason": each.reason, "message": each.said} for each in trials]
        show.data(output, listed)
        return
    show.table("Trials", ("part", "state", "what was found"), [(each.part, _state(each), each.said) for each in trials])
    counted = Counter(trial.state for trial in trials)
    counts = [f"{count} {state}" for state, count in counted.items()]
    click.echo(", ".join(counts) or "the configuration uses nothing that could be tried")


def _state(trial: Trial) -> str:
    return f"{str(trial.state).upper()}: {trial.reason}" if trial.reason else str(trial.state)


def _exit(trials: Sequence[Trial]) -> int:
    states = {trial.state for trial in trials}
    if State.FAILS in states:
        return exits.REFUSED
    return exits.COULD_NOT_TELL if State.UNREACHED in states else exits.YES

"""`sealwright key`: key pairs that Sealwright, Chains and cosign can all use."""

from pathlib import Path
from typing import BinaryIO, get_args

import click

from sealwright.core import keys
from sealwright.edge import keyfiles
from sealwright.edge.keyfiles import Algorithm

_HELP = """Make and look at keys.

\b
Examples:
  sealwright key generate signing-secrets
  sealwright key show signing-secrets/cosign.pub
"""

_GENERATE = """Make a key pair in DIRECTORY, in the layout of the Secret signing-secrets.

Writes cosign.key (encrypted), cosign.password (random unless COSIGN_PASSWORD is set) and cosign.pub. Nothing that is
there is overwritten.

\b
Examples:
  sealwright key generate signing-secrets
  COSIGN_PASSWORD=... sealwright key generate --algorithm ed25519 keys
  kubectl create secret generic signing-secrets -n tekton-chains --from-file=signing-secrets
  cosign verify-blob-attestation --key signing-secrets/cosign.pub ...
"""

_SHOW = """Show what a public key is: its algorithm, and the key id that envelopes carry.

\b
Example:
  sealwright key show signing-secrets/cosign.pub
"""


@click.group("key", help=_HELP)
def command() -> None:
    """Holds the subcommands."""


@command.command("generate", help=_GENERATE, short_help="Make a key pair that cosign can use too.")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--algorithm", type=click.Choice(get_args(Algorithm)), default="ecdsa-p256", show_default=True)
@click.option("--password", envvar="COSIGN_PASSWORD", default=None, hidden=True)
def generate(directory: Path, algorithm: Algorithm, password: str | None) -> None:
    """Make a pair and say where it is."""
    public = keyfiles.make_pair(directory, algorithm, None if password is None else password.encode())
    click.echo(f"{public.algorithm} key {public.key_id} in {directory} (verify with {directory / keyfiles.PUBLIC})")


@command.command("show", help=_SHOW, short_help="Show a public key's algorithm and key id.")
@click.argument("file", type=click.File("rb"))
def show(file: BinaryIO) -> None:
    """Say what the key is."""
    public = keys.load_public(file.read())
    click.echo(f"{public.algorithm} {public.key_id}")

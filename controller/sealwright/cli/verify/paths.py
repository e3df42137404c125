"""`sealwright verify PATH...`: whatever is found there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sealwright.cli.policies import Whom
from sealwright.cli.verify import telling
from sealwright.cli.verify import trust as whom
from sealwright.core.policy.wanted import Wanted
from sealwright.edge import evidence as evidence_on_disk

_HELP = """Verify PATH... with the keys or identities that you trust.

A PATH is a DSSE envelope, a Sigstore bundle, a Statement (with --envelope), an annotated TaskRun or PipelineRun, an OCI layout
with cosign tags, a folder that the controller wrote, or - for standard input. Nothing is fetched, and no key is taken from
what is verified.

\b
Examples:
  sealwright verify runs --key cosign.pub
  sealwright verify bundle.sigstore.json --key cosign.pub --trusted-root trusted_root.json --steps
"""

_PATH = click.Path(path_type=Path)


@click.command("verify", help=_HELP, short_help="Prove what a file, run, layout or folder claims.")
@click.argument("paths", nargs=-1, required=True, type=_PATH)
@whom.options
@telling.wishes
@click.option("--envelope", type=click.File("rb"), help="The envelope that signs PATH, where PATH is a Statement.")
@telling.options
@click.pass_context
def command(
    context: click.Context,
    *,
    paths: Sequence[Path],
    trust: Whom,
    wanted: Wanted,
    envelope: Any,
    how: telling.Telling,
) -> None:
    """Find, prove, judge, tell."""
    signing = envelope.read() if envelope else b""
    found = (piece for path in paths for piece in evidence_on_disk.find(path, signing))
    telling.conclude(context, found, trust, wanted, how)

"""`sealwright verify file`: who signed these bytes?"""

from pathlib import Path

import click

from sealwright.cli.policies import Whom
from sealwright.cli.verify import telling
from sealwright.cli.verify import trust as whom
from sealwright.core.policy import evidence as rules
from sealwright.core.policy.wanted import Wanted
from sealwright.edge.reading import read_argument, read_artifact

_HELP = """Prove who signed ARTIFACT, a file or - for standard input, with the Sigstore bundle that came with it.

The bundle (versions 0.1 to 0.3) holds a signature over the file, or an attestation of which the file must be a subject; its
certificate, log entries and timestamps are proven with the trusted root, offline.

\b
Examples:
  sealwright verify file app.tar --bundle app.tar.sigstore.json --key cosign.pub
  sealwright verify file app.tar --bundle app.tar.sigstore.json --key cosign.pub --trusted-root trusted_root.json --steps
  sealwright verify file app.tar --bundle b.json --certificate-identity me@x.dev --certificate-oidc-issuer https://x.dev
"""

_PATH = click.Path(path_type=Path)


@click.command("file", help=_HELP, short_help="Prove who signed a file, with a Sigstore bundle.")
@click.argument("artifact", type=_PATH)
@click.option("--bundle", type=_PATH, required=True, help="The Sigstore bundle (JSON).")
@whom.options
@telling.wishes
@telling.options
@click.pass_context
def command(
    context: click.Context,
    *,
    artifact: Path,
    bundle: Path,
    trust: Whom,
    wanted: Wanted,
    how: telling.Telling,
) -> None:
    """Read both, prove, judge, tell."""
    found = rules.of_bundle(read_argument(bundle), str(artifact), read_artifact(artifact))
    telling.conclude(context, [found], trust, wanted, how)

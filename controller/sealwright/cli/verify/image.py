"""`sealwright verify image`: what is signed about this image?"""

from pathlib import Path

import click

from sealwright.cli.verify import telling
from sealwright.cli.verify import trust as whom
from sealwright.core import oci
from sealwright.core.policy.wanted import Wanted
from sealwright.core.proof.trust import Trust
from sealwright.edge import evidence as evidence_on_disk

_HELP = """Prove what is signed about IMAGE, which is named by its digest: registry/repository@sha256:HEX.

With --layout the signatures and attestations are those that an OCI layout, or a folder of layouts, keeps under cosign's tags
for that digest; nothing is fetched. One that is by somebody you trust, and what you asked for, is enough: others may have
signed too. With --type an image's bare signature is not enough. An image about which nothing is signed is refused.

\b
Examples:
  sealwright verify image gcr.io/team/app@sha256:0123... --layout runs/oci --key cosign.pub
  sealwright verify image gcr.io/team/app@sha256:0123... --layout layout --key cosign.pub --type slsaprovenance1 --steps
"""


@click.command("image", help=_HELP, short_help="Prove what is signed about an image in an OCI layout or registry.")
@click.argument("image")
@click.option("--layout", type=click.Path(path_type=Path), required=True, help="OCI layout, or folder of layouts, to look in.")
@whom.options
@telling.wishes
@telling.options
@click.pass_context
def command(context: click.Context, *, image: str, layout: Path, trust: Trust, wanted: Wanted, how: telling.Telling) -> None:
    """Find by digest, prove, judge, tell."""
    found = evidence_on_disk.of_image(layout, oci.image(image))
    telling.conclude(context, found, trust, wanted, how, one_is_enough=True)

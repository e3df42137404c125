"""`sealwright verify image`: what is signed about this image?"""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import click

from sealwright.cli.policies import Whom
from sealwright.cli.verify import telling
from sealwright.cli.verify import trust as whom
from sealwright.core import oci
from sealwright.core.oci import Image
from sealwright.core.policy.evidence import Evidence
from sealwright.core.policy.wanted import Wanted

_HELP = """Prove what is signed about IMAGE, which is named by its digest: registry/repository@sha256:HEX.

Signatures and attestations are those under cosign's tags for that digest, and Sigstore bundles that refer to it, in the image's
registry (with the logins of Docker's config.json); or, with --layout, those that an OCI layout or a folder of layouts keeps,
and nothing is fetched. One that is by somebody you trust, and what you asked for, is enough: others may have signed too. With
--type an image's bare signature is not enough. An image about which nothing is signed is refused.

\b
Examples:
  sealwright verify image gcr.io/team/app@sha256:0123... --key cosign.pub
  sealwright verify image gcr.io/team/app@sha256:0123... --key cosign.pub --type slsaprovenance1 --steps
  sealwright verify image gcr.io/team/app@sha256:0123... --layout runs/oci --key cosign.pub
"""


@click.command("image", help=_HELP, short_help="Prove what is signed about an image in a registry or OCI layout.")
@click.argument("image")
@click.option("--layout", type=click.Path(path_type=Path), help="OCI layout, or folder of layouts, to look in instead.")
@click.option("--insecure-registry", is_flag=True, help="Take the registry without TLS, or with any certificate.")
@whom.options
@telling.wishes
@telling.options
@click.pass_context
def command(
    context: click.Context,
    *,
    image: str,
    layout: Path | None,
    insecure_registry: bool,
    trust: Whom,
    wanted: Wanted,
    how: telling.Telling,
) -> None:
    """Find by digest, prove, judge, tell."""
    found = _find(oci.image(image), layout, insecure=insecure_registry)
    telling.conclude(context, found, trust, wanted, how, one_is_enough=True)


def _find(image: Image, layout: Path | None, *, insecure: bool) -> Iterable[Evidence]:
    if layout is not None:
        from sealwright.edge import evidence as evidence_on_disk  # noqa: PLC0415  one of the two is asked

        return evidence_on_disk.of_image(layout, image)
    from sealwright.app import images  # noqa: PLC0415  the network is slow to import

    return asyncio.run(images.evidence(image, insecure=insecure))

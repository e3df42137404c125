"""`sealwright layout draft|links|sign`: what makes layouts and links."""

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from sealwright.app import configuration
from sealwright.cli import show, signing
from sealwright.cli.provenance import build, read_runs
from sealwright.core import keys as public_keys
from sealwright.core import strict
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.keys import Form
from sealwright.core.layout import classic, drafting, links, sealed, signatures
from sealwright.core.model import Payload
from sealwright.core.tekton import runs
from sealwright.edge.clock import wall_now
from sealwright.edge.reading import read_argument, translated
from sealwright.edge.signers import x509

_DRAFT = """Draft a Layout from a Pipeline: its order, results and parameters, for you to complete. Printed as YAML.

\b
Example:
  sealwright layout draft pipeline.yaml --key cosign.pub > layout.yaml
"""

_LINKS = """Write the link of each finished run in FILE... as in-toto reads it: signed, DIR/STEP.KEYID8.link.

The step is the task's name in its pipeline. Materials are what went in and params/NAME, products are what came out and
results/NAME; so rules of a layout can say that one task's result is the next one's parameter.

\b
Examples:
  sealwright layout links runs.yaml --keys signing-secrets --out links
  sealwright layout verify --layout root.layout --layout-keys owner.pub --link-dir links
"""

_SIGN = """Sign a Layout of a Pipeline and print the envelope.

\b
Example:
  sealwright layout sign layout.yaml --keys owners > layout.signed.json
"""

_PATH = click.Path(path_type=Path)
_KEYS = click.option("--keys", type=_PATH, required=True, help="Folder with x509.pem, or cosign.key and cosign.password.")


@click.command("draft", help=_DRAFT, short_help="Draft a Layout from a Pipeline.")
@click.argument("file", type=_PATH)
@click.option("--key", "key", type=click.File("rb"), required=True, help="Public key (PEM) that signs what tasks did.")
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="How long it is valid.")
def draft(*, file: Path, key: Any, days: int) -> None:
    """Print the draft."""
    pem = public_keys.load_public(key.read()).pem.decode()
    expires = (wall_now() + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    show.data("yaml", drafting.draft(read_argument(file), str(file), pem, expires))


@click.command("links", help=_LINKS, short_help="Write in-toto links of finished runs.")
@click.argument("files", nargs=-1, required=True, type=_PATH)
@_KEYS
@click.option("--out", type=_PATH, default=Path(), show_default=True, help="Folder for the links.")
def write_links(*, files: Sequence[Path], keys: Path, out: Path) -> None:
    """Sign and write, then tell the paths."""
    settings = configuration.read_config(None).config
    found = []
    for run in read_runs([(read_argument(file), str(file)) for file in files]):
        if not runs.is_done(run):
            raise Permanent(Reason.NOT_FINISHED, f"{runs.key_of(run)} has not finished; only what has ended has a link")
        found.append(links.classic(build(run, "link", settings).payload))
    for name, envelope in _signed(found, keys):
        path = out / name
        with translated(path):
            out.mkdir(parents=True, exist_ok=True)
            # Two runs of one step are two links of one name; the second must not hide the first.
            with path.open("xb") as file:
                file.write(envelope)
        click.echo(show.printable(str(path)))


def _signed(found: Sequence[tuple[str, Payload]], keys: Path) -> list[tuple[str, bytes]]:
    """File names and envelopes. in-toto signs with the curve's own hash, and finds a signature by the key id that it computes."""
    key = x509.read(keys)
    if key.public.algorithm.startswith("rsa"):
        message = "in-toto's RSA keys sign by PSS, this one by PKCS#1 v1.5; use an ECDSA or Ed25519 key"
        raise Permanent(Reason.KEY_UNUSABLE, message)
    form: Form = "by-curve" if key.public.algorithm in ("ecdsa-p384", "ecdsa-p521") else "sha256"
    key_id = signatures.load(key.public.pem).key_id
    return [(_file_name(step, key_id), signing.seal(payload, key, form=form, key_id=key_id)) for step, payload in found]


def _file_name(step: str, key_id: str) -> str:
    if "/" in step or "\\" in step or step.startswith("."):
        raise Permanent(Reason.INVALID_RUN, f"a run whose name is no file name: {quote(step)}")
    return classic.file_name(step, key_id)


@click.command("sign", help=_SIGN, short_help="Sign a Layout of a Pipeline.")
@click.argument("file", type=_PATH)
@_KEYS
def sign(*, file: Path, keys: Path) -> None:
    """Print the envelope."""
    found = strict.documents(read_argument(file), str(file))
    if len(found) != 1:
        raise Permanent(Reason.INVALID_LAYOUT, f"{file}: wanted one Layout, found {len(found)} documents")
    payload = sealed.payload(found[0], str(file))

    sys.stdout.buffer.write(signing.seal(payload, x509.read(keys)) + b"\n")

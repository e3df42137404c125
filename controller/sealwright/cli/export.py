"""`sealwright export`: an attestation with all its proof in one file, for somebody who has nothing of ours."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from sealwright.app.configuration import read_config
from sealwright.app.logs import key_of
from sealwright.app.timestamps import clocks_of
from sealwright.cli import show
from sealwright.cli.search import open_index
from sealwright.core.envelope import bundle
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import Attestation
from sealwright.core.policy.wanted import PREDICATES
from sealwright.core.proof import rootfile
from sealwright.edge.index import Entry

ROOT = "trusted_root.json"

_HELP = """Write attestations of a folder as Sigstore bundles, one file each, and say how cosign alone checks them.

A bundle holds the statement, its signature, and the proof that the transparency log has it. With --config, whose
transparency.public-key is that of the log, a trusted root for it and for the timestamp authority is written beside them.
Nothing is fetched.

\b
Examples:
  sealwright export --in runs --digest sha256:0123... --to proof
  sealwright export --in runs --run team/build-7 --format in-toto --to proof --config chains-config.yaml
"""

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("export", help=_HELP, short_help="Write attestations with their proof as Sigstore bundles.")
@click.option("--in", "folder", type=_FOLDER, required=True, help="Folder the controller wrote to.")
@click.option("--digest", default="", help="A subject's digest, with its algorithm or without.")
@click.option("--name", default="", help="A subject's name.")
@click.option("--run", default="", help="A run: NAME, NAMESPACE/NAME or uid.")
@click.option("--format", "format_", default="", help="Only attestations of this format.")
@click.option("--to", "target", type=_FOLDER, required=True, help="Folder to write to; made if it is not there.")
@click.option("--config", type=click.Path(path_type=Path), help="ConfigMap that names the log and its key.")
def command(*, folder: Path, digest: str, name: str, run: str, format_: str, target: Path, config: Path | None) -> None:
    """Find, write, tell."""
    root = _root(config)
    found = [
        each for each in open_index(folder).search(digest=digest, name=name, run=run) if format_ in ("", each.attestation.format)
    ]
    if not found:
        raise Permanent(Reason.NOT_FOUND, f"nothing in {quote(folder)} answers to that; 'sealwright search' shows what there is")
    target.mkdir(parents=True, exist_ok=True)
    if root:
        (target / ROOT).write_bytes(root)
    for entry in found:
        _export(entry, target, has_root=bool(root))


def _root(config: Path | None) -> bytes:
    if config is None:
        return b""
    found = read_config(config).config
    log, clocks = found.transparency, clocks_of(found.timestamps)
    key = key_of(log) if log.enabled else None
    return rootfile.write(key, log.url, clocks) if key or clocks else b""


def _export(entry: Entry, target: Path, *, has_root: bool) -> None:
    attestation = entry.attestation
    path = target / f"{_word(attestation)}.sigstore.json"
    path.write_bytes(bundle.seal(attestation))
    click.echo(f"{show.printable(str(path))}: {attestation.format} of {entry.key}, {_proof(attestation)}")
    click.echo(f"  {shlex.join(_check(attestation, path, has_root=has_root))}")


def _word(attestation: Attestation) -> str:
    """Images of one digest in two repositories have one key, so the name is a part of it."""
    artifact = attestation.artifact
    name = f"{artifact.name}-" if artifact.sort == "oci" else ""
    return "".join(each if each.isalnum() or each in ".-_" else "-" for each in f"{name}{artifact.key}-{attestation.format}")


def _proof(attestation: Attestation) -> str:
    entries = ", ".join(f"entry {entry.index} of the log {entry.log_id.hex()[:16]}" for entry in attestation.entries)
    return entries or "in no log"


def _check(attestation: Attestation, path: Path, *, has_root: bool) -> Sequence[str]:
    """The command that checks it; a signature over a bare payload needs the payload, which is written beside the bundle."""
    log = ["--trusted-root", str(path.parent / ROOT)] if has_root else [] if attestation.entries else ["--insecure-ignore-tlog"]
    clock = ["--use-signed-timestamps"] if attestation.timestamps and has_root else []
    common = ["--bundle", str(path), "--key", "cosign.pub", *log, *clock]
    if not attestation.envelope:
        payload = path.with_suffix("").with_suffix(".payload.json")
        payload.write_bytes(attestation.payload.body)
        return ["cosign", "verify-blob", *common, str(payload)]
    subject = next(iter(attestation.payload.subjects), None)
    digest = subject.digest.get("sha256", "") if subject else ""
    claim = ["--digest", digest, "--digestAlg", "sha256"] if digest else ["--check-claims=false"]
    return ["cosign", "verify-blob-attestation", *common, "--type", _type(attestation), *claim]


def _type(attestation: Attestation) -> str:
    """cosign's short word for a predicate, or the predicate's own URI."""
    found = attestation.payload.predicate_type
    return next((word for word, uri in PREDICATES.items() if uri == found), found)

"""`sealwright search`: what is known of a digest, a name, a material or a run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from sealwright.cli import show
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.edge.database import Database
from sealwright.edge.index import Entry, Index
from sealwright.edge.output import DATABASE

_HELP = """Search the index of a folder that the controller wrote, with all the wishes given holding at once.

With --rekor, a transparency log (Rekor v1) is asked for a digest instead: each entry is proven with the log's key, and shown with
the provenance that the folder has of it, if one is given.

\b
Examples:
  sealwright search --in runs --digest sha256:0123...
  sealwright search --in runs --name gcr.io/team/app
  sealwright search --in runs --material git+https://github.com/team/app.git
  sealwright search --in runs --run build-7 -o json
  sealwright search --rekor https://rekor.sigstore.dev --digest sha256:0123...
  sealwright search --rekor https://rekor.example.com --rekor-key log.pub --in runs --digest sha256:0123... -o json
"""


@click.command("search", help=_HELP, short_help="Find attestations by digest, name, material or run.")
@click.option("--in", "folder", type=click.Path(path_type=Path), help="Folder the controller wrote to.")
@click.option("--digest", default="", help="A subject's digest, with its algorithm or without.")
@click.option("--name", default="", help="A subject's name.")
@click.option("--material", default="", help="A material's URI or digest.")
@click.option("--run", default="", help="A run: NAME, NAMESPACE/NAME or uid.")
@click.option("--rekor", default="", help="Address of a Rekor v1 log to ask for the digest.")
@click.option("--rekor-key", type=click.Path(path_type=Path), help="Its public key (PEM); that of the public log is known.")
@show.output_option
@click.pass_context
def command(
    context: click.Context,
    *,
    folder: Path | None,
    digest: str,
    name: str,
    material: str,
    run: str,
    rekor: str,
    rekor_key: Path | None,
    output: str,
) -> None:
    """Print what the index, or the log, knows."""
    if rekor:
        from sealwright.cli import logsearch  # noqa: PLC0415  the rest of it needs no network

        index = open_index(folder) if folder else None
        logsearch.run(context, logsearch.Asked(url=rekor, key=rekor_key, digest=digest, index=index), output)
    if folder is None:
        raise click.UsageError("name the folder with --in, or a log with --rekor")
    found = open_index(folder).search(digest=digest, name=name, material=material, run=run)
    if output != "table":
        show.data(output, [_data(entry) for entry in found])
        return
    rows = list(map(_row, found))
    show.table(str(folder), ("run", "format", "subjects", "where stored"), rows)
    click.echo(f"{len(rows)} found")
    context.exit(0)


def open_index(folder: Path) -> Index:
    """The index below `folder`. Raises Permanent(NOT_FOUND) where there is none: searching must not make one."""
    path = folder / DATABASE
    if not path.is_file():
        raise Permanent(Reason.NOT_FOUND, f"{quote(path)}: no index; name the folder that the controller wrote to")
    return Index(Database(path))


def _row(entry: Entry) -> tuple[str, ...]:
    return str(entry.key), entry.attestation.format, _subjects(entry), show.shortened(", ".join(entry.places)) or "-"


def _subjects(entry: Entry) -> str:
    named = [f"{name}@{digest[:14]}" for name, digest in _digests(entry)]
    more = f" +{len(named) - 1}" if len(named) > 1 else ""
    return f"{named[0]}{more}" if named else "-"


def _digests(entry: Entry) -> Iterator[tuple[str, str]]:
    for subject in entry.attestation.payload.subjects:
        for algorithm, digits in subject.digest.items():
            yield subject.name, f"{algorithm}:{digits}"


def _data(entry: Entry) -> dict[str, Any]:
    attestation = entry.attestation
    return {
        "run": {"kind": entry.key.kind, "namespace": entry.key.namespace, "name": entry.key.name, "uid": entry.uid},
        "format": attestation.format,
        "subjects": [f"{name}@{digest}" for name, digest in _digests(entry)],
        "places": list(entry.places),
        "payload": msgspec.json.decode(attestation.payload.body),
        "envelope": msgspec.json.decode(attestation.envelope) if attestation.envelope else None,
    }

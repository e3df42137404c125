"""Finds what claims to be signed in files, folders and OCI layouts on disk."""

from collections.abc import Container, Iterator
from dataclasses import replace
from pathlib import Path

from sealwright.core import oci
from sealwright.core.envelope import bundle, cosign
from sealwright.core.errors import Fault, Permanent, Reason, Untrusted, quote
from sealwright.core.model import Key
from sealwright.core.policy import evidence as rules
from sealwright.core.policy.evidence import Evidence
from sealwright.core.tekton import documents
from sealwright.edge.layout import Layout, layouts
from sealwright.edge.output import LAYOUTS
from sealwright.edge.reading import read_argument
from sealwright.edge.runfiles import SIGNED, RunFiles

_LAYOUT_FILE = "oci-layout"
# Manifests without a tag that are looked into: each is a file.
_REFERRERS_LIMIT = 1024
# A name is free again once its run is deleted; a copy of the one before must not speak for the one after.
_Identity = tuple[Key, str]


def find(path: Path, envelope: bytes = b"") -> Iterator[Evidence]:
    """What `path` holds: a file or `-` (`rules.of_document`), an OCI layout, or a folder that Sealwright wrote.

    Raises Permanent: NOT_FOUND, and what the readers raise for a single file. In a folder each problem becomes evidence.
    """
    if not path.is_dir():
        yield from rules.of_document(read_argument(path), str(path), envelope)
    elif (path / _LAYOUT_FILE).is_file():
        yield from _of_layout(Layout(path), path.name)
    else:
        yield from _of_folder(path)


def of_image(place: Path, image: oci.Image) -> Iterator[Evidence]:
    """What the layout at `place`, or each layout below it, keeps under cosign's tags for this image's digest.

    NO_ATTESTATION where that is nothing. Raises Permanent(NOT_FOUND) where there is no layout.
    """
    found = [Layout(place)] if (place / _LAYOUT_FILE).is_file() else list(layouts(place))
    if not found:
        raise Permanent(
            Reason.NOT_FOUND, f"{quote(place)} is no OCI layout and holds none; name the folder with oci-layout in it"
        )
    is_signed = False
    for layout in found:
        for piece in _of_layout(layout, image.name, image.digest):
            is_signed = True
            yield piece
    if not is_signed:
        message = f"nothing is signed about {quote(image.reference)} in {quote(place)}"
        yield Evidence(what=f"image {image.name}", where=str(place), fault=Untrusted(Reason.NO_ATTESTATION, message))


def _of_folder(folder: Path) -> Iterator[Evidence]:
    """Signed copies first, then runs that have none, then every layout."""
    problems: list[tuple[Path, Fault]] = []
    signed: set[_Identity] = set()
    for path in sorted(path for path in folder.rglob(f"*{SIGNED}") if path.is_file()):
        yield from _of_file(folder, path.relative_to(folder), signed)
    files = RunFiles(folder, lambda path, fault: problems.append((path, fault)))
    for name, _ in files.walk():
        yield from _of_runs(files, name, signed)
    yield from (Evidence(what=str(path), where="folder", fault=fault) for path, fault in problems)
    for layout in layouts(folder / LAYOUTS):
        yield from _of_layout(layout, layout.root.relative_to(folder).as_posix())


def _of_file(folder: Path, path: Path, signed: set[_Identity]) -> Iterator[Evidence]:
    """Of a signed copy; the runs that it tells of are added to `signed`."""
    try:
        for document in documents.runs(read_argument(folder / path), f"file {quote(path)}"):
            for found in rules.of_run(document):
                signed.add((document.key, document.uid))
                yield found
    except Fault as fault:
        yield Evidence(what=str(path), where="file", fault=fault)


def _of_runs(files: RunFiles, name: str, signed: Container[_Identity]) -> Iterator[Evidence]:
    """Of a file in which there are runs, among other things, those that have no signed copy; one without any says nothing."""
    try:
        found = files.read(name) or documents.RunFile(runs=())
    except Fault as fault:
        yield Evidence(what=name, where="file", fault=fault)
        return
    for unreadable in found.faults:
        yield Evidence(what=name, where="file", fault=unreadable)
    for document in found.runs:
        if (document.key, document.uid) not in signed:
            yield from rules.of_run(document)


def _of_layout(layout: Layout, name: str, wanted: str = "") -> Iterator[Evidence]:
    """What stands under tags for any image, or for the one with the `wanted` digest."""
    try:
        tags = layout.tags()
    except Fault as fault:
        yield Evidence(what=name, where="index.json", fault=fault)
        return
    for tag in sorted(tags):
        digest = oci.digest_of_tag(tag)
        if digest and wanted in ("", digest):
            yield from _of_tag(layout, name, tag, digest)
    if wanted:
        yield from _of_referrers(layout, name, wanted)


def _of_referrers(layout: Layout, name: str, digest: str) -> Iterator[Evidence]:
    """Bundles whose manifest says that it refers to this image; what refers to others, or cannot be read, is passed over."""
    what = f"image {name}"
    for entry in layout.untagged()[:_REFERRERS_LIMIT]:
        where = f"referrer {entry.digest[:19]}"
        try:
            found = bundle.layers(layout.blob(entry), digest, where)
        except Permanent:
            continue
        for layer in found:
            try:
                yield replace(rules.of_bundle(layout.blob(layer), what), where=where, digest=digest)
            except Permanent as fault:
                yield Evidence(what=what, where=where, fault=Untrusted(fault.reason, fault.message))


def _of_tag(layout: Layout, name: str, tag: str, digest: str) -> Iterator[Evidence]:
    image = oci.Image(registry="", repository=name, digest=digest)
    what, where = f"image {name.removeprefix(f'{LAYOUTS}/')}", f"layout {tag[:19]}...{tag[-4:]}"
    try:
        for layer in layout.layers(tag):
            found = cosign.from_layer(layer, image)
            if found:
                yield Evidence(what=what, where=where, attestation=found, digest=digest)
    except Fault as fault:
        yield Evidence(what=what, where=where, fault=Untrusted(fault.reason, fault.message))

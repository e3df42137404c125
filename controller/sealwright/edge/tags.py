"""The tags of all OCI layouts below one folder, kept in SQLite; each layout's `index.json` is made from there.

Adding a layer is one blob and one row. Manifests and `index.json` follow in `flush`, so a repository of many images
is not written anew for each run. A kill before that leaves rows that are newer than the mark which `flush` sets at its
end, and the next `flush` finishes them.
"""

import hashlib
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec

from sealwright.core import oci
from sealwright.core.envelope import cosign
from sealwright.core.model import Attestation
from sealwright.core.oci import Descriptor, Image, Layer
from sealwright.edge.database import Database
from sealwright.edge.files import Files
from sealwright.edge.layout import FOLDERS_KEPT, Layout, folder

# Layers after which `append` flushes by itself: memory and the work of the next start stay small.
PORTION = 2048

_INSERT = "INSERT OR IGNORE INTO layers (repository, tag, identity, descriptor) VALUES (?, ?, ?, ?)"
_BELOW = "SELECT descriptor FROM layers WHERE repository = ? AND tag = ? ORDER BY id"
# CROSS and the plus signs make SQLite take the few new rows, and look up their tags, instead of looking through all.
_CHANGED = """
SELECT name, tag, descriptor FROM (
    SELECT DISTINCT +repository AS repository, +tag AS tag FROM layers
    WHERE id > (SELECT row FROM marks WHERE what = 'layers')
)
CROSS JOIN layers USING (repository, tag) JOIN repositories ON repositories.id = repository
ORDER BY name, tag, layers.id
"""


class Tags:
    """Layouts below `root`, by `registry/repository`."""

    def __init__(self, root: Path, database: Database, files: Files) -> None:
        self._root = str(root)
        self._database = database
        self._files = files
        self._ids: dict[str, int] = {}
        self._appended = 0

    def layout(self, repository: str) -> Layout:
        """Where this repository's blobs are."""
        return Layout(f"{self._root}/{folder(repository)}")

    def keep(self, attestation: Attestation) -> dict[Image, str]:
        """Add it once under each image of which it speaks; these, with their tags."""
        layer = cosign.to_layer(attestation)
        places, _ = cosign.places(attestation)
        for image, tag in places.items():
            self.append(image.name, tag, layer)
        return places

    def append(self, repository: str, tag: str, layer: Layer) -> None:
        """Add a layer below a tag, unless one with the same bytes and the same signature is there.

        The signature counts because a re-signed image has the same payload: Chains skips it after a key rotation.
        """
        # The blob comes first: a row always names a blob that is there.
        self.layout(repository).put(layer.body, self._files)
        self._database.write(_INSERT, *_row(self._id(repository), tag, layer.descriptor))
        self._appended += 1
        if self._appended >= PORTION:
            self.flush()

    def layers(self, repository: str, tag: str) -> list[Layer]:
        """The layers below a tag, oldest first, each blob compared with its digest. Raises as `Layout.blob`."""
        layout = self.layout(repository)
        # Not by `_id`: reading makes nothing known.
        found = self._database.read("SELECT id FROM repositories WHERE name = ?", repository)
        described = [_descriptor(row) for known in found for (row,) in self._database.read(_BELOW, *known, tag)]
        return [Layer(media_type=each.media_type, body=layout.blob(each), annotations=each.annotations) for each in described]

    def flush(self) -> int:
        """Write what changed since: manifests, then each `index.json`. Returns how many layouts it wrote."""
        self._appended = 0
        newest = self._newest()
        layouts = {name: list(rows) for name, rows in groupby(self._database.read(_CHANGED), itemgetter(0))}
        for repository, rows in layouts.items():
            self._write(repository, [row[1:] for row in rows], newest)
        if layouts:
            self._database.write("UPDATE marks SET row = max(row, ?) WHERE what = 'layers'", newest)
        return len(layouts)

    def lost(self) -> list[str]:
        """Repositories whose layout somebody deleted, or which never were flushed."""
        known = self._database.read("SELECT name FROM repositories")
        return [repository for (repository,) in known if not self.layout(repository).exists()]

    def restore(self, repository: str, attestations: Iterable[Attestation]) -> None:
        """Make a lost layout anew, as far as these attestations go; other layers are forgotten.

        A kill in between leaves it lost, for the next start.
        """
        layout, known, newest = self.layout(repository), self._id(repository), self._newest()
        for attestation in attestations:
            layout.put(cosign.to_layer(attestation).body, self._files)
        with self._database.transaction() as connection:
            rows = connection.execute("SELECT id, descriptor FROM layers WHERE repository = ?", (known,))
            gone = [(row,) for row, descriptor in rows if not layout.holds(_descriptor(descriptor).digest)]
            connection.executemany("DELETE FROM layers WHERE id = ?", gone)
            # SQLite may give the numbers of the last rows again, and those are new then.
            connection.execute("UPDATE marks SET row = min(row, (SELECT coalesce(max(id), 0) FROM layers)) WHERE what = 'layers'")
        self._write(repository, [], newest)

    def _write(self, repository: str, rows: list[tuple[Any, ...]], newest: int) -> None:
        """Write the manifests of these tags (of all, if there is no good index), and the index.

        `rows` are tags with the descriptors of their layers, as they were when the layer `newest` was the last.
        """
        layout, known = self.layout(repository), self._id(repository)
        manifests: dict[str, Descriptor] = {}
        if not layout.is_whole():
            rows = self._database.read("SELECT tag, descriptor FROM layers WHERE repository = ? ORDER BY tag, id", known)
        while rows:
            manifests |= {tag: self._write_manifest(layout, group) for tag, group in groupby(rows, itemgetter(0))}
            # Files are slow to make, and others wait meanwhile: only the index is written inside.
            with self._database.transaction() as connection:
                since = connection.execute("SELECT tag FROM layers WHERE id > ? AND +repository = ?", (newest, known))
                changed = sorted(manifests.keys() & {tag for (tag,) in since})
                if not changed:
                    layout.write_index(manifests, self._files)
            newest = self._newest()
            rows = [(tag, *row) for tag in changed for row in self._database.read(_BELOW, known, tag)]

    def _write_manifest(self, layout: Layout, rows: Iterable[tuple[Any, ...]]) -> Descriptor:
        layers = [_descriptor(descriptor) for _, descriptor in rows]
        layout.put(oci.config(layers), self._files)
        body = oci.manifest(layers)
        return Descriptor(media_type=oci.MANIFEST_TYPE, size=len(body), digest=layout.put(body, self._files))

    def _newest(self) -> int:
        ((newest,),) = self._database.read("SELECT coalesce(max(id), 0) FROM layers")
        return int(newest)

    def _id(self, repository: str) -> int:
        if repository not in self._ids:
            if len(self._ids) >= FOLDERS_KEPT:
                self._ids.clear()
            self._ids[repository] = self._adopt(repository)
        return self._ids[repository]

    def _adopt(self, repository: str) -> int:
        """Know this repository, and what its layout holds if the database does not know it, as after its loss."""
        layout = self.layout(repository)
        with self._database.transaction() as connection:
            added = connection.execute("INSERT OR IGNORE INTO repositories (name) VALUES (?)", (repository,)).rowcount
            ((row,),) = connection.execute("SELECT id FROM repositories WHERE name = ?", (repository,)).fetchall()
            tags = {tag: entry for tag, entry in layout.tags().items() if tag.endswith((".att", ".sig"))} if added else {}
            for tag, entry in tags.items():
                connection.executemany(_INSERT, (_row(row, tag, layer) for layer in layout.manifest(entry).layers))
        return int(row)


def _row(repository: int, tag: str, layer: Descriptor) -> tuple[int, str, bytes, bytes]:
    identity = hashlib.sha256(f"{layer.digest} {layer.annotations.get(cosign.SIGNATURE, '')}".encode()).digest()
    return repository, tag, identity, msgspec.json.encode(layer)


def _descriptor(row: bytes) -> Descriptor:
    return msgspec.json.decode(row, type=Descriptor)

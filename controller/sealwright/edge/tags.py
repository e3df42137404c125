"""The tags of all OCI layouts below one folder, kept in SQLite; each layout's `index.json` is made from there.

Adding a layer is one blob and one row. Manifests and `index.json` follow in `flush`, so a repository of many images
is not written anew for each run. A kill before that leaves the tag stale in SQLite, and the next `flush` finishes it.
"""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import msgspec

from sealwright.core import oci
from sealwright.core.envelope import cosign
from sealwright.core.model import Attestation
from sealwright.core.oci import Descriptor, Image, Layer
from sealwright.edge.database import Database
from sealwright.edge.files import Files
from sealwright.edge.layout import FOLDERS_KEPT, Layout, folder, index_entry

# Manifests in one transaction: other processes want to write too.
PORTION = 50


class Tags:
    """Layouts below `root`, by `registry/repository`."""

    def __init__(self, root: Path, database: Database, files: Files) -> None:
        self._root = str(root)
        self._database = database
        self._files = files
        self._known: set[str] = set()

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
        layout = self.layout(repository)
        # The blob comes first: a row always names a blob that is there.
        layout.put(layer.body, self._files)
        if repository not in self._known:
            self._adopt(repository, layout)
        self._database.write(_INSERT, *_row(repository, tag, layer.descriptor), False)

    def layers(self, repository: str, tag: str) -> list[Layer]:
        """The layers below a tag, oldest first, each blob compared with its digest. Raises as `Layout.blob`."""
        layout = self.layout(repository)
        sql = "SELECT descriptor FROM layers WHERE repository = ? AND tag = ? ORDER BY position"
        described = [_descriptor(row) for (row,) in self._database.read(sql, repository, tag)]
        return [Layer(media_type=each.media_type, body=layout.blob(each), annotations=each.annotations) for each in described]

    def lost(self) -> list[str]:
        """Repositories of which somebody deleted the layout, or which never were flushed."""
        known = self._database.read("SELECT name FROM repositories")
        return [repository for (repository,) in known if not self.layout(repository).exists()]

    def restore(self, repository: str, attestations: Iterable[Attestation]) -> None:
        """Put the blobs of a lost layout again, as far as there are attestations for them; other layers are forgotten.

        A kill in between leaves it lost, for the next start.
        """
        layout = self.layout(repository)
        for attestation in attestations:
            layout.put(cosign.to_layer(attestation).body, self._files)
        with self._database.transaction() as connection:
            digests = connection.execute("SELECT DISTINCT digest FROM layers WHERE repository = ?", (repository,)).fetchall()
            gone = [(repository, digest) for (digest,) in digests if not layout.holds(digest)]
            connection.executemany("DELETE FROM layers WHERE repository = ? AND digest = ?", gone)
            connection.execute("UPDATE layers SET listed = 0 WHERE repository = ?", (repository,))
            connection.execute("DELETE FROM tags WHERE repository = ?", (repository,))

    def flush(self) -> int:
        """Write what changed since: manifests, then each `index.json`. Returns how many layouts it wrote."""
        sql = "SELECT repository FROM layers WHERE NOT listed UNION SELECT name FROM repositories WHERE stale"
        stale = self._database.read(sql)
        for (repository,) in stale:
            while self._write_manifests(repository):
                pass
            self._write_index(repository)
        return len(stale)

    def _write_manifests(self, repository: str) -> bool:
        """Write a portion of the manifests that are stale; False where none is."""
        layout = self.layout(repository)
        sql = """SELECT tag, descriptor FROM
            (SELECT DISTINCT repository, tag FROM layers WHERE repository = ? AND NOT listed LIMIT ?)
            JOIN layers USING (repository, tag) ORDER BY tag, position"""
        with self._database.transaction() as connection:
            rows = connection.execute(sql, (repository, PORTION)).fetchall()
            written = [
                (repository, tag, self._write_manifest(layout, tag, [_descriptor(row) for _, row in group]))
                for tag, group in groupby(rows, itemgetter(0))
            ]
            connection.executemany("INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", written)
            sql = "UPDATE layers SET listed = 1 WHERE repository = ? AND tag = ? AND NOT listed"
            connection.executemany(sql, [(repository, tag) for _, tag, _ in written])
            connection.execute("UPDATE repositories SET stale = 1 WHERE name = ?", (repository,))
        return bool(written)

    def _write_manifest(self, layout: Layout, tag: str, layers: list[Descriptor]) -> bytes:
        """Its entry for `index.json`."""
        layout.put(oci.config(layers), self._files)
        body = oci.manifest(layers)
        digest = layout.put(body, self._files)
        return index_entry(tag, Descriptor(media_type=oci.MANIFEST_TYPE, size=len(body), digest=digest))

    def _write_index(self, repository: str) -> None:
        with self._database.transaction() as connection:
            sql = "SELECT tag, entry FROM tags WHERE repository = ?"
            self.layout(repository).write_index(dict(connection.execute(sql, (repository,))), self._files)
            connection.execute("UPDATE repositories SET stale = 0 WHERE name = ?", (repository,))

    def _adopt(self, repository: str, layout: Layout) -> None:
        """Know this repository, and what its layout holds if the database does not know it, as after its loss."""
        with self._database.transaction() as connection:
            if connection.execute("INSERT OR IGNORE INTO repositories VALUES (?, 0)", (repository,)).rowcount:
                for tag, entry in layout.tags().items():
                    if tag.endswith((".att", ".sig")):
                        for layer in layout.manifest(entry).layers:
                            connection.execute(_INSERT, (*_row(repository, tag, layer), True))
                        connection.execute("INSERT INTO tags VALUES (?, ?, ?)", (repository, tag, index_entry(tag, entry)))
        if len(self._known) >= FOLDERS_KEPT:
            self._known.clear()
        self._known.add(repository)


_INSERT = """
INSERT OR IGNORE INTO layers
SELECT ?1, ?2, ?3, ?4, coalesce(max(position) + 1, 0), ?5, ?6 FROM layers WHERE repository = ?1 AND tag = ?2
"""


def _row(repository: str, tag: str, layer: Descriptor) -> tuple[str, str, str, str, bytes]:
    return repository, tag, layer.digest, layer.annotations.get(cosign.SIGNATURE, ""), msgspec.json.encode(layer)


def _descriptor(row: bytes) -> Descriptor:
    return msgspec.json.decode(row, type=Descriptor)

"""The tags of all OCI layouts below one folder, kept in SQLite; each layout's `index.json` is made from there.

Adding a layer is one blob and one row. Manifests and `index.json` follow in `flush`, so a repository of many images
is not written anew for each run. A kill before that leaves the tag stale in SQLite, and the next `flush` finishes it.
"""

import sqlite3
from pathlib import Path

import msgspec

from sealwright.core import oci
from sealwright.core.envelope import cosign
from sealwright.core.oci import Descriptor, Layer
from sealwright.edge.database import Database
from sealwright.edge.files import Files
from sealwright.edge.layout import Layout, folder

# Paths of repositories, kept because most runs build what was built before; a bound, since results name repositories.
LAYOUTS_KEPT = 1024


class Tags:
    """Layouts below `root`, by `registry/repository`."""

    def __init__(self, root: Path, database: Database, files: Files) -> None:
        self._root = root
        self._database = database
        self._files = files
        self._layouts: dict[str, Layout] = {}

    def layout(self, repository: str) -> Layout:
        """Where this repository's blobs are."""
        if repository not in self._layouts:
            if len(self._layouts) >= LAYOUTS_KEPT:
                self._layouts.clear()
            self._layouts[repository] = Layout(self._root / folder(repository))
        return self._layouts[repository]

    def append(self, repository: str, tag: str, layer: Layer) -> None:
        """Add a layer below a tag, unless one with the same bytes and the same signature is there.

        The signature counts because a re-signed image has the same payload: Chains skips it after a key rotation.
        """
        described = layer.descriptor
        layout = self.layout(repository)
        # The blob comes first: a row always names a blob that is there.
        layout.put(layer.body, self._files)
        with self._database.transaction() as connection:
            if connection.execute("INSERT OR IGNORE INTO repositories VALUES (?)", (repository,)).rowcount:
                _adopt(connection, repository, layout)
            if _insert(connection, repository, tag, described):
                sql = "INSERT INTO tags VALUES (?, ?, '', 1) ON CONFLICT DO UPDATE SET stale = 1"
                connection.execute(sql, (repository, tag))

    def layers(self, repository: str, tag: str) -> list[Layer]:
        """The layers below a tag, oldest first, each blob compared with its digest. Raises as `Layout.blob`."""
        layout = self.layout(repository)
        sql = "SELECT descriptor FROM layers WHERE repository = ? AND tag = ? ORDER BY position"
        described = [_descriptor(row) for (row,) in self._database.read(sql, repository, tag)]
        return [Layer(media_type=each.media_type, body=layout.blob(each), annotations=each.annotations) for each in described]

    def flush(self) -> int:
        """Write what changed since: manifests, then each `index.json`. Returns how many layouts it wrote."""
        stale = self._database.read("SELECT DISTINCT repository FROM tags WHERE stale")
        for (repository,) in stale:
            with self._database.transaction() as connection:
                self._write(connection, repository)
        return len(stale)

    def _write(self, connection: sqlite3.Connection, repository: str) -> None:
        layout = self.layout(repository)
        changed = connection.execute("SELECT tag FROM tags WHERE repository = ? AND stale", (repository,)).fetchall()
        for (tag,) in changed:
            sql = "SELECT descriptor FROM layers WHERE repository = ? AND tag = ? ORDER BY position"
            layers = [_descriptor(row) for (row,) in connection.execute(sql, (repository, tag))]
            layout.put(oci.config(layers), self._files)
            body = oci.manifest(layers)
            entry = Descriptor(media_type=oci.MANIFEST_TYPE, size=len(body), digest=layout.put(body, self._files))
            sql = "UPDATE tags SET manifest = ?, stale = 0 WHERE repository = ? AND tag = ?"
            connection.execute(sql, (msgspec.json.encode(entry), repository, tag))
        rows = connection.execute("SELECT tag, manifest FROM tags WHERE repository = ?", (repository,))
        layout.write_index({tag: _descriptor(manifest) for tag, manifest in rows}, self._files)


def _adopt(connection: sqlite3.Connection, repository: str, layout: Layout) -> None:
    """Take over the tags of a layout that this database does not know yet, as after the loss of the database."""
    for tag, entry in layout.tags().items():
        if tag.endswith((".att", ".sig")):
            for layer in layout.manifest(entry).layers:
                _insert(connection, repository, tag, layer)
            values = (repository, tag, msgspec.json.encode(entry))
            connection.execute("INSERT OR IGNORE INTO tags VALUES (?, ?, ?, 0)", values)


def _insert(connection: sqlite3.Connection, repository: str, tag: str, layer: Descriptor) -> bool:
    position = "SELECT coalesce(max(position) + 1, 0) FROM layers WHERE repository = ?1 AND tag = ?2"
    sql = f"INSERT OR IGNORE INTO layers VALUES (?1, ?2, ({position}), ?3, ?4, ?5)"  # noqa: S608  constants only
    signature = layer.annotations.get(cosign.SIGNATURE, "")
    values = (repository, tag, layer.digest, signature, msgspec.json.encode(layer))
    return connection.execute(sql, values).rowcount > 0


def _descriptor(row: bytes) -> Descriptor:
    return msgspec.json.decode(row, type=Descriptor)

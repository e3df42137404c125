"""Where each run of a folder is, in SQLite: a PipelineRun finds its children here, wherever their files are."""

import os
from collections.abc import Collection

from sealwright.core.model import Key, value
from sealwright.core.tekton.documents import RunDocument
from sealwright.edge.database import Database

# Those seen last, which are looked at next; more would only cost memory.
PLACES_KEPT = 1024


@value
class Place:
    """`path` and `copy` (its signed copy) are relative to source and output; `position` counts the runs in the file."""

    path: str
    position: int
    copy: str


class Documents:
    """The table `documents`. It is made from the folder and may be stale: who reads the file must look again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[Key, Place] = {}

    def remember(self, found: Collection[tuple[RunDocument, Place]]) -> None:
        """Know where these are. PipelineRuns wait for `take_waiting`."""
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(_row, found))
        for document, place in found:
            self._keep(document.key, place)

    def place(self, key: Key) -> Place | None:
        """Where this run was seen last."""
        return self._kept.get(key) or self._read(key)

    def take_waiting(self, limit: int) -> list[Key]:
        """Some of the PipelineRuns seen and not taken yet."""
        sql = """UPDATE documents SET waiting = 0 WHERE (kind, namespace, name) IN
            (SELECT kind, namespace, name FROM documents WHERE waiting LIMIT ?) RETURNING kind, namespace, name"""
        with self._database.transaction() as connection:
            rows = connection.execute(sql, (limit,)).fetchall()
        return [Key(kind=kind, namespace=namespace, name=name) for kind, namespace, name in sorted(rows)]

    def _read(self, key: Key) -> Place | None:
        sql = "SELECT path, position, copy FROM documents WHERE kind = ? AND namespace = ? AND name = ?"
        for path, position, copy in self._database.read(sql, key.kind, key.namespace, key.name):
            return self._keep(key, Place(path=os.fsdecode(path), position=position, copy=os.fsdecode(copy)))
        return None

    def _keep(self, key: Key, place: Place) -> Place:
        if len(self._kept) >= PLACES_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = place
        return place


def _row(found: tuple[RunDocument, Place]) -> tuple[object, ...]:
    document, place = found
    key, waiting = document.key, document.key.kind == "PipelineRun"
    # Paths as bytes: a file's name need not be text.
    paths = (os.fsencode(place.path), place.position, os.fsencode(place.copy))
    return (key.kind, key.namespace, key.name, document.uid, *paths, waiting)

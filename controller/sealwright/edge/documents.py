"""Where each run of a folder is, in SQLite: a PipelineRun finds its children here, wherever their files are."""

import os
from collections.abc import Iterable
from pathlib import Path

from sealwright.core.model import Key, value
from sealwright.core.tekton.documents import RunDocument
from sealwright.edge.database import Database


@value
class Place:
    """`path` and `copy` (its signed copy) are relative to source and output; `position` counts the runs in the file."""

    path: Path
    position: int
    copy: Path


class Documents:
    """The table `documents`. It is made from the folder and may be stale: who reads the file must look again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember(self, found: Iterable[tuple[RunDocument, Place]]) -> None:
        """Know where these are. PipelineRuns wait for `take_waiting`."""
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(_row, found))

    def place(self, key: Key) -> Place | None:
        """Where this run was seen last."""
        sql = "SELECT path, position, copy FROM documents WHERE kind = ? AND namespace = ? AND name = ?"
        rows = self._database.read(sql, key.kind, key.namespace, key.name)
        return next((Place(path=_path(path), position=at, copy=_path(copy)) for path, at, copy in rows), None)

    def take_waiting(self, limit: int) -> list[Key]:
        """Some of the PipelineRuns seen and not taken yet."""
        sql = """UPDATE documents SET waiting = 0 WHERE (kind, namespace, name) IN
            (SELECT kind, namespace, name FROM documents WHERE waiting LIMIT ?) RETURNING kind, namespace, name"""
        with self._database.transaction() as connection:
            rows = connection.execute(sql, (limit,)).fetchall()
        return [Key(kind=kind, namespace=namespace, name=name) for kind, namespace, name in sorted(rows)]


def _row(found: tuple[RunDocument, Place]) -> tuple[object, ...]:
    document, place = found
    key, waiting = document.key, document.key.kind == "PipelineRun"
    # Paths as bytes: a file's name need not be text.
    paths = (os.fsencode(place.path), place.position, os.fsencode(place.copy))
    return (key.kind, key.namespace, key.name, document.uid, *paths, waiting)


def _path(stored: bytes) -> Path:
    return Path(os.fsdecode(stored))

"""The SQLite file `sealwright.db`: its tables, its one connection, its transactions.

Several processes may hold it open: readers never wait, writers take turns (WAL). `synchronous=NORMAL` is right here: a
killed process loses nothing that was committed, since the kernel has it. A power cut may take the last commits, never
the file's integrity, and the runs in them are signed again.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sealwright.core.errors import Permanent, Reason, Transient, quote
from sealwright.edge.files import alone
from sealwright.edge.reading import translated

VERSION = 1
# How long a writer waits for another process's turn. Turns last milliseconds; a large index file may take seconds.
BUSY_S = 30.0
# Copying the log into the file waits for the disk. At 4 KiB a page this is 32 MiB, some thousand attestations.
CHECKPOINT_PAGES = 8192

_TABLES = """
CREATE TABLE runs (
    uid TEXT PRIMARY KEY, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, plan TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX runs_by_name ON runs (name);

CREATE TABLE attestations (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL, namespace TEXT NOT NULL, run TEXT NOT NULL,
    key TEXT NOT NULL, name TEXT NOT NULL, format TEXT NOT NULL, predicate_type TEXT NOT NULL,
    entry BLOB NOT NULL,
    UNIQUE (uid, key, name, format)
);
CREATE INDEX attestations_by_name ON attestations (name);
CREATE INDEX attestations_by_run ON attestations (run);

CREATE TABLE subjects (
    attestation INTEGER NOT NULL, name TEXT NOT NULL, algorithm TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (attestation, name, algorithm, digest)
) WITHOUT ROWID;
CREATE INDEX subjects_by_digest ON subjects (digest);
CREATE INDEX subjects_by_name ON subjects (name);

CREATE TABLE materials (
    attestation INTEGER NOT NULL, uri TEXT NOT NULL, algorithm TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (attestation, uri, algorithm, digest)
) WITHOUT ROWID;
CREATE INDEX materials_by_digest ON materials (digest);
CREATE INDEX materials_by_uri ON materials (uri);

CREATE TABLE repositories (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE tags (
    repository TEXT NOT NULL, tag TEXT NOT NULL, manifest BLOB NOT NULL, stale INTEGER NOT NULL,
    PRIMARY KEY (repository, tag)
) WITHOUT ROWID;
CREATE INDEX tags_stale ON tags (repository) WHERE stale;
CREATE TABLE layers (
    repository TEXT NOT NULL, tag TEXT NOT NULL, position INTEGER NOT NULL,
    digest TEXT NOT NULL, signature TEXT NOT NULL, descriptor BLOB NOT NULL,
    PRIMARY KEY (repository, tag, position)
) WITHOUT ROWID;
CREATE UNIQUE INDEX layers_once ON layers (repository, tag, digest, signature);

CREATE TABLE documents (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    uid TEXT NOT NULL, path BLOB NOT NULL, position INTEGER NOT NULL, copy BLOB NOT NULL, waiting INTEGER NOT NULL,
    PRIMARY KEY (kind, namespace, name)
) WITHOUT ROWID;
CREATE INDEX documents_waiting ON documents (kind) WHERE waiting;
"""


class Database:
    """One connection, opened once. Calls take tens of microseconds, so they are made on the event loop itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with alone(path.parent), self._translated():
            self._connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            # SQLite does not wait for its turn to change the mode of a new file, hence `alone`.
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        self._prepare()

    def read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows."""
        with self._translated(), closing(self._connection.execute(sql, values)) as rows:
            return rows.fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and the only writer meanwhile, also among processes: what is read inside cannot change."""
        with self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise

    def close(self) -> None:
        """Close the connection; the last one folds the write-ahead log into the file."""
        with alone(self.path.parent):
            self._connection.close()

    def _prepare(self) -> None:
        if self.read("PRAGMA user_version") == [(VERSION,)]:
            return
        with self.transaction() as connection:
            # Asked again inside: another process may have made the tables meanwhile.
            ((version,),) = connection.execute("PRAGMA user_version").fetchall()
            if version not in (0, VERSION):
                message = f"{quote(self.path)} is version {version}, this program reads {VERSION}; move it away or upgrade"
                raise Permanent(Reason.STORE_FAILED, message)
            if version == 0:
                for statement in _TABLES.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={VERSION}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            message = f"{quote(self.path)}: {error}; free space or give access, and it will be tried again"
            raise Transient(Reason.STORE_FAILED, message) from error
        except sqlite3.DatabaseError as error:
            message = f"{quote(self.path)}: {error}; move the file away, and it is made anew from the folder"
            raise Permanent(Reason.STORE_FAILED, message) from error

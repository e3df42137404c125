"""The SQLite file `sealwright.db`: its tables, its one connection, its transactions.

Several processes may hold it open: readers never wait, writers take turns (WAL). `synchronous=NORMAL` is right here: a
killed process loses nothing that was committed, since the kernel has it. A power cut may take the last commits, never
the file's integrity, and the runs in them are signed again.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sealwright.core.errors import Permanent, Reason, Transient, quote
from sealwright.edge.files import alone
from sealwright.edge.reading import translated

VERSION = 2
# How long a writer waits for another process's turn. Turns last milliseconds; a large index file may take seconds.
BUSY_S = 30.0
# Copying the log into the file waits for the disk. At 4 KiB a page this is 32 MiB, some thousand attestations.
CHECKPOINT_PAGES = 8192

# Indexes are written at random places; 2 MiB, the usual, does not hold those of some thousand runs.
CACHE_KIB = 8192

_TABLES = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, plan TEXT NOT NULL,
    entries BLOB NOT NULL,
    UNIQUE (uid, kind, namespace, name)
);
CREATE TABLE facts (
    what TEXT NOT NULL, text TEXT NOT NULL, run INTEGER NOT NULL,
    PRIMARY KEY (what, text, run)
) WITHOUT ROWID;

CREATE TABLE repositories (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE layers (
    id INTEGER PRIMARY KEY,
    repository INTEGER NOT NULL, tag TEXT NOT NULL, identity BLOB NOT NULL, descriptor BLOB NOT NULL,
    UNIQUE (repository, tag, identity)
);

CREATE TABLE marks (what TEXT PRIMARY KEY, row INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO marks VALUES ('facts', 0), ('layers', 0);

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
            self._connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        self._prepare()

    def read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows."""
        with self._translated():
            return self._connection.execute(sql, values).fetchall()

    def write(self, sql: str, *values: object) -> int:
        """One statement that is a transaction by itself; how many rows it changed."""
        with self._translated():
            return self._connection.execute(sql, values).rowcount

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

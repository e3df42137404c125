"""What is known of every run and attestation, in SQLite: what `search` answers from, and which runs are done.

Envelopes, signatures and payloads are in it whole, so an answer can be printed and verified without the original file.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from sealwright.core.model import Attestation, Key, Outcome, value
from sealwright.edge.database import Database

_RECORD = """
INSERT INTO attestations (uid, namespace, run, key, name, format, predicate_type, entry) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (uid, key, name, format) DO UPDATE SET predicate_type = excluded.predicate_type, entry = excluded.entry
RETURNING id
"""

# What `search` can be asked for: who has it. ?1 is what was asked.
_QUESTIONS = {
    "digest": "SELECT attestation FROM subjects WHERE digest = ?1",
    "name": "SELECT attestation FROM subjects WHERE name = ?1 UNION SELECT id FROM attestations WHERE name = ?1",
    "uri": "SELECT attestation FROM materials WHERE uri = ?1",
    "material": "SELECT attestation FROM materials WHERE digest = ?1",
    "run": "SELECT id FROM attestations WHERE run = ?1",
    "uid": "SELECT id FROM attestations WHERE uid = ?1",
    "path": "SELECT id FROM attestations WHERE namespace || '/' || run = ?1",
}


@value
class Entry:
    """One attestation of a run. `places` say where it is stored."""

    key: Key
    uid: str
    attestation: Attestation
    places: tuple[str, ...] = ()


def entries(key: Key, uid: str, outcomes: Iterable[Outcome]) -> list[Entry]:
    """What there is to know of a run's outcomes."""
    return [
        Entry(
            key=key,
            uid=uid,
            attestation=outcome.attestation,
            places=tuple(f"{receipt.store}: {receipt.uri}" for receipt in outcome.receipts),
        )
        for outcome in outcomes
        if outcome.attestation
    ]


class Index:
    """Reads and writes the tables runs, attestations, subjects and materials."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Entry).decode

    def finish(self, key: Key, uid: str, plan: str, found: Sequence[Entry] = ()) -> None:
        """The run is done, and these are its attestations: all or nothing, the last step of a run.

        One of the same run, artifact and format replaces the older one. What comes before is done again after a kill.
        """
        with self._database.transaction() as connection:
            for entry in found:
                self._write(connection, entry)
            values = (uid, key.kind, key.namespace, key.name, plan)
            connection.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?)", values)

    def standing(self, uid: str) -> bool:
        """Whether the run is done, under whichever plan: a changed configuration signs nothing again."""
        return bool(self._database.read("SELECT 1 FROM runs WHERE uid = ?", uid))

    def search(self, *, digest: str = "", name: str = "", material: str = "", run: str = "") -> Iterator[Entry]:
        """The attestations for which all that is asked holds, oldest first; all of them where nothing is asked.

        `digest` is a subject's, with `sha256:` or without; `name` is a subject's or an image's; `material` is a URI
        or a digest; `run` is a name, `namespace/name`, or a uid.
        """
        asked = [
            self._ids(("digest", digest.rpartition(":")[2])),
            self._ids(("name", name)),
            self._ids(("uri", material), ("material", material.rpartition(":")[2])),
            self._ids(("run", run), ("uid", run), ("path", run)),
        ]
        sets = [found for found in asked if found is not None]
        found = set.intersection(*sets) if sets else self._all()
        # One at a time: payloads are large, and a reader may stop early.
        rows = (self._database.read("SELECT entry FROM attestations WHERE id = ?", row) for row in sorted(found))
        return (self._decode(entry) for ((entry,),) in rows)

    def _ids(self, *questions: tuple[str, str]) -> set[int] | None:
        """Who answers one of the questions; None where nothing is asked."""
        asked = [(what, text) for what, text in questions if text]
        return {row for what, text in asked for (row,) in self._database.read(_QUESTIONS[what], text)} if asked else None

    def _all(self) -> set[int]:
        return {row for (row,) in self._database.read("SELECT id FROM attestations")}

    def _write(self, connection: sqlite3.Connection, entry: Entry) -> None:
        key, artifact, payload = entry.key, entry.attestation.artifact, entry.attestation.payload
        values = (entry.uid, key.namespace, key.name, artifact.key, artifact.name, entry.attestation.format)
        ((row,),) = connection.execute(_RECORD, (*values, payload.predicate_type, self._encode(entry))).fetchall()
        subjects = [(subject.name, subject.digest) for subject in payload.subjects]
        if artifact.digest:
            subjects.append((artifact.name, dict([artifact.digest.split(":", 1)])))
        connection.execute("DELETE FROM subjects WHERE attestation = ?", (row,))
        connection.executemany("INSERT OR IGNORE INTO subjects VALUES (?, ?, ?, ?)", _rows(row, subjects))
        connection.execute("DELETE FROM materials WHERE attestation = ?", (row,))
        materials = [(material.name, material.digest) for material in payload.materials]
        connection.executemany("INSERT OR IGNORE INTO materials VALUES (?, ?, ?, ?)", _rows(row, materials))


def _rows(attestation: int, named: Iterable[tuple[str, Mapping[str, str]]]) -> Iterator[tuple[int, str, str, str]]:
    """A row for each digest; one with empty columns for a thing that has none, so that its name is found."""
    for name, digests in named:
        for algorithm, digest in (digests or {"": ""}).items():
            yield attestation, name, algorithm, digest

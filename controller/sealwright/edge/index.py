"""What is known of every run and attestation, in SQLite: what `search` answers from, and which runs are done.

A run is one row with all its attestations: envelopes, signatures and payloads whole, so an answer can be printed and
verified without the original file. Beside it stands a fact for each text by which it can be found.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from sealwright.core.model import Attestation, Key, Outcome, value
from sealwright.edge.database import Database

# Facts are written in portions of so many runs, sorted, since each of them has its place somewhere else.
PORTION = 1024

_FINISH = "INSERT OR IGNORE INTO runs (uid, kind, namespace, name, plan, entries) VALUES (?, ?, ?, ?, ?, ?)"
_KNOW = "INSERT OR IGNORE INTO facts VALUES (?, ?, ?)"
_EARLIER = "SELECT id, entries FROM runs WHERE uid = ? AND kind = ? AND namespace = ? AND name = ?"

# What something is called, and how: `digest` and `name` are subjects', `uri` and `material` (its digest) are materials'.
_Fact = tuple[str, str]


@value
class Entry:
    """One attestation of a run. `places` say where it is stored."""

    key: Key
    uid: str
    attestation: Attestation
    places: tuple[str, ...] = ()

    def is_kept_by(self, store: str) -> bool:
        """Whether this store gave a receipt for it."""
        return any(place.startswith(f"{store}: ") for place in self.places)


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
    """Reads and writes the tables runs and facts."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._finished = 0
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(list[Entry]).decode

    def finish(self, key: Key, uid: str, plan: str, found: Sequence[Entry] = ()) -> None:
        """The run is done, and these are its attestations: all or nothing, the last step of a run.

        One of the same run, artifact and format replaces the older one. What comes before is done again after a kill.
        """
        identity = (uid, key.kind, key.namespace, key.name)
        if not self._database.write(_FINISH, *identity, plan, self._encode(found)):
            self._finish_again(identity, plan, found)
        self._finished += 1
        if self._finished % PORTION == 0:
            self.flush()

    def standing(self, uid: str) -> bool:
        """Whether the run is done, under whichever plan: a changed configuration signs nothing again."""
        return bool(self._database.read("SELECT 1 FROM runs WHERE uid = ?", uid))

    def search(self, *, digest: str = "", name: str = "", material: str = "", run: str = "") -> Iterator[Entry]:
        """The attestations for which all that is asked holds, oldest first; all of them where nothing is asked.

        `digest` is a subject's, with `sha256:` or without; `name` is a subject's or an image's; `material` is a URI
        or a digest; `run` is a name, `namespace/name`, or a uid.
        """
        asked = [
            {("digest", _digits(digest))} if digest else None,
            {("name", name)} if name else None,
            {("uri", material), ("material", _digits(material))} if material else None,
            {("run", run)} if run else None,
        ]
        questions = [answers for answers in asked if answers]
        # One run at a time: payloads are large, and a reader may stop early.
        for row in self._having(questions):
            for (encoded,) in self._database.read("SELECT entries FROM runs WHERE id = ?", row):
                found = ((entry, _facts(entry)) for entry in self._decode(encoded))
                yield from (entry for entry, facts in found if all(facts & answers for answers in questions))

    def flush(self) -> None:
        """Write the facts of the runs that finished since."""
        while self._index_portion():
            pass

    def _having(self, questions: Sequence[set[_Fact]]) -> list[int]:
        """The runs that may have what is asked: those with such facts, and the newest, which have none yet."""
        if not questions:
            return sorted(row for (row,) in self._database.read("SELECT id FROM runs"))
        # First, so that a run whose facts are written meanwhile is in one of the two.
        newest = self._database.read("SELECT id FROM runs WHERE id > (SELECT row FROM marks WHERE what = 'facts')")
        sql = "SELECT run FROM facts WHERE what = ? AND text = ?"
        having = [{row for fact in answers for (row,) in self._database.read(sql, *fact)} for answers in questions]
        return sorted(set.intersection(*having).union(row for (row,) in newest))

    def _finish_again(self, identity: tuple[str, ...], plan: str, found: Sequence[Entry]) -> None:
        """Facts of what is replaced stay; `search` asks the entries themselves too."""
        with self._database.transaction() as connection:
            ((run, encoded),) = connection.execute(_EARLIER, identity).fetchall()
            kept = list({_slot(entry.attestation): entry for entry in (*self._decode(encoded), *found)}.values())
            connection.execute("UPDATE runs SET plan = ?, entries = ? WHERE id = ?", (plan, self._encode(kept), run))
            connection.executemany(_KNOW, _rows(run, kept))

    def _index_portion(self) -> bool:
        """Whether there may be more."""
        sql = "SELECT id, entries FROM runs WHERE id > (SELECT row FROM marks WHERE what = 'facts') ORDER BY id LIMIT ?"
        run, facts = 0, set()
        with self._database.transaction() as connection:
            for run, encoded in connection.execute(sql, (PORTION,)):
                facts |= _rows(run, self._decode(encoded))
            if run:
                connection.executemany(_KNOW, sorted(facts))
                connection.execute("UPDATE marks SET row = max(row, ?) WHERE what = 'facts'", (run,))
        return run > 0


def _slot(attestation: Attestation) -> tuple[str, str, str]:
    return attestation.artifact.key, attestation.artifact.name, attestation.format


def _digits(digest: str) -> str:
    return digest.rpartition(":")[2]


def _facts(entry: Entry) -> set[_Fact]:
    """All by which this attestation is found."""
    key, artifact, payload = entry.key, entry.attestation.artifact, entry.attestation.payload
    facts = {("run", entry.uid), ("run", key.name), ("run", f"{key.namespace}/{key.name}"), ("name", artifact.name)}
    if artifact.digest:
        facts.add(("digest", _digits(artifact.digest)))
    for named, names, digests in ((payload.subjects, "name", "digest"), (payload.materials, "uri", "material")):
        for subject in named:
            facts.add((names, subject.name))
            facts.update((digests, digits) for digits in subject.digest.values())
    return facts


def _rows(run: int, found: Iterable[Entry]) -> set[tuple[str, str, int]]:
    return {(*fact, run) for entry in found for fact in _facts(entry)}

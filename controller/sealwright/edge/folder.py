"""A folder that plays the cluster: run objects in files are the source, signed copies beside them are the marks.

Read are `*.json`, `*.yaml` and `*.yml` anywhere below the folder, but not `*.signed.json`, names that start with a
dot, nor what Sealwright writes below `oci/` and `signing-secrets/`. What a scan remembers of a file is one number,
and where each run is stands in SQLite, so memory hardly grows with the runs.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from sealwright.core.errors import Fault, Permanent, Reason, quote
from sealwright.core.model import Key, Lane, Mark
from sealwright.core.outbox import Pending
from sealwright.core.tekton import annotations as run_annotations
from sealwright.core.tekton.documents import RunDocument, RunFile
from sealwright.edge.documents import Documents, Place
from sealwright.edge.files import safe_name
from sealwright.edge.index import entries
from sealwright.edge.output import Output
from sealwright.edge.runfiles import SIGNED, SUFFIXES, Problem, RunFiles
from sealwright.ports import FREE, Claim, Clock

# How often the folder is looked through: nobody should have to wait, and a look costs a few microseconds a file.
POLL_S = 1.0
# Files read between two turns of the flow: few, so that it never waits long, enough to share a transaction.
BATCH = 16


class FolderRuns:
    """`ports.Runs` over the folder `source`.

    `on_problem` is told of each file that cannot be read, with its path below `source`, once until the file changes.
    `on_rest` is awaited after each scan: the time to flush. With `once`, `follow` ends after one scan.
    """

    def __init__(
        self,
        source: Path,
        output: Output,
        clock: Clock,
        *,
        once: bool,
        on_problem: Problem,
        on_rest: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._source = source
        self._output = output
        self._clock = clock
        self._once = once
        self._on_problem = on_problem
        self._on_rest = on_rest
        self._files = RunFiles(source, on_problem, output.root)
        self._documents = Documents(output.database)
        self._seen: set[int] = set()

    async def follow(self) -> AsyncIterator[tuple[Key, Lane]]:
        """Keys of runs in new and changed files. In each scan TaskRuns come first, so that a PipelineRun finds its own.

        Raises Permanent(NOT_FOUND) where there is no folder.
        """
        if not self._source.is_dir():
            raise Permanent(Reason.NOT_FOUND, f"{quote(self._source)} is no folder; name one that holds run objects")
        while True:
            for keys in self._scan():
                for key in keys:
                    yield key, "live"
                await self._clock.sleep(0)
            if self._once:
                return
            if self._on_rest:
                await self._on_rest()
            await self._clock.sleep(POLL_S)

    async def backlog(self) -> AsyncIterator[Key]:
        """Nothing: in a folder, what was there before is what a scan finds first."""
        none: tuple[Key, ...] = ()
        for key in none:
            yield key

    async def hold(self, key: Key, uid: str) -> None:
        """Nothing: nobody deletes a file to be rid of a finalizer."""

    async def release(self, key: Key, uid: str) -> None:
        """Nothing was held."""

    def claim(self, _anchor: str) -> Claim:
        """Always: the index is locked by the one program that uses it."""
        return FREE

    async def keep(self, owed: Pending) -> None:
        """Nothing: a file stays until it can be signed."""

    async def fail(self, key: Key, uid: str, annotations: Mapping[str, str]) -> None:
        """Nothing: nobody waits for a mark in a folder, and `why` says it."""

    async def fetch(self, key: Key) -> bytes | None:
        """The object's JSON: the file's own bytes where it is JSON. Raises as `RunFiles.read`."""
        document = self._document(key)
        return document.body if document else None

    async def standing(self, key: Key, uid: str) -> bool:
        """Whether the index knows it as done, and the signed copy is still there."""
        if not self._output.index.standing(uid):
            return False
        place = self._documents.place(key)
        return place is not None and (self._output.root / place.copy).exists()

    async def mark(self, key: Key, uid: str, mark: Mark) -> None:
        """Write the signed copy, then the record: a kill in between does the copy again, with the same bytes."""
        document, place = self._document(key), self._documents.place(key)
        if document is None or place is None or document.uid != uid:
            return
        signed = run_annotations.annotate(document.body, mark.annotations)
        self._output.files.write(f"{self._output.root}/{place.copy}", signed + b"\n")
        self._output.index.finish(key, uid, mark.plan, entries(key, uid, mark.outcomes))

    def _scan(self) -> Iterator[list[Key]]:
        """One look at the folder, in portions."""
        seen: set[int] = set()
        changed = self._changed(seen)
        while batch := list(islice(changed, BATCH)):
            found: dict[Key, tuple[RunDocument, Place]] = {}
            for path in batch:
                self._read(path, found)
            self._documents.remember(found.values())
            yield [key for key in found if key.kind == "TaskRun"]
        self._seen = seen
        while keys := self._documents.take_waiting(BATCH):
            yield keys

    def _changed(self, seen: set[int]) -> Iterator[str]:
        for path, fingerprint in self._files.walk():
            if not self._once:
                seen.add(fingerprint)
            if fingerprint not in self._seen:
                yield path

    def _read(self, path: str, found: dict[Key, tuple[RunDocument, Place]]) -> None:
        """Add the runs in a file to `found`; what is wrong with the file is told."""
        try:
            file = self._files.read(path) or RunFile(runs=())
        except Fault as error:
            self._on_problem(Path(path), error)
            return
        for fault in file.faults:
            self._on_problem(Path(path), fault)
        for document in file.runs:
            if document.key in found or self._is_elsewhere(document.key, path):
                message = f"{quote(document.key)} stands in the folder more than once; leave one, or use two folders"
                self._on_problem(Path(path), Permanent(Reason.INVALID_RUN, message))
                continue
            copy = self._copy(path, document if len(file.runs) > 1 else None)
            found[document.key] = (document, Place(path=path, position=document.position, copy=copy))

    def _is_elsewhere(self, key: Key, path: str) -> bool:
        """Whether another file, which is still there, holds a run of this name."""
        place = self._documents.place(key)
        if place is None or place.path == path:
            return False
        try:
            return self._in_file(key, place) is not None
        except Fault:
            return False

    def _document(self, key: Key) -> RunDocument | None:
        place = self._documents.place(key)
        return self._in_file(key, place) if place else None

    def _in_file(self, key: Key, place: Place) -> RunDocument | None:
        """The run in the file as it is now, which may have changed since."""
        file = self._files.read(place.path)
        runs = file.runs if file else ()
        if place.position < len(runs) and runs[place.position].key == key:
            return runs[place.position]
        return next((document for document in runs if document.key == key), None)

    def _copy(self, path: str, one_of_several: RunDocument | None) -> str:
        """The signed copy's path below the output: `NAME.signed.json`, or `NAME.<uid>.signed.json` for one of several.

        Where `NAME.json` and `NAME.yaml` stand side by side, the second one's copy is `NAME.yaml.signed.json`.
        """
        suffix = next(suffix for suffix in SUFFIXES if path.endswith(suffix))
        name = path.removesuffix(suffix)
        earlier = SUFFIXES[: SUFFIXES.index(suffix)]
        if any((self._source / (name + other)).exists() for other in earlier):
            name = path
        if one_of_several:
            name = f"{name}.{safe_name(one_of_several.uid or one_of_several.key.name)}"
        return name + SIGNED

"""The files of a folder that hold runs: which there are, which have changed, and what is in them."""

import os
import stat
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

from sealwright.core.errors import Fault, Permanent, Reason, quote
from sealwright.core.tekton import documents
from sealwright.core.tekton.documents import RunFile
from sealwright.edge.files import contents
from sealwright.edge.output import LAYOUTS, SECRETS
from sealwright.edge.reading import translated, unusable

SUFFIXES = (".json", ".yaml", ".yml")
SIGNED = ".signed.json"
# What was read is kept this long, so that a run just found is not read twice, nor a list once for each run in it.
KEPT_BYTES = 4 << 20

Problem = Callable[[Path, Fault], None]


class RunFiles:
    """The run files below `source`; their paths are text and relative to it, since a Path takes as long as a system call.

    What Sealwright writes below `source` and `out` is left out. `on_problem` is told of folders that cannot be listed.
    """

    def __init__(self, source: Path, on_problem: Problem, out: Path | None = None) -> None:
        self._source = str(source)
        # What was written by this run, and by an earlier one whose results went into the source itself.
        self._excluded = {os.path.realpath(root / name) for root in (source, out or source) for name in (LAYOUTS, SECRETS)}
        self._on_problem = on_problem
        self._kept: OrderedDict[str, tuple[int, RunFile]] = OrderedDict()
        self._kept_bytes = 0

    def walk(self, folder: str = "") -> Iterator[tuple[str, int]]:
        """Each run file below `folder` and its fingerprint, in the order of names. Links to folders are not followed."""
        there = f"{self._source}/{folder}"
        if os.path.realpath(there) in self._excluded:
            return
        try:
            with translated(there):
                names = sorted(os.listdir(there))  # noqa: PTH208  names are smaller than paths
        except Fault as error:
            self._on_problem(Path(folder), error)
            return
        for name in names:
            if not name.startswith("."):
                yield from self._entry(f"{folder}/{name}" if folder else name)

    def read(self, path: str) -> RunFile | None:
        """The runs in a file as it is now; None where there is no such file.

        Raises Permanent as `core.tekton.documents.read`, Transient(STORE_FAILED) where it cannot be read.
        """
        try:
            status = os.stat(f"{self._source}/{path}")  # noqa: PTH116  text
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise unusable(path, error) from error
        fingerprint = _fingerprint(path, status)
        kept = self._kept.get(path)
        if kept and kept[0] == fingerprint:
            return kept[1]
        found = self._read(path, status.st_size)
        self._keep(path, fingerprint, found)
        return found

    def _entry(self, path: str) -> Iterator[tuple[str, int]]:
        status = self._status(path, follow=False)
        if status is None:
            return
        if stat.S_ISDIR(status.st_mode):
            yield from self.walk(path)
        elif path.endswith(SUFFIXES) and not path.endswith(SIGNED):
            # A link to a file is as good as the file; one to a folder could lead in circles.
            if stat.S_ISLNK(status.st_mode):
                status = self._status(path, follow=True)
            if status and stat.S_ISREG(status.st_mode):
                yield path, _fingerprint(path, status)

    def _status(self, path: str, *, follow: bool) -> os.stat_result | None:
        """None for what has gone meanwhile, and for links that lead nowhere."""
        try:
            return os.stat(f"{self._source}/{path}", follow_symlinks=follow)  # noqa: PTH116  text
        except OSError:
            return None

    def _read(self, path: str, size: int) -> RunFile:
        what = f"file {quote(path)}"
        if size > documents.FILE_LIMIT:
            raise Permanent(Reason.TOO_LARGE, f"{what}: {size} bytes, more than the {documents.FILE_LIMIT} that are read")
        body = contents(f"{self._source}/{path}")
        return documents.read(body, what) if body is not None else RunFile(runs=())

    def _keep(self, path: str, fingerprint: int, found: RunFile) -> None:
        self._drop(path)
        self._kept[path] = (fingerprint, found)
        self._kept_bytes += _size(found)
        while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))

    def _drop(self, path: str) -> None:
        if path in self._kept:
            self._kept_bytes -= _size(self._kept.pop(path)[1])


def _size(found: RunFile) -> int:
    return sum(len(document.body) for document in found.runs)


def _fingerprint(path: str, status: os.stat_result) -> int:
    """Another number, all but certainly, once the file is another: 64 bits, and the change time, which nobody can set."""
    return hash((path, status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino))

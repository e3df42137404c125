"""The store `file`: a directory, such as a mounted volume, with the object names of `gcs` as its paths."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

from sealwright.core.config import Settings
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.edge.files import Files, contents
from sealwright.edge.reading import translated
from sealwright.edge.records import NAMES_LIMIT, PART_LIMIT, RecordStore
from sealwright.edge.stores import Tools, needed

NAMES = ("file",)


class FolderBucket:
    """`records.Bucket` over a directory. A volume may be slow, so it has threads."""

    def __init__(self, root: Path, files: Files) -> None:
        self._root, self._files = root, files

    async def create(self, name: str, body: bytes) -> None:
        await asyncio.to_thread(self._files.create, self._root / name, body)

    async def read(self, name: str) -> bytes | None:
        return await asyncio.to_thread(self._read, self._root / name)

    async def names(self, folder: str) -> Sequence[str]:
        return await asyncio.to_thread(self._names, self._root / folder)

    def _read(self, path: Path) -> bytes | None:
        with translated(path):
            if path.exists() and path.stat().st_size > PART_LIMIT:
                raise Permanent(Reason.TOO_LARGE, f"{quote(path)} has more than {PART_LIMIT} bytes")
        return contents(path)

    def _names(self, folder: Path) -> list[str]:
        with translated(folder):
            return [found.name for found in islice(folder.iterdir(), NAMES_LIMIT)] if folder.is_dir() else []


@asynccontextmanager
async def open(settings: Settings, _tools: Tools) -> AsyncIterator[RecordStore]:  # noqa: A001  the verb of every store
    """The directory, made if it is missing. Raises Permanent(INVALID_CONFIG), and STORE_FAILED where it cannot be written."""
    root = Path(needed(settings, "storage.file.path"))
    files = Files(root)
    try:
        yield RecordStore("file", FolderBucket(root, files), f"{root}/")
    finally:
        files.close()

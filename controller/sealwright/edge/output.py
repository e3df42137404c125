"""The folder that Sealwright writes when it runs without a cluster: what is in it, opened together and closed together.

    oci/REGISTRY/REPOSITORY/    one OCI image layout for each image repository
    sealwright.db               the index, and the tags of the layouts
    signing-secrets/            keys
    .unfinished/                files that are being written

Signed copies of runs stand beside these, under the paths their inputs have.
"""

from pathlib import Path
from types import TracebackType
from typing import Self

from sealwright.edge.database import Database
from sealwright.edge.files import Files
from sealwright.edge.index import Index
from sealwright.edge.tags import Tags

LAYOUTS, SECRETS, DATABASE = "oci", "signing-secrets", "sealwright.db"


class Output:
    """An opened output folder. Opening finishes what a killed run left, and makes layouts anew that somebody deleted; use it
    as a context manager.

    Raises STORE_FAILED: Transient where the folder cannot be written, Permanent where its database is broken.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = Files(root)
        self.database = Database(root / DATABASE)
        self.index = Index(self.database)
        self.tags = Tags(root / LAYOUTS, self.database, self.files)

    def flush(self) -> None:
        """Bring the index and every layout's `index.json` up to date: at the end of a batch, not of a run."""
        self.index.flush()
        self.tags.flush()

    def _restore(self) -> None:
        """Somebody deleted layouts and left the database, which holds all that was in them."""
        for repository in self.tags.lost():
            found = self.index.search(name=repository)
            self.tags.restore(repository, (entry.attestation for entry in found if entry.is_kept_by("oci")))

    def close(self) -> None:
        """Flush, then let go of the files; these also if flushing fails."""
        try:
            self.flush()
        finally:
            self.database.close()
            self.files.close()

    def __enter__(self) -> Self:
        self._restore()
        self.flush()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

"""A TUF repository in memory, signed for real, and a fetcher that reads from it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import DownloadHTTPError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.ngclient import FetcherInterface

LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)  # noqa: TID251  TUF compares with the real time of day
BASE = "https://tuf.test"


class Repository(FetcherInterface):
    """Files by URL. `publish` signs a new state; `signer` is its one key."""

    def __init__(self, target: bytes = b"{}") -> None:
        self.signer = CryptoSigner.generate_ed25519()
        self.files: dict[str, bytes] = {}
        self.root = Root(expires=LATER, consistent_snapshot=False)
        for role in ("root", "timestamp", "snapshot", "targets"):
            self.root.add_key(self.signer.public_key, role)
        self.first = self.signed(self.root)
        self.files[f"{BASE}/1.root.json"] = self.first
        self.publish(target)

    def signed(self, role: Root | Timestamp | Snapshot | Targets, *signers: CryptoSigner) -> bytes:
        made = Metadata(role)
        for signer in signers or (self.signer,):
            made.sign(signer, append=True)
        return made.to_bytes()

    def publish(self, target: bytes, version: int = 1, expires: datetime = LATER, name: str = "trusted_root.json") -> None:
        targets = Targets(version=version, expires=expires, targets={name: TargetFile.from_data(name, target)})
        snapshot = Snapshot(version=version, expires=expires, meta={"targets.json": MetaFile(version=version)})
        timestamp = Timestamp(version=version, expires=expires, snapshot_meta=MetaFile(version=version))
        for role, made in (("targets", targets), ("snapshot", snapshot), ("timestamp", timestamp)):
            self.files[f"{BASE}/{role}.json"] = self.signed(made)
        self.files[f"{BASE}/targets/{name}"] = target

    def _fetch(self, url: str) -> Iterator[bytes]:
        if url not in self.files:
            raise DownloadHTTPError("not there", 404)
        return iter([self.files[url]])

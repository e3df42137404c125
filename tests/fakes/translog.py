"""A transparency log in memory: a real Merkle tree with real signatures, of Rekor v1's and of Rekor v2's kind."""

import base64
from collections.abc import Sequence
from dataclasses import replace

from fakes import signers

from sealwright.core.keys import PrivateKey
from sealwright.core.model import InclusionProof, LogEntry
from sealwright.core.proof import checkpoint, logentry, merkle
from sealwright.core.proof.checkpoint import LogKey

HOST = "log.example.com"


def root_of(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162, 2.1.1, as it is written there: recursive, and so unlike the code that is tested with it."""
    if len(leaves) == 1:
        return merkle.leaf_hash(leaves[0])
    half = _half(len(leaves))
    return merkle.node_hash(root_of(leaves[:half]), root_of(leaves[half:]))


def path_of(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """RFC 9162, 2.1.3.1, lowest first."""
    if len(leaves) == 1:
        return ()
    half = _half(len(leaves))
    if index < half:
        return (*path_of(leaves[:half], index), root_of(leaves[half:]))
    return (*path_of(leaves[half:], index - half), root_of(leaves[:half]))


def _half(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def tile(leaves: Sequence[bytes], level: int, number: int, width: int) -> bytes:
    """The hashes of a tile, each over 256^level leaves."""
    span = 256**level
    starts = ((number * 256 + at) * span for at in range(width))
    return b"".join(root_of(leaves[start : start + span]) for start in starts)


def note(text: str, key: PrivateKey, name: str, hint: bytes) -> str:
    """A signed note: `text` ends with a line break."""
    raw = base64.b64encode(hint + key.sign(text.encode(), "sha256")).decode()
    return f"{text}\n\N{EM DASH} {name} {raw}\n"


class Tree:
    """Leaves, and what the log says of them. `kind` is v1 (promise, time, origin with a tree's number) or v2 (neither).

    `earlier` entries are in shards before this one, so that its numbers are not the log's.
    """

    def __init__(self, kind: str = "v1", key: PrivateKey | None = None, earlier: int = 0, time_s: int = 1_700_000_000) -> None:
        self.kind = kind
        self.private = key or signers.key("ecdsa-p256" if kind == "v1" else "ed25519", 77)
        self.earlier = earlier
        self.time_s = time_s
        self.leaves: list[bytes] = []
        self.origin = f"{HOST} - 1193050959916656506" if kind == "v1" else HOST

    @property
    def key(self) -> LogKey:
        """What a user who trusts this log holds."""
        if self.kind == "v1":
            return checkpoint.log_key(self.private.public, HOST)
        return checkpoint.tiled_log_key(self.private.public, HOST)

    def add(self, body: bytes) -> int:
        """The leaf's number in this shard."""
        self.leaves.append(body)
        return len(self.leaves) - 1

    def checkpoint(self) -> str:
        """Of the tree as it is."""
        root = base64.b64encode(root_of(self.leaves)).decode()
        return note(f"{self.origin}\n{len(self.leaves)}\n{root}\n", self.private, HOST, self.key.log_id[:4])

    def bundle(self, number: int, width: int) -> bytes:
        """The entries of one bundle, as a log in tiles keeps them."""
        found = self.leaves[number * 256 : number * 256 + width]
        return b"".join(len(each).to_bytes(2, "big") + each for each in found)

    def entry(self, number: int, kind: str = "hashedrekord", version: str = "") -> LogEntry:
        """The entry at a number, with all that this kind of log gives."""
        proof = InclusionProof(
            index=number,
            size=len(self.leaves),
            root=root_of(self.leaves),
            hashes=path_of(self.leaves, number),
            checkpoint=self.checkpoint(),
        )
        found = LogEntry(
            log_id=self.key.log_id,
            index=number + self.earlier,
            kind=kind,
            version=version or ("0.0.1" if self.kind == "v1" else "0.0.2"),
            body=self.leaves[number],
            proof=proof,
        )
        return self.promised(replace(found, integrated_s=self.time_s)) if self.kind == "v1" else found

    def promised(self, entry: LogEntry) -> LogEntry:
        """With the log's signature over it."""
        return replace(entry, promise=self.private.sign(logentry.promise_message(entry), "sha256"))


def grown(kind: str, size: int, **more: object) -> Tree:
    """A log with so many different leaves."""
    tree = Tree(kind, **more)  # type: ignore[arg-type]
    for number in range(size):
        tree.add(b'{"leaf":%d}' % number)
    return tree

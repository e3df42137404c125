"""RFC 9162 Merkle trees over SHA-256: is a leaf in the tree that has this root?"""

import hashlib
from collections.abc import Sequence

from sealwright.core.errors import Reason, Untrusted

HASH_BYTES = 32
# A tree of 2^63 leaves has paths of 63 nodes: more is work without meaning.
PATH_LIMIT = 63


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 9162, 2.1.1: the prefix keeps a leaf from passing as a node."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162, 2.1.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Prove that a leaf is in the tree which has this root.

    `leaf` is the bytes before hashing. `index` counts from 0 and is below `size`, in leaves. `path` holds 32-byte nodes,
    lowest first, as many as the tree's shape asks for.
    Raises Untrusted(BAD_INCLUSION) if the path has another length or leads to another root. Source: RFC 9162, 2.1.3.2.
    """
    if not 0 <= index < size:
        raise _bad(f"there is no leaf {index} in a tree of {size}")
    if len(path) > PATH_LIMIT or any(len(node) != HASH_BYTES for node in path):
        raise _bad(f"wanted at most {PATH_LIMIT} nodes of {HASH_BYTES} bytes, found {len(path)}, or one of another length")
    if _root(leaf_hash(leaf), index, size - 1, path) != root:
        raise _bad(f"the path of {len(path)} nodes from leaf {index} of {size} leads to another root than the one given")


def _root(node: bytes, first: int, last: int, path: Sequence[bytes]) -> bytes:
    """Where the path leads. The names of RFC 9162 are fn and sn: the leaf's number, and the last leaf's, level by level."""
    for sibling in path:
        if last == 0:
            raise _bad(f"the path has {len(path)} nodes, more than a tree of this size")
        if first % 2 or first == last:
            node = node_hash(sibling, node)
            # A last node without a sibling rises alone, as it is.
            while not first % 2 and first:
                first, last = first >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        first, last = first >> 1, last >> 1
    if last:
        raise _bad(f"the path has {len(path)} nodes, fewer than a tree of this size")
    return node


def _bad(why: str) -> Untrusted:
    return Untrusted(Reason.BAD_INCLUSION, f"inclusion proof: {why}; the entry is not shown to be in the log")

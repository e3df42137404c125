"""Inclusion proofs from a log in tiles: which tiles a proof needs, where they are, and the proof that they give.

A tile holds up to 256 hashes of one level of the tree, 8 levels above those of the tile below it; a bundle, up to 256 entries.
What is put together here is proven like any other proof. Source: C2SP tlog-tiles; RFC 9162, 2.1.3.1.
"""

from collections.abc import Callable, Mapping

from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import value
from sealwright.core.proof import merkle

WIDTH = 256
_HEIGHT = 8

# The hash over 2^level leaves, the n-th of its level.
_HashAt = Callable[[int, int], bytes]


@value
class Tile:
    """The n-th tile of its level, as it is in a tree of a certain size: `width` says how many hashes are in it."""

    level: int
    n: int
    width: int

    @property
    def path(self) -> str:
        """Below the log's address for tiles."""
        return f"tile/{self.level}/{_place(self.n, self.width)}"


def bundle_path(index: int, size: int) -> str:
    """Where the entries around `index` are."""
    return f"tile/entries/{_place(index // WIDTH, _width(0, index // WIDTH, size))}"


def entry_in(data: bytes, index: int) -> bytes:
    """The entry in its bundle: each has its length before it, in 2 bytes. Raises Permanent(BAD_LOG_ENTRY)."""
    start = 0
    for _ in range(index % WIDTH):
        start += 2 + int.from_bytes(data[start : start + 2], "big")
    end = start + 2 + int.from_bytes(data[start : start + 2], "big")
    if len(data) < end or start + 2 >= end:
        raise Permanent(Reason.BAD_LOG_ENTRY, f"the log's bundle of entries ends before entry {index}")
    return data[start + 2 : end]


def needed(index: int, size: int) -> frozenset[Tile]:
    """The tiles that the proof of one entry needs. `index` is below `size`."""
    found: set[Tile] = set()

    def note(level: int, n: int) -> bytes:
        found.add(_tile_of(level, n, size))
        return b""

    _path(index, 0, size, note)
    return frozenset(found)


def inclusion(index: int, size: int, tiles: Mapping[Tile, bytes]) -> tuple[bytes, ...]:
    """The path from an entry to the root, lowest first. Raises Permanent(BAD_LOG_ENTRY) for a tile of a wrong length."""
    for tile, data in tiles.items():
        if len(data) != tile.width * merkle.HASH_BYTES:
            message = f"the log's {tile.path} has {len(data)} bytes, wanted {tile.width * merkle.HASH_BYTES}"
            raise Permanent(Reason.BAD_LOG_ENTRY, message)

    def hash_at(level: int, n: int) -> bytes:
        first = (n << level % _HEIGHT) % WIDTH
        data = tiles[_tile_of(level, n, size)]
        hashes = [data[at * 32 : at * 32 + 32] for at in range(first, first + (1 << level % _HEIGHT))]
        while len(hashes) > 1:
            hashes = [merkle.node_hash(*hashes[at : at + 2]) for at in range(0, len(hashes), 2)]
        return hashes[0]

    return _path(index, 0, size, hash_at)


def _path(index: int, start: int, end: int, hash_at: _HashAt) -> tuple[bytes, ...]:
    if end - start == 1:
        return ()
    middle = start + _half(end - start)
    if index < middle:
        return (*_path(index, start, middle, hash_at), _root(middle, end, hash_at))
    return (*_path(index, middle, end, hash_at), _root(start, middle, hash_at))


def _root(start: int, end: int, hash_at: _HashAt) -> bytes:
    """Of the leaves from `start` up to `end`."""
    size = end - start
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return hash_at(level, start >> level)
    middle = start + _half(size)
    return merkle.node_hash(_root(start, middle, hash_at), _root(middle, end, hash_at))


def _half(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _tile_of(level: int, n: int, size: int) -> Tile:
    row = level // _HEIGHT
    number = (n << level % _HEIGHT) // WIDTH
    return Tile(level=row, n=number, width=_width(row, number, size))


def _width(row: int, number: int, size: int) -> int:
    return min(WIDTH, (size >> row * _HEIGHT) - number * WIDTH)


def _place(number: int, width: int) -> str:
    """`x001/x234/067`, and `.p/5` where only 5 are there."""
    parts = [f"{number % 1000:03}"]
    while number := number // 1000:
        parts.append(f"x{number % 1000:03}")
    return "/".join(reversed(parts)) + (f".p/{width}" if width < WIDTH else "")

"""Proofs from tiles are those of the tree's definition."""

import pytest
from fakes.translog import Tree, path_of, root_of, tile
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core.errors import Permanent, Reason
from sealwright.core.proof import merkle, tiles
from sealwright.core.proof.tiles import Tile

SIZES = (1, 2, 3, 255, 256, 257, 300, 511, 513)


def leaves(size):
    return [b"leaf %d" % number for number in range(size)]


def proof(tree, index):
    size = len(tree)
    found = {each: tile(tree, each.level, each.n, each.width) for each in tiles.needed(index, size)}
    return tiles.inclusion(index, size, found)


@pytest.mark.parametrize("size", SIZES)
def test_tiles_give_the_proof_of_each_entry(size):
    """At the borders of tiles, and beside them."""
    tree = leaves(size)
    for index in sorted({0, 1, size // 2, 254, 255, 256, 257, size - 2, size - 1} & set(range(size))):
        path = proof(tree, index)
        assert path == path_of(tree, index)
        merkle.verify_inclusion(tree[index], index, size, path, root_of(tree))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 70_000), st.data())
def test_what_is_needed_is_little_and_has_one_place(size, data):
    """Two tiles a level, besides those at the right border."""
    index = data.draw(st.integers(0, size - 1))
    needed = tiles.needed(index, size)

    assert len({each.path for each in needed}) == len(needed) <= 6
    assert all(0 < each.width <= 256 for each in needed)


@pytest.mark.parametrize(
    ("found", "path"),
    [
        (Tile(level=0, n=0, width=256), "tile/0/000"),
        (Tile(level=0, n=0, width=5), "tile/0/000.p/5"),
        (Tile(level=1, n=1234067, width=256), "tile/1/x001/x234/067"),
        (Tile(level=2, n=1000, width=1), "tile/2/x001/000.p/1"),
    ],
)
def test_places_are_those_of_the_specification(found, path):
    """C2SP tlog-tiles gives the third as its example."""

    assert found.path == path


def test_entries_are_found_in_their_bundle():
    """Each has its length before it; what ends too early is refused."""
    tree = Tree("v2")
    for number in range(260):
        tree.add(b'{"number":%d}' % number)
    data = tree.bundle(1, 4)

    assert tiles.bundle_path(257, 260) == "tile/entries/001.p/4"
    assert tiles.bundle_path(3, 260) == "tile/entries/000"
    assert tiles.entry_in(data, 257) == b'{"number":257}'
    for broken in (b"", data[:3], b"\x00\x00" * 4):
        with pytest.raises(Permanent) as caught:
            tiles.entry_in(broken, 257)
        assert caught.value.reason is Reason.BAD_LOG_ENTRY


def test_a_tile_of_another_length_is_refused():
    """In words, before anything is computed with it."""
    tree = leaves(3)
    found = {each: tile(tree, each.level, each.n, each.width)[:-1] for each in tiles.needed(1, 3)}
    with pytest.raises(Permanent) as caught:
        tiles.inclusion(1, 3, found)

    assert caught.value.reason is Reason.BAD_LOG_ENTRY

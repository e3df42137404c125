"""Inclusion in a Merkle tree. The trees are built by the definition in RFC 9162, 2.1.1; known roots are from RFC 6962's test data."""

import hashlib

import pytest
from fakes.translog import path_of, root_of
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core.errors import Reason, Untrusted
from sealwright.core.proof import merkle

SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, 31, 33)


def leaves(size):
    return [b"leaf %d" % number for number in range(size)]


def refused(leaf, index, size, path, root):
    with pytest.raises(Untrusted) as caught:
        merkle.verify_inclusion(leaf, index, size, path, root)
    return caught.value.reason is Reason.BAD_INCLUSION


def test_hashes_are_those_of_the_specification():
    """The empty leaf, and a node of two of them: SHA-256 with the prefixes 0 and 1."""
    empty = merkle.leaf_hash(b"")

    assert empty.hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.node_hash(empty, empty) == hashlib.sha256(b"\x01" + empty + empty).digest()


@pytest.mark.parametrize("size", SIZES)
def test_each_leaf_of_a_tree_is_in_it(size):
    """Trees of every shape: full, and with last nodes that rise alone."""
    tree = leaves(size)
    for index, leaf in enumerate(tree):
        merkle.verify_inclusion(leaf, index, size, path_of(tree, index), root_of(tree))


@pytest.mark.parametrize("size", SIZES)
def test_a_leaf_is_nowhere_but_at_its_place(size):
    """Another number, another size, another leaf and a node for a leaf are refused."""
    tree = leaves(size)
    root = root_of(tree)
    for index, leaf in enumerate(tree):
        path = path_of(tree, index)
        assert refused(b"another", index, size, path, root)
        assert all(refused(leaf, other, size, path, root) for other in range(-1, size + 2) if other != index)
        assert refused(leaf, index, 0, path, root)
        assert refused(leaf, index, size, path, bytes(32))
        assert size == 1 or refused(merkle.leaf_hash(leaf), index, size, path, root)


@pytest.mark.parametrize("size", SIZES)
def test_a_path_is_as_long_as_the_tree_is_high(size):
    """One node more, one less, one swapped, one of another length."""
    tree = leaves(size)
    for index in (0, size - 1):
        path, root = path_of(tree, index), root_of(tree)
        assert refused(tree[index], index, size, (*path, bytes(32)), root)
        assert refused(tree[index], index, size, (*path, *[bytes(32)] * 64), root)
        for place in range(len(path)):
            assert refused(tree[index], index, size, path[:place] + path[place + 1 :], root)
            assert refused(tree[index], index, size, (*path[:place], path[place][:-1], *path[place + 1 :]), root)


@given(st.integers(1, 40), st.data())
def test_each_changed_byte_of_a_path_is_refused(size, data):
    """And of the root, and of the leaf."""
    tree = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    parts = [tree[index], root_of(tree), *path_of(tree, index)]
    part = data.draw(st.integers(0, len(parts) - 1))
    place = data.draw(st.integers(0, len(parts[part]) - 1))
    changed = bytearray(parts[part])
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    parts[part] = bytes(changed)

    assert refused(parts[0], index, size, parts[2:], parts[1])


@given(st.binary(), st.integers(), st.integers(), st.lists(st.binary(max_size=33), max_size=70), st.binary(max_size=33))
def test_anything_is_refused_in_words(leaf, index, size, path, root):
    """Numbers without bounds and nodes of any length raise nothing but Untrusted."""
    assert refused(leaf, index, size, path, root)

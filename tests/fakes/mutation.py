"""Hostile relatives of a valid JSON object: what a tenant, a bug or another version could make of it."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

# What stands where something else belongs: other types, empty ones, numbers that no double or no 64 bits hold.
INTRUDERS: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 1e21, 1e-7, -0.0, 2**53 + 1, 2**64, 10**30, 10**400, "", " ", "x", "\x00\u202e\u2028", "$(tasks.a.results.b)",
    [], [None], [[]], ["a"], [1], [{}], {}, {"a": None}, {"a": {}}, {"name": None}, {"value": 3}, {"name": "a", "value": [1, "b"]},
)  # fmt: skip

Place = tuple[Any, ...]


def mutated(base: Any) -> st.SearchStrategy[Any]:
    """`base` with one to four of its places dropped, emptied, retyped, deepened, doubled, renamed or blown up."""
    changes = st.lists(st.tuples(st.sampled_from(sorted(places(base), key=repr)), _operations), min_size=1, max_size=4)
    return changes.map(lambda drawn: _apply(base, drawn))


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """The path of every member and item."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*at, key)
        yield from places(item, (*at, key))


Operation = Callable[[Any, Any], None]


def _put(value: Any) -> Operation:
    def operation(parent: Any, key: Any) -> None:
        parent[key] = copy.deepcopy(value)

    return operation


def _drop(parent: Any, key: Any) -> None:
    del parent[key]


def _deepen(levels: int) -> Operation:
    def operation(parent: Any, key: Any) -> None:
        for level in range(levels):
            parent[key] = [parent[key]] if level % 2 else {"a": parent[key]}

    return operation


def _blow_up(parent: Any, key: Any) -> None:
    found = parent[key]
    parent[key] = [*found] * 50 if isinstance(found, list) and len(found) < 50 else str(found)[:10] * 5_000


def _rename(parent: Any, key: Any) -> None:
    if isinstance(parent, dict):
        parent[f"{key}\x00"] = parent.pop(key)


_operations = st.one_of(
    st.sampled_from(INTRUDERS).map(_put),
    st.sampled_from([_drop, _blow_up, _rename]),
    st.sampled_from([1, 2, 50, 300]).map(_deepen),
)


def _apply(base: Any, changes: list[tuple[Place, Operation]]) -> Any:
    found = copy.deepcopy(base)
    for place, operation in changes:
        parent = _parent(found, place)
        if parent is not None:
            operation(parent, place[-1])
    return found


def _parent(value: Any, place: Place) -> Any:
    """What holds the place, or None where an earlier change has taken it away."""
    for key in place[:-1]:
        if not _has(value, key):
            return None
        value = value[key]
    return value if _has(value, place[-1]) else None


def _has(value: Any, key: Any) -> bool:
    if isinstance(value, dict):
        return key in value
    return isinstance(value, list) and isinstance(key, int) and key < len(value)

"""Replicas come to fair shares by themselves, and a pipeline is never divided."""

from hypothesis import given
from hypothesis import strategies as st

from sealwright.core import shards
from sealwright.core.shards import SHARDS, Steps

NAMES = st.sets(st.text("abcxyz", min_size=1, max_size=3), min_size=1, max_size=8)


@given(st.text())
def test_every_uid_has_one_shard(uid):
    """The same for every replica, whenever it is asked."""
    assert shards.shard_of(uid) == shards.shard_of(uid)
    assert 0 <= shards.shard_of(uid) < SHARDS


def test_uids_spread_over_all_shards():
    """Of 6,000 runs each shard has its part, within a tenth."""
    found = [shards.shard_of(f"{n:08x}-aaaa-bbbb-cccc-{n:012x}") for n in range(6000)]

    assert all(900 <= found.count(shard) <= 1100 for shard in range(SHARDS))


@given(NAMES)
def test_shares_add_up_and_differ_by_one_at_most(replicas):
    """None is left over, and nobody has two more than another."""
    found = [shards.share(name, replicas) for name in replicas]

    assert sum(found) == SHARDS
    assert max(found) - min(found) <= 1


def test_who_is_alone_takes_all():
    """At once."""
    assert shards.steps("a", (), (), {}) == Steps(take=tuple(range(SHARDS)))


def test_what_another_holds_is_not_taken():
    """Only what is free."""
    assert set(shards.steps("b", ("a", "b"), (), {0: "a", 1: "a", 2: "a", 3: "a"}).take) == {4, 5}


def test_who_has_too_many_hands_over_and_takes_none():
    """When another one has come."""
    assert shards.steps("a", ("a", "b"), range(SHARDS), {}) == Steps(hand_over=(3, 4, 5))


@given(NAMES, st.data())
def test_replicas_that_see_the_same_come_to_rest_with_every_shard_held_once(replicas, data):
    """From any beginning, whoever moves first."""
    order = sorted(replicas)
    held: dict[int, str] = data.draw(st.dictionaries(st.integers(0, SHARDS - 1), st.sampled_from(order)))
    for _ in range(3 * SHARDS):
        for name in data.draw(st.permutations(order)):
            mine = {shard for shard, holder in held.items() if holder == name}
            others = {shard: holder for shard, holder in held.items() if holder != name}
            plan = shards.steps(name, order, mine, others)
            held.update(dict.fromkeys(plan.take, name))
            for shard in plan.hand_over:
                del held[shard]

    assert held.keys() == set(range(SHARDS))
    assert all(list(held.values()).count(name) == shards.share(name, order) for name in order)

"""Who works on which runs: shards of uids, and the shares of the replicas that are there (design D10).

A shard is held by a Lease. What is decided here is who should hold which; that nobody acts without a Lease is the affair of
`edge/kube/leases.py`. Two replicas may see different replicas for a moment: then a shard waits a little, and is never held twice.
"""

import zlib
from collections.abc import Collection, Mapping

from sealwright.core.model import value

# Divides evenly among one, two, three and six replicas; each costs the API server one write in RENEW_S.
SHARDS = 6


@value
class Steps:
    """What a replica should do about its share: take these shards, hand those over."""

    take: tuple[int, ...] = ()
    hand_over: tuple[int, ...] = ()


def shard_of(anchor: str) -> int:
    """The shard of a run: its controlling PipelineRun's uid, or its own, so that a pipeline stays together."""
    return zlib.crc32(anchor.encode()) % SHARDS


def share(replica: str, replicas: Collection[str]) -> int:
    """How many shards a replica should hold; over all replicas these add up to SHARDS."""
    ordered = sorted({replica, *replicas})
    whole, rest = divmod(SHARDS, len(ordered))
    return whole + (ordered.index(replica) < rest)


def steps(replica: str, replicas: Collection[str], held: Collection[int], holders: Mapping[int, str]) -> Steps:
    """What to do, given the replicas that are alive, the shards held here, and who holds the others by a Lease that is good.

    Free shards are taken up to the share, those that the fewest others would take first; of too many, the last are handed over.
    """
    wanted = share(replica, replicas)
    mine = sorted(held)
    if len(mine) > wanted:
        return Steps(hand_over=tuple(mine[wanted:]))
    free = [shard for shard in range(SHARDS) if shard not in held and not holders.get(shard)]
    # Replicas begin at different places, so that two which start together seldom ask for the same shard.
    first = sorted({replica, *replicas}).index(replica) * SHARDS // max(1, len({replica, *replicas}))
    free.sort(key=lambda shard: (shard - first) % SHARDS)
    return Steps(take=tuple(free[: wanted - len(mine)]))

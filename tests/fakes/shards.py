"""A replica that is alone: every shard is its own, and came to it at the start."""

from sealwright.core.shards import SHARDS, shard_of
from sealwright.edge.kube.outbox import KubeOutbox
from sealwright.edge.kube.runs import ClusterRuns
from sealwright.ports import FREE


class AllShards:
    """What `ClusterRuns` asks of `Shards`. `held` can be made smaller; the gains end after the first."""

    def __init__(self, held=frozenset(range(SHARDS))):
        self.held = held

    def claim(self, anchor):
        return FREE if shard_of(anchor) in self.held else None

    async def gains(self):
        yield self.held


def cluster_runs(api, watch, ring, accepts, shards=None):
    """The source of runs of a replica that is alone."""
    shards = shards or AllShards()
    outbox = KubeOutbox(api, watch._clock, "ours", scope=(), claims=shards.claim, on_problem=print)
    return ClusterRuns(api, watch, shards=shards, outbox=outbox, ring=ring, accepts=accepts)

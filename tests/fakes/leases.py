"""Leases in memory: versions that are compared at each write, and every way in which asking can fail."""

from dataclasses import replace

from sealwright.core.errors import Reason, Transient
from sealwright.edge.kube.leases import LEASE_S, Lease

SILENCE = Transient(Reason.UNAVAILABLE, "leases: the API server did not answer")


class MemoryLeases:
    """What `Shards` asks of `Leases`, for all replicas of one part. `cut` are the holders for whom it does not answer.

    `lost_answers`: writes that arrive and whose answer does not.
    """

    def __init__(self):
        self.kept = {}
        self.version = 0
        self.writes = 0
        self.cut = set()
        self.lost_answers = 0

    def shard(self, number):
        return f"shard-{number}"

    def of(self, replica):
        """The same Leases as this replica reaches them."""
        return _Line(self, replica)

    def holders(self):
        """Shard Leases by holder's name, as they stand."""
        shards = [lease for lease in self.kept.values() if lease.sort == "shard"]
        return {lease.name: lease.holder.partition("_")[0] for lease in shards if lease.holder}


class _Line:
    def __init__(self, server, replica):
        self._server, self._replica = server, replica

    def shard(self, number):
        return self._server.shard(number)

    async def all(self):
        self._ask()
        return list(self._server.kept.values())

    async def write(self, name, sort, holder, before):
        self._ask()
        server = self._server
        now = server.kept.get(name)
        if (now.version if now else None) != (before.version if before else None):
            return None
        server.version += 1
        server.writes += 1
        made = Lease(name=name, sort=sort, holder=holder, version=str(server.version), duration_s=LEASE_S, transitions=0)
        server.kept[name] = replace(made, transitions=now.transitions + (now.holder != holder)) if now else made
        if server.lost_answers:
            server.lost_answers -= 1
            raise SILENCE
        return server.kept[name]

    async def delete(self, name):
        self._ask()
        self._server.kept.pop(name, None)

    def _ask(self):
        if self._replica in self._server.cut:
            raise SILENCE

"""The Leases of our namespace: one for each shard of runs, one for each replica that is alive.

A Lease is good for some time after it was last seen to change, and each replica measures that by a clock of its own that never
goes back: clocks that differ, or jump, do no harm (`renewTime` is for people). Every write names the version that it replaces,
so of two replicas that want one Lease, one gets it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.core.model import value
from sealwright.edge.kube.client import Api

# A replica that was killed is replaced within LEASE_S and two ticks; one that is alive has three tries to renew.
LEASE_S = 12.0
# Below the time that is left when a renewal is due, so that a call which hangs cannot cost the Lease by itself.
CALL_S = 3.0
LABEL, SCOPE = "sealwright.dev/lease", "sealwright.dev/scope"
_CONFLICT = (404, 409)


class _Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None


class _Spec(msgspec.Struct, rename="camel"):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    lease_transitions: int | None = None


class _Lease(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    spec: _Spec = msgspec.field(default_factory=_Spec)


class _List(msgspec.Struct):
    items: list[_Lease] = []


@value
class Lease:
    """A Lease as it was last read. `sort` is shard or replica; `holder` is "" where it was given back."""

    name: str
    sort: str
    holder: str
    version: str
    duration_s: float
    transitions: int


class Leases:
    """Reads and writes them. Raises Transient for what does not answer in CALL_S; `now` gives the time for people.

    `scope` names the part of the cluster that is shared out: replicas of another part have Leases of their own.
    """

    def __init__(self, api: Api, namespace: str, scope: str, now: Callable[[], datetime]) -> None:
        self._api = api
        self._scope = scope
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._namespace = namespace
        self._now = now

    async def all(self) -> Sequence[Lease]:
        """Those of ours that there are."""
        async with _bounded():
            body = await self._api.get(self._path, labelSelector=f"{LABEL},{SCOPE}={self._scope}")
        try:
            return [_lease(found) for found in msgspec.json.decode(body or b"{}", type=_List).items]
        except msgspec.MsgspecError as error:
            raise Transient(Reason.UNAVAILABLE, f"list of leases: not a list: {error}") from error

    def shard(self, number: int) -> str:
        """The name of a shard's Lease."""
        return f"sealwright-{self._scope}-shard-{number}"

    async def write(self, name: str, sort: str, holder: str, before: Lease | None) -> Lease | None:
        """Make it, or replace the one that was read; None where somebody else was faster."""
        moved = before is not None and before.holder != holder
        spec: dict[str, Any] = {
            "holderIdentity": holder,
            "leaseDurationSeconds": int(LEASE_S),
            "renewTime": self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "leaseTransitions": (before.transitions if before else 0) + moved,
        }
        metadata: dict[str, Any] = {"name": name, "namespace": self._namespace, "labels": {LABEL: sort, SCOPE: self._scope}}
        if before:
            metadata["resourceVersion"] = before.version
        body = msgspec.json.encode({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec})
        method, path = ("PUT", f"{self._path}/{name}") if before else ("POST", self._path)
        async with _bounded():
            status, answer = await self._api.send(method, path, body)
        if status in _CONFLICT:
            return None
        if status >= 300:
            raise Permanent(Reason.INVALID_CONFIG, f"lease {name}: the API server refuses it: {answer[:256]!r}")
        return _lease(msgspec.json.decode(answer, type=_Lease))

    async def delete(self, name: str) -> None:
        """Remove one that nobody needs any more."""
        async with _bounded():
            await self._api.send("DELETE", f"{self._path}/{name}", b"")


@asynccontextmanager
async def _bounded() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(CALL_S):
            yield
    except TimeoutError as late:
        raise Transient(Reason.UNAVAILABLE, f"leases: the API server did not answer within {CALL_S:.0f} s") from late


def _lease(found: _Lease) -> Lease:
    spec = found.spec
    return Lease(
        name=found.metadata.name,
        sort=(found.metadata.labels or {}).get(LABEL, ""),
        holder=spec.holder_identity or "",
        version=found.metadata.resource_version,
        duration_s=float(spec.lease_duration_seconds or LEASE_S),
        transitions=spec.lease_transitions or 0,
    )

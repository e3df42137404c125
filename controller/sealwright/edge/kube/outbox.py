"""What is owed of runs that are gone: one object for each run, in our own namespace, until it is settled (design D4)."""

import base64
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from sealwright.core import outbox
from sealwright.core.errors import Fault, Permanent, Reason, Transient
from sealwright.core.model import Key, Kind, Lane, Origin, value
from sealwright.core.outbox import Pending
from sealwright.edge.kube.client import Api
from sealwright.ports import Claim, Clock

GROUP = "sealwright.dev/v1alpha1"
PLURAL = "pendingattestations"
# Through a day's outage of a registry this is full at one deleted run in a minute and a half; alerts come before.
COUNT_LIMIT, BYTES_LIMIT = 1_000, 64 << 20
# etcd takes 1.5 MiB; base64 and the rest of the object need their part.
ONE_LIMIT = 1 << 20
POLL_S = 15.0
# Names and annotations only: what is owed is read when its turn has come.
_BARE = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_NAMESPACE, _ANCHOR, _SIZE = (f"sealwright.dev/{word}" for word in ("namespace", "anchor", "size"))


class _Metadata(msgspec.Struct):
    name: str = ""
    annotations: dict[str, str] | None = None


class _Bare(msgspec.Struct):
    metadata: _Metadata


class _List(msgspec.Struct):
    items: list[_Bare] = []


class _Run(msgspec.Struct, rename="camel"):
    kind: Kind
    namespace: str
    name: str
    uid: str
    service_account: str = ""
    completed: str = ""


class _Spec(msgspec.Struct):
    run: _Run
    owed: bytes


class _Object(msgspec.Struct):
    metadata: _Metadata
    spec: _Spec


@value
class Load:
    """How much is kept."""

    count: int = 0
    size: int = 0


class KubeOutbox:
    """`ports.Outbox`. `scope` are the namespaces whose runs are ours, none for all; `claims` is how runs are claimed.

    `load` says how much is kept, as it was last seen.
    """

    def __init__(
        self,
        api: Api,
        clock: Clock,
        namespace: str,
        *,
        scope: Sequence[str],
        claims: Callable[[str], Claim | None],
        on_problem: Callable[[str, Fault], None],
    ) -> None:
        self._api = api
        self._clock = clock
        self._scope = scope
        self._claims = claims
        self._on_problem = on_problem
        self._path = f"/apis/{GROUP}/namespaces/{namespace}/{PLURAL}"
        self._there: set[str] = set()
        self.load = Load()

    async def follow(self) -> AsyncIterator[tuple[Key, Lane]]:
        """What is kept and ours to settle, each once as long as it is there. Never ends."""
        while True:
            try:
                found = await self._list()
            except Fault as fault:
                self._on_problem("outbox", fault)
            else:
                # What another replica settles is looked at again if its shard comes to us.
                ours = {name for name, anchor in found.items() if self._claims(anchor[1])}
                fresh, self._there = ours - self._there, ours
                for name in sorted(fresh):
                    yield found[name][0], "past"
            await self._clock.sleep(POLL_S)

    async def backlog(self) -> AsyncIterator[Key]:
        """Nothing: all of it is found by looking."""
        none: tuple[Key, ...] = ()
        for key in none:
            yield key

    def claim(self, anchor: str) -> Claim | None:
        return self._claims(anchor)

    async def put(self, owed: Pending) -> None:
        """Keep it; what is there already under this uid stays. Raises Transient(OUTBOX_FULL), Permanent(TOO_LARGE)."""
        blob = outbox.pack(owed.owed)
        if len(blob) > ONE_LIMIT:
            raise Permanent(
                Reason.TOO_LARGE,
                f"{owed.origin.key}: what is owed takes {len(blob)} bytes, the outbox takes {ONE_LIMIT}",
            )
        if self.load.count >= COUNT_LIMIT or self.load.size + len(blob) > BYTES_LIMIT:
            raise Transient(Reason.OUTBOX_FULL, f"{owed.origin.key}: {self._said()}; mend what the runs in it wait for")
        status, answer = await self._api.send("POST", self._path, msgspec.json.encode(_object(owed, blob)))
        if status == 404:
            raise Transient(Reason.UNAVAILABLE, f"no kind {PLURAL}.{GROUP.partition('/')[0]} in the cluster: apply deploy/ again")
        if status not in (201, 409):
            raise Transient(Reason.STORE_FAILED, f"{owed.origin.key}: the outbox is refused ({status}): {answer[:256]!r}")
        self.load = Load(count=self.load.count + 1, size=self.load.size + len(blob))

    async def fetch(self, key: Key) -> Pending | None:
        """What is owed. Raises Permanent where the object is not one of ours."""
        body = await self._api.get(f"{self._path}/{key.name}")
        if body is None:
            return None
        try:
            found = msgspec.json.decode(body, type=_Object)
        except msgspec.MsgspecError as error:
            raise Permanent(Reason.INVALID_INPUT, f"{PLURAL}/{key.name}: {error}") from error
        run = found.spec.run
        key = Key(kind=run.kind, namespace=run.namespace, name=run.name)
        return Pending(
            origin=Origin(key=key, uid=run.uid, service_account=run.service_account),
            anchor=_anchor(found.metadata),
            completed=run.completed,
            owed=outbox.unpack(found.spec.owed),
        )

    async def drop(self, key: Key) -> None:
        """It is settled."""
        await self._api.send("DELETE", f"{self._path}/{key.name}", b"")
        self._there.discard(key.name)

    async def _list(self) -> dict[str, tuple[Key, str]]:
        """Name -> key and anchor."""
        body = await self._api.get(self._path, accept=_BARE)
        try:
            items = msgspec.json.decode(body or b"{}", type=_List).items
        except msgspec.MsgspecError as error:
            raise Transient(Reason.UNAVAILABLE, f"list of {PLURAL}: not a list: {error}") from error
        self.load = Load(count=len(items), size=sum(_size(item.metadata) for item in items))
        found = {item.metadata.name: (_key(item.metadata), _anchor(item.metadata)) for item in items}
        return {name: entry for name, entry in found.items() if not self._scope or entry[0].namespace in self._scope}

    def _said(self) -> str:
        return f"the outbox holds {self.load.count} runs in {self.load.size} bytes (at most {COUNT_LIMIT}, {BYTES_LIMIT})"


def _object(owed: Pending, blob: bytes) -> dict[str, Any]:
    run, uid = owed.origin.key, owed.origin.uid
    annotations = {_NAMESPACE: run.namespace, _ANCHOR: owed.anchor, _SIZE: str(len(blob))}
    return {
        "apiVersion": GROUP,
        "kind": "PendingAttestation",
        "metadata": {"name": f"{run.kind.lower()}-{uid}", "annotations": annotations},
        "spec": {
            "run": msgspec.to_builtins(
                _Run(
                    kind=run.kind,
                    namespace=run.namespace,
                    name=run.name,
                    uid=uid,
                    service_account=owed.origin.service_account,
                    completed=owed.completed,
                )
            ),
            "owed": base64.b64encode(blob).decode(),
        },
    }


def _key(found: _Metadata) -> Key:
    kind: Kind = "PipelineRun" if found.name.startswith("pipelinerun-") else "TaskRun"
    return Key(kind=kind, namespace=(found.annotations or {}).get(_NAMESPACE, ""), name=found.name)


def _anchor(found: _Metadata) -> str:
    return (found.annotations or {}).get(_ANCHOR, "")


def _size(found: _Metadata) -> int:
    text = (found.annotations or {}).get(_SIZE, "")
    return int(text) if text.isdecimal() else 0

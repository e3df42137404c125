"""`ports.Runs` over a cluster: the watch keeps keys, marks are one JSON patch, and what is done is known by our receipts.

Memory does not grow with the number of runs: a notice is kept from the look that needs it to the write that ends it, and the
bytes of live events only up to FRESH_BYTES, so that the hot path reads nothing (design D6, D7).
"""

import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.core.model import Key, Kind, Lane, Mark
from sealwright.core.outbox import Pending
from sealwright.core.shards import shard_of
from sealwright.core.tekton import marks, patch, receipt
from sealwright.core.tekton.receipt import RingKey
from sealwright.edge.kube import notices
from sealwright.edge.kube.client import Api
from sealwright.edge.kube.notices import Notice
from sealwright.edge.kube.outbox import KubeOutbox
from sealwright.edge.kube.shards import Shards
from sealwright.edge.kube.watch import Watch
from sealwright.ports import Claim

FRESH_BYTES = 16 << 20
# Notices of runs that are being looked at, or wait for another try; older ones are read again.
NOTICES_KEPT = 4096

_PLURAL: Mapping[Kind, str] = {"TaskRun": "taskruns", "PipelineRun": "pipelineruns"}
# The answer to a patch without the object in it: a tenth of the traffic.
_AS_TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
_GONE, _INVALID = 404, 422
_STALE = (409, _INVALID)
# What the API server takes as a name (RFC 1123 subdomain).
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


def path(key: Key) -> str:
    return f"/apis/tekton.dev/v1/namespaces/{key.namespace}/{_PLURAL[key.kind]}/{key.name}"


class RunReader:
    """`ports.Objects`: one read for each."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def fetch(self, key: Key) -> bytes | None:
        # A PipelineRun's status names its children: `../../secrets/x` must not become a path.
        return await self._api.get(path(key)) if _NAME.fullmatch(key.name) else None


class ClusterRuns:
    """`ring` is asked for at each use; `accepts` says whether a run is ours to sign (namespace, managedBy, age)."""

    def __init__(
        self,
        api: Api,
        watch: Watch,
        *,
        shards: Shards,
        outbox: KubeOutbox,
        ring: Callable[[], Sequence[RingKey]],
        accepts: Callable[[Notice], bool],
    ) -> None:
        self._api = api
        self._reader = RunReader(api)
        self._watch = watch
        self._shards = shards
        self._outbox = outbox
        self._ring = ring
        self._accepts = accepts
        self._notices: OrderedDict[Key, Notice] = OrderedDict()
        self._fresh: OrderedDict[Key, bytes] = OrderedDict()
        self._fresh_bytes = 0
        # Runs whose finalizer or marks were just written: events from before that write are still on their way.
        self._held: OrderedDict[str, None] = OrderedDict()
        self._marked: OrderedDict[str, None] = OrderedDict()

    async def follow(self) -> AsyncIterator[tuple[Key, Lane]]:
        """Runs of our shards that change, as they change; those that are being deleted are to go first."""
        async for found, body in self._watch.live():
            if shard_of(found.anchor) not in self._shards.held:
                continue  # if the shard comes to us, `backlog` finds it
            if self._is_work(found):
                # An event from before our mark would be signed again: such a run is read as it is now.
                self._keep(found, b"" if found.seen.uid in self._marked else body)
                yield found.key, "going" if found.is_deleting else "live"
            elif found.key in self._notices:
                self._note(found)  # our own write coming back: the next patch is built on it

    async def backlog(self) -> AsyncIterator[Key]:
        """Runs that were there before, page by page, each time that shards come to us. Never ends."""
        async for gained in self._shards.gains():
            async for found, body in self._watch.history():
                if shard_of(found.anchor) in gained and self._is_work(found) and found.key not in self._fresh:
                    # A page is older than what the watch has told since: a run that had not ended may have, and failed, and its
                    # look at the old state would take the place of its retry. What had ended stays as it was.
                    is_stale = not found.is_done or found.seen.uid in self._marked
                    self._keep(found, b"" if is_stale else body)
                    yield found.key

    def claim(self, anchor: str) -> Claim | None:
        return self._shards.claim(anchor)

    async def fetch(self, key: Key) -> bytes | None:
        """The event's own bytes if they are still at hand, else one read."""
        body = self._take_fresh(key)
        if body is None:
            body = await self._reader.fetch(key)
            if body is not None:
                self._note(notices.notice(key.kind, body))
        return body

    async def standing(self, key: Key, uid: str) -> bool:
        """Whether the run has a receipt of ours, and nothing of ours is left to take off it."""
        found = self._notices.get(key)
        if found is None or found.seen.uid != uid or not self._has_receipt(found):
            return False
        await self._settle(key, uid, {})
        return True

    async def hold(self, key: Key, uid: str) -> None:
        """Our finalizer, so that a run is not deleted between its end and its signature."""
        found = self._notices.get(key)
        if found is None or found.seen.uid != uid or found.is_deleting or uid in self._held:
            return
        body = patch.hold(key.kind, found.seen)
        if body is not None and await self._patch(key, body) in _STALE:
            self._notices.pop(key, None)  # the event of whatever changed it comes, and with it another look
            return
        _remember(self._held, uid)

    async def release(self, key: Key, uid: str) -> None:
        """Take our finalizer off a run that is being deleted, and will not be signed in its place."""
        found = self._notices.get(key) or await self._read(key)
        if found is not None and found.is_deleting:
            await self._settle(key, uid or found.seen.uid, {})

    async def keep(self, owed: Pending) -> None:
        """In the outbox. Raises Transient: OUTBOX_FULL, STORE_FAILED, UNAVAILABLE; Permanent(TOO_LARGE)."""
        await self._outbox.put(owed)

    async def fail(self, key: Key, uid: str, annotations: Mapping[str, str]) -> None:
        """Say on the run that it could not be signed until now: one write, whose finalizer stays."""
        found = self._notices.get(key) or await self._read(key)
        if found is None or found.seen.uid != uid or found.mark == marks.FAILED or found.is_deleting:
            return
        if await self._patch(key, patch.note(found.seen, annotations)) in _STALE:
            self._notices.pop(key, None)  # the next look, in a while, tries again

    async def mark(self, key: Key, uid: str, mark: Mark) -> None:
        """Marks, receipt and the end of our finalizer in one write. A run that is gone, or another by now, is left alone."""
        text = receipt.issue(self._ring(), key.kind, uid, mark.outcomes, mark.plan)
        await self._settle(key, uid, {**mark.annotations, receipt.ANNOTATION: text})
        self._notices.pop(key, None)
        self._take_fresh(key)
        _remember(self._marked, uid)

    async def _settle(self, key: Key, uid: str, annotations: Mapping[str, str]) -> None:
        """Write; if the object has moved on, read it once and write again."""
        for _ in range(3):
            found = self._notices.get(key) or await self._read(key)
            if found is None or found.seen.uid != uid:
                return
            body = patch.settle(found.seen, annotations)
            if body is None or await self._patch(key, body) not in _STALE:
                return
            self._notices.pop(key, None)
        raise Transient(Reason.STORE_FAILED, f"{key}: it changed three times while its marks were being written")

    async def _patch(self, key: Key, body: bytes) -> int:
        status, answer = await self._api.send(
            "PATCH", path(key), body, patch.MEDIA_TYPE, accept=_AS_TABLE, includeObject="None", fieldManager="sealwright"
        )
        if status == _GONE:
            self._notices.pop(key, None)
        if status == _INVALID and (why := notices.refusal(answer)):
            # No fresh look mends this: annotations have 256 KiB together, and a tenant may have filled them.
            raise Permanent(Reason.STORE_FAILED, f"{key}: the API server refuses the marks: {why}")
        return status

    async def _read(self, key: Key) -> Notice | None:
        body = await self._api.get(path(key))
        if body is None:
            return None
        found = notices.notice(key.kind, body)
        self._note(found)
        return found

    def _is_work(self, found: Notice) -> bool:
        """Whether a look could change anything: most events are steps of a run that is held already."""
        holds = any(map(patch.is_ours, found.seen.finalizers))
        if not self._accepts(found):
            return holds and found.is_deleting
        if not found.is_done:
            return holds if found.is_deleting else not holds
        return holds or not self._has_receipt(found)

    def _has_receipt(self, found: Notice) -> bool:
        return receipt.check(self._ring(), found.receipt, found.key.kind, found.seen.uid) is not None

    def _keep(self, found: Notice, body: bytes) -> None:
        self._note(found)
        self._take_fresh(found.key)
        if body and self._fresh_bytes + len(body) <= FRESH_BYTES:
            self._fresh[found.key] = body
            self._fresh_bytes += len(body)

    def _take_fresh(self, key: Key) -> bytes | None:
        body = self._fresh.pop(key, None)
        self._fresh_bytes -= len(body or b"")
        return body

    def _note(self, found: Notice) -> None:
        self._notices[found.key] = found
        self._notices.move_to_end(found.key)
        if len(self._notices) > NOTICES_KEPT:
            self._notices.popitem(last=False)


def _remember(uids: OrderedDict[str, None], uid: str) -> None:
    uids[uid] = None
    if len(uids) > NOTICES_KEPT:
        uids.popitem(last=False)

"""`ports.Runs` over a cluster: the watch keeps keys, marks are one JSON patch, and what is done is known by our receipts.

Memory does not grow with the number of runs: a notice is kept from the look that needs it to the write that ends it, and the
bytes of live events only up to FRESH_BYTES, so that the hot path reads nothing (design D6, D7).
"""

import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.core.model import Key, Kind, Mark
from sealwright.core.tekton import patch, receipt
from sealwright.core.tekton.receipt import RingKey
from sealwright.edge.kube import notices
from sealwright.edge.kube.client import Api
from sealwright.edge.kube.notices import Notice
from sealwright.edge.kube.watch import Watch

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


class ClusterRuns:
    """`ring` is asked for at each use; `accepts` says whether a run is ours to sign (namespace, managedBy, age)."""

    def __init__(self, api: Api, watch: Watch, ring: Callable[[], Sequence[RingKey]], accepts: Callable[[Notice], bool]) -> None:
        self._api = api
        self._watch = watch
        self._ring = ring
        self._accepts = accepts
        self._notices: OrderedDict[Key, Notice] = OrderedDict()
        self._fresh: OrderedDict[Key, bytes] = OrderedDict()
        self._fresh_bytes = 0
        # Runs whose finalizer or marks were just written: events from before that write are still on their way.
        self._held: OrderedDict[str, None] = OrderedDict()
        self._marked: OrderedDict[str, None] = OrderedDict()

    async def follow(self) -> AsyncIterator[Key]:
        """Runs that change, as they change."""
        async for found, body in self._watch.live():
            if self._is_work(found):
                # An event from before our mark would be signed again: such a run is read as it is now.
                self._keep(found, b"" if found.seen.uid in self._marked else body)
                yield found.key
            elif found.key in self._notices:
                self._note(found)  # our own write coming back: the next patch is built on it

    async def backlog(self) -> AsyncIterator[Key]:
        """Runs that were there before, page by page."""
        async for found, body in self._watch.history():
            if self._is_work(found) and found.key not in self._fresh:
                self._keep(found, b"" if found.seen.uid in self._marked else body)
                yield found.key

    async def fetch(self, key: Key) -> bytes | None:
        """The event's own bytes if they are still at hand, else one read."""
        if not _NAME.fullmatch(key.name):
            # A PipelineRun's status names its children: `../../secrets/x` must not become a path.
            return None
        body = self._take_fresh(key)
        if body is None:
            body = await self._api.get(path(key))
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
        """Take our finalizer off a run that will never be signed: it is deleted before its end."""
        await self._settle(key, uid, {})

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

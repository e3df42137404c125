"""Writes Kubernetes Events on runs, beside the signing and never in its way.

Only warnings by default: a signed run says so itself, and an Event would be a third write for it (design D6). What the
API server does not take is dropped and counted; the log has it.
"""

from collections.abc import Callable
from urllib.parse import quote

import msgspec

from sealwright.core.errors import Fault, Transient
from sealwright.core.model import Key
from sealwright.edge.kube import occurrences
from sealwright.edge.kube.client import Api
from sealwright.edge.kube.occurrences import EventReason, Occurrence, Occurrences, Write
from sealwright.edge.status import RunLook
from sealwright.ports import Clock

TICK_S = 1.0
# One namespace that is going refuses its Events, and that is no reason to fall silent; three refusals in a row are.
REFUSALS, PAUSE_S, PAUSE_CAP_S = 3, 30.0, 900.0


class Events:
    """`run` and `tell` return at once; `send` writes, until it is cancelled.

    `unix_s` gives seconds after 1970; `on_end` is told `written` or `dropped` for each. `instance` names this replica.
    """

    def __init__(
        self,
        api: Api,
        clock: Clock,
        unix_s: Callable[[], float],
        on_end: Callable[[str], None],
        *,
        instance: str,
        with_normal: bool = False,
    ) -> None:
        self._api = api
        self._clock = clock
        self._unix_s = unix_s
        self._on_end = on_end
        self._with_normal = with_normal
        self._occurrences = Occurrences(instance)
        self._refusals = 0

    def run(self, found: RunLook) -> None:
        """What one look at a run has to tell."""
        for happened in occurrences.of(found):
            self._note(happened)

    def tell(self, key: Key, uid: str, reason: EventReason, message: str) -> None:
        """Something that no look reports, like a spoofed mark."""
        self._note(Occurrence(key=key, uid=uid, reason=reason, message=message))

    def _note(self, happened: Occurrence) -> None:
        is_wanted = happened.is_warning or self._with_normal
        if is_wanted and self._occurrences.note(happened, self._unix_s()):
            self._on_end("dropped")

    async def send(self) -> None:
        """Write what is due, one at a time, for ever."""
        while True:
            wait_s = TICK_S
            while write := self._occurrences.next(self._clock.now_s()):
                wait_s = await self._one(write)
                if wait_s > TICK_S:
                    break
            await self._clock.sleep(wait_s)

    async def _one(self, write: Write) -> float:
        """Write it, or drop it; the seconds until the next may be tried."""
        try:
            is_written = await self._put(write)
        except Fault as fault:
            self._on_end("dropped")
            return self._refused(fault)
        self._refusals = 0
        self._on_end("written" if is_written else "dropped")
        return TICK_S

    async def _put(self, write: Write) -> bool:
        """Create or change it, whichever the API server has it for: Events expire, and outlive us."""
        namespace = f"/api/v1/namespaces/{quote(write.namespace, safe='')}/events"
        create = ("POST", namespace, msgspec.json.encode(write.event), "application/json")
        change = ("PATCH", f"{namespace}/{write.name}", msgspec.json.encode(write.change), "application/merge-patch+json")
        first, second, other = (change, create, 404) if write.is_known else (create, change, 409)
        status, _ = await self._api.send(*first)
        if status == other:
            status, _ = await self._api.send(*second)
        self._occurrences.known(write, is_known=status < 300)
        return status < 300

    def _refused(self, fault: Fault) -> float:
        self._refusals += 1
        after_s = fault.after_s if isinstance(fault, Transient) else None
        if after_s is not None:
            return min(max(after_s, PAUSE_S), PAUSE_CAP_S)
        return PAUSE_S if self._refusals >= REFUSALS else TICK_S

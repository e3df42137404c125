"""Which Kubernetes Events to write, and when: the bookkeeping, without a clock and without sending.

One Event for each (object, reason), written at once, then updated at most once a minute with its count. Both how many are
remembered and how many are written in a second have a limit, so neither memory nor the API server can be flooded.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sealwright.core.errors import FOREIGN_LIMIT, Reason
from sealwright.core.model import Key, value
from sealwright.edge import status
from sealwright.edge.status import RunLook

AGAIN_S = 60.0
REMEMBERED = 1024
RATE_PER_S, BURST = 5.0, 25.0
MESSAGE_LIMIT = 4 * FOREIGN_LIMIT  # what events.k8s.io takes

_COMPONENT = "sealwright"


class EventReason(StrEnum):
    """What an Event says has happened; its message begins with the `Reason` why."""

    SIGNED = "Signed"
    SKIPPED = "Skipped"
    SIGNING_FAILED = "SigningFailed"
    CHILD_MISSING = "ChildMissing"
    CHILD_FORGED = "ChildForged"
    SPOOFED_MARK = "SpoofedMark"
    DEFINITION_REFUSED = "DefinitionRefused"
    DEFINITION_DOUBTED = "DefinitionDoubted"
    DEFINITION_UNKNOWN = "DefinitionUnknown"


_NORMAL = frozenset({EventReason.SIGNED, EventReason.SKIPPED})
_FINDINGS = {
    Reason.CHILD_MISSING: EventReason.CHILD_MISSING,
    Reason.CHILD_FORGED: EventReason.CHILD_FORGED,
    Reason.SPOOFED_MARK: EventReason.SPOOFED_MARK,
    Reason.DEFINITION_REFUSED: EventReason.DEFINITION_REFUSED,
    Reason.DEFINITION_DOUBTED: EventReason.DEFINITION_DOUBTED,
    Reason.DEFINITION_UNKNOWN: EventReason.DEFINITION_UNKNOWN,
}


@value
class Occurrence:
    """Something that happened to an object. `uid` may be "" where the object could not be read."""

    key: Key
    uid: str
    reason: EventReason
    message: str

    @property
    def is_warning(self) -> bool:
        return self.reason not in _NORMAL


def of(found: RunLook) -> Iterator[Occurrence]:
    """What one look at a run has to tell."""

    def occurrence(reason: EventReason, message: str) -> Occurrence:
        return Occurrence(key=found.key, uid=found.uid, reason=reason, message=message)

    match str(found.state):
        case "signed":
            stored = [f"{receipt.store}: {receipt.uri}" for outcome in found.outcomes for receipt in outcome.receipts]
            yield occurrence(EventReason.SIGNED, f"stored in {', '.join(stored)}")
        case "skipped":
            yield occurrence(EventReason.SKIPPED, f"{Reason.DISABLED}: {Reason.DISABLED.meaning}")
        case "failed" | "kept" | "released":
            told = [f"{failure.reason}: {failure.stage}: {failure.message}" for failure in found.failures]
            yield occurrence(EventReason.SIGNING_FAILED, "; ".join(told))
        case _:
            return
    for finding in found.findings:
        reason = status.reason(finding)
        if reason in _FINDINGS:
            yield occurrence(_FINDINGS[reason], finding.message)


@value
class Write:
    """One Event to create, or to change where `is_known`; its members as the API has them."""

    id: tuple[str, EventReason]
    namespace: str
    name: str
    is_known: bool
    event: dict[str, Any]

    @property
    def change(self) -> dict[str, Any]:
        """What of it may differ from the time before: a merge patch."""
        return {name: self.event[name] for name in ("count", "lastTimestamp", "message")}


@dataclass(slots=True)
class _Entry:
    occurrence: Occurrence
    first_s: float
    last_s: float = 0.0
    count: int = 0
    is_known: bool = False
    is_due_s: float = 0.0


class Occurrences:
    """What happened and has not been written yet. `at_s` is seconds after 1970, `now_s` the monotonic clock's."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._entries: OrderedDict[tuple[str, EventReason], _Entry] = OrderedDict()
        self._unwritten: dict[tuple[str, EventReason], None] = {}
        self._allowance = BURST
        self._allowed_at_s = 0.0

    def note(self, happened: Occurrence, at_s: float) -> bool:
        """Remember it; true if something unwritten was forgotten for it."""
        identity = (happened.uid or str(happened.key), happened.reason)
        entry = self._entries.setdefault(identity, _Entry(happened, first_s=at_s))
        self._entries.move_to_end(identity)
        entry.occurrence, entry.last_s, entry.count = happened, at_s, entry.count + 1
        self._unwritten[identity] = None
        if len(self._entries) <= REMEMBERED:
            return False
        forgotten, _ = self._entries.popitem(last=False)
        return forgotten in self._unwritten and self._unwritten.pop(forgotten) is None

    def next(self, now_s: float) -> Write | None:
        """The next Event to write now, oldest news first; it counts as written from here on."""
        self._allowance = min(BURST, self._allowance + (now_s - self._allowed_at_s) * RATE_PER_S)
        self._allowed_at_s = now_s
        identity = next((each for each in self._unwritten if self._entries[each].is_due_s <= now_s), None)
        if identity is None or self._allowance < 1:
            return None
        self._allowance -= 1
        del self._unwritten[identity]
        entry = self._entries[identity]
        entry.is_due_s = now_s + AGAIN_S
        return self._write(identity, entry)

    def known(self, write: Write, *, is_known: bool) -> None:
        """Whether the API server has the Event now."""
        if entry := self._entries.get(write.id):
            entry.is_known = is_known

    def _write(self, identity: tuple[str, EventReason], entry: _Entry) -> Write:
        happened, key = entry.occurrence, entry.occurrence.key
        # The same name after a restart and on every replica: the Event is found again, not written beside the old one.
        mark = hashlib.sha256(f"{identity[0]} {identity[1]}".encode()).hexdigest()[:16]
        name = f"{key.name[:200].rstrip('-.')}.{mark}"
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": key.namespace, "name": name},
            "involvedObject": {
                "apiVersion": "tekton.dev/v1",
                "kind": key.kind,
                "namespace": key.namespace,
                "name": key.name,
                "uid": happened.uid,
            },
            "type": "Warning" if happened.is_warning else "Normal",
            "reason": str(happened.reason),
            "message": _cut(happened.message),
            "firstTimestamp": _time(entry.first_s),
            "lastTimestamp": _time(entry.last_s),
            "count": entry.count,
            "source": {"component": _COMPONENT},
            "reportingComponent": _COMPONENT,
            "reportingInstance": self._instance,
        }
        return Write(id=identity, namespace=key.namespace, name=name, is_known=entry.is_known, event=event)


def _cut(message: str) -> str:
    return message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 3] + "..."


def _time(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"

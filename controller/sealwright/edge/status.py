"""What is known at a moment, as values: the status page, health answers and gauges are functions of these."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Protocol

from sealwright.core.errors import Reason
from sealwright.core.model import Finding, Key, Kind, value
from sealwright.edge.reports import Look

# What fits on one page: older failures are in the log and on the runs.
FAILURES_SHOWN = 20

_WORDS = {str(reason): reason for reason in Reason}


class RunLook(Look, Protocol):
    """A look that says which object it was, not only which name it has."""

    @property
    def uid(self) -> str: ...


@value
class Waiting:
    """Runs that wait in one lane of the queue. `oldest_s` is how long the oldest has waited, 0 where none does."""

    kind: Kind
    lane: str
    count: int
    oldest_s: float = 0.0


@value
class FailedLook:
    """A look at a run that ended in a failure, `at_s` seconds after 1970."""

    at_s: float
    key: Key
    reason: str
    message: str


@value
class Status:
    """The controller at the moment `at_s`, seconds after 1970.

    `unmet` names each condition without which nothing can be signed. `stuck` says why only a restart
    would help, and is empty otherwise. `keys` maps a signer's word to its key id, `looks` counts since the start.
    """

    version: str
    at_s: float
    started_s: float
    generation: str = ""
    unmet: Sequence[Finding] = ()
    stuck: str = ""
    is_stopping: bool = False
    warnings: Sequence[Finding] = ()
    keys: Mapping[str, str]
    looks: Mapping[tuple[Kind, str], int]
    waiting: Sequence[Waiting] = ()
    failures: Sequence[FailedLook] = ()

    @property
    def obstacles(self) -> tuple[Finding, ...]:
        """Each reason why a run that finishes now would not be signed; none means ready."""
        ends = (("stuck", self.stuck), ("stopping", "the program was asked to stop" if self.is_stopping else ""))
        return (*(Finding(where=where, message=message) for where, message in ends if message), *self.unmet)


class History:
    """What the looks since the start came to: counts by kind and state, and the last failures, newest first."""

    def __init__(self) -> None:
        self.looks: Counter[tuple[Kind, str]] = Counter()
        self.failures: deque[FailedLook] = deque(maxlen=FAILURES_SHOWN)

    def run(self, found: Look, at_s: float) -> None:
        """Count one look, made `at_s` seconds after 1970."""
        self.looks[found.key.kind, str(found.state)] += 1
        if found.failures:
            first = found.failures[0]
            failed = FailedLook(at_s=at_s, key=found.key, reason=str(first.reason), message=f"{first.stage}: {first.message}")
            self.failures.appendleft(failed)


def reason(found: Finding) -> Reason | None:
    """The word with which a finding's message begins; None where it is no Reason."""
    return _WORDS.get(found.message.partition(":")[0])

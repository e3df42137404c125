"""What goes wrong now, for how long, and from which cause: so that one look in a while is enough to notice that a cause is gone.

Each key waits longer after each failure (`core/retry`), up to minutes. But of all that fail from one cause, one is tried every
PROBE_S: when it succeeds, others that failed so are tried at once, a few for each success. What recovers is noticed within half
a minute, and what does not is not hammered.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence

from sealwright.core import retry
from sealwright.core.errors import Reason
from sealwright.core.model import Failure, Key, value

PROBE_S = 20.0
# Others that are tried at once when one has succeeded: the wave doubles several times a second, and dies where a cause stays.
WAVE = 8

_Cause = tuple[str, Reason]


@value
class _Trouble:
    cause: _Cause
    since_s: float
    attempts: int


class Failing:
    """Keys that failed at their last look. Times are seconds of the flow's clock."""

    def __init__(self) -> None:
        self._troubles: dict[Key, _Trouble] = {}
        self._by_cause: dict[_Cause, OrderedDict[Key, None]] = {}
        self._probe_at_s: dict[_Cause, float] = {}

    def __len__(self) -> int:
        return len(self._troubles)

    def since_s(self, key: Key, otherwise_s: float) -> float:
        """When it first failed, of the failures that it had without a success between."""
        found = self._troubles.get(key)
        return found.since_s if found else otherwise_s

    def items(self) -> Iterator[tuple[Key, float]]:
        """Each key, and since when it fails."""
        return ((key, found.since_s) for key, found in self._troubles.items())

    def note(self, key: Key, failures: Sequence[Failure], now_s: float, chance: float) -> float:
        """It failed. Seconds until it should be tried again; `chance` in [0, 1) spreads them."""
        before = self._troubles.get(key)
        self._leave(key)
        cause = _cause(failures)
        attempts = before.attempts + 1 if before else 1
        self._troubles[key] = _Trouble(cause=cause, since_s=before.since_s if before else now_s, attempts=attempts)
        self._by_cause.setdefault(cause, OrderedDict())[key] = None
        wait_s = retry.wait_s(failures, attempts, chance)
        is_mended_by_waiting = any(found.transient and found.after_s is None for found in failures)
        if is_mended_by_waiting and self._probe_at_s.get(cause, now_s) <= now_s:
            wait_s = min(wait_s, PROBE_S * (0.5 + chance / 2))
            self._probe_at_s[cause] = now_s + wait_s
        return wait_s

    def mended(self, key: Key) -> list[Key]:
        """It does not fail any more. The keys that failed from the same cause and are worth a look now, longest waiting first."""
        found = self._troubles.get(key)
        self._leave(key)
        if found is None:
            return []
        others = self._by_cause.get(found.cause, OrderedDict())
        wave = list(others)[:WAVE]
        for other in wave:
            others.move_to_end(other)  # so that the next success wakes the next ones
        return wave

    def _leave(self, key: Key) -> None:
        found = self._troubles.pop(key, None)
        if found is None:
            return
        same = self._by_cause[found.cause]
        same.pop(key, None)
        if not same:
            del self._by_cause[found.cause]
            self._probe_at_s.pop(found.cause, None)


def _cause(failures: Sequence[Failure]) -> _Cause:
    return (failures[0].stage, failures[0].reason) if failures else ("", Reason.INTERNAL_ERROR)

"""How long to wait before the next try. Nothing is given up for ever (design D4): the budget is time, and it only grows.

Transient failures start at a second and stop growing at five minutes, so that an outage of a day ends within one such wait.
Permanent ones may have been mended from outside (a secret, a permission), so they are tried again too, but hourly at last.
"""

from collections.abc import Iterable

from sealwright.core.errors import Reason
from sealwright.core.model import Failure

FIRST_S, CAP_S = 1.0, 300.0
PERMANENT_FIRST_S, PERMANENT_CAP_S = 60.0, 3600.0
# A peer that asks for a day is not believed: the queue must notice that it has come back.
PEER_CAP_S = 900.0


def wait_s(failures: Iterable[Failure], attempt: int, chance: float) -> float:
    """Seconds until the next try. `attempt` counts from 1; `chance` in [0, 1) spreads retries over the upper half.

    With several failures the soonest decides: what can be mended soon should be.
    """
    return min((_one(failure, attempt, chance) for failure in failures), default=CAP_S)


def _one(failure: Failure, attempt: int, chance: float) -> float:
    if failure.after_s is not None:
        # FIRST_S stands first: a peer's NaN is smaller than nothing and would pass through the other way round.
        return min(max(FIRST_S, failure.after_s), PEER_CAP_S) * (1 + chance / 10)
    is_slow = not failure.transient or failure.reason is Reason.INTERNAL_ERROR
    first, cap = (PERMANENT_FIRST_S, PERMANENT_CAP_S) if is_slow else (FIRST_S, CAP_S)
    doubled = first * 2.0 ** min(attempt - 1, 32)  # 2^32 s is above every cap, and a float stays finite
    return min(doubled, cap) * (0.5 + chance / 2)

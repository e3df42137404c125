"""How long until the next try: it grows, it is capped and spread, and it never ends."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core import retry
from sealwright.core.errors import Reason
from sealwright.core.model import Failure

CHANCES = st.floats(0, 1, exclude_max=True)
ATTEMPTS = st.integers(1, 10**6)
PEER_WISHES = st.none() | st.floats() | st.integers(-(10**30), 10**30)
FAILURES = st.builds(
    Failure,
    stage=st.sampled_from(["build", "sign", "store", "mark"]),
    reason=st.sampled_from(Reason),
    message=st.just("m"),
    transient=st.booleans(),
    after_s=PEER_WISHES,
)


def failed(*, transient: bool, reason: Reason = Reason.UNAVAILABLE, after_s: float | None = None) -> Failure:
    return Failure(stage="store", reason=reason, message="m", transient=transient, after_s=after_s)


OUTAGE, REFUSAL = failed(transient=True), failed(transient=False)
BUG = failed(transient=True, reason=Reason.INTERNAL_ERROR)
LIMITS = {
    "transient": (OUTAGE, retry.FIRST_S, retry.CAP_S),
    "permanent": (REFUSAL, retry.PERMANENT_FIRST_S, retry.PERMANENT_CAP_S),
    "a bug": (BUG, retry.PERMANENT_FIRST_S, retry.PERMANENT_CAP_S),
}


@given(st.lists(FAILURES, max_size=4), ATTEMPTS, CHANCES)
def test_there_is_always_a_next_try(failures, attempt, chance):
    """Whatever failed and however often: a finite time above zero, within an hour."""
    found = retry.wait_s(failures, attempt, chance)

    assert math.isfinite(found)
    assert retry.FIRST_S / 2 <= found <= retry.PERMANENT_CAP_S


@pytest.mark.parametrize("row", LIMITS)
@given(ATTEMPTS, CHANCES)
def test_chance_spreads_tries_over_the_upper_half(row, attempt, chance):
    """Never under half of the wait, never over it: runs that failed together do not come back together."""
    failure, first, cap = LIMITS[row]
    whole = min(first * 2 ** min(attempt - 1, 40), cap)

    assert whole / 2 <= retry.wait_s([failure], attempt, chance) <= whole


@pytest.mark.parametrize("row", LIMITS)
@given(CHANCES)
def test_waits_double_up_to_the_cap(row, chance):
    """At equal chance each wait is twice the one before, or the cap."""
    failure, first, cap = LIMITS[row]
    waits = [retry.wait_s([failure], attempt, chance) for attempt in range(1, 40)]

    assert waits[0] == first * (0.5 + chance / 2)
    assert waits[-1] == cap * (0.5 + chance / 2)
    assert all(after == min(2 * before, waits[-1]) for before, after in pairwise(waits))


def test_an_outage_of_a_day_ends_within_one_wait():
    """Transient failures are tried again at least every five minutes, permanent ones every hour."""

    assert retry.wait_s([OUTAGE], 10**9, 0.999) < 300
    assert retry.wait_s([REFUSAL], 10**9, 0.999) < 3600


@given(st.lists(FAILURES, min_size=1, max_size=4), ATTEMPTS, CHANCES)
def test_the_soonest_of_several_decides(failures, attempt, chance):
    """What can be mended soon is not made to wait for what cannot."""
    alone = [retry.wait_s([failure], attempt, chance) for failure in failures]

    assert retry.wait_s(failures, attempt, chance) == min(alone)


WISHES = {"two seconds": (2.0, 2.0), "zero": (0.0, 1.0), "less than zero": (-5.0, 1.0), "a day": (86400.0, 900.0), "for ever": (math.inf, 900.0),
          "minus infinity": (-math.inf, 1.0), "no number": (math.nan, 1.0)}  # fmt: skip


@pytest.mark.parametrize("row", WISHES)
@given(ATTEMPTS, CHANCES)
def test_a_peers_wish_is_honoured_within_reason(row, attempt, chance):
    """Between a second and a quarter of an hour, whatever it says; then up to a tenth more, not to come all at once."""
    wish, wanted = WISHES[row]
    found = retry.wait_s([failed(transient=True, after_s=wish)], attempt, chance)

    assert wanted <= found <= wanted * 1.1


def test_a_failure_without_a_reason_is_tried_again():
    """Nothing says why a receipt is missing: still there is a next try."""

    assert retry.wait_s([], 1, 0.5) == retry.CAP_S

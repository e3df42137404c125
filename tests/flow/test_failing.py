"""What recovers is noticed within half a minute, and what does not is not hammered."""

import pytest

from sealwright.core.errors import Reason
from sealwright.core.model import Failure, Key
from sealwright.core.retry import CAP_S
from sealwright.flow.failing import PROBE_S, WAVE, Failing

DOWN = Failure(stage="store", reason=Reason.UNAVAILABLE, message="no answer", transient=True)
REFUSED = Failure(stage="store", reason=Reason.STORE_FAILED, message="no", transient=False)
ASKED = Failure(stage="store", reason=Reason.UNAVAILABLE, message="later", transient=True, after_s=600.0)


def key(n: int) -> Key:
    return Key(kind="TaskRun", namespace="team", name=f"build-{n}")


def settled(count: int, hours: float = 1.0) -> tuple[Failing, dict[int, float]]:
    """So many keys that have failed from one cause for so long, and when each is tried next."""
    failing = Failing()
    due = dict.fromkeys(range(count), 0.0)
    while min(due.values()) < hours * 3600:
        n = min(due, key=lambda each: due[each])
        due[n] += failing.note(key(n), [DOWN], due[n], 0.5)
    return failing, due


@pytest.mark.parametrize("count", [1, 2, 50])
def test_one_of_all_that_fail_from_one_cause_is_tried_in_a_while(count):
    """Within PROBE_S, after an hour too; the others wait for minutes."""
    _, due = settled(count)

    assert min(due.values()) - 3600 <= PROBE_S
    assert sum(at - 3600 > PROBE_S for at in due.values()) >= count * 3 // 4 - 1


def test_fifty_that_fail_are_tried_no_more_often_than_their_waits_and_one_probe():
    """In an hour: 12 tries of five minutes each, and three probes a minute in all."""
    failing = Failing()
    due = dict.fromkeys(range(50), 0.0)
    tries = 0
    while min(due.values()) < 2 * 3600:
        n = min(due, key=lambda each: due[each])
        tries += due[n] > 3600
        due[n] += failing.note(key(n), [DOWN], due[n], 0.999)

    assert tries <= 50 * 3600 / CAP_S + 3600 / (PROBE_S / 2) + 50


def test_a_refusal_is_not_probed():
    """Only time, or somebody, mends it."""
    assert Failing().note(key(1), [REFUSED], 0.0, 0.0) > PROBE_S


def test_what_a_peer_asks_for_is_kept_to():
    """429 with Retry-After."""
    assert Failing().note(key(1), [ASKED], 0.0, 0.0) >= 600


def test_a_success_wakes_others_of_its_cause_and_not_all_at_once():
    """Each success the next WAVE of them."""
    failing, _ = settled(3 * WAVE)
    first, second = failing.mended(key(0)), failing.mended(key(1))

    assert len(first) == len(second) == WAVE
    assert not set(first) & set(second)


def test_a_success_wakes_nobody_who_fails_from_another_cause():
    """Or who never failed."""
    failing = Failing()
    failing.note(key(1), [DOWN], 0.0, 0.5)
    failing.note(key(2), [REFUSED], 0.0, 0.5)

    assert failing.mended(key(1)) == []
    assert failing.mended(key(3)) == []
    assert len(failing) == 1


def test_how_long_it_fails_is_counted_from_the_first_failure():
    """And begins anew after a success."""
    failing = Failing()
    failing.note(key(1), [DOWN], 10.0, 0.5)
    failing.note(key(1), [REFUSED], 20.0, 0.5)
    before = failing.since_s(key(1), 99.0)
    failing.mended(key(1))

    assert (before, failing.since_s(key(1), 99.0)) == (10.0, 99.0)

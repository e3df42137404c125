"""Yes, no, and "could not tell", which is never a yes."""

from itertools import combinations_with_replacement, permutations

import pytest

from sealwright.core.errors import Permanent, Reason, Transient, Untrusted
from sealwright.core.policy import verdict
from sealwright.core.policy.verdict import State, Verdict

FAULTS = {
    Untrusted(Reason.BAD_SIGNATURE, "no"): State.FAIL,
    Permanent(Reason.KEY_UNUSABLE, "no"): State.FAIL,
    Transient(Reason.UNAVAILABLE, "later"): State.UNKNOWN,
}


def said(state: State, reason: str = "r") -> Verdict:
    return Verdict(state=state, reasons=(reason,))


@pytest.mark.parametrize(("fault", "state"), FAULTS.items(), ids=lambda each: type(each).__name__)
def test_a_fault_is_never_a_pass(fault, state):
    """A proof that failed is a no; one that could not be tried is unknown."""
    found = verdict.of_fault(fault)

    assert (state, (str(fault),), False) == (found.state, found.reasons, found.is_pass)


def test_nothing_is_no_pass():
    """Where there is nothing, nothing was proven (design D13)."""
    found = verdict.all_of([])

    assert found.state is State.FAIL
    assert found.reasons == ("there is nothing that could pass",)


@pytest.mark.parametrize("states", [each for size in (1, 2, 3) for each in combinations_with_replacement(State, size)])
def test_all_pass_or_it_is_no_pass(states):
    """In any order: one no makes a no, and without a no one unknown makes an unknown."""
    for order in permutations(states):
        found = verdict.all_of([said(state) for state in order])
        wanted = State.FAIL if State.FAIL in order else State.UNKNOWN if State.UNKNOWN in order else State.PASS

        assert found.state is wanted
        assert found.is_pass == (set(order) == {State.PASS})


def test_every_reason_is_kept_in_order():
    """What was proven before something failed is told too."""
    found = verdict.all_of([said(State.PASS, "a"), said(State.FAIL, "b"), said(State.PASS, "c")])

    assert found.reasons == ("a", "b", "c")

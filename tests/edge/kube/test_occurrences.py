"""Which Events are written, and when."""

import re

import pytest
from fakes import looks
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core.errors import Reason
from sealwright.core.model import Finding
from sealwright.edge.kube import occurrences
from sealwright.edge.kube.occurrences import AGAIN_S, BURST, MESSAGE_LIMIT, REMEMBERED, EventReason, Occurrence, Occurrences
from sealwright.flow.reconcile import State

AT_S = 1_790_000_000.0
CHILD = "ChildMissing: TaskRun 'test' cannot be found; the statement is made without it"


def occurrence(uid="u1", reason=EventReason.SIGNING_FAILED, message="StoreFailed: store: oci", name="build"):
    return Occurrence(key=looks.key(name=name), uid=uid, reason=reason, message=message)


def writes(ledger, now_s):
    """All that may be written at this moment."""
    found = []
    while write := ledger.next(now_s):
        found.append(write)
    return found


@pytest.mark.parametrize(
    ("look", "told"),
    [
        (looks.signed(), [("Signed", "stored in tekton: tekton://place, oci: oci://place")]),
        (looks.look(State.SKIPPED), [("Skipped", f"Disabled: {Reason.DISABLED.meaning}")]),
        (looks.look(State.FAILED, failures=(looks.failure(),)), [("SigningFailed", "StoreFailed: store: oci: no answer")]),
        (
            looks.look(State.SIGNED, looks.outcome("oci"), findings=(Finding(where="x", message=CHILD),)),
            [("Signed", "stored in oci: oci://place"), ("ChildMissing", CHILD)],
        ),
        (looks.look(State.WAITING, findings=(Finding(where="x", message=CHILD),)), []),
        (looks.look(State.KNOWN), []),
        (looks.look(State.GONE), []),
        (looks.look(State.SIGNED, looks.outcome("oci"), findings=(Finding(where="x", message="no Reason: at all"),)), None),
    ],
)
def test_look_tells_what_it_came_to(look, told):
    """Ends are told, and what is missing; that a run waits is no news."""
    found = [(each.reason, each.message) for each in occurrences.of(look)]

    assert found == (told if told is not None else [("Signed", "stored in oci: oci://place")])


def test_first_is_written_at_once_and_the_rest_once_a_minute_with_their_count():
    """One Event for an object and a reason, however often it happens."""
    ledger = Occurrences("pod-1")
    ledger.note(occurrence(message="first"), AT_S)
    [first] = writes(ledger, 10.0)
    for second in range(1, 50):
        ledger.note(occurrence(message=f"again {second}"), AT_S + second)
        assert writes(ledger, 10.0 + second) == []
    ledger.known(first, is_known=True)
    [later] = writes(ledger, 10.0 + AGAIN_S)

    assert (first.is_known, first.event["count"], first.event["message"]) == (False, 1, "first")
    assert (later.is_known, later.name) == (True, first.name)
    assert later.change == {"count": 50, "lastTimestamp": "2026-09-21T14:14:09Z", "message": "again 49"}
    assert later.event["firstTimestamp"] == "2026-09-21T14:13:20Z"


def test_other_reasons_and_objects_do_not_wait_for_each_other():
    """The same name with another uid is another object."""
    ledger = Occurrences("")
    for each in (occurrence(), occurrence(uid="u2"), occurrence(reason=EventReason.CHILD_MISSING)):
        ledger.note(each, AT_S)

    assert len({write.name for write in writes(ledger, 1.0)}) == 3


def test_flood_is_written_at_a_limited_rate_and_none_of_it_is_lost():
    """A burst, then so many a second, oldest first."""
    ledger = Occurrences("")
    for number in range(100):
        ledger.note(occurrence(uid=f"u{number}", name=f"run-{number}"), AT_S)
    at_once, a_second_later = writes(ledger, 100.0), writes(ledger, 101.0)
    rest = [write for second in range(102, 160) for write in writes(ledger, float(second))]
    names = [write.event["involvedObject"]["name"] for write in (*at_once, *a_second_later, *rest)]

    assert (len(at_once), len(a_second_later)) == (BURST, occurrences.RATE_PER_S)
    assert names == [f"run-{number}" for number in range(100)]


def test_memory_has_a_limit_and_what_is_forgotten_unwritten_is_told():
    """The one that was quiet for longest goes first."""
    ledger = Occurrences("")
    ledger.note(occurrence(uid="written"), AT_S)
    writes(ledger, 1.0)
    forgotten = [ledger.note(occurrence(uid=f"u{number}"), AT_S) for number in range(REMEMBERED + 1)]

    assert forgotten == [False] * (REMEMBERED) + [True]
    assert len(ledger._entries) == REMEMBERED
    assert len(ledger._unwritten) == REMEMBERED


def test_long_message_is_cut():
    """The API server takes no more."""
    ledger = Occurrences("")
    ledger.note(occurrence(message="x" * 5000), AT_S)
    [write] = writes(ledger, 1.0)

    assert len(write.event["message"]) == MESSAGE_LIMIT


@settings(max_examples=100, deadline=None)
@given(st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?", fullmatch=True))
def test_name_of_an_event_is_one_that_kubernetes_takes(name):
    """Also for the longest name that a run can have."""
    ledger = Occurrences("")
    ledger.note(occurrence(name=name), AT_S)
    [write] = writes(ledger, 1.0)

    assert len(write.name) <= 253
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", write.name)
    assert ".." not in write.name.removeprefix(name[:200])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=60))
def test_no_event_is_written_twice_within_a_minute(happenings):
    """Whatever happens when, and with all that happened until then in its count."""
    ledger, now_s, told, counts = Occurrences(""), 1000.0, {}, {}
    for number, wait_s in [*happenings, *[(0, AGAIN_S)] * 2]:
        now_s += wait_s
        ledger.note(occurrence(uid=f"u{number}"), now_s)
        counts[f"u{number}"] = counts.get(f"u{number}", 0) + 1
        for write in writes(ledger, now_s):
            assert now_s - told.get(write.id, -1000.0) >= AGAIN_S
            told[write.id] = now_s
            assert write.event["count"] == counts[write.id[0]]

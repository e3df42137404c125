"""The runs in a file."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Key
from sealwright.core.tekton import documents

RUN = b'{"apiVersion":"tekton.dev/v1","kind":"TaskRun","metadata":{"name":"a","namespace":"ns","uid":"u"},"spec":{"x":1.10}}'
KEY = Key(kind="TaskRun", namespace="ns", name="a")
YAML = b"""\
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: a, namespace: ns, uid: u}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: p}
"""


def test_json_file_keeps_its_bytes():
    """Spaces, order and the text of numbers are what was in the file."""
    (found,) = documents.read(b" " + RUN + b"\n", "file").runs

    assert (found.key, found.uid, found.position, found.body) == (KEY, "u", 0, b" " + RUN + b"\n")


def test_list_is_opened_and_each_item_keeps_its_bytes():
    """What `kubectl get -o json` prints is a file of runs."""
    other = RUN.replace(b'"name":"a"', b'"name":"b"')
    found = documents.read(b'{"kind":"List","apiVersion":"v1","items":[' + RUN + b"," + other + b"]}", "file").runs

    assert [(0, RUN), (1, other)] == [(each.position, each.body) for each in found]


def test_yaml_documents_are_separate_and_other_kinds_are_left_out():
    """Several documents, several runs; a ConfigMap between them is no mistake."""
    found = documents.read(YAML, "file").runs

    assert [KEY, Key(kind="PipelineRun", namespace="", name="p")] == [each.key for each in found]
    assert found[0].body == b'{"apiVersion":"tekton.dev/v1","kind":"TaskRun","metadata":{"name":"a","namespace":"ns","uid":"u"}}'


REFUSED = {
    "half a file": (RUN[:-5], Reason.INVALID_INPUT),
    "a repeated key": (RUN.replace(b'"kind":"TaskRun"', b'"kind":"TaskRun","kind":"TaskRun"'), Reason.REPEATED_KEY),
    "too deep": (b'{"kind":' + b"[" * 300 + b"]" * 300 + b"}", Reason.TOO_LARGE),
    "half a character": (b"\xff", Reason.INVALID_INPUT),
}
FAULTY = {
    "an array": (b"[" + RUN + b"]", Reason.INVALID_RUN),
    "no kind": (b"{}", Reason.INVALID_RUN),
    "a run without a name": (RUN.replace(b'"name":"a",', b""), Reason.INVALID_RUN),
    "a name that is no text": (RUN.replace(b'"name":"a"', b'"name":7'), Reason.INVALID_RUN),
    "a run over 3 MiB": (RUN.replace(b"1.10", b'"' + b"x" * (3 << 20) + b'"'), Reason.TOO_LARGE),
}


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_file_that_cannot_be_read_is_refused_with_a_reason(data, reason):
    """The message starts with the file."""
    with pytest.raises(Permanent, match="file x") as caught:
        documents.read(data, "file x")

    assert reason == caught.value.reason


@pytest.mark.parametrize(("data", "reason"), FAULTY.values(), ids=FAULTY.keys())
def test_object_that_cannot_be_read_does_not_stop_the_others(data, reason):
    """Its fault is told beside the runs that were found."""
    found = documents.read(b'{"kind":"List","items":[' + data + b"," + RUN + b"]}", "file x")

    assert [each.body for each in found.runs] == [RUN]
    assert [reason] == [fault.reason for fault in found.faults]


STRANGERS = {
    "a package.json": b'{"name":"x","version":"1.0.0"}',
    "a kind that is no text": b'{"kind":7}',
    "an empty object": b"{}",
    "an array": b'[{"a":1}]',
    "an empty array": b"[]",
    "items of nothing": b'{"items":[{"name":"x"}]}',
    "a YAML list": b"- hosts: all\n",
    "a YAML text": b"hello\n",
}


@pytest.mark.parametrize("data", STRANGERS.values(), ids=STRANGERS.keys())
def test_what_never_claimed_to_be_an_object_is_a_stranger(data):
    """No fault, so that a folder of runs may hold other files; but a file that was named must hold runs."""
    found = documents.read(data, "file x")

    assert (found.runs, found.faults) == ((), ())
    assert [fault.reason for fault in found.strangers] == [Reason.INVALID_RUN]
    with pytest.raises(Permanent, match="file x: wanted Kubernetes objects"):
        documents.runs(data, "file x")


@pytest.mark.parametrize("data", [b"[" + RUN + b"]", RUN.replace(b'"name":"a"', b'"name":7'), RUN.replace(b'"name":"a",', b"")])
def test_what_claimed_to_be_an_object_is_told(data):
    """A mistake in a run must not make it vanish."""
    found = documents.read(data, "file x")

    assert (found.runs, found.strangers) == ((), ())
    assert len(found.faults) == 1


def test_one_fault_spoils_the_file_for_those_who_verify():
    """`runs` raises what `read` tells."""
    assert documents.read(YAML, "file").runs == documents.runs(YAML, "file")
    with pytest.raises(Permanent, match="`kind`"):
        documents.runs(b'{"kind":"List","items":[{},' + RUN + b"]}", "file")


@given(st.binary(max_size=80) | st.sampled_from([RUN[:cut] for cut in range(0, len(RUN), 7)]))
def test_any_bytes_are_runs_or_refused(data):
    """Hostile files raise nothing but Permanent."""
    with contextlib.suppress(Permanent):
        documents.read(data, "file")

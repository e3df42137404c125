"""The writes on a run touch nothing that is not ours, and fail where the object is no longer what it was."""

import json

import pytest
from fakes import jsonpatch
from fakes.jsonpatch import TestFailedError
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core.tekton import patch
from sealwright.core.tekton.patch import Seen

UID = "uid-of-build"
OURS = ("chains.tekton.dev/taskrun", "chains.tekton.dev", "chains.tekton.dev/pipelinerun")
FOREIGN = (
    "results.tekton.dev/taskrun",
    "foregroundDeletion",
    "example.com/a~b/c",
    "chains.tekton.dev/other",
    "x-chains.tekton.dev",
)
NOTE = {"example.com/note": "kept", "a~b/c": "kept"}
MARKS = {"chains.tekton.dev/signed": "true", "sealwright.dev/receipt": "v1.k1.b.m", "strange~name/1": "2"}

finalizer_lists = st.lists(st.sampled_from([*OURS, *FOREIGN]), max_size=8)
annotation_maps = st.none() | st.dictionaries(st.sampled_from([*NOTE, *MARKS, "other/key"]), st.text(max_size=8), max_size=4)
marks_maps = st.dictionaries(st.sampled_from([*MARKS]), st.text(max_size=8), max_size=3)


def run(finalizers=(), annotations=None, uid=UID):
    metadata = {"name": "build", "uid": uid, "labels": {"a": "b"}}
    if finalizers:
        metadata["finalizers"] = list(finalizers)
    if annotations is not None:
        metadata["annotations"] = dict(annotations)
    return {"kind": "TaskRun", "metadata": metadata, "spec": {"x": 1}, "status": {"y": [2]}}


def seen(found):
    metadata = found["metadata"]
    return Seen(uid=metadata["uid"], finalizers=tuple(metadata.get("finalizers", ())), has_annotations="annotations" in metadata)


def written(found, body):
    return jsonpatch.apply(found, json.loads(body))


def without(found, *members):
    return found | {"metadata": {name: member for name, member in found["metadata"].items() if name not in members}}


@settings(max_examples=200, deadline=None)
@given(finalizer_lists, annotation_maps, marks_maps)
def test_settling_removes_every_finalizer_of_ours_and_nothing_else(finalizers, annotations, marks):
    """Every copy and spelling since Chains 0.24; others keep their order, other annotations their text, the rest is untouched."""
    before = run(finalizers, annotations)
    body = patch.settle(seen(before), marks)
    after = written(before, body) if body else before

    assert after["metadata"].get("finalizers", []) == [name for name in finalizers if name not in OURS]
    assert after["metadata"].get("annotations", {}) == (annotations or {}) | marks
    assert without(after, "finalizers", "annotations") == without(before, "finalizers", "annotations")


@settings(max_examples=200, deadline=None)
@given(finalizer_lists, annotation_maps, marks_maps)
def test_there_is_no_write_where_there_is_nothing_to_write(finalizers, annotations, marks):
    """No marks, and no finalizer of ours."""
    body = patch.settle(seen(run(finalizers, annotations)), marks)

    assert (body is None) == (not marks and not set(finalizers) & set(OURS))


@settings(max_examples=200, deadline=None)
@given(finalizer_lists, annotation_maps)
def test_holding_adds_our_finalizer_once_behind_the_others(finalizers, annotations):
    """One that is there already, also of an older Chains, holds the run as well."""
    before = run(finalizers, annotations)
    body = patch.hold("TaskRun", seen(before))
    if set(finalizers) & set(OURS):
        assert body is None
        return

    after = written(before, body)
    assert after["metadata"]["finalizers"] == [*finalizers, OURS[0]]
    assert without(after, "finalizers") == without(before, "finalizers")


def test_each_kind_is_held_by_chains_own_name_for_it():
    """Either program can take off what the other put on."""
    assert patch.finalizer("TaskRun") == "chains.tekton.dev/taskrun"
    assert patch.finalizer("PipelineRun") == "chains.tekton.dev/pipelinerun"
    assert b'"chains.tekton.dev/pipelinerun"' in patch.hold("PipelineRun", Seen(uid=UID))


@settings(max_examples=100, deadline=None)
@given(finalizer_lists, annotation_maps, marks_maps)
def test_no_write_can_touch_or_make_another_object_of_the_same_name(finalizers, annotations, marks):
    """The first operation is a test of the uid, in every body that there is."""
    before = run(finalizers, annotations)
    other = run(finalizers, annotations, uid="another")
    for body in filter(None, (patch.hold("TaskRun", seen(before)), patch.settle(seen(before), marks))):
        assert json.loads(body)[0] == {"op": "test", "path": "/metadata/uid", "value": UID}
        with pytest.raises(TestFailedError):
            written(other, body)


@settings(max_examples=200, deadline=None)
@given(finalizer_lists, finalizer_lists, marks_maps)
def test_a_list_of_finalizers_that_moved_on_costs_nobody_his_finalizer(then, now, marks):
    """The write fails, or leaves every foreign finalizer that there is now."""
    body = patch.settle(seen(run(then, NOTE)), marks)
    try:
        after = written(run(now, NOTE), body) if body else run(now, NOTE)
    except TestFailedError:
        return

    foreign = [name for name in now if name not in OURS]
    assert [name for name in after["metadata"].get("finalizers", []) if name not in OURS] == foreign


@pytest.mark.parametrize("now", [["foreign/one"], ["chains.tekton.dev"]])
def test_finalizers_that_appeared_meanwhile_are_never_replaced(now):
    """A run that was seen without any: adding a list would take theirs."""
    body = patch.hold("TaskRun", Seen(uid=UID))
    with pytest.raises(TestFailedError):
        written(run(now), body)


def test_annotations_that_appeared_meanwhile_are_never_replaced():
    """A run that was seen without any: adding a map would take theirs."""
    body = patch.settle(Seen(uid=UID), MARKS)
    with pytest.raises(TestFailedError):
        written(run(annotations=NOTE), body)


def test_a_finalizer_list_that_grew_keeps_what_was_added():
    """Ours is appended behind whatever is there by then."""
    body = patch.hold("TaskRun", Seen(uid=UID, finalizers=("a/b",)))

    assert written(run(["a/b", "c/d"]), body)["metadata"]["finalizers"] == ["a/b", "c/d", OURS[0]]


def test_what_is_ours_is_three_names():
    """And no name that only looks like one."""
    assert [name for name in (*OURS, *FOREIGN) if patch.is_ours(name)] == list(OURS)

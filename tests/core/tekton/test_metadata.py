"""Labels and annotations that go into a statement."""

import base64
import copy
import json

import pytest
from fakes.tekton_runs import (
    FORMATS,
    WITH_OBJECTS,
    build,
    child,
    pipeline_run,
    predicate,
    read,
    read_pipeline,
    read_task,
    task_run,
)

from sealwright.core.tekton import metadata

# What Chains, Tekton Results and Sealwright itself write on a run after it has completed.
LATER = {
    "chains.tekton.dev/signed": "true",
    "chains.tekton.dev/payload-taskrun-1": "e30=",
    "results.tekton.dev/result": "a/results/b",
    "results.tekton.dev/stored": "true",
    "sealwright.dev/receipt": "abc",
}
KEPT = {
    "note": "kept",
    "tekton.dev/release": "abc",
    "chains.tekton.dev": "a name without slash",
    "example.dev/chains.tekton.dev/": "x",
}


def environment(annotations, labels, *, stable=True):
    made = task_run()
    made["metadata"] |= {"annotations": annotations, "labels": labels}
    return metadata.environment(read_task(made).metadata, stable=stable)


def test_environment_holds_what_others_do_not_change():
    """Without kubectl's copy of the object, which is the object again."""
    copied = {metadata.APPLIED: "{}"}
    assert environment(LATER | KEPT | copied, {"app": "a", "results.tekton.dev/x": "y", "sealwright.dev/x": "y"}) == {
        "annotations": KEPT,
        "labels": {"app": "a"},
    }


def test_environment_as_chains_writes_it_leaves_out_its_own_annotations():
    """And nothing but those: labels stay as they are."""
    labels = {"chains.tekton.dev/reproducible": "true", "results.tekton.dev/x": "y"}
    found = environment(LATER | KEPT | {metadata.APPLIED: "{}"}, labels, stable=False)

    assert found["labels"] == labels
    assert found["annotations"] == KEPT | {name: LATER[name] for name in LATER if not name.startswith("chains.tekton.dev/")}


def test_label_of_chains_stays_in_the_environment():
    """It is written by whoever starts the run, and says something about it."""
    assert environment({}, {metadata.REPRODUCIBLE_LABEL: "true"}) == {"labels": {metadata.REPRODUCIBLE_LABEL: "true"}}


def test_environment_without_labels_or_annotations_is_empty():
    assert environment(None, None) == {}
    assert environment({}, {}) == {}
    assert environment(LATER, {}) == {}


def test_settled_metadata_has_nothing_that_changes_after_completion():
    """Versions, field managers and finalizers come and go; what is left was there when the run ended."""
    changing = {
        "resourceVersion": "9",
        "managedFields": [{}],
        "finalizers": ["x"],
        "deletionTimestamp": "t",
        "deletionGracePeriodSeconds": 1,
        "generation": 2,
    }
    found = metadata.settled({"name": "a", "uid": "u", "annotations": LATER | KEPT, "labels": {"a": "b"}} | changing)

    assert found == {"name": "a", "uid": "u", "annotations": KEPT, "labels": {"a": "b"}}
    assert metadata.settled({"name": "a"}) == {"name": "a"}


def _touched(made):
    """The object after others have written on it."""
    found = copy.deepcopy(made)
    found["metadata"]["annotations"] = found["metadata"].get("annotations", {}) | LATER
    found["metadata"] |= {
        "resourceVersion": "99",
        "generation": 2,
        "finalizers": ["chains.tekton.dev"],
        "managedFields": [{"manager": "chains"}],
    }
    return found


@pytest.mark.parametrize("build_type", ["https://tekton.dev/chains/v2/slsa", WITH_OBJECTS])
@pytest.mark.parametrize("word", FORMATS)
def test_retry_after_others_wrote_on_the_run_signs_the_same_bytes(word, build_type):
    """TaskRuns, PipelineRuns, and the whole objects that `slsa-tekton` embeds."""
    task, pipeline, part = task_run(), pipeline_run(), child("build")
    pairs = [
        (read(task), read(_touched(task))),
        (read_pipeline(pipeline, part), read_pipeline(_touched(pipeline), _touched(part))),
    ]
    for before, after in pairs:
        found = [
            build(run, word, build_type=build_type, metadata="stable", deep_inspection=True).payload.body
            for run in (before, after)
        ]
        assert found[0] == found[1]


def test_retry_as_chains_does_it_signs_other_bytes():
    """The reason why `stable` is the default."""
    before, after = read(task_run()), read(_touched(task_run()))
    assert build(before, "in-toto", metadata="chains") != build(after, "in-toto", metadata="chains")


def test_embedded_object_is_whole_as_chains_writes_it():
    """Field managers, versions and Chains' own annotations included, kind and apiVersion not."""
    run = read_pipeline(pipeline_run(), _touched(child("build")))
    for setting, has_all in (("chains", True), ("stable", False)):
        found = _content(predicate(run, "slsa/v2alpha3", build_type=WITH_OBJECTS, metadata=setting))
        assert ("managedFields" in found["metadata"]) is has_all
        assert (found["metadata"]["annotations"] == {"note": "kept"} | LATER) is has_all
        assert {"kind", "apiVersion"}.isdisjoint(found)


def test_internal_parameters_of_slsa_tekton_hold_labels_and_annotations():
    """All of them as Chains writes them, without those that change later by default; null where there are none."""
    for setting, annotations in (("chains", {"note": "kept"} | LATER), ("stable", {"note": "kept"})):
        found = predicate(read(_touched(task_run())), "slsa/v2alpha4", build_type=WITH_OBJECTS, metadata=setting)
        assert found["buildDefinition"]["internalParameters"]["annotations"] == annotations
        assert found["buildDefinition"]["internalParameters"]["labels"] == {"tekton.dev/pipelineTask": "build"}
    bare = task_run()
    del bare["metadata"]["labels"], bare["metadata"]["annotations"]
    found = predicate(read(bare), "slsa/v2alpha3", build_type=WITH_OBJECTS)["buildDefinition"]["internalParameters"]
    assert (found["labels"], found["annotations"]) == (None, None)


def _content(found):
    (entry,) = [each for each in found["buildDefinition"]["resolvedDependencies"] if "content" in each]
    return json.loads(base64.b64decode(entry["content"]))

"""Which TaskRuns belong to a PipelineRun."""

import pytest
from fakes.tekton_runs import child, pipeline_run, read_pipeline, read_task

from sealwright.core.tekton import family

RUN = pipeline_run(children=["a", "b"])


def gather(*children, made=RUN):
    """What becomes of these objects, each found under its own name."""
    found = [read_task(each) for each in children]
    return family.gather(read_pipeline(made), {each.metadata.name: each for each in found})


def names(found):
    return [each.metadata.name for each in found.children]


def owned(name, **owner):
    """A child whose controller has these members changed."""
    made = child(name)
    made["metadata"]["ownerReferences"][0] |= owner
    return made


def test_children_are_those_the_run_names_in_its_order():
    """Objects that it does not name are none."""
    found = gather(child("b"), child("x"), child("a"))

    assert names(found) == ["a", "b"]
    assert (found.findings, found.unfinished, found.missing) == ((), (), ())


def test_child_that_is_gone_is_told_and_the_others_count():
    """Pruned children are the rule in busy clusters; Chains never signs such a run."""
    found = gather(child("b"))

    assert (names(found), found.missing) == (["b"], ("a",))
    assert str(found.findings[0]).startswith("status.childReferences[0]: ChildMissing: TaskRun 'a'")


def test_child_that_still_runs_is_waited_for():
    """It has no condition, or one that says Unknown."""
    for conditions in ([], [{"type": "Succeeded", "status": "Unknown"}]):
        found = gather(child("a", conditions=conditions), child("b"))
        assert (names(found), found.unfinished) == (["b"], ("a",))


@pytest.mark.parametrize("status", ["True", "False"])
def test_child_that_ended_counts_however_it_ended(status):
    assert names(gather(child("a", conditions=[{"type": "Succeeded", "status": status}]), child("b"))) == ["a", "b"]


FORGED = {
    "another owner": owned("a", uid="uid-other"),
    "an owner that does not control": owned("a", controller=False),
    "no owner": child("a") | {"metadata": child("a")["metadata"] | {"ownerReferences": []}},
    "two controllers": child("a") | {"metadata": child("a")["metadata"] | {"ownerReferences": child("a")["metadata"]["ownerReferences"] * 2}},
    "an empty uid": owned("a", uid=""),
    "another task's label": child("a") | {"metadata": child("b")["metadata"] | {"name": "a"}},
    "no label": child("a") | {"metadata": child("a")["metadata"] | {"labels": None}},
}  # fmt: skip


@pytest.mark.parametrize("made", FORGED.values(), ids=FORGED)
def test_object_that_only_has_the_name_is_left_out(made):
    """Whoever may create TaskRuns can take a child's name; its results are not the pipeline's (CVE-2023-37264)."""
    found = gather(made, child("b"))

    assert (names(found), found.missing, found.unfinished) == (["b"], (), ())
    assert "ChildForged: TaskRun 'a'" in found.findings[0].message


def test_forged_child_that_still_runs_keeps_nobody_waiting():
    """Else a tenant could stop signatures by holding one object open."""
    made = owned("a", uid="uid-other")
    made["status"]["conditions"] = []
    assert gather(made, child("b")).unfinished == ()


def test_children_of_other_kinds_are_told():
    """CustomRuns and nested PipelineRuns have no part in Chains' statements."""
    made = pipeline_run(children=["a", "b"])
    made["status"]["childReferences"][0]["kind"] = "CustomRun"
    found = gather(child("b"), made=made)

    assert (names(found), found.missing) == (["b"], ())
    assert found.findings[0].message == "'a' is a CustomRun, not a TaskRun"


def test_reference_without_kind_or_task_is_a_task_run():
    """Old versions wrote less."""
    made = pipeline_run(children=["a"])
    made["status"]["childReferences"] = [{"name": "a"}]
    assert names(gather(child("a"), made=made)) == ["a"]


def test_run_without_children_is_a_family():
    assert gather(made=pipeline_run(children=[])) == family.Family(children=(), findings=(), unfinished=(), missing=())

"""Reading TaskRuns and PipelineRuns."""

import contextlib
import copy
import json

import pytest
from fakes import growth, mutation
from fakes.tekton_runs import (
    DIGEST,
    FORMATS,
    build,
    child,
    encoded,
    pipeline_run,
    pipeline_task,
    read,
    read_pipeline,
    read_task,
    result,
    step,
    task_run,
)
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core import statement, strict
from sealwright.core.errors import Fault, Permanent, Reason
from sealwright.core.model import Key
from sealwright.core.tekton import runs

MAKERS = {"TaskRun": task_run, "PipelineRun": pipeline_run}


def test_task_run_is_read():
    run = read_task(task_run())

    assert runs.key_of(run) == Key(kind="TaskRun", namespace="team", name="build")
    assert (run.kind, run.metadata.uid) == ("TaskRun", "uid-build")
    assert [param.name for param in run.spec.params] == ["CHAINS-GIT_URL", "CHAINS-GIT_COMMIT"]
    assert [(spec.name, spec.has_default) for spec in run.param_specs] == [("revision", True)]
    assert [found.text for found in run.status.results] == ["registry.test/team/app", DIGEST]
    assert run.status.steps[0].image_id.endswith(DIGEST)
    assert run.reference.name == "build"
    assert run.metadata.owner_references[0].uid == "uid-p"


def test_pipeline_run_is_read_and_knows_its_children():
    """Children are given to it; reading it finds none."""
    run = read_pipeline(pipeline_run())

    assert runs.key_of(run) == Key(kind="PipelineRun", namespace="team", name="p")
    assert run.children == ()
    assert [reference.name for reference in run.status.child_references] == ["build"]
    assert run.reference.name == "release"
    assert [spec.name for spec in run.param_specs] == ["branch"]
    children = [read_task(child("a")), read_task(child("b"))]
    assert runs.with_children(run, iter(children)).children == tuple(children)


def test_object_keeps_the_bytes_it_came_in():
    """Formats that copy it whole must not write it anew."""
    data = json.dumps(task_run(), indent=1).encode()
    run = runs.read(data)

    assert run.raw == data
    assert run.raw_spec in data


def test_run_that_says_next_to_nothing_is_read():
    """A run that was refused at once has neither status nor spec."""
    for kind in MAKERS:
        run = read({"apiVersion": "tekton.dev/v1", "kind": kind})
        assert (run.reference, run.param_specs, run.status.results) == (None, (), ())
        assert not runs.is_done(run)


CONDITIONS = {
    "True": (True, True),
    "False": (True, False),
    "Unknown": (False, False),
    "true": (False, False),
    "": (False, False),
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("status", CONDITIONS)
def test_condition_says_whether_and_how_a_run_ended(status, kind):
    run = read(MAKERS[kind](conditions=[{"type": "Ready", "status": "True"}, {"type": "Succeeded", "status": status}]))
    assert (runs.is_done(run), runs.has_succeeded(run)) == CONDITIONS[status]


@pytest.mark.parametrize("conditions", [[], None, [{"type": "Ready", "status": "True"}], [None], [{}]])
def test_run_without_the_condition_is_not_done(conditions):
    """Even with a completion time."""
    run = read(task_run(conditions=conditions))
    assert (runs.is_done(run), runs.has_succeeded(run), run.is_completed) == (False, False, True)


def test_completion_is_told_by_its_time():
    """That is what decides whether a child is part of its pipeline's statement."""
    assert not read_task(task_run(completionTime=None)).is_completed
    assert read_task(task_run(completionTime="2026-01-31T12:00:00Z")).is_completed


# --- null and other oddities --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MAKERS)
def test_null_stands_for_absence_everywhere(kind):
    """In each member of a run but those that say what it is, as Go reads it; statements are built from it."""
    made = MAKERS[kind]()
    for place in mutation.places(made):
        if place in (("kind",), ("apiVersion",)) or isinstance(place[-1], int):
            continue
        changed = copy.deepcopy(made)
        parent = changed
        for key in place[:-1]:
            parent = parent[key]
        parent[place[-1]] = None
        for word in FORMATS:
            assert build(read(changed), word).payload.body, place


def test_null_and_absence_read_alike():
    made, other = task_run(), task_run()
    made["metadata"]["labels"] = made["spec"]["taskRef"] = made["status"]["steps"] = None
    del other["metadata"]["labels"], other["spec"]["taskRef"], other["status"]["steps"]
    found, wanted = read_task(made), read_task(other)

    assert (found.metadata, found.spec, found.status) == (wanted.metadata, wanted.spec, wanted.status)


def test_spec_that_is_null_is_an_empty_spec():
    made = task_run() | {"spec": None}
    assert read_task(made).spec == runs.TaskRunSpec()
    assert json.loads(build(read(made), "slsa/v2alpha3").payload.body)["predicate"]["buildDefinition"]["externalParameters"] == {
        "runSpec": {"serviceAccountName": ""}
    }


@pytest.mark.parametrize("word", FORMATS)
def test_bytes_that_are_not_utf8_become_replacement_characters(word):
    """Wherever they stand, one for each byte, as Go reads them."""
    made = task_run(results=[result("note", "BAD"), result("BAD", ["BAD"])], steps=[step("BAD")])
    made["spec"]["params"] = [{"name": "BAD", "value": ["BAD", {"x": "BAD"}]}]
    made["metadata"]["annotations"] = {"BAD": "BAD"}
    data = encoded(made)
    found = runs.read(data.replace(b"BAD", b"\xff\xed\xa0\x80."))
    wanted = runs.read(data.replace(b"BAD", "\ufffd\ufffd\ufffd\ufffd.".encode()))

    assert found == wanted
    assert build(found, word).payload == build(wanted, word).payload


def test_other_members_are_no_fault():
    """Newer versions of Tekton write more."""
    made = task_run(artifacts={"outputs": []}, newThing={"a": [1]})
    made["spec"]["newThing"] = made["newThing"] = 1
    assert read(made).status == read(task_run()).status


# --- refusals -----------------------------------------------------------------------------------------------------------

REFUSED = {
    "nothing": (b"", "wanted a TaskRun or PipelineRun"),
    "no JSON": (b"{", "wanted a TaskRun or PipelineRun"),
    "a list": (b"[]", "wanted a TaskRun or PipelineRun"),
    "null": (b"null", "wanted a TaskRun or PipelineRun"),
    "another kind": (b'{"apiVersion":"v1","kind":"Pod"}', "wanted kind TaskRun or PipelineRun, found 'Pod'"),
    "no kind": (b'{"apiVersion":"tekton.dev/v1"}', "found ''"),
    "a kind that is no text": (b'{"kind":1}', "$.kind"),
    "a CustomRun": (b'{"apiVersion":"tekton.dev/v1beta1","kind":"CustomRun"}', "found 'CustomRun'"),
    "lower case": (b'{"apiVersion":"tekton.dev/v1","kind":"taskrun"}', "found 'taskrun'"),
    "another version": (b'{"apiVersion":"tekton.dev/v1alpha1","kind":"TaskRun"}', "wanted apiVersion tekton.dev/v1, found 'tekton.dev/v1alpha1'"),
    "another group": (b'{"apiVersion":"example.dev/v1","kind":"TaskRun"}', "found 'example.dev/v1'"),
    "a hostile kind": (b'{"kind":"\\u001b[2J\\n' + b"x" * 5000 + b'"}', "found '\\x1b[2J\\n"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_run_is_refused(data, message):
    with pytest.raises(Permanent) as caught:
        runs.read(data)
    assert caught.value.reason is Reason.INVALID_RUN
    assert message in caught.value.message
    assert len(caught.value.message) < 500


# where, what stands there, how the message names it
WRONG_TYPES = {
    "metadata": (["metadata"], [], "$.metadata"),
    "name": (["metadata", "name"], 1, "$.metadata.name"),
    "label": (["metadata", "labels"], {"a": 1}, "$.metadata.labels[...]"),
    "owner": (["metadata", "ownerReferences"], [{"controller": "yes"}], "$.metadata.ownerReferences[0].controller"),
    "spec": (["spec"], "x", "TaskRun: spec: Expected"),
    "param": (["spec", "params"], {}, "TaskRun: spec: Expected `array | null`, got `object` - at `$.params`"),
    "status": (["status"], 1, "TaskRun: status: Expected `object | null`, got `int`"),
    "start time": (["status", "startTime"], 1, "$.startTime"),
    "step": (["status", "steps"], ["x"], "$.steps[0]"),
    "imageID": (["status", "steps"], [{"imageID": {}}], "$.steps[0].imageID"),
    "result": (["status", "results"], [{"name": []}], "$.results[0].name"),
    "digest": (["status", "provenance", "refSource", "digest"], ["a"], "$.provenance.refSource.digest"),
}


@pytest.mark.parametrize(("place", "value", "message"), WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_member_of_another_type_is_named(place, value, message):
    made = task_run()
    parent = made
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = value
    with pytest.raises(Permanent) as caught:
        read(made)
    assert caught.value.reason is Reason.INVALID_RUN
    assert message in caught.value.message


def test_run_over_the_size_limit_is_refused_unread():
    with pytest.raises(Permanent) as caught:
        runs.read(b" " * (strict.SIZE_LIMIT + 1))
    assert caught.value.reason is Reason.TOO_LARGE


def test_deepest_run_that_is_read_makes_a_statement_that_is_read():
    """A statement holds the run's spec a few levels deeper, so runs have the lower limit."""
    made = pipeline_run()
    made["spec"]["pipelineSpec"] = {"tasks": [{"name": "a", "taskSpec": {"spec": "HERE"}}]}
    levels = runs.DEPTH_LIMIT - 6  # what stands around HERE
    deepest, too_deep = (encoded(made).replace(b'"HERE"', b"[" * depth + b"]" * depth) for depth in (levels, levels + 1))

    for word in FORMATS:
        statement.parse(build(runs.read(deepest), word).payload.body)
    with pytest.raises(Permanent) as caught:
        runs.read(too_deep)
    assert caught.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("word", FORMATS)
def test_run_with_10_000_steps_is_built_in_time_linear_in_its_size(word):
    """About 2 MiB of status."""

    def make(count):
        return task_run(steps=[step(f"s{n}", f"r.io/x{n}@{DIGEST}") for n in range(count)])

    def work(made):
        return build(read(made), word).payload

    assert len(work(make(10_000)).materials) >= 10_000
    assert growth.is_linear(work, make, 1_000)


# --- anything -----------------------------------------------------------------------------------------------------------

BUSY_TASK = task_run(
    steps=[
        step("build", results=[result("CHAINS-GIT_COMMIT", "c"), result("x-ARTIFACT_INPUTS", {"uri": "u", "digest": DIGEST})]),
        step("unnamed-1", ""),
    ],
    sidecars=[step("proxy")],
    results=[
        result("IMAGES", f"r.io/aa@{DIGEST}\nr.io/bb@{DIGEST}"),
        result("a-ARTIFACT_OUTPUTS", {"uri": "r.io/cc", "digest": DIGEST, "isBuildArtifact": "true"}),
        result("list", ["a", "b"]),
    ],
)
BUSY_TASKS = [
    pipeline_task(
        "build",
        runAfter=["x"],
        params=[{"name": "a", "value": "$(tasks.x.results.y)"}],
        matrix={"params": [{"name": "m", "value": ["a"]}], "include": [{"name": "i", "params": [{"name": "z", "value": "v"}]}]},
        when=[{"input": "a", "operator": "in", "values": ["b"]}, {"cel": "'a'"}],
    ),
    {
        "name": "spec",
        "taskSpec": {"spec": {"n": 1e21}, "steps": [{"name": "s", "args": ["b"], "env": [{"name": "E", "value": "v"}]}]},
    },
]
FAMILY = {"run": pipeline_run(tasks=BUSY_TASKS, children=["build", "spec"]), "children": [child("build"), child("spec")]}
CHOICES = st.fixed_dictionaries(
    {
        "build_type": st.sampled_from(["https://tekton.dev/chains/v2/slsa", "https://tekton.dev/chains/v2/slsa-tekton"]),
        "deep_inspection": st.booleans(),
        "metadata": st.sampled_from(["stable", "chains"]),
    }
)
WORDS = st.sampled_from(sorted(FORMATS))


@given(mutation.mutated(BUSY_TASK), WORDS, CHOICES, st.sampled_from(["tekton.dev/v1", "tekton.dev/v1beta1"]))
def test_any_task_run_makes_a_statement_or_a_fault(made, word, choices, version):
    """Whatever is dropped, doubled, emptied, deepened or of another type; and the statement is one."""
    if "apiVersion" in made:
        made["apiVersion"] = version
    with contextlib.suppress(Fault):
        _check(build(read(made), word, **choices))


@given(mutation.mutated(FAMILY), WORDS, CHOICES)
def test_any_pipeline_run_makes_a_statement_or_a_fault(made, word, choices):
    """With children that are as odd as itself."""
    with contextlib.suppress(Fault, KeyError):
        children = made["children"] if isinstance(made["children"], list) else []
        found = list(_readable(children))
        run = read(made["run"])
        if isinstance(run, runs.PipelineRun):
            _check(build(runs.with_children(run, found), word, **choices))


def _readable(children):
    for made in children:
        with contextlib.suppress(Fault):
            run = read(made)
            if isinstance(run, runs.TaskRun):
                yield run


def _check(built):
    assert statement.parse(built.payload.body)[0] == built.payload
    assert all(str(finding).isprintable() for finding in built.findings)

"""SLSA provenance v0.2: `in-toto`, also called `slsa/v1`."""

import hashlib
import json

import pytest
from fakes.tekton_runs import (
    COMMIT,
    DIGEST,
    build,
    child,
    config,
    pipeline_run,
    pipeline_task,
    predicate,
    read,
    read_pipeline,
    read_task,
    ref_source,
    result,
    step,
    task_run,
)

from sealwright.core import statement
from sealwright.core.errors import Permanent, Reason
from sealwright.core.provenance import slsa_v02

WORD = "in-toto"
UNSTARTED = {"startTime": None, "completionTime": None}


def of(made, *children, **changes):
    """The predicate of a run, with children if it is a PipelineRun."""
    run = read_pipeline(made, *children) if made["kind"] == "PipelineRun" else read(made)
    return predicate(run, WORD, **changes)


def tasks(made, *children):
    return of(made, *children)["buildConfig"]["tasks"]


# --- the whole ----------------------------------------------------------------------------------------------------------


def test_statement_of_a_cloned_repository_is_the_known_one():
    """Values of a test of Tekton Chains, bytes of its statement in canonical form (chains.md 3.7 B)."""
    image = "gcr.io/test1/test1@sha256:d4b63d3e24d6eef04a6dc0795cf8a73470688803d97c52cffa3c8d4efd3397b6"
    made = task_run(
        startTime="2021-03-29T09:50:00Z",
        completionTime="2021-03-29T09:50:15Z",
        taskSpec={
            "params": [
                {"name": "CHAINS-GIT_COMMIT", "default": "sha:taskdefault"},
                {"name": "CHAINS-GIT_URL", "default": "https://git.test.com"},
            ],
            "steps": [{"name": "step1", "command": ["git", "clone"]}],
        },
        steps=[{"name": "step1", "imageID": image}],
        results=[],
        provenance={"refSource": {"uri": "github.com/catalog", "digest": {"sha1": "x123"}, "entryPoint": "git-clone.yaml"}},
    )
    made["metadata"] = {"name": "git-clone", "labels": {"tekton.dev/pipelineTask": "git-clone"}}
    made["spec"]["params"] = [{"name": "url", "value": "https://git.test.com"}, {"name": "revision", "value": ""}]
    body = build(read(made), WORD, builder_id="test_builder-2").payload.body

    assert hashlib.sha256(body).hexdigest() == "2a78c5e8d53b95cf0d751c3facff201bc1f846dcf290e18c49dcb47e90972438"


def test_both_words_mean_the_same():
    run = read(task_run())
    assert slsa_v02.build(run, "in-toto", config()) == slsa_v02.build(run, "slsa/v1", config())


def test_payload_says_what_the_bytes_say():
    payload = build(read(task_run()), WORD).payload
    found = json.loads(payload.body)

    assert (found["_type"], found["predicateType"]) == (statement.V01, slsa_v02.PREDICATE_TYPE)
    assert (payload.media_type, payload.predicate_type) == (statement.MEDIA_TYPE, slsa_v02.PREDICATE_TYPE)
    assert payload == statement.parse(payload.body)[0]


def test_builder_and_build_type_are_named():
    """An empty builder id stays, as Chains writes it here."""
    assert of(task_run(), builder_id="b")["builder"] == {"id": "b"}
    assert of(task_run(), builder_id="")["builder"] == {"id": ""}
    assert [of(made)["buildType"] for made in (task_run(), pipeline_run())] == [
        "tekton.dev/v1/TaskRun",
        "tekton.dev/v1/PipelineRun",
    ]


# --- invocation ---------------------------------------------------------------------------------------------------------


def test_parameters_are_defaults_and_what_was_given():
    """Given ones win; a default of null is none, and every type is kept."""
    defaults = [{"name": "a", "default": "1"}, {"name": "b", "default": ["x"]}, {"name": "c", "default": None}, {"name": "d"}]
    made = task_run(taskSpec={"params": defaults})
    made["spec"]["params"] = [
        {"name": "a", "value": {"k": "v"}},
        {"name": "e", "value": 1.50},
        {"name": "e", "value": [1]},
        {"name": "f"},
    ]

    assert of(made)["invocation"]["parameters"] == {"a": {"k": "v"}, "b": ["x"], "e": "[1]", "f": ""}
    assert of(task_run(taskSpec=None) | {"spec": {}})["invocation"]["parameters"] == {}


def test_parameters_of_a_pipeline_are_those_of_its_spec():
    assert of(pipeline_run())["invocation"]["parameters"] == {"branch": ["a"]}


SOURCES = {
    "none": (None, {}),
    "without source": ({}, {}),
    "all": (ref_source(), {"uri": "git+https://git.test/catalog", "digest": {"sha1": COMMIT}, "entryPoint": "task.yaml"}),
    "several digests": (
        ref_source(digest={"sha256": "2", "sha1": "1"}),
        {"uri": "git+https://git.test/catalog", "digest": {"sha256": "2", "sha1": "1"}, "entryPoint": "task.yaml"},
    ),
    "empty members": (ref_source(uri="", digest={}, entryPoint=""), {}),
}


@pytest.mark.parametrize(("provenance", "wanted"), SOURCES.values(), ids=SOURCES)
def test_config_source_is_where_the_definition_came_from(provenance, wanted):
    """Always there, without what is empty."""
    assert of(task_run(provenance=provenance))["invocation"]["configSource"] == wanted


def test_environment_is_left_out_where_there_is_none():
    made = task_run()
    assert of(made)["invocation"]["environment"] == {
        "annotations": {"note": "kept"},
        "labels": {"tekton.dev/pipelineTask": "build"},
    }
    made["metadata"] |= {"labels": {}, "annotations": {"chains.tekton.dev/signed": "true"}}
    assert "environment" not in of(made)["invocation"]


# --- metadata -----------------------------------------------------------------------------------------------------------

TIMES = {
    "2026-01-31T12:00:00Z": "2026-01-31T12:00:00Z",
    "2026-01-31T12:00:00.120Z": "2026-01-31T12:00:00.12Z",
    "2026-01-31T12:00:00.000000001Z": "2026-01-31T12:00:00.000000001Z",
    "2026-01-31T12:00:00.000Z": "2026-01-31T12:00:00Z",
    "2026-01-31T12:00:00+02:00": "2026-01-31T10:00:00Z",
    "2999-01-31T12:00:00Z": "2999-01-31T12:00:00Z",
}


@pytest.mark.parametrize("text", TIMES)
def test_time_is_written_in_utc_with_the_decimals_it_has(text):
    """Completion before start and times to come are written as they stand."""
    found = of(task_run(startTime=text, completionTime=text))["metadata"]
    assert (found["buildStartedOn"], found["buildFinishedOn"]) == (TIMES[text], TIMES[text])


def test_missing_times_are_left_out():
    assert set(of(task_run(**UNSTARTED))["metadata"]) == {"completeness", "reproducible"}


def test_time_that_is_none_is_refused_by_name():
    with pytest.raises(Permanent, match=r"status: buildStartedOn: wanted a time like .*, found 'soon'") as caught:
        of(task_run(startTime="soon"))
    assert caught.value.reason is Reason.INVALID_RUN


@pytest.mark.parametrize(("label", "wanted"), [("true", True), ("True", False), ("", False), (None, False)])
def test_reproducible_is_said_by_a_label(label, wanted):
    made = task_run()
    made["metadata"]["labels"] = {} if label is None else {"chains.tekton.dev/reproducible": label}
    assert of(made)["metadata"]["reproducible"] is wanted


# --- build config of a TaskRun ------------------------------------------------------------------------------------------


def test_step_says_what_ran():
    """A script before a command; no arguments are null; the specification of a step is found by its name."""
    specs = [
        {"name": "b", "command": ["sh", "-c"], "args": ["x", "y"]},
        {"name": "a", "script": "#!/bin/sh\nmake", "command": ["sh"]},
    ]
    made = task_run(
        taskSpec={"steps": specs}, steps=[step("a", "docker-pullable://" + DIGEST), step("b", f"r.io/bb@{DIGEST}"), step("c", "")]
    )

    def written(entry, arguments, name, image):
        return {
            "entryPoint": entry,
            "arguments": arguments,
            "environment": {"container": name, "image": image},
            "annotations": None,
        }

    assert of(made)["buildConfig"]["steps"] == [
        written("#!/bin/sh\nmake", None, "a", f"oci://{DIGEST}"),
        written("sh -c", ["x", "y"], "b", f"oci://r.io/bb@{DIGEST}"),
        written("", None, "c", ""),
    ]


def test_task_run_without_steps_has_an_empty_list():
    assert of(task_run(steps=None, taskSpec=None))["buildConfig"] == {"steps": []}


# --- build config of a PipelineRun --------------------------------------------------------------------------------------


def test_run_without_pipeline_has_no_tasks():
    """null where the pipeline never was known, an empty list where nothing ran."""
    assert tasks(pipeline_run(pipelineSpec=None)) is None
    assert tasks(pipeline_run()) == []


def test_task_is_written_with_all_it_has():
    made = pipeline_run(tasks=[pipeline_task("build", taskRef={"name": "b", "kind": "Task", "unknown": 1}, runAfter=["x"])])
    results = [result("a", "1"), {"name": "b", "value": ["2"]}]
    (found,) = tasks(made, child("build", results=results))

    assert found.pop("invocation")["parameters"]["CHAINS-GIT_COMMIT"] == COMMIT
    assert found.pop("steps")[0]["entryPoint"] == "make"
    assert found == {
        "name": "build",
        "after": ["x"],
        "ref": {"name": "b", "kind": "Task"},
        "startedOn": "2026-01-31T12:00:00Z",
        "finishedOn": "2026-01-31T12:01:00Z",
        "serviceAccountName": "builder",
        "status": "Succeeded",
        "results": [{"name": "a", "type": "string", "value": "1"}, {"name": "b", "value": ["2"]}],
    }


def test_task_without_the_optional_is_short():
    """An embedded task has no reference, and a run may name no account."""
    made = pipeline_run(tasks=[{"name": "build", "taskSpec": {}, "taskRef": None}]) | {"spec": {}}
    (found,) = tasks(made, child("build", conditions=[], results=[], steps=[], taskSpec={"steps": []}))

    assert set(found) == {"name", "ref", "invocation", "startedOn", "finishedOn"}
    assert found["ref"] == {}


STATUSES = {"True": "Succeeded", "False": "Failed", "Unknown": "Running", "odd": None, "": None}


@pytest.mark.parametrize("status", STATUSES)
def test_status_is_the_word_for_the_first_condition(status):
    (found,) = tasks(
        pipeline_run(), child("build", conditions=[{"type": "any", "status": status}, {"type": "Succeeded", "status": "False"}])
    )
    assert found.get("status") == STATUSES[status]


LEFT_OUT = {
    "not completed": {"completionTime": None},
    "no spec": {"taskSpec": None},
    "more steps than its spec": {"steps": [step("build"), step("other")]},
    "fewer steps than its spec": {"steps": []},
    "an unnamed step for a named one": {"steps": [step("unnamed-0")]},
}


@pytest.mark.parametrize("status", LEFT_OUT.values(), ids=LEFT_OUT)
def test_child_whose_steps_are_not_known_is_left_out(status):
    """As Chains leaves it out, since it would not know which step ran what."""
    assert tasks(pipeline_run(), child("build", **status)) == []


def test_unnamed_step_of_an_unnamed_spec_is_known():
    made = child("build", steps=[step("unnamed-0")], taskSpec={"steps": [{"image": "x", "command": ["a"]}]})
    assert tasks(pipeline_run(), made)[0]["steps"][0]["entryPoint"] == "a"


def test_every_child_of_a_matrix_is_written():
    children = [child("build"), child("build")]
    children[1]["metadata"]["name"] = "build-1"
    assert [found["name"] for found in tasks(pipeline_run(), *children)] == ["build", "build"]


def test_task_of_finally_waits_for_the_last_task_that_ran():
    """Unless it says for what; a task without children does not count, one that is left out does."""
    made = pipeline_run(tasks=[pipeline_task(name) for name in "abc"])
    made["status"]["pipelineSpec"]["finally"] = [
        pipeline_task("f"),
        pipeline_task("g", params=[{"name": "p", "value": "$(tasks.a.results.r)"}]),
    ]
    children = [child(name) for name in "afg"] + [child("b", taskSpec=None)]

    assert [(found["name"], found.get("after")) for found in tasks(made, *children)] == [("a", None), ("f", ["b"]), ("g", ["a"])]


def test_task_of_finally_waits_for_nobody_where_nothing_ran():
    made = pipeline_run(tasks=[pipeline_task("a")])
    made["status"]["pipelineSpec"]["finally"] = [pipeline_task("f")]
    assert [found.get("after") for found in tasks(made, child("f"))] == [None]


def test_reference_that_go_would_refuse_is_refused_by_name():
    with pytest.raises(Permanent, match=r"task build: Expected .* at `\$.name`") as caught:
        tasks(pipeline_run(tasks=[pipeline_task("build", taskRef={"name": 1})]), child("build"))
    assert caught.value.reason is Reason.INVALID_RUN


# --- materials ----------------------------------------------------------------------------------------------------------


def uris(made, *children, **changes):
    return [found["uri"] for found in of(made, *children, **changes).get("materials", [])]


def test_materials_of_a_task_run_are_images_git_and_inputs():
    """In this order, equal ones once."""
    made = task_run(
        steps=[step("a", f"r.io/aa@{DIGEST}"), step("b", f"r.io/aa@{DIGEST}")],
        sidecars=[step("c", f"r.io/cc@{DIGEST}")],
        results=[result("ARTIFACT_INPUTS", {"uri": "u", "digest": DIGEST})],
    )
    assert uris(made) == ["oci://r.io/aa", "oci://r.io/cc", "git+https://git.test/app.git", "u"]


def test_run_without_materials_has_no_such_member():
    made = task_run(steps=[])
    made["spec"]["params"] = []
    assert "materials" not in of(made)


def test_materials_of_a_pipeline_run_are_its_source_and_those_of_its_children():
    """Its own inputs then; what children declare only with deep inspection; its git source at the end."""
    made = pipeline_run(
        results=[
            result("ARTIFACT_INPUTS", {"uri": "own", "digest": DIGEST}),
            result("CHAINS-GIT_URL", "g"),
            result("CHAINS-GIT_COMMIT", "1"),
        ]
    )
    part = child("build", results=[result("ARTIFACT_INPUTS", {"uri": "theirs", "digest": DIGEST})], provenance=ref_source("task"))
    first, last = ["git+https://git.test/catalog", "oci://registry.test/team/app", "task", "own"], ["git+g.git"]

    assert uris(made, part) == first + last
    assert uris(made, part, deep_inspection=True) == [*first, "git+https://git.test/app.git", "theirs", *last]


def test_source_without_uri_is_a_material_without_uri():
    """It is written for Chains' sake; no verifier is told of it."""
    made = task_run(steps=[]) | {"spec": {}}
    built = build(read_pipeline(pipeline_run(provenance=ref_source(uri=""), results=[])), WORD)

    assert json.loads(built.payload.body)["predicate"]["materials"] == [{"digest": {"sha1": COMMIT}}]
    assert built.payload.materials == ()
    assert build(read_task(made), WORD).payload.materials == ()


def test_image_without_digest_is_told_for_every_child():
    made = read_pipeline(pipeline_run(), child("build", steps=[step("a", "")]))
    assert [found.where for found in build(made, WORD).findings] == ["status.steps['a'].imageID"]


def test_renaming_a_run_changes_nothing_here():
    """Name and namespace have no place in this format."""
    made, renamed = task_run(), task_run()
    renamed["metadata"] |= {"name": "other", "namespace": "elsewhere", "uid": "u2"}
    assert build(read(made), WORD) == build(read(renamed), WORD)


def test_label_changes_the_labels_alone():
    made, labelled = task_run(), task_run()
    labelled["metadata"]["labels"] = made["metadata"]["labels"] | {"team": "x"}
    found, wanted = of(labelled), of(made)

    assert found["invocation"]["environment"]["labels"].pop("team") == "x"
    assert found == wanted

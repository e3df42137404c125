"""SLSA provenance v1: `slsa/v2alpha3` and `slsa/v2alpha4`."""

import base64
import hashlib
import json

import pytest
from fakes.tekton_runs import (
    COMMIT,
    DIGEST,
    WITH_OBJECTS,
    build,
    child,
    encoded,
    pipeline_run,
    pipeline_task,
    predicate,
    read,
    read_pipeline,
    ref_source,
    result,
    step,
    task_run,
)

from sealwright.core import statement
from sealwright.core.errors import Permanent, Reason
from sealwright.core.provenance import slsa_v1
from sealwright.core.tekton import runs

V3, V4 = slsa_v1.NAMES
BOTH = pytest.mark.parametrize("word", [V3, V4])
GIT = [result("CHAINS-GIT_URL", "g"), result("CHAINS-GIT_COMMIT", "1")]


def of(made, *children, word=V3, **changes):
    """The predicate of a run, with children if it is a PipelineRun."""
    run = read_pipeline(made, *children) if made["kind"] == "PipelineRun" else read(made)
    return predicate(run, word, **changes)


def definition(made, *children, **changes):
    return of(made, *children, **changes)["buildDefinition"]


def dependencies(made, *children, **changes):
    """(name, uri) of each resolved dependency."""
    found = definition(made, *children, **changes).get("resolvedDependencies", [])
    return [(entry.get("name"), entry.get("uri")) for entry in found]


# --- the whole ----------------------------------------------------------------------------------------------------------


def test_statement_of_a_built_image_is_the_known_one():
    """Values of a test of Tekton Chains, bytes of its statement in canonical form (chains.md 3.7 A)."""
    image_2 = {
        "uri": "gcr.io/my/image/fromstep2",
        "digest": "sha256:827521c857fdcd4374f4da5442fbae2edb01e7fbae285c3ec15673d4c1daecb7",
    }
    image_3 = image_2 | {"uri": "gcr.io/my/image/fromstep3", "isBuildArtifact": "true"}
    digests = {
        1: "d4b63d3e24d6eef04a6dc0795cf8a73470688803d97c52cffa3c8d4efd3397b6",
        2: "4d6dd704ef58cb214dd826519929e92a978a57cdee43693006139c0080fd6fac",
        3: "f1a8b8549c179f41e27ff3db0fe1a1793e4b109da46586501a8343637b1d0478",
    }
    results = {
        1: [result("step1_result1", "result-value"), result("step1_result1-ARTIFACT_OUTPUTS", image_2)],
        2: [],
        3: [result("step3_result1-ARTIFACT_OUTPUTS", image_3)],
    }
    made = task_run(
        startTime="2021-03-29T09:50:00Z",
        completionTime="2021-03-29T09:50:15Z",
        taskSpec=None,
        steps=[step(f"step{n}", f"gcr.io/test{n}/test{n}@sha256:{digests[n]}", results=results[n]) for n in (1, 2, 3)],
        results=[
            result("IMAGE_URL", "gcr.io/my/image"),
            result("IMAGE_DIGEST", "sha256:d31cc8328054de2bd93735f9cbf0ccfb6e0ee8f4c4225da7d8f8cb3900eaf466"),
        ],
        provenance={
            "refSource": {"uri": "git+https://github.com/test", "digest": {"sha1": "ab123"}, "entryPoint": "build.yaml"},
            "featureFlags": {"enableAPIFields": "beta", "resultExtractionMethod": "termination-message"},
        },
    )
    made["metadata"] = {"name": "taskrun-build", "uid": "abhhf-12354-asjsdbjs23-3435353n"}
    params = {"IMAGE": "test.io/test/image", "CHAINS-GIT_COMMIT": "taskrun", "CHAINS-GIT_URL": "https://git.test.com"}
    made["spec"] = {
        "params": [{"name": name, "value": value} for name, value in params.items()],
        "serviceAccountName": "default",
        "taskRef": {"name": "build", "kind": "Task"},
    }
    body = build(read(made), V4, builder_id="test_builder-1").payload.body

    assert hashlib.sha256(body).hexdigest() == "215e09333026f50a8c236f0f0ab18268012b56e252ffd2ff9002b135b9154ce9"


@BOTH
def test_payload_says_what_the_bytes_say(word):
    payload = build(read(task_run()), word).payload
    found = json.loads(payload.body)

    assert (found["_type"], found["predicateType"]) == (statement.V1, slsa_v1.PREDICATE_TYPE)
    assert (payload.media_type, payload.predicate_type) == (statement.MEDIA_TYPE, slsa_v1.PREDICATE_TYPE)
    assert payload == statement.parse(payload.body)[0]


@BOTH
def test_run_that_says_nothing_has_the_members_that_are_always_there(word):
    """Empty ones are left out, as protobuf leaves them out."""
    made = {"apiVersion": "tekton.dev/v1", "kind": "TaskRun"}
    assert of(made, word=word, builder_id="") == {
        "buildDefinition": {
            "buildType": "https://tekton.dev/chains/v2/slsa",
            "externalParameters": {"runSpec": {"serviceAccountName": ""}},
            "internalParameters": {},
        },
        "runDetails": {"builder": {}, "metadata": {}},
    }


# --- build definition ---------------------------------------------------------------------------------------------------


def test_run_spec_is_written_as_go_writes_it():
    """Canonical durations and quantities, no unknown and no empty members, every number a double."""
    made = task_run()
    made["spec"] = {
        "timeout": "90m",
        "retries": 3,
        "unknown": 1,
        "params": [{"name": "a", "value": 1.10}],
        "computeResources": {"limits": {"memory": "1024Mi"}},
        "workspaces": [{"name": "w", "emptyDir": {}}],
    }
    assert definition(made)["externalParameters"]["runSpec"] == {
        "params": [{"name": "a", "value": "1.1"}],
        "serviceAccountName": "",
        "retries": 3,
        "timeout": "1h30m0s",
        "workspaces": [{"name": "w", "emptyDir": {}}],
        "computeResources": {"limits": {"memory": "1Gi"}},
    }


# A number in the spec of a custom task -> as it is written (chains.md 3.1).
NUMBERS = {
    "1.0": "1", "9007199254740993": "9007199254740992", "1e21": "1e+21", "1e20": "100000000000000000000", "1e-7": "1e-7", "0.000001": "0.000001",
    "-0.0": "-0", "123456789012345678901234567890": "1.2345678901234568e+29", "1e-400": "0", "12.50": "12.5",
}  # fmt: skip


def _with_number(text):
    made = pipeline_run()
    made["spec"]["pipelineSpec"] = {
        "tasks": [{"name": "a", "taskSpec": {"apiVersion": "x/v1", "kind": "X", "spec": {"n": "NUMBER", "l": [None]}}}]
    }
    return runs.read(encoded(made).replace(b'"NUMBER"', text.encode()))


@pytest.mark.parametrize("text", NUMBERS)
def test_number_in_a_custom_task_is_written_as_a_double(text):
    assert b'"spec":{"l":[null],"n":' + NUMBERS[text].encode() + b"}" in build(_with_number(text), V3).payload.body


@pytest.mark.parametrize("text", ["1e400", "-1e999", "1" + "0" * 400, "9" * 5000])
def test_number_that_no_double_holds_is_refused(text):
    """Chains fails there too; the reason says where."""
    with pytest.raises(Permanent, match="PipelineRun: spec: holds a number that no double can") as caught:
        build(_with_number(text), V4)
    assert caught.value.reason is Reason.INVALID_RUN


REMOTE = {"uri": "git+https://git.test/catalog", "digest": {"sha1": COMMIT}, "entryPoint": "task.yaml"}
CONFIG_SOURCES = {
    "a resolver": ("git", REMOTE, {"ref": f"sha1:{COMMIT}", "repository": REMOTE["uri"], "path": "task.yaml"}),
    "several digests: the least": ("hub", REMOTE | {"digest": {"sha256": "0", "sha1": "9"}}, {"ref": "sha1:9", "repository": REMOTE["uri"], "path": "task.yaml"}),
    "empty members stay": ("git", {"uri": ""}, {"ref": "", "repository": "", "path": ""}),
    "no resolver": ("", REMOTE, None),
    "the cluster": ("Cluster", REMOTE, None),
    "no source": ("git", None, None),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize(("resolver", "source", "wanted"), CONFIG_SOURCES.values(), ids=CONFIG_SOURCES)
def test_build_config_source_is_that_of_a_remote_definition(resolver, source, wanted, word):
    """Of a TaskRun and of a PipelineRun."""
    for made, name in ((task_run(), "taskRef"), (pipeline_run(), "pipelineRef")):
        made["spec"][name] = {"resolver": resolver}
        made["status"]["provenance"] = {"refSource": source}
        assert definition(made, word=word)["externalParameters"].get("buildConfigSource") == wanted


def test_definition_in_the_run_itself_has_no_source():
    made = task_run()
    made["spec"]["taskRef"] = None
    assert "buildConfigSource" not in definition(made)["externalParameters"]


FLAGS = {
    "flags": ({"enableAPIFields": "beta", "enableParamEnum": False, "unknown": 1}, {"enableAPIFields": "beta"}),
    "no flag that is set": ({"EnableAPIFields": "beta"}, {}),
    "null": (None, None),
    "none": (..., None),
}


@pytest.mark.parametrize(("flags", "wanted"), FLAGS.values(), ids=FLAGS)
def test_feature_flags_are_internal_parameters(flags, wanted):
    provenance = {} if flags is ... else {"featureFlags": flags}
    found = definition(task_run(provenance=provenance))["internalParameters"]
    assert found == ({} if wanted is None else {"tekton-pipelines-feature-flags": wanted})
    assert definition(task_run(provenance=None))["internalParameters"] == {}


def test_feature_flag_of_another_type_is_refused_by_name():
    with pytest.raises(Permanent, match=r"status.provenance.featureFlags: .*maxResultSize"):
        definition(task_run(provenance={"featureFlags": {"maxResultSize": "4096"}}))


# --- resolved dependencies ----------------------------------------------------------------------------------------------


@BOTH
def test_dependencies_of_a_task_run_are_its_source_images_and_inputs(word):
    """The task's own source is never taken for a repeat; equal ones of the others are one."""
    made = task_run(
        steps=[step("a", f"r.io/aa@{DIGEST}"), step("b", f"r.io/aa@{DIGEST}")],
        sidecars=[step("c", f"r.io/cc@{DIGEST}")],
        provenance=ref_source("git+g.git", digest={"sha1": "1"}),
        results=[*GIT, result("ARTIFACT_INPUTS", {"uri": "u", "digest": DIGEST})],
    )
    images = [(None, "oci://r.io/aa"), (None, "oci://r.io/cc")]
    inputs = [("inputs/result", "git+g.git"), ("inputs/result", "u")]
    assert dependencies(made, word=word) == [("task", "git+g.git"), *images, *inputs]


def test_step_actions_and_results_of_steps_are_dependencies_of_v2alpha4():
    """Git sources of steps, declared inputs of steps, origins of StepActions (never taken for repeats), then the run's own."""
    given_ = result("ARTIFACT_INPUTS", {"uri": "u", "digest": DIGEST})
    steps = [
        step("a", results=[given_], provenance=ref_source("action")),
        step("b", results=[*GIT, given_], provenance=ref_source("action")),
        step("c", provenance={}),
    ]
    made = task_run(steps=steps, provenance=None, results=[given_])
    made["spec"]["params"] = []

    assert dependencies(made, word=V4) == [
        (None, "oci://registry.test/team/app"),
        ("inputs/result", "git+g.git"),
        ("inputs/result", "u"),
        ("stepAction/a", "action"),
        ("stepAction/b", "action"),
    ]
    assert dependencies(made, word=V3) == [(None, "oci://registry.test/team/app"), ("inputs/result", "u")]


def _pipeline():
    """A pipeline of two tasks, its children, and what it declares itself."""
    made = pipeline_run(
        tasks=[pipeline_task("a"), pipeline_task("b")],
        results=[*GIT, result("ARTIFACT_INPUTS", {"uri": "own", "digest": DIGEST})],
    )
    children = [
        child(
            name,
            provenance=ref_source(f"task-{name}"),
            steps=[step("s", f"r.io/{name * 2}@{DIGEST}", provenance=ref_source("action"), results=results)],
        )
        for name, results in (("b", []), ("a", [result("x-ARTIFACT_INPUTS", {"uri": "step", "digest": DIGEST})]))
    ]
    return made, children


def test_dependencies_of_a_pipeline_run_follow_its_tasks():
    made, children = _pipeline()
    own = [("inputs/result", "own")]
    assert dependencies(made, *children) == [
        ("pipeline", "git+https://git.test/catalog"),
        ("pipelineTask", "task-a"),
        (None, "oci://r.io/aa"),
        ("pipelineTask", "task-b"),
        (None, "oci://r.io/bb"),
        *own,
        ("inputs/result", "git+g.git"),
    ]


def test_dependencies_of_a_pipeline_run_in_v2alpha4_hold_step_actions_and_what_lies_deep():
    made, children = _pipeline()
    wanted = [
        ("pipeline", "git+https://git.test/catalog"),
        ("pipelineTask", "task-a"),
        ("stepAction/s", "action"),
        (None, "oci://r.io/aa"),
        ("pipelineTask", "task-b"),
        ("stepAction/s", "action"),
        (None, "oci://r.io/bb"),
    ]
    own, git = [("inputs/result", "own")], [("inputs/result", "git+g.git")]
    deep = [("inputs/result", "git+https://git.test/app.git")]

    assert dependencies(made, *children, word=V4) == [*wanted, *own, *git]
    assert dependencies(made, *children, word=V4, deep_inspection=True) == [*wanted, ("inputs/result", "step"), *own, *deep, *git]
    assert dependencies(made, *children, word=V3, deep_inspection=True)[5:] == [*own, *deep, *git]


@BOTH
def test_slsa_tekton_embeds_every_child_with_its_source(word):
    """Whether or not it has one; `slsa` names only those that have one."""
    made = pipeline_run(tasks=[pipeline_task("a"), pipeline_task("b")])
    children = [child("a"), child("b", provenance=None)]
    found = definition(made, *children, word=word, build_type=WITH_OBJECTS)["resolvedDependencies"]
    embedded = [entry for entry in found if entry.get("name") == "pipelineTask"]

    assert [("uri" in entry, _decoded(entry)["metadata"]["name"]) for entry in embedded] == [(True, "a"), (False, "b")]
    assert [name for name, _ in dependencies(made, *children, word=word)].count("pipelineTask") == 1


def test_embedded_object_is_what_go_writes():
    """In the struct's order, HTML-escaped, without kind, apiVersion and unknown members."""
    made = child("build", results=[result("a", "<&>")])
    made["unknown"] = made["status"]["unknown"] = 1
    (entry,) = [
        each for each in definition(pipeline_run(), made, build_type=WITH_OBJECTS)["resolvedDependencies"] if "content" in each
    ]
    text = base64.b64decode(entry["content"])

    assert text.startswith(b'{"metadata":{"name":"build","namespace":"team","uid":"uid-build",')
    assert rb'{"name":"a","type":"string","value":"\u003c\u0026\u003e"}' in text
    assert b"unknown" not in text


def _decoded(entry):
    return json.loads(base64.b64decode(entry["content"]))


# --- run details --------------------------------------------------------------------------------------------------------

TIMES = {
    "2026-01-31T12:00:00Z": "2026-01-31T12:00:00Z",
    "2026-01-31T12:00:00.12Z": "2026-01-31T12:00:00.120Z",
    "2026-01-31T12:00:00.1234Z": "2026-01-31T12:00:00.123400Z",
    "2026-01-31T12:00:00.000000001Z": "2026-01-31T12:00:00.000000001Z",
    "2026-01-31T12:00:00.000Z": "2026-01-31T12:00:00Z",
    "2026-01-31T12:00:00+02:00": "2026-01-31T10:00:00Z",
}


@pytest.mark.parametrize("text", TIMES)
def test_time_is_written_in_utc_with_0_3_6_or_9_decimals(text):
    found = of(task_run(startTime=text, completionTime=text))["runDetails"]["metadata"]
    assert found == {"invocationId": "uid-build", "startedOn": TIMES[text], "finishedOn": TIMES[text]}


def test_time_that_is_none_is_refused_by_name():
    with pytest.raises(Permanent, match=r"status: finishedOn: wanted a time like .*, found 'soon'") as caught:
        of(task_run(completionTime="soon"))
    assert caught.value.reason is Reason.INVALID_RUN


def byproducts(made, *children, **changes):
    """Name -> value of each byproduct."""
    found = of(made, *children, **changes)["runDetails"].get("byproducts", [])
    assert all(entry["mediaType"] == "application/json" for entry in found)
    return {entry["name"]: _decoded(entry) for entry in found}


def test_every_result_is_a_byproduct_of_v2alpha3():
    """Of the run itself alone, deep or not."""
    results = [
        result("IMAGE_URL", "r.io/aa"),
        result("list", ["a"]),
        result("map", {"b": "1", "a": "2"}),
        result("number", 1.5),
        {"name": "none"},
    ]
    wanted = {"IMAGE_URL": "r.io/aa", "list": ["a"], "map": {"a": "2", "b": "1"}, "number": "1.5", "none": ""}

    assert byproducts(task_run(results=results)) == {f"taskRunResults/{name}": value for name, value in wanted.items()}
    found = byproducts(pipeline_run(results=results), child("build"), deep_inspection=True)
    assert found == {f"pipelineRunResults/{name}": value for name, value in wanted.items()}


def test_byproducts_of_v2alpha4_leave_out_what_is_a_subject():
    """Results of steps come after the run's own, and names hold the run's."""
    results = [result("IMAGE_URL", "r.io/aa"), result("note", "x")]
    made = task_run(results=results, steps=[step("s", results=[result("IMAGES", "x"), result("note", "y")])])

    assert byproducts(made, word=V4) == {"taskRunResults/build/note": "x", "stepResults/build/note": "y"}


def test_byproducts_of_children_are_told_with_deep_inspection():
    made = pipeline_run(results=[result("note", "own")])
    part = child("build", results=[result("note", "theirs")])

    assert byproducts(made, part, word=V4) == {"pipelineRunResults/p/note": "own"}
    assert byproducts(made, part, word=V4, deep_inspection=True) == {
        "pipelineRunResults/p/note": "own",
        "taskRunResults/build/note": "theirs",
    }


def test_content_is_html_escaped_as_go_writes_it():
    made = task_run(results=[result("a", "<a&b>\u2028")])
    (entry,) = of(made)["runDetails"]["byproducts"]
    assert base64.b64decode(entry["content"]) == rb'"\u003ca\u0026b\u003e\u2028"'


@BOTH
def test_renaming_a_run_changes_names_alone(word):
    made, renamed = task_run(results=[result("note", "x")]), task_run(results=[result("note", "x")])
    renamed["metadata"]["name"] = "renamed"
    found, wanted = (build(read(each), word).payload.body for each in (renamed, made))

    assert found.replace(b"/renamed/note", b"/build/note") == wanted


@BOTH
def test_image_without_digest_is_told(word):
    run = read(task_run(steps=[step("a", ""), step("b")]))
    assert [found.where for found in build(run, word).findings] == ["status.steps['a'].imageID"]

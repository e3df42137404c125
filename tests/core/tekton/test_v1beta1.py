"""v1beta1 runs, read as the v1 runs that Tekton's conversion makes of them."""

import contextlib
import json

import pytest
from fakes import mutation
from fakes.tekton_runs import COMMIT, DIGEST, FORMATS, build, encoded, pipeline_run, read, read_task, result, task_run
from hypothesis import given

from sealwright.core.errors import Permanent, Reason
from sealwright.core.tekton import v1beta1

BETA = "tekton.dev/v1beta1"


def v1(kind, spec=None, status=None):
    """Spec and status after conversion."""
    made = {"apiVersion": BETA, "kind": kind, "metadata": {"name": "a"}, "spec": spec or {}, "status": status or {}}
    found = json.loads(v1beta1.to_v1(encoded(made)))
    assert found["apiVersion"] == "tekton.dev/v1"
    return found["spec"], found["status"]


STEP = {"name": "s", "resources": {"limits": {"cpu": "1"}}}
STEP_V1 = {"name": "s", "computeResources": {"limits": {"cpu": "1"}}}
SPEC, SPEC_V1 = (
    {"steps": [step], "sidecars": [step], "stepTemplate": {name: {}}}
    for step, name in ((STEP, "resources"), (STEP_V1, "computeResources"))
)
BUNDLE = {"bundle": "r.io/tasks:1", "name": "build"}
BUNDLE_V1 = {"resolver": "bundles", "params": [{"name": "bundle", "value": "r.io/tasks:1"}, {"name": "name", "value": "build"}]}


def bundle(kind):
    return BUNDLE_V1 | {"params": [*BUNDLE_V1["params"], {"name": "kind", "value": kind}]}


TASK_RUN_SPECS = {
    "a reference": ({"taskRef": {"name": "build", "kind": "Task"}}, {"taskRef": {"name": "build", "kind": "Task"}}),
    "a bundle": ({"taskRef": BUNDLE}, {"taskRef": bundle("Task")}),
    "a bundle of cluster tasks": ({"taskRef": BUNDLE | {"kind": "ClusterTask"}}, {"taskRef": bundle("ClusterTask")}),
    "an empty bundle": ({"taskRef": {"bundle": "", "name": "x"}}, {"taskRef": {"name": "x"}}),
    "resources of steps": ({"taskSpec": SPEC}, {"taskSpec": SPEC_V1}),
    "overrides": (
        {"stepOverrides": [STEP], "sidecarOverrides": [STEP]},
        {"stepSpecs": [STEP_V1], "sidecarSpecs": [STEP_V1]},
    ),
    "what is the same": ({"timeout": "1h", "serviceAccountName": "a"}, {"timeout": "1h", "serviceAccountName": "a"}),
    "null": ({"taskRef": None, "taskSpec": None, "stepOverrides": None}, {"taskRef": None, "taskSpec": None, "stepSpecs": None}),
}  # fmt: skip


@pytest.mark.parametrize(("beta", "wanted"), TASK_RUN_SPECS.values(), ids=TASK_RUN_SPECS)
def test_spec_of_a_task_run_is_converted(beta, wanted):
    assert v1("TaskRun", beta)[0] == wanted


TASK_RUN_STATUSES = {
    "results": ({"taskResults": [{"name": "a", "value": "b"}]}, {"results": [{"name": "a", "value": "b"}]}),
    "provenance": ({"provenance": {"configSource": {"uri": "u"}}}, {"provenance": {"refSource": {"uri": "u"}}}),
    "provenance of a step": (
        {"steps": [{"name": "s", "provenance": {"configSource": {"uri": "u"}}}]},
        {"steps": [{"name": "s", "provenance": {"refSource": {"uri": "u"}}}]},
    ),
    "a newer provenance": ({"provenance": {"refSource": {"uri": "u"}}}, {"provenance": {"refSource": {"uri": "u"}}}),
    "the spec that ran": ({"taskSpec": SPEC}, {"taskSpec": SPEC_V1}),
    "attempts": ({"retriesStatus": [{"taskResults": []}]}, {"retriesStatus": [{"results": []}]}),
}  # fmt: skip


@pytest.mark.parametrize(("beta", "wanted"), TASK_RUN_STATUSES.values(), ids=TASK_RUN_STATUSES)
def test_status_of_a_task_run_is_converted(beta, wanted):
    assert v1("TaskRun", status=beta)[1] == wanted


PIPELINE_RUN_SPECS = {
    "the account": ({"serviceAccountName": "a", "podTemplate": {"x": 1}}, {"taskRunTemplate": {"serviceAccountName": "a", "podTemplate": {"x": 1}}}),
    "the timeout": ({"timeout": "1h"}, {"taskRunTemplate": {}, "timeouts": {"pipeline": "1h"}}),
    "a newer timeout wins": ({"timeout": "1h", "timeouts": {"pipeline": "2h"}}, {"taskRunTemplate": {}, "timeouts": {"pipeline": "2h"}}),
    "a bundle": ({"pipelineRef": BUNDLE}, {"taskRunTemplate": {}, "pipelineRef": bundle("Pipeline")}),
    "tasks": (
        {"pipelineSpec": {"tasks": [{"taskRef": BUNDLE}], "finally": [{"taskSpec": SPEC}]}},
        {"taskRunTemplate": {}, "pipelineSpec": {"tasks": [{"taskRef": bundle("Task")}], "finally": [{"taskSpec": SPEC_V1}]}},
    ),
    "settings of single tasks": (
        {"taskRunSpecs": [{"taskServiceAccountName": "a", "taskPodTemplate": {}, "stepOverrides": [STEP], "sidecarOverrides": [STEP]}]},
        {"taskRunTemplate": {}, "taskRunSpecs": [{"serviceAccountName": "a", "podTemplate": {}, "stepSpecs": [STEP_V1], "sidecarSpecs": [STEP_V1]}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("beta", "wanted"), PIPELINE_RUN_SPECS.values(), ids=PIPELINE_RUN_SPECS)
def test_spec_of_a_pipeline_run_is_converted(beta, wanted):
    assert v1("PipelineRun", beta)[0] == wanted


def test_status_of_a_pipeline_run_is_converted():
    beta = {
        "pipelineResults": [{"name": "a", "value": "b"}],
        "pipelineSpec": {"tasks": [{"taskSpec": SPEC}]},
        "provenance": {"configSource": {"uri": "u"}},
    }
    assert v1("PipelineRun", status=beta)[1] == {
        "results": [{"name": "a", "value": "b"}],
        "pipelineSpec": {"tasks": [{"taskSpec": SPEC_V1}]},
        "provenance": {"refSource": {"uri": "u"}},
    }


def _beta_task_run():
    """`task_run()` as v1beta1 has it."""
    made = task_run()
    made["apiVersion"] = BETA
    made["status"]["taskResults"] = made["status"].pop("results")
    made["status"]["provenance"]["configSource"] = made["status"]["provenance"].pop("refSource")
    return made


def _beta_pipeline_run():
    made = pipeline_run()
    made["apiVersion"] = BETA
    made["spec"] |= made["spec"].pop("taskRunTemplate")
    made["status"]["pipelineResults"] = made["status"].pop("results")
    made["status"]["provenance"]["configSource"] = made["status"]["provenance"].pop("refSource")
    return made


@pytest.mark.parametrize("word", FORMATS)
@pytest.mark.parametrize(
    ("beta", "wanted"), [(_beta_task_run(), task_run()), (_beta_pipeline_run(), pipeline_run())], ids=["TaskRun", "PipelineRun"]
)
def test_old_run_makes_the_statement_of_the_new_one(beta, wanted, word):
    """Byte for byte: who upgrades Tekton between two attempts signs nothing new."""
    assert build(read(beta), word).payload == build(read(wanted), word).payload


def test_number_in_a_parameter_keeps_its_text():
    """It becomes the text of a parameter, so 1.10 must not become 1.1."""
    data = encoded(task_run(results=[result("n", "NUMBER"), result("IMAGE_DIGEST", DIGEST), result("COMMIT", COMMIT)])).replace(
        b"tekton.dev/v1", BETA.encode(), 1
    )
    for text in ("1.10", "1e2", "100", "12345678901234567890", "[1.50]", '{"b":1.0,"a":2}'):
        run = v1beta1.to_v1(data.replace(b'"NUMBER"', text.encode()))
        (found,) = [each for each in json.loads(run, parse_float=str, parse_int=str)["status"]["results"] if each["name"] == "n"]
        assert json.dumps(found["value"], separators=(",", ":")).replace('"', "") == text.replace('"', "")


def test_old_run_with_null_members_is_read():
    """They count as absent, in every member."""
    made = _beta_task_run()
    made["spec"]["taskRef"] = made["spec"]["params"] = made["metadata"]["labels"] = made["status"]["steps"] = None
    assert read_task(made).spec.task_ref is None
    assert read({"apiVersion": BETA, "kind": "TaskRun", "spec": None, "status": None}).status.results == ()


REFUSED = {
    "a spec that is a list": ("TaskRun", {"spec": []}, "spec: wanted an object"),
    "a status that is text": ("PipelineRun", {"status": "x"}, "status: wanted an object"),
    "steps that are an object": ("TaskRun", {"status": {"steps": {"a": 1}}}, "steps: wanted a list"),
    "a step that is text": ("TaskRun", {"status": {"steps": ["a"]}}, "str"),
    "a task that is null": ("PipelineRun", {"spec": {"pipelineSpec": {"tasks": [None]}}}, "NoneType"),
    "a template that is text": ("PipelineRun", {"spec": {"taskRunTemplate": "x", "serviceAccountName": "a"}}, "str"),
    "an integer of 5,000 digits": ("TaskRun", {"spec": {"retries": "BIG"}}, "out of range"),
}


@pytest.mark.parametrize(("kind", "members", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_converted_is_refused(kind, members, message):
    data = encoded({"apiVersion": BETA, "kind": kind} | members).replace(b'"BIG"', b"9" * 5000)
    with pytest.raises(Permanent, match="not a v1beta1 run") as caught:
        v1beta1.to_v1(data)
    assert caught.value.reason is Reason.INVALID_RUN
    assert message in caught.value.message


@given(mutation.mutated(_beta_task_run() | {"spec": {"taskSpec": SPEC, "stepOverrides": [STEP]}}))
def test_any_object_is_converted_or_refused(made):
    with contextlib.suppress(Permanent):
        json.loads(v1beta1.to_v1(encoded(made)))


@given(
    mutation.mutated(
        _beta_pipeline_run() | {"spec": {"pipelineSpec": {"tasks": [{"taskRef": BUNDLE, "taskSpec": SPEC}]}, "timeout": "1h"}}
    )
)
def test_any_pipeline_object_is_converted_or_refused(made):
    with contextlib.suppress(Permanent):
        json.loads(v1beta1.to_v1(encoded(made)))

"""Tekton objects as Go's structs hold and write them."""

import contextlib

import msgspec
import pytest
from fakes import mutation
from fakes.tekton_runs import encoded, pipeline_run, task_run
from hypothesis import given

from sealwright.core.errors import Permanent, Reason
from sealwright.core.tekton import gostruct
from sealwright.core.tekton.schema import STRUCTS


def normal(kind, text):
    """What Go would write after reading, as JSON text."""
    return msgspec.json.encode(gostruct.normal(kind, text.encode(), "here")).decode()


# struct, what is read, what is written (chains.md 3.1; trusted-resources 1.4, 1.5)
WRITTEN = {
    "null is the zero struct": ("v1.TaskRunSpec", "null", '{"serviceAccountName":""}'),
    "members that are always written": ("v1.PipelineRunSpec", "{}", '{"taskRunTemplate":{}}'),
    "a step": ("v1.Step", "{}", '{"name":"","computeResources":{}}'),
    "a step template": ("v1.StepTemplate", "{}", '{"computeResources":{}}'),
    "an embedded task": ("v1.PipelineTask", '{"taskSpec":{}}', '{"taskSpec":{"spec":null,"metadata":{}}}'),
    "a pipeline result": ("v1.PipelineResult", '{"value":"v"}', '{"name":"","description":"","value":"v"}'),
    "the status of a TaskRun": ("v1.TaskRunStatus", "{}", '{"podName":""}'),
    "unknown members vanish": ("v1.TaskRef", '{"name":"a","other":{"x":[1]},"Name":"b"}', '{"name":"a"}'),
    "empty members vanish": ("v1.TaskSpec", '{"steps":[],"description":"","params":null,"results":[]}', "{}"),
    "false and 0 vanish": ("v1.TaskRunSpec", '{"retries":0}', '{"serviceAccountName":""}'),
    "members have the struct's order": ("v1.TaskRef", '{"params":[],"apiVersion":"v","kind":"k","name":"n"}', '{"name":"n","kind":"k","apiVersion":"v"}'),
    "a pointer to something empty stays": ("v1.TaskRunSpec", '{"managedBy":"","computeResources":{}}',
        '{"serviceAccountName":"","computeResources":{},"managedBy":""}'),
    "a pointer to false stays": ("config.FeatureFlags", '{"setSecurityContext":false,"enableTektonOCIBundles":false}', '{"enableTektonOCIBundles":false}'),
    "a pointer to null vanishes": ("v1.PipelineTask", '{"name":"a","taskSpec":null,"pipelineSpec":null}', '{"name":"a"}'),
    "a missing list that is always written": ("core.v1.ProjectedVolumeSource", "{}", '{"sources":null}'),
    "an empty list that is always written": ("core.v1.ProjectedVolumeSource", '{"sources":[]}', '{"sources":[]}'),
    "null in a list is a zero struct": ("core.v1.ProjectedVolumeSource", '{"sources":[null]}', '{"sources":[{}]}'),
    "null in a list of text": ("v1.Step", '{"name":"a","args":["x",null]}', '{"name":"a","args":["x",""],"computeResources":{}}'),
    "maps are sorted, null in them is empty": ("v1.PipelineTaskMetadata", '{"labels":{"b":"1","a":null}}', '{"labels":{"a":"","b":"1"}}'),
    "empty maps vanish": ("v1.PipelineTaskMetadata", '{"labels":{},"annotations":null}', "{}"),
    "feature flags of old Pipelines": ("config.FeatureFlags", '{"EnableAPIFields":"beta","maxResultSize":4096}', '{"maxResultSize":4096}'),
    "quantities": ("core.v1.ResourceRequirements", '{"limits":{"memory":"1024Mi","cpu":1}}', '{"limits":{"cpu":"1","memory":"1Gi"}}'),
    "null as a quantity": ("core.v1.ResourceRequirements", '{"limits":{"cpu":null}}', '{"limits":{"cpu":"0"}}'),
    "durations": ("v1.TaskRunSpec", '{"timeout":"90m"}', '{"serviceAccountName":"","timeout":"1h30m0s"}'),
    "a port that is a number": ("core.v1.TCPSocketAction", '{"port":80}', '{"port":80}'),
    "a port that is text": ("core.v1.TCPSocketAction", '{"port":"80"}', '{"port":"80"}'),
    "no port": ("core.v1.TCPSocketAction", "{}", '{"port":0}'),
    "times": ("meta.v1.ManagedFieldsEntry", '{"time":"2026-01-31T12:00:00.5+01:00"}', '{"time":"2026-01-31T11:00:00Z"}'),
    "a time that is always written": ("apis.Condition", "{}", '{"type":"","status":"","lastTransitionTime":null}'),
    "the zero time": ("apis.Condition", '{"lastTransitionTime":"0001-01-01T00:00:00Z"}', '{"type":"","status":"","lastTransitionTime":null}'),
    "a parameter that is a number": ("v1.Param", '{"name":"a","value":1.10}', '{"name":"a","value":"1.10"}'),
    "a parameter that is null": ("v1.Param", '{"name":"a","value":null}', '{"name":"a","value":""}'),
    "a default that is null": ("v1.ParamSpec", '{"name":"a","default":null}', '{"name":"a"}'),
    "a default that is an object with numbers": ("v1.ParamSpec", '{"name":"a","default":{"b": 1}}', r'{"name":"a","default":"{\"b\":1}"}'),
    "raw JSON keeps its numbers, not its spaces": ("v1.EmbeddedTask", '{"spec": { "b": 1.0, "a": [1e21, -0.0] } }',
        '{"spec":{"b":1.0,"a":[1e21,-0.0]},"metadata":{}}'),
    "a pipeline in a pipeline": ("v1.PipelineSpec", '{"tasks":[{"name":"a","pipelineSpec":{"tasks":[{"name":"b"}]}}]}',
        '{"tasks":[{"name":"a","pipelineSpec":{"tasks":[{"name":"b"}]}}]}'),
    "attempts in attempts": ("v1.TaskRunStatus", '{"retriesStatus":[{"retriesStatus":[{"podName":"b"}]},null]}',
        '{"podName":"","retriesStatus":[{"podName":"","retriesStatus":[{"podName":"b"}]},{"podName":""}]}'),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "wanted"), WRITTEN.values(), ids=WRITTEN)
def test_object_is_written_as_go_writes_it(kind, text, wanted):
    assert normal(kind, text) == wanted


@pytest.mark.parametrize(("kind", "text", "wanted"), WRITTEN.values(), ids=WRITTEN)
def test_writing_again_changes_nothing(kind, text, wanted):
    assert normal(kind, wanted) == wanted


REFUSED = {
    "a list as an object": ("v1.TaskRunSpec", "[]", "here: Expected `object | null`, got `array`"),
    "a number as text, deep inside": ("v1.TaskRunSpec", '{"taskSpec":{"steps":[{"name":1}]}}', "at `$.taskSpec.steps[0].name`"),
    "text as a number": ("v1.TaskRunSpec", '{"retries":"3"}', "at `$.retries`"),
    "a fraction as a number": ("v1.TaskRunSpec", '{"retries":1.5}', "at `$.retries`"),
    "text as a switch": ("v1.WorkspaceDeclaration", '{"optional":"true"}', "at `$.optional`"),
    "a number as a duration": ("v1.TaskRunSpec", '{"timeout":90}', "at `$.timeout`"),
    "a duration without unit": ("v1.TaskRunSpec", '{"timeout":"90"}', "here: timeout: wanted a duration"),
    "a quantity": ("v1.Step", '{"computeResources":{"limits":{"cpu":"x"}}}', "here: computeResources: limits: wanted a quantity"),
    "an object as a quantity": ("v1.Step", '{"computeResources":{"limits":{"cpu":{}}}}', "wanted a quantity"),
    "a time": ("apis.Condition", '{"lastTransitionTime":"today"}', "here: lastTransitionTime: wanted a time"),
    "a parameter without value": ("v1.Param", '{"name":"a"}', "here: value: wanted a value, found none"),
    "a parameter without value in a list": ("v1.TaskRunSpec", '{"params":[{"name":"a"}]}', "here: params: value: wanted a value"),
    "half a surrogate pair": ("v1.Param", r'{"name":"\ud83d","value":""}', "here: JSON is malformed"),
    "a pipeline in a pipeline": ("v1.PipelineSpec", '{"tasks":[{"pipelineSpec":{"tasks":1}}]}', "here: tasks: pipelineSpec: Expected"),
    "no JSON": ("v1.Param", "{", "here: Input data was truncated"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "message"), REFUSED.values(), ids=REFUSED)
def test_what_go_would_refuse_is_refused_and_the_place_is_named(kind, text, message):
    with pytest.raises(Permanent) as caught:
        gostruct.normal(kind, text.encode(), "here")
    assert caught.value.reason is Reason.INVALID_RUN
    assert message in caught.value.message


def test_bytes_that_are_not_utf8_are_refused_where_nobody_replaced_them():
    with pytest.raises(Permanent, match="here: "):
        gostruct.normal("v1.EmbeddedTask", b'{"spec":"\xff"}', "here")


def test_deep_pipelines_are_written_or_refused():
    """60 levels of pipelines in pipelines are near the limit of nesting of a run."""
    deep = '{"tasks":[{"pipelineSpec":' * 60 + "{}" + "}]}" * 60
    assert normal("v1.PipelineSpec", deep) == deep
    with pytest.raises(Permanent):
        normal("v1.PipelineSpec", '{"tasks":[{"pipelineSpec":' * 5_000 + "{}" + "}]}" * 5_000)


@pytest.mark.parametrize("kind", STRUCTS)
def test_every_struct_of_the_schema_can_be_read_and_written(kind):
    """Each type that a line names exists."""
    try:
        written = normal(kind, "{}")
    except Permanent as refused:
        assert refused.message == "here: value: wanted a value, found none"  # noqa: PT017  the only struct that has to have one
    else:
        assert normal(kind, "null") == written == normal(kind, written)


def test_unknown_conversion_names_the_place_and_the_text():
    with pytest.raises(Permanent, match=r"status: start: invalid literal.*, found 'x'"):
        gostruct.checked(int, "x", "status: start")
    assert gostruct.checked(int, "7", "here") == 7


@given(mutation.mutated(task_run()))
def test_any_task_run_is_written_or_refused(run):
    """Nothing but a Permanent comes out, and what comes out is read as itself."""
    with contextlib.suppress(Permanent):
        written = msgspec.json.encode(gostruct.normal("v1.TaskRun", encoded(run), "here"))
        assert msgspec.json.encode(gostruct.normal("v1.TaskRun", written, "again")) == written


@given(mutation.mutated(pipeline_run()))
def test_any_pipeline_run_is_written_or_refused(run):
    with contextlib.suppress(Permanent):
        written = msgspec.json.encode(gostruct.normal("v1.PipelineRun", encoded(run), "here"))
        assert msgspec.json.encode(gostruct.normal("v1.PipelineRun", written, "again")) == written

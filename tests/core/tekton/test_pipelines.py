"""How a PipelineRun's tasks hang together."""

import json

import pytest
from fakes import growth
from fakes.tekton_runs import child, pipeline_run, pipeline_task, read_pipeline

from sealwright.core.errors import Permanent, Reason
from sealwright.core.tekton import pipelines


def after(**members):
    """What a task with these members waits for."""
    task = {"name": "t"} | members
    return pipelines.after(read_pipeline(pipeline_run(tasks=[task])).status.pipeline_spec.tasks[0])


def ref(task):
    return f"$(tasks.{task}.results.r)"


def test_children_are_found_by_their_label_and_keep_their_order():
    """A task of a matrix has several; `finally` comes last; other children have no task."""
    made = pipeline_run(tasks=[pipeline_task("a"), pipeline_task("b")])
    made["status"]["pipelineSpec"]["finally"] = [pipeline_task("c")]
    children = [child(name) for name in ("c", "b", "a", "b", "x")]
    for n, each in enumerate(children):
        each["metadata"]["name"] = f"child-{n}"
    found = pipelines.tasks(read_pipeline(made, *children))

    assert [(task.name, [each.metadata.name for each in each_child]) for task, each_child in found] == [
        ("a", ["child-2"]),
        ("b", ["child-1", "child-3"]),
        ("c", ["child-0"]),
    ]


def test_run_without_pipeline_has_no_tasks():
    """It was refused before its pipeline was known."""
    assert pipelines.tasks(read_pipeline(pipeline_run(pipelineSpec=None), child("build"))) == []


def test_only_children_that_completed_were_executed():
    made = pipeline_run(tasks=[pipeline_task("a"), pipeline_task("b")])
    run = read_pipeline(made, child("b"), child("a", completionTime=None))
    assert [each.metadata.name for each in pipelines.executed(run)] == ["b"]


# What a task holds -> what it waits for (chains.md 3.2, `after`).
AFTER = {
    "nothing": ({}, []),
    "runAfter": ({"runAfter": ["b", "a"]}, ["b", "a"]),
    "a parameter": ({"params": [{"name": "p", "value": ref("a")}]}, ["a"]),
    "a parameter that is a list": ({"params": [{"name": "p", "value": [ref("b"), ref("a")]}]}, ["b", "a"]),
    "a parameter that is a map": ({"params": [{"name": "p", "value": {"y": ref("b"), "x": ref("a")}}]}, ["a", "b"]),
    "a parameter that holds other JSON": ({"params": [{"name": "p", "value": [1, ref("a")]}]}, ["a"]),
    "a matrix": ({"matrix": {"params": [{"name": "p", "value": [ref("a")]}]}}, ["a"]),
    "a matrix' combinations": ({"matrix": {"include": [{"name": "i", "params": [{"name": "p", "value": ref("a")}]}]}}, ["a"]),
    "a condition": ({"when": [{"input": ref("a"), "operator": "in", "values": [ref("c")]}, {"cel": ref("b")}]}, ["a", "c", "b"]),
    "an embedded step": (
        {"taskSpec": {"steps": [{"image": ref("a"), "script": ref("b"), "command": [ref("c")], "args": [ref("d")], "workingDir": ref("e")}]}},
        ["a", "b", "e", "c", "d"],
    ),
    "an embedded sidecar": ({"taskSpec": {"sidecars": [{"imagePullPolicy": ref("a"), "name": ref("b")}]}}, ["b", "a"]),
    "variables of a step": (
        {"taskSpec": {"steps": [{"env": [{"name": "E", "value": ref("a"), "valueFrom": {"secretKeyRef": {"name": ref("b"), "key": ref("c")}}}]}]}},
        ["a", "b", "c"],
    ),
    "each once, runAfter first": ({"runAfter": ["b"], "params": [{"name": "p", "value": ref("a") + ref("b") + ref("a")}]}, ["b", "a"]),
    "text around it": ({"params": [{"name": "p", "value": f"x-{ref('a')}-$({ref('b')})"}]}, ["a", "b"]),
    "a result of finally": ({"params": [{"name": "p", "value": "$(finally.a.results.r)"}]}, ["a"]),
    "a key of a result": ({"params": [{"name": "p", "value": "$(tasks.a.results.r.key)"}]}, ["a"]),
    "an item of a result": ({"params": [{"name": "p", "value": "$(tasks.a.results.r[0])$(tasks.b.results.r[*])"}]}, ["a", "b"]),
    "no result": ({"params": [{"name": "p", "value": "$(tasks.a.status)$(tasks.a.outputs.r)$(params.tasks.results.r)"}]}, []),
    "too many parts": ({"params": [{"name": "p", "value": "$(tasks.a.results.r.k.x)"}]}, []),
    "too few parts": ({"params": [{"name": "p", "value": "$(tasks.a.results)"}]}, []),
    "no variable": ({"params": [{"name": "p", "value": "tasks.a.results.r $(tasks.a.results.r $tasks.a.results.r"}]}, []),
    "letters outside ASCII": ({"params": [{"name": "p", "value": "$(tasks.é.results.r)$(tasks.a.results.r[１])"}]}, []),
    "a place where Tekton does not look": ({"displayName": ref("a"), "taskSpec": {"description": ref("b"), "volumes": [{"name": ref("c")}]}}, []),
    "null everywhere": (
        {"params": [None, {"value": None}], "matrix": {"params": None, "include": [None, {}]}, "when": [None, {"values": [None]}]}
        | {"taskSpec": {"steps": [None, {"env": [None, {}], "args": None, "command": [None]}], "sidecars": None}},
        [],
    ),
    "members that are null": ({"params": None, "matrix": None, "when": None, "taskSpec": None, "taskRef": None}, []),
}  # fmt: skip


@pytest.mark.parametrize(("members", "wanted"), AFTER.values(), ids=AFTER)
def test_task_waits_for_the_tasks_whose_results_it_uses(members, wanted):
    assert after(**members) == wanted


WRONG = {
    "params": {"params": 3},
    "a parameter": {"params": ["a"]},
    "a matrix": {"matrix": ["a"]},
    "combinations": {"matrix": {"include": [{"params": {}}]}},
    "a condition": {"when": ["a"]},
    "values of a condition": {"when": [{"values": "a"}]},
    "a spec": {"taskSpec": []},
    "a step": {"taskSpec": {"steps": ["a"]}},
    "arguments": {"taskSpec": {"steps": [{"args": "a"}]}},
    "variables": {"taskSpec": {"sidecars": [{"env": {"a": "b"}}]}},
}


@pytest.mark.parametrize("members", WRONG.values(), ids=WRONG)
def test_task_of_another_shape_is_refused_by_name(members):
    """As Go's reader would refuse the whole run."""
    with pytest.raises(Permanent, match="the pipeline's task 't': Expected") as caught:
        after(**members)
    assert caught.value.reason is Reason.INVALID_RUN


@pytest.mark.parametrize("repeated", ["$(", "$(tasks.a.", "a.", "$(a[0"])
def test_hostile_text_takes_no_time(repeated):
    """Looking for variables is linear."""

    def look(text):
        assert after(params=[{"name": "p", "value": text}]) == []

    assert growth.is_linear(look, lambda count: "$(tasks." + repeated * count, 50_000)


def test_deep_value_is_searched_to_its_end():
    """As deep as a run may be."""
    value = json.loads('{"a":' * 150 + json.dumps(ref("a")) + "}" * 150)
    assert after(params=[{"name": "p", "value": value}]) == ["a"]
    assert after(taskSpec={"steps": [{"env": [{"name": "E", "valueFrom": value}]}]}) == ["a"]

"""Tekton's variables, worked out again from values that were signed."""

from typing import Any

import pytest
from fakes import tekton_runs
from fakes.tekton_runs import Json

from sealwright.core.layout import expressions
from sealwright.core.layout.expressions import Expected
from sealwright.core.tekton.values import ParamValue

RESULTS: dict[tuple[str, str], ParamValue] = {
    ("a", "text"): "t",
    ("a", "list"): ["x", "y"],
    ("a", "map"): {"k": "v", "dotted.key": "w"},
}
PARAMS = [
    {"name": "text", "value": "p"},
    {"name": "list", "value": ["1", "2"]},
    {"name": "map", "value": {"k": "m"}},
    {"name": "dotted.name", "value": "d"},
]


def worked_out(value: Any, **members: Any) -> list[Expected]:
    task = tekton_runs.pipeline_task("b", params=[{"name": "p", "value": value}], **members)
    found = tekton_runs.pipeline_run(tasks=[task])
    found["spec"]["params"] = PARAMS
    run = tekton_runs.read_pipeline(found)
    assert run.status.pipeline_spec is not None
    return expressions.expected(run, run.status.pipeline_spec.tasks[0], lambda *pair: RESULTS.get(pair))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("plain", "plain"),
        ("$(params.text)", "p"),
        ("a-$(params.text)-$(params.text)", "a-p-p"),
        ("$(params.list[*])", ["1", "2"]),
        ("$(params.list[1])", "2"),
        ("$(params.map[*])", {"k": "m"}),
        ("$(params.map.k)", "m"),
        ('$(params["dotted.name"])', "d"),
        ("$(params['dotted.name'])", "d"),
        ("$(params.dotted.name)", "d"),
        ("$(params.branch[*])", ["a"]),
        ("$(tasks.a.results.text)", "t"),
        ("image@$(tasks.a.results.text)", "image@t"),
        ("$(tasks.a.results.list[*])", ["x", "y"]),
        ("$(tasks.a.results.list[0])", "x"),
        ("$(tasks.a.results.map.k)", "v"),
        (["0", "$(tasks.a.results.list[*])", "$(tasks.a.results.text)"], ["0", "x", "y", "t"]),
        ({"one": "$(tasks.a.results.text)", "two": "2"}, {"one": "t", "two": "2"}),
        ("$(context.pipelineRun.name)/$(context.pipelineRun.uid)", "p/uid-p"),
        ("$$(x", "$$(x"),
    ],
)
def test_a_parameter_is_what_tekton_makes_of_it(value: Any, found: ParamValue) -> None:
    [each] = worked_out(value)

    assert (found,) == each.values


@pytest.mark.parametrize(
    "value",
    [
        "$(tasks.status)",
        "$(context.taskRun.name)",
        "$(params.unknown)",
        "$(tasks.a.results.none)",
        "$(tasks.a.results.list[2])",
        "$(tasks.a.results.map.none)",
        "x$(tasks.a.results.list[*])",
        "$(params.list[9])",
    ],
)
def test_what_cannot_be_worked_out_is_said(value: Any) -> None:
    [each] = worked_out(value)

    assert each.values is None
    assert each.why


def test_results_are_named_also_where_the_value_cannot_be_told() -> None:
    [each] = worked_out("$(tasks.a.results.none)$(tasks.status)")

    assert each.results == (("a", "none"),)


def test_a_matrix_gives_one_parameter_several_values() -> None:
    matrix: Json = {
        "params": [{"name": "os", "value": ["linux", "$(tasks.a.results.list[*])"]}],
        "include": [{"name": "more", "params": [{"name": "os", "value": "mac"}]}],
    }
    found = {each.name: each.values for each in worked_out("plain", matrix=matrix)}

    assert found == {"p": ("plain",), "os": ("linux", "x", "y", "mac")}

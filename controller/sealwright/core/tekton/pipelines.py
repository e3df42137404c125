"""How a PipelineRun's tasks hang together: which child ran which task, and what had to be finished before."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.tekton.results import RAW_ABSENT
from sealwright.core.tekton.runs import PIPELINE_TASK_LABEL, PipelineRun, PipelineTask, TaskRun
from sealwright.core.tekton.values import param_value

# Tekton's own expression for `$(...)`; the class holds the dot, so one class is the whole language and time is linear.
_VARIABLE = re.compile(r"\$\(([_a-zA-Z0-9.-]+(?:\[(?:[0-9]+|\*)\])?)\)", re.ASCII)

_WHOLE_RESULT = re.compile(r"\$\(tasks\.([a-zA-Z0-9-]+)\.results\.([_a-zA-Z0-9-]+)(?:\[\*\])?\)", re.ASCII)


def tasks(run: PipelineRun) -> list[tuple[PipelineTask, list[TaskRun]]]:
    """Each task of the pipeline, `finally` last, with the children that carry its label, in child order (several: matrix)."""
    spec = run.status.pipeline_spec
    if spec is None:
        return []
    by_task: dict[str, list[TaskRun]] = {}
    for child in run.children:
        by_task.setdefault((child.metadata.labels or {}).get(PIPELINE_TASK_LABEL, ""), []).append(child)
    return [(task, by_task.get(task.name, [])) for task in (*spec.tasks, *spec.finally_)]


def executed(run: PipelineRun) -> list[TaskRun]:
    """The children that have completed, in order of the pipeline's tasks."""
    return [child for _, children in tasks(run) for child in children if child.is_completed]


def after(task: PipelineTask) -> list[str]:
    """The tasks that had to end before: `runAfter`, then those whose results it uses, each once.

    Raises Permanent(INVALID_RUN) for a task that Go's reader would refuse.
    """
    return list(dict.fromkeys([*task.run_after, *(name for name, _ in consumed(task))]))


def result_reference(text: str) -> tuple[str, str] | None:
    """(task, result) of a text that is one whole result of a task, `$(tasks.build.results.image)` or with `[*]`; else None."""
    match = _WHOLE_RESULT.fullmatch(text)
    return (match[1], match[2]) if match else None


def consumed(task: PipelineTask) -> Iterator[tuple[str, str]]:
    """(task, result) of each result that it uses, wherever. Raises as `after`."""
    for text in _texts(task):
        for match in _VARIABLE.finditer(text):
            parts = match[1].split(".")
            if len(parts) in (4, 5) and parts[0] in ("tasks", "finally") and parts[2] == "results":
                yield parts[1], parts[3].partition("[")[0]


# --- where variables stand ----------------------------------------------------------------------------------------------


class _Part(msgspec.Struct, gc=False, rename="camel"):
    """Part of a task in which Tekton looks for variables; any of it may be null."""


class _Param(_Part):
    value: msgspec.Raw = RAW_ABSENT


class _Include(_Part):
    params: list[_Param | None] | None = None


class _Matrix(_Include):
    include: list[_Include | None] | None = None


class _When(_Part):
    input: str | None = None
    cel: str | None = None
    values: list[str | None] | None = None


class _Variable(_Part):
    value: str | None = None
    value_from: Any = None


class _Container(_Part):
    name: str | None = None
    image: str | None = None
    image_pull_policy: str | None = None
    script: str | None = None
    working_dir: str | None = None
    command: list[str | None] | None = None
    args: list[str | None] | None = None
    env: list[_Variable | None] | None = None


class _Spec(_Part):
    steps: list[_Container | None] | None = None
    sidecars: list[_Container | None] | None = None


def _texts(task: PipelineTask) -> Iterator[str]:
    """Every text of the task in which Tekton looks for variables, in its order."""
    matrix: _Matrix = _decode(_Matrix, task.matrix, task) or _Matrix()
    includes = [include.params for include in _present(matrix.include)]
    for params in (_decode(list[_Param | None], task.params, task), matrix.params, *includes):
        for param in _present(params):
            yield from _strings(param_value(bytes(param.value)))
    for when in _present(_decode(list[_When | None], task.when, task)):
        yield from _strings([when.input, when.cel, when.values])
    spec: _Spec = _decode(_Spec, task.task_spec, task) or _Spec()
    for container in (*_present(spec.steps), *_present(spec.sidecars)):
        yield from _container(container)


def _container(found: _Container) -> Iterator[str]:
    yield from _strings([found.name, found.image, found.image_pull_policy, found.script, found.working_dir])
    yield from _strings([found.command, found.args])
    for variable in _present(found.env):
        yield from _strings([variable.value, variable.value_from])


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value if isinstance(value, list) else value.values():
            yield from _strings(item)


def _present(found: list[Any] | None) -> Iterator[Any]:
    return (item for item in found or () if item is not None)


def _decode(type_: Any, raw: bytes, task: PipelineTask) -> Any:
    try:
        return _decoder(type_).decode(raw) if raw else None
    except msgspec.MsgspecError as error:
        raise Permanent(Reason.INVALID_RUN, f"the pipeline's task {quote(task.name)}: {error}") from error


@cache
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_ | None)

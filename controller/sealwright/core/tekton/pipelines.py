"""How a PipelineRun's tasks hang together: which child ran which task, and what had to be finished before."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from sealwright.core.tekton.runs import PIPELINE_TASK_LABEL, PipelineRun, PipelineTask, TaskRun

# Tekton's own expression for `$(...)`; the class holds the dot, so one class is the whole language and time is linear.
_VARIABLE = re.compile(r"\$\(([_a-zA-Z0-9.-]+(?:\[(?:[0-9]+|\*)\])?)\)", re.ASCII)


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
    """The tasks that had to end before: `runAfter`, then those whose results it uses, each once."""
    return list(dict.fromkeys([*task.run_after, *_referenced(task)]))


def _referenced(task: PipelineTask) -> Iterator[str]:
    for text in _texts(task):
        for match in _VARIABLE.finditer(text):
            parts = match[1].split(".")
            if len(parts) in (4, 5) and parts[0] in ("tasks", "finally") and parts[2] == "results":
                yield parts[1]


def _texts(task: PipelineTask) -> Iterator[str]:
    """Every text of the task in which Tekton looks for variables, in its order."""
    matrix = _decode(task.matrix) or {}
    includes = [include.get("params") for include in matrix.get("include") or []]
    for params in (_decode(task.params), matrix.get("params"), *includes):
        for param in params or []:
            yield from _strings(param.get("value"))
    for when in _decode(task.when) or []:
        yield from _strings([when.get("input"), when.get("cel"), when.get("values")])
    spec = _decode(task.task_spec) or {}
    for container in [*(spec.get("steps") or []), *(spec.get("sidecars") or [])]:
        yield from _container(container)


def _container(container: dict[str, Any]) -> Iterator[str]:
    names = ("name", "image", "imagePullPolicy", "script", "workingDir", "command", "args")
    yield from _strings([container.get(name) for name in names])
    for variable in container.get("env") or []:
        yield from _strings([variable.get("value"), variable.get("valueFrom")])


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value if isinstance(value, list) else value.values():
            yield from _strings(item)


def _decode(raw: bytes) -> Any:
    return msgspec.json.decode(raw) if raw else None

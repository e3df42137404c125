"""v1beta1 TaskRuns and PipelineRuns as the v1 objects that Tekton's own conversion makes of them.

Only members that v1 knows under another name or place are moved; what v1 dropped (PipelineResources, cloud events, embedded
child statuses) vanishes when the object is read. Source: the conversion rules of Tekton Pipelines' v1beta1 API.
"""

from typing import Any

import msgspec

from sealwright.core.errors import Permanent, Reason

Object = dict[str, Any]

# How a number is written can end up in a statement (`values.param_value`), so it keeps its text.
_decoder = msgspec.json.Decoder(Object, float_hook=lambda text: msgspec.Raw(text.encode()))


def to_v1(data: bytes) -> bytes:
    """JSON of a v1beta1 run -> JSON of the v1 run. Raises Permanent(INVALID_RUN) if it is no object of that shape."""
    try:
        run = _decoder.decode(data)
        run["apiVersion"] = "tekton.dev/v1"
        (_task_run if run.get("kind") == "TaskRun" else _pipeline_run)(_part(run, "spec"), _part(run, "status"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError, AttributeError) as error:
        raise Permanent(Reason.INVALID_RUN, f"not a v1beta1 run: {error}") from error
    return msgspec.json.encode(run)


def _task_run(spec: Object, status: Object) -> None:
    _task_ref(_part(spec, "taskRef"))
    _task_spec(_part(spec, "taskSpec"))
    for old, new in (("stepOverrides", "stepSpecs"), ("sidecarOverrides", "sidecarSpecs")):
        _rename(spec, old, new)
        _each(spec, new, _resources)
    _task_run_status(status)


def _task_run_status(status: Object) -> None:
    _rename(status, "taskResults", "results")
    _task_spec(_part(status, "taskSpec"))
    _provenance(status)
    _each(status, "steps", _provenance)
    _each(status, "retriesStatus", _task_run_status)


def _pipeline_run(spec: Object, status: Object) -> None:
    template = spec.setdefault("taskRunTemplate", {})
    for name in ("serviceAccountName", "podTemplate"):
        if name in spec:
            template.setdefault(name, spec.pop(name))
    if "timeout" in spec:
        spec.setdefault("timeouts", {}).setdefault("pipeline", spec.pop("timeout"))
    _pipeline_ref(_part(spec, "pipelineRef"))
    _pipeline_spec(_part(spec, "pipelineSpec"))
    _each(spec, "taskRunSpecs", _task_run_spec)
    _rename(status, "pipelineResults", "results")
    _pipeline_spec(_part(status, "pipelineSpec"))
    _provenance(status)


def _task_run_spec(spec: Object) -> None:
    _rename(spec, "taskServiceAccountName", "serviceAccountName")
    _rename(spec, "taskPodTemplate", "podTemplate")
    for old, new in (("stepOverrides", "stepSpecs"), ("sidecarOverrides", "sidecarSpecs")):
        _rename(spec, old, new)
        _each(spec, new, _resources)


def _pipeline_spec(spec: Object) -> None:
    for tasks in ("tasks", "finally"):
        _each(spec, tasks, _pipeline_task)


def _pipeline_task(task: Object) -> None:
    _task_ref(_part(task, "taskRef"))
    _task_spec(_part(task, "taskSpec"))


def _task_spec(spec: Object) -> None:
    _each(spec, "steps", _resources)
    _each(spec, "sidecars", _resources)
    _resources(_part(spec, "stepTemplate"))


def _resources(container: Object) -> None:
    _rename(container, "resources", "computeResources")


def _provenance(status: Object) -> None:
    _rename(_part(status, "provenance"), "configSource", "refSource")


def _task_ref(ref: Object) -> None:
    _bundle(ref, "Task")


def _pipeline_ref(ref: Object) -> None:
    _bundle(ref, "Pipeline")


def _bundle(ref: Object, kind: str) -> None:
    """`bundle: IMAGE` became the resolver of that name."""
    bundle = ref.pop("bundle", None)
    if bundle:
        given = {"bundle": bundle, "name": ref.pop("name", ""), "kind": ref.pop("kind", "") or kind}
        ref["resolver"] = "bundles"
        ref["params"] = [{"name": name, "value": value} for name, value in given.items()]


def _part(parent: Object, name: str) -> Object:
    """The object below `parent`, or an empty one that is not attached to it."""
    found = parent.get(name)
    if found is not None and not isinstance(found, dict):
        raise TypeError(f"{name}: wanted an object")
    return found if found is not None else {}


def _each(parent: Object, name: str, change: Any) -> None:
    found = parent.get(name) or []
    if not isinstance(found, list):
        raise TypeError(f"{name}: wanted a list")
    for item in found:
        change(item)


def _rename(parent: Object, old: str, new: str) -> None:
    if old in parent:
        parent.setdefault(new, parent.pop(old))

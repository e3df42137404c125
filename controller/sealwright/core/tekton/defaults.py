"""What Tekton's controller adds to a definition before it hashes it (its types' SetDefaults), on JSON that keeps its spelling.

A parameter, a result and a reference say more than their author wrote; whoever signs or verifies must say the same.
"""

from collections.abc import Callable

import msgspec

from sealwright.core.tekton import values

Object = dict[str, msgspec.Raw]
Change = Callable[[Object], None]

_object = msgspec.json.Decoder(Object | None)
_list = msgspec.json.Decoder(list[msgspec.Raw] | None)
_text = msgspec.json.Decoder(str | None)
_ABSENT = msgspec.Raw(b"null")
_STRING, _OBJECT, _TASK = msgspec.Raw(b'"string"'), msgspec.Raw(b'"object"'), msgspec.Raw(b'"Task"')


def completed(kind: str, data: bytes) -> bytes:
    """The definition with its defaults. `kind`: Task, Pipeline or StepAction. Raises msgspec.MsgspecError for another shape."""
    spec = {"Task": _task_spec, "Pipeline": _pipeline_spec, "StepAction": _step_action_spec}[kind]
    document = _object.decode(data) or {}
    _within(document, "spec", spec)
    return msgspec.json.encode(document)


def _task_spec(spec: Object) -> None:
    _each(spec, "params", _param)
    _each(spec, "results", _result)


_step_action_spec = _task_spec


def _pipeline_spec(spec: Object) -> None:
    _each(spec, "params", _param)
    _each(spec, "tasks", _pipeline_task)
    _each(spec, "finally", _pipeline_task)


def _pipeline_task(task: Object) -> None:
    _within(task, "taskRef", _task_ref)
    _within(task, "taskSpec", _task_spec)


def _task_ref(ref: Object) -> None:
    """A reference without resolver is to a Task. (The cluster may name a default resolver; as installed it does not.)"""
    if not _has_text(ref, "kind") and not _has_text(ref, "resolver"):
        ref["kind"] = _TASK


def _param(param: Object) -> None:
    has_properties = param.get("properties", _ABSENT) != _ABSENT
    if not _has_text(param, "type"):
        param["type"] = _OBJECT if has_properties else _type_of(param.get("default", _ABSENT))
        if not has_properties:
            return
    _properties(param)


def _type_of(default: msgspec.Raw) -> msgspec.Raw:
    if default == _ABSENT:
        return _STRING
    kinds = {str: "string", list: "array", dict: "object"}
    return msgspec.Raw(msgspec.json.encode(kinds[type(values.param_value(bytes(default)))]))


def _result(result: Object) -> None:
    if not _has_text(result, "type"):
        result["type"] = _OBJECT if result.get("properties", _ABSENT) != _ABSENT else _STRING
    _properties(result)


def _properties(holder: Object) -> None:
    names = _object.decode(holder.get("properties", _ABSENT))
    if names is None:
        return
    for name in names:
        _within(names, name, _property, is_made=True)
    holder["properties"] = msgspec.Raw(msgspec.json.encode(names))


def _property(found: Object) -> None:
    if not _has_text(found, "type"):
        found["type"] = _STRING


def _has_text(holder: Object, name: str) -> bool:
    return bool(_text.decode(holder.get(name, _ABSENT)))


def _within(parent: Object, name: str, change: Change, *, is_made: bool = False) -> None:
    """Change the object below `parent`; where there is none, nothing, or an empty one if it `is_made`."""
    child = _object.decode(parent.get(name, _ABSENT))
    if child is None and not is_made:
        return
    child = {} if child is None else child
    change(child)
    parent[name] = msgspec.Raw(msgspec.json.encode(child))


def _each(parent: Object, name: str, change: Change) -> None:
    items = _list.decode(parent.get(name, _ABSENT))
    if items is None:
        return
    changed = [_object.decode(item) or {} for item in items]
    for item in changed:
        change(item)
    parent[name] = msgspec.Raw(msgspec.json.encode(changed))

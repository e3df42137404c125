"""Makers of small Tekton objects, as dicts and as the bytes a source would give."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sealwright.core.model import Key

DIGEST = f"sha256:{'ab' * 32}"
STARTED, FINISHED = "2026-01-31T12:00:00Z", "2026-01-31T12:05:00Z"

Object = dict[str, Any]


def task_run(
    name: str = "build",
    *,
    uid: str = "",
    namespace: str = "team",
    results: Mapping[str, Any] | None = None,
    status: str = "True",
    started: str = STARTED,
    finished: str = FINISHED,
    annotations: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    steps: Sequence[str] = (),
) -> Object:
    """A TaskRun that ended with `status`; "Unknown" is one that still runs. `steps` are imageIDs."""
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "metadata": _metadata(name, namespace, uid, annotations, labels),
        "spec": {"taskRef": {"name": "build"}},
        "status": _status(status, started, finished, results)
        | {"steps": [{"name": f"step-{n}", "imageID": image} for n, image in enumerate(steps)]},
    }


def pipeline_run(
    name: str = "release",
    *,
    uid: str = "",
    namespace: str = "team",
    tasks: Sequence[str] = (),
    results: Mapping[str, Any] | None = None,
    status: str = "True",
    started: str = STARTED,
    finished: str = FINISHED,
    annotations: Mapping[str, str] | None = None,
) -> Object:
    """A PipelineRun that ended; each of `tasks` is a task of its pipeline, run by the TaskRun `<name>-<task>`."""
    children = [
        {"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": f"{name}-{task}", "pipelineTaskName": task} for task in tasks
    ]
    spec = {"tasks": [{"name": task, "taskRef": {"name": task}} for task in tasks]}
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": _metadata(name, namespace, uid, annotations, None),
        "spec": {"pipelineRef": {"name": "release"}},
        "status": _status(status, started, finished, results) | {"pipelineSpec": spec, "childReferences": children},
    }


def child(parent: Object, task: str, **members: Any) -> Object:
    """The TaskRun that ran this task for the PipelineRun: its name, label and owner, as Tekton writes them."""
    found = task_run(
        f"{parent['metadata']['name']}-{task}",
        namespace=parent["metadata"]["namespace"],
        labels={"tekton.dev/pipelineTask": task},
        **members,
    )
    owner = {"name": parent["metadata"]["name"], "uid": parent["metadata"]["uid"], "controller": True}
    found["metadata"]["ownerReferences"] = [{"apiVersion": "tekton.dev/v1", "kind": "PipelineRun"} | owner]
    return found


def image(repository: str = "registry.test/app", digest: str = DIGEST) -> dict[str, str]:
    """Results that name one image."""
    return {"IMAGE_URL": repository, "IMAGE_DIGEST": digest}


def running(found: Object) -> Object:
    """The same object before its end."""
    status = {name: member for name, member in found["status"].items() if name != "completionTime"}
    return found | {"status": status | {"conditions": [{"type": "Succeeded", "status": "Unknown", "reason": "Running"}]}}


def key(found: Object) -> Key:
    return Key(kind=found["kind"], namespace=found["metadata"]["namespace"], name=found["metadata"]["name"])


def body(found: Object) -> bytes:
    return json.dumps(found).encode()


def _metadata(
    name: str, namespace: str, uid: str, annotations: Mapping[str, str] | None, labels: Mapping[str, str] | None
) -> Object:
    found: Object = {"name": name, "namespace": namespace, "uid": uid or f"uid-of-{name}"}
    return found | {word: dict(member) for word, member in (("annotations", annotations), ("labels", labels)) if member}


def _status(status: str, started: str, finished: str, results: Mapping[str, Any] | None) -> Object:
    reason = {"True": "Succeeded", "False": "Failed"}.get(status, "Running")
    found: Object = {"conditions": [{"type": "Succeeded", "status": status, "reason": reason}], "startTime": started}
    if status != "Unknown":
        found["completionTime"] = finished
    return found | {"results": [{"name": name, "type": _type(read), "value": read} for name, read in (results or {}).items()]}


def _type(read: Any) -> str:
    return {list: "array", dict: "object"}.get(type(read), "string")

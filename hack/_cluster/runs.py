"""The bodies of Tekton runs as the API sees them: what a user creates, then what Tekton writes into the status.

A finished TaskRun made here is about 8 KiB as the server stores it, which is an ordinary build.
"""

import hashlib
from datetime import datetime
from typing import Any

Json = dict[str, Any]
STEPS = ("clone", "build", "push")
SCRIPT = "#!/bin/sh\nset -eu\n" + "make --jobs 4 all check VERBOSE=1\n" * 24
PARAMS = [{"name": f"option-{n}", "value": "a value of ordinary length, " * 2} for n in range(8)]
TASK = {
    "params": [{"name": param["name"], "type": "string", "description": "One of the options of the build"} for param in PARAMS],
    "results": [{"name": "IMAGES", "type": "string", "description": "What was pushed"}],
    "steps": [{"name": step, "image": "docker.io/library/bash:5.2", "script": SCRIPT, "computeResources": {}} for step in STEPS],
}


def digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def task_run(name: str, namespace: str) -> Json:
    spec = {"params": PARAMS, "serviceAccountName": "builder", "timeout": "1h0m0s", "taskRef": {"name": "kaniko", "kind": "Task"}}
    return run("TaskRun", name, namespace, spec, {"tekton.dev/task": "kaniko"})


def child_run(name: str, namespace: str, owner: Json, pipeline_task: str) -> Json:
    """A TaskRun as Tekton makes it for a task of a pipeline. `owner` is the metadata of the PipelineRun."""
    child = task_run(name, namespace)
    child["metadata"]["labels"] |= {
        "tekton.dev/pipelineRun": owner["name"],
        "tekton.dev/pipelineRunUID": owner["uid"],
        "tekton.dev/pipelineTask": pipeline_task,
        "tekton.dev/memberOf": "tasks",
    }
    reference = {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": owner["name"], "uid": owner["uid"]}
    child["metadata"]["ownerReferences"] = [reference | {"controller": True, "blockOwnerDeletion": True}]
    return child


def pipeline_run(name: str, namespace: str) -> Json:
    spec = {"params": PARAMS[:2], "pipelineRef": {"name": "release"}, "taskRunTemplate": {"serviceAccountName": "builder"}}
    return run("PipelineRun", name, namespace, spec, {"tekton.dev/pipeline": "release"})


def run(kind: str, name: str, namespace: str, spec: Json, labels: dict[str, str]) -> Json:
    metadata = {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/managed-by": "tekton-pipelines"} | labels}
    return {"apiVersion": "tekton.dev/v1", "kind": kind, "metadata": metadata, "spec": spec}


def condition(word: str, reason: str, message: str, at: datetime) -> list[Json]:
    return [{"type": "Succeeded", "status": word, "reason": reason, "message": message, "lastTransitionTime": stamp(at)}]


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def running_task(name: str, at: datetime) -> Json:
    conditions = condition("Unknown", "Running", "Not all Steps have completed", at)
    return {"conditions": conditions, "startTime": stamp(at), "podName": f"{name}-pod"}


def finished_task(name: str, at: datetime, images: int) -> Json:
    """Success, with `images` pushed; with none the run has one result that names no artifact."""
    return {
        "conditions": condition("True", "Succeeded", "All Steps have completed executing", at),
        "completionTime": stamp(at),
        "taskSpec": TASK,
        "steps": [step_state(step, at) for step in STEPS],
        "results": [result for image in range(images) for result in image_results(name, image)]
        or [{"name": "tests-passed", "type": "string", "value": "1284"}],
        "provenance": {
            "refSource": {
                "uri": "git+https://git.example.com/tasks.git",
                "digest": {"sha1": digest("tasks")[7:47]},
                "entryPoint": "kaniko.yaml",
            },
            "featureFlags": {
                "enableAPIFields": "stable",
                "resultExtractionMethod": "termination-message",
                "coschedule": "workspaces",
            },
        },
    }


def step_state(step: str, at: datetime) -> Json:
    ended = {
        "containerID": f"containerd://{digest(step)[7:]}",
        "exitCode": 0,
        "finishedAt": stamp(at),
        "reason": "Completed",
        "startedAt": stamp(at),
    }
    image_id = f"docker.io/library/bash@{digest('bash')}"
    return {"name": step, "container": f"step-{step}", "imageID": image_id, "terminated": ended, "terminationReason": "Completed"}


def image_results(name: str, image: int) -> list[Json]:
    """Of 25 teams, so that repositories fill as they do in life."""
    url = f"registry.example.com/team-{int(digest(name)[7:9], 16) % 25}/image-{image}:{name}"
    pair = (("URL", url), ("DIGEST", digest(f"{name}/{image}")))
    return [{"name": f"image-{image}_IMAGE_{half}", "type": "string", "value": value} for half, value in pair]


def running_pipeline(children: list[str], at: datetime) -> Json:
    """`children` are names of TaskRuns; their tasks are called task-0, task-1, ..."""
    tasks = [{"name": f"task-{n}", "taskRef": {"name": "kaniko", "kind": "Task"}} for n in range(len(children))]
    references = [
        {"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": name, "pipelineTaskName": f"task-{n}"}
        for n, name in enumerate(children)
    ]
    message = f"Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: {len(children)}, Skipped: 0"
    return {
        "conditions": condition("Unknown", "Running", message, at),
        "startTime": stamp(at),
        "pipelineSpec": {"tasks": tasks},
        "childReferences": references,
    }


def finished_pipeline(children: int, at: datetime) -> Json:
    message = f"Tasks Completed: {children} (Failed: 0, Cancelled 0), Skipped: 0"
    return {"conditions": condition("True", "Succeeded", message, at), "completionTime": stamp(at)}

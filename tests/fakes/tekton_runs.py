"""Runs as Tekton leaves them behind, written as plain JSON values; and the configurations that provenance is built under.

Each maker gives a new object, so that a test may change it.
"""

import dataclasses
import json
from typing import Any

from sealwright.core.config import Config, parse
from sealwright.core.model import Built
from sealwright.core.provenance import link, slsa_v02, slsa_v1
from sealwright.core.tekton import runs

Json = dict[str, Any]

HEX = "0123456789abcdef" * 4
OTHER_HEX = "fedcba9876543210" * 4
DIGEST = f"sha256:{HEX}"
IMAGE = f"registry.test/team/app@{DIGEST}"
COMMIT = "5c3146e80a9c222670bbe4f4c54977656cf2d133"

FORMATS = {word: module for module in (link, slsa_v02, slsa_v1) for word in module.NAMES}
WITH_OBJECTS = slsa_v1.WITH_OBJECTS
_DEFAULTS = parse({}, formats=[*FORMATS], stores=["tekton", "oci"], signers=["x509"]).config


def config(**changes: Any) -> Config:
    """The default configuration with these fields changed."""
    return dataclasses.replace(_DEFAULTS, **changes)


def result(name: str, value: Any) -> Json:
    """A result with the type that Tekton notes beside it."""
    kinds = {list: "array", dict: "object"}
    return {"name": name, "type": kinds.get(type(value), "string"), "value": value}


def named(name: str, value: Any) -> runs.Named:
    """A result as the reader holds it."""
    return runs.Named(name=name, value=json.dumps(value).encode())


def step(name: str, image: str = IMAGE, **members: Any) -> Json:
    """The state of a step that has ended."""
    return {"name": name, "container": f"step-{name}", "imageID": image, "terminated": {"exitCode": 0}} | members


def ref_source(uri: str = "git+https://git.test/catalog", **members: Any) -> Json:
    """What a resolver notes in `status.provenance`."""
    return {"refSource": {"uri": uri, "digest": {"sha1": COMMIT}, "entryPoint": "task.yaml"} | members}


def task_run(**status: Any) -> Json:
    """A TaskRun that built and pushed an image; the keywords are members of its status."""
    spec = {
        "params": [{"name": "revision", "default": "main"}],
        "steps": [{"name": "build", "image": "builder", "script": "make"}],
    }
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "metadata": {
            "name": "build",
            "namespace": "team",
            "uid": "uid-build",
            "resourceVersion": "12",
            "labels": {"tekton.dev/pipelineTask": "build"},
            "annotations": {"note": "kept"},
            "ownerReferences": [
                {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": "p", "uid": "uid-p", "controller": True}
            ],
        },
        "spec": {
            "serviceAccountName": "builder",
            "params": [
                {"name": "CHAINS-GIT_URL", "value": "https://git.test/app"},
                {"name": "CHAINS-GIT_COMMIT", "value": COMMIT},
            ],
            "taskRef": {"name": "build", "kind": "Task"},
            "timeout": "1h0m0s",
        },
        "status": {
            "conditions": [
                {"type": "Succeeded", "status": "True", "reason": "Succeeded", "lastTransitionTime": "2026-01-31T12:01:00Z"}
            ],
            "podName": "build-pod",
            "startTime": "2026-01-31T12:00:00Z",
            "completionTime": "2026-01-31T12:01:00Z",
            "taskSpec": spec,
            "steps": [step("build")],
            "results": [result("IMAGE_URL", "registry.test/team/app"), result("IMAGE_DIGEST", DIGEST)],
            "provenance": ref_source() | {"featureFlags": {"enableAPIFields": "beta"}},
        }
        | status,
    }


def pipeline_task(name: str, **members: Any) -> Json:
    return {"name": name, "taskRef": {"name": name, "kind": "Task"}} | members


def pipeline_run(*, tasks: list[Json] | None = None, children: list[str] | None = None, **status: Any) -> Json:
    """A PipelineRun whose children have the names given; the other keywords are members of its status."""
    spec = {"tasks": [pipeline_task("build")] if tasks is None else tasks, "params": [{"name": "branch", "default": ["a"]}]}
    names = ["build"] if children is None else children
    references = [{"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": name, "pipelineTaskName": name} for name in names]
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"name": "p", "namespace": "team", "uid": "uid-p"},
        "spec": {"pipelineRef": {"name": "release"}, "taskRunTemplate": {"serviceAccountName": "builder"}},
        "status": {
            "conditions": [{"type": "Succeeded", "status": "True", "lastTransitionTime": "2026-01-31T12:02:00Z"}],
            "startTime": "2026-01-31T12:00:00Z",
            "completionTime": "2026-01-31T12:02:00Z",
            "pipelineSpec": spec,
            "childReferences": references,
            "results": [result("app-ARTIFACT_URI", "pkg:generic/app"), result("app-ARTIFACT_DIGEST", DIGEST)],
            "provenance": ref_source(),
        }
        | status,
    }


def child(name: str, **status: Any) -> Json:
    """A child of `pipeline_run`, which ran the task of its own name."""
    found = task_run(**status)
    found["metadata"] |= {"name": name, "uid": f"uid-{name}", "labels": {"tekton.dev/pipelineTask": name}}
    return found


def read(value: Json) -> runs.Run:
    return runs.read(encoded(value))


def read_task(value: Json) -> runs.TaskRun:
    found = read(value)
    assert isinstance(found, runs.TaskRun)
    return found


def read_pipeline(value: Json, *children: Json) -> runs.PipelineRun:
    found = read(value)
    assert isinstance(found, runs.PipelineRun)
    return runs.with_children(found, map(read_task, children))


def encoded(value: Any) -> bytes:
    """Compact JSON with text outside ASCII as it is, as the API server sends it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="surrogatepass")


def build(run: runs.Run, word: str, **changes: Any) -> Built:
    return FORMATS[word].build(run, word, config(**changes))


def predicate(run: runs.Run, word: str, **changes: Any) -> Json:
    """The predicate of the run's statement, as a verifier reads it."""
    found: Json = json.loads(build(run, word, **changes).payload.body)["predicate"]
    return found

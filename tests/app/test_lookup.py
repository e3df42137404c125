"""What `sealwright why KIND/NAME` reads in a cluster."""

import json

import pytest
from fakes import objects
from fakes.kube_api import KubeApi

from sealwright.app import lookup
from sealwright.core.errors import Permanent
from sealwright.core.tekton.runs import PipelineRun

PARENT = objects.pipeline_run(tasks=("fetch",))
CHILD = objects.child(PARENT, "fetch", results=objects.image())


@pytest.fixture
async def cluster(tmp_path):
    """A TaskRun, a PipelineRun with its child, the configuration, and Events of two runs; with a kubeconfig for it."""
    kube = KubeApi()
    for found in (objects.task_run("build"), PARENT, CHILD):
        kube.put(found)
    kube.put(
        {"kind": "ConfigMap", "metadata": {"name": "chains-config", "namespace": "tekton-chains"}, "data": {"profile": "strict"}}
    )
    for number, name in enumerate(("build", "other")):
        metadata = {"name": f"event-{number}", "namespace": "team"}
        about = {
            "type": "Warning",
            "reason": "SigningFailed",
            "message": "KeyMissing: no key",
            "involvedObject": {"uid": f"uid-of-{name}"},
        }
        kube.put({"kind": "Event", "metadata": metadata} | about)
    async with kube.api():
        kube.config = tmp_path / "config"
        context = {"cluster": "k", "user": "u", "namespace": "team"}
        kube.config.write_text(
            json.dumps(
                {
                    "current-context": "c",
                    "contexts": [{"name": "c", "context": context}],
                    "clusters": [{"name": "k", "cluster": {"server": kube.url}}],
                    "users": [{"name": "u", "user": {"token": "t"}}],
                }
            )
        )
        yield kube


async def test_a_run_comes_with_the_configuration_and_its_own_events(cluster):
    """In the namespace of the kubeconfig's context."""
    seen = await lookup.look(cluster.config, "TaskRun", "", "build")

    assert seen.run.metadata.uid == "uid-of-build"
    assert seen.config == {"profile": "strict"}
    assert seen.events == ("Warning SigningFailed: KeyMissing: no key",)


async def test_a_pipelinerun_comes_with_its_children(cluster):
    seen = await lookup.look(cluster.config, "PipelineRun", "team", PARENT["metadata"]["name"])

    assert isinstance(seen.run, PipelineRun)
    assert [child.metadata.name for child in seen.run.children] == [CHILD["metadata"]["name"]]


@pytest.mark.parametrize(
    ("kind", "namespace", "name"),
    [
        ("TaskRun", "team", "nothing"),
        ("PipelineRun", "team", "build"),
        ("TaskRun", "elsewhere", "build"),
        ("TaskRun", "team", "../build"),
        ("TaskRun", "..", "build"),
        ("TaskRun", "../team", "build"),
        ("TaskRun", "team", ""),
    ],
)
async def test_what_is_not_there_is_told(cluster, kind, namespace, name):
    """Another kind, another namespace, and names that are paths."""
    with pytest.raises(Permanent, match=f"no {kind}"):
        await lookup.look(cluster.config, kind, namespace, name)


async def test_who_may_read_the_run_alone_gets_an_answer_too(cluster):
    """Neither the configuration nor Events are a tenant's to read everywhere."""
    cluster.is_faulty = lambda _method, path: "tekton.dev" not in path
    cluster.faults = [(403, {})] * 2
    seen = await lookup.look(cluster.config, "TaskRun", "team", "build")

    assert (seen.config, seen.events) == (None, ())


async def test_looking_writes_nothing(cluster):
    await lookup.look(cluster.config, "PipelineRun", "team", PARENT["metadata"]["name"])

    assert {method for method, _, _ in cluster.calls} == {"GET"}

"""Key and configuration are copied out of an installation of Chains before it is deleted, and nothing is ever overwritten."""

import asyncio
import json

import pytest
from fakes import commands
from fakes.kube_api import KubeApi

from sealwright.app.migration import migrate
from sealwright.core.errors import Permanent, Transient

OLD, NEW = "tekton-pipelines", "tekton-chains"
KEYS = {"cosign.key": "a2V5", "cosign.password": "cGFzcw==", "cosign.pub": "cHVi"}
SETTINGS = {"artifacts.taskrun.format": "slsa/v1"}
OWNER = [{"apiVersion": "operator.tekton.dev/v1alpha1", "kind": "TektonInstallerSet", "name": "chain", "uid": "u"}]


class Cluster(KubeApi):
    """An API server with what the operator installed."""

    def hold(self, kind, name, namespace, **content):
        return self.put({"kind": kind, "metadata": {"name": name, "namespace": namespace, "ownerReferences": OWNER}} | content)

    def found(self, resource, name, namespace=NEW):
        return self.get(resource, namespace, name)

    def writes(self):
        return [(method, path) for method, path, _ in self.calls if method != "GET"]


@pytest.fixture
async def cluster(tmp_path):
    kube = Cluster()
    kube.hold("Secret", "signing-secrets", OLD, data=KEYS, type="Opaque")
    kube.hold("ConfigMap", "chains-config", OLD, data=SETTINGS)
    async with kube.api():
        kube.config = tmp_path / "config"
        clusters = [{"name": "k", "cluster": {"server": kube.url}}]
        users, contexts = [{"name": "u", "user": {"token": "t"}}], [{"name": "c", "context": {"cluster": "k", "user": "u"}}]
        kube.config.write_text(json.dumps({"current-context": "c", "contexts": contexts, "clusters": clusters, "users": users}))
        yield kube


async def states(cluster, **options):
    return [each.state for each in await migrate(cluster.config, OLD, NEW, **{"writes": True} | options)]


async def test_both_are_copied_without_their_owner(cluster):
    """Whoever deletes the owner must not delete the copy; the namespace is made where it is missing."""
    assert await states(cluster) == ["copied", "copied"]

    secret, config = cluster.found("secrets", "signing-secrets"), cluster.found("configmaps", "chains-config")
    assert (secret["data"], secret["type"], config["data"]) == (KEYS, "Opaque", SETTINGS)
    assert "ownerReferences" not in secret["metadata"] | config["metadata"]
    assert cluster.get("namespaces", "", NEW)
    assert cluster.found("secrets", "signing-secrets", OLD)["data"] == KEYS


async def test_a_second_time_changes_nothing(cluster):
    """It is there already."""
    await states(cluster)
    before = len(cluster.writes())

    assert await states(cluster) == ["there", "there"]
    assert len(cluster.writes()) == before


async def test_an_empty_secret_that_an_installation_made_is_filled(cluster):
    """deploy/ holds one; its labels stay."""
    empty = {"metadata": {"name": "signing-secrets", "namespace": NEW, "labels": {"a": "b"}}, "type": "Opaque"}
    cluster.put({"kind": "Secret"} | empty)

    assert await states(cluster) == ["copied", "copied"]
    filled = cluster.found("secrets", "signing-secrets")
    assert (filled["data"], filled["metadata"]["labels"]) == (KEYS, {"a": "b"})


async def test_what_is_there_and_different_is_not_touched_nor_anything_else(cluster):
    """Another key may have signed with it."""
    cluster.hold("Secret", "signing-secrets", NEW, data={"x509.pem": "b3RoZXI="})

    assert await states(cluster) == ["different", "copied"]
    assert cluster.writes() == []


async def test_a_dry_run_writes_nothing(cluster):
    """It says what it would do."""
    assert await states(cluster, writes=False) == ["copied", "copied"]
    assert cluster.writes() == []


async def test_one_namespace_cannot_be_both(cluster):
    """Nothing would be out of reach."""
    with pytest.raises(Permanent, match="name two namespaces"):
        await migrate(cluster.config, OLD, OLD, writes=True)


async def test_who_is_faster_is_not_overwritten(cluster):
    """Somebody fills the Secret between our look and our write."""
    cluster.faults, cluster.is_faulty = [(409, {})], lambda method, path: method == "POST" and path.endswith("secrets")
    with pytest.raises(Transient, match="at the same time"):
        await states(cluster)


async def test_a_person_reads_what_became_of_each(cluster):
    """And the exit code says it to a script; no value of the Secret is shown."""

    def run(*arguments):
        return commands.process("migrate", "--kubeconfig", cluster.config, *arguments)

    dry = await asyncio.to_thread(run, "--dry-run")
    done = await asyncio.to_thread(run)
    cluster.hold("ConfigMap", "chains-config", NEW, data={"profile": "strict"})
    refused = await asyncio.to_thread(run)
    nothing = await asyncio.to_thread(run, "--from", "elsewhere")

    assert (dry.code, done.code, refused.code, nothing.code) == (0, 0, 1, 3)
    assert "Secret signing-secrets (cosign.key, cosign.password, cosign.pub)" in dry.text
    assert "would be copied" in dry.text
    assert "is there already, and DIFFERENT" in refused.text
    assert "name its namespace with --from" in nothing.text
    assert not any(value in done.text + done.told for value in KEYS.values())

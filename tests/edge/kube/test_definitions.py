"""A finished run's remote definition, judged again by what the cluster holds now."""

import base64
import json

import pytest
from fakes import objects, signers
from fakes.equipment import equipment
from fakes.kube_api import KubeApi
from fakes.runs import MemoryRuns
from fakes.stores import MemoryStore

from sealwright.core.errors import Permanent, Reason
from sealwright.core.proof import resource as proof
from sealwright.core.tekton import resolution, resources, runs
from sealwright.edge.kube.definitions import ClusterDefinitions
from sealwright.edge.metrics import Metrics
from sealwright.flow.reconcile import State, reconcile

KEY, OTHER = signers.key(), signers.key(number=1)
URI = "git+https://x.example/catalog"
TASK = b"apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: build}\nspec: {steps: [{image: ubuntu}]}\n"
REFERENCE = {"resolver": "git", "params": [{"name": "url", "value": "https://x.example/catalog"}]}
RUN = objects.task_run("build", results=objects.image())
RUN["spec"] = {"taskRef": REFERENCE}


def signed(key=KEY):
    text = proof.annotation(key.sign(resources.read(TASK, "f").digest, "sha256"))
    return resources.signed(TASK, "f", "controller", text)


def answer(body, uid=RUN["metadata"]["uid"]):
    name = resolution.request_name(runs.read(json.dumps(RUN).encode()))
    return {
        "kind": "ResolutionRequest",
        "metadata": {"name": name, "namespace": RUN["metadata"]["namespace"], "ownerReferences": [{"uid": uid}]},
        "status": {"data": base64.b64encode(body).decode(), "refSource": {"uri": URI}},
    }


def policy(key=None, *, name="p", cluster=False, **spec):
    authorities = [{"name": "a", "key": key or {"data": KEY.public.pem.decode()}}]
    own = {"apiVersion": "sealwright.dev/v1alpha1", "kind": "ClusterVerificationPolicy", "metadata": {"name": name}}
    theirs = {"apiVersion": "tekton.dev/v1alpha1", "kind": "VerificationPolicy"}
    theirs["metadata"] = {"name": name, "namespace": RUN["metadata"]["namespace"]}
    return (own if cluster else theirs) | {
        "spec": {"resources": [{"pattern": "https://x.example/.*"}], "authorities": authorities, **spec}
    }


async def look(*kept, no_match="fail"):
    """The finding of one look at the run, which is signed whatever it says; and the server, for counting."""
    server = KubeApi()
    for found in kept:
        server.put(found)
    async with server.api() as api:
        tools = equipment({"tekton": MemoryStore("tekton", in_object=True)})
        judging = ClusterDefinitions(api, "tekton-chains", no_match)
        report = await reconcile(objects.key(RUN), MemoryRuns(RUN), type(tools)(config=tools.config, signers=tools.signers,
                                 stores=tools.stores, definitions=judging))  # fmt: skip
    assert report.state is State.SIGNED
    assert report.bug is None
    [finding] = [found for found in report.findings if found.where == "definition"]
    return finding.message, report


async def test_a_signed_definition_is_accepted_and_its_digest_told():
    message, _ = await look(answer(signed()), policy())

    assert message == f"sha256:{resources.read(TASK, 'f').digest.hex()} from {URI}: pass"


async def test_what_no_policy_of_now_accepts_is_told():
    """Whatever stands on the run: another key, no signature, another text."""
    for body in (signed(OTHER), TASK, signed().replace(b"ubuntu", b"evil")):
        message, report = await look(answer(body), policy())
        assert message.startswith(f"{Reason.DEFINITION_REFUSED}: sha256:")
        assert message.endswith("fail: resource verification failed: resource build in namespace  fails verification")
        metrics = Metrics("1", list)
        metrics.run(report, 0.0, None)
        assert b'sealwright_definitions_judged_total{kind="TaskRun",result="fail"} 1.0' in metrics.render()


@pytest.mark.parametrize(
    ("no_match", "reason"), [("ignore", "sha256"), ("warn", Reason.DEFINITION_DOUBTED), ("fail", Reason.DEFINITION_REFUSED)]
)
async def test_the_setting_says_what_becomes_of_sources_without_policy(no_match, reason):
    message, _ = await look(answer(TASK), no_match=no_match)

    assert message.startswith(f"{reason}:")


async def test_a_cluster_policy_denies_what_the_namespace_accepts():
    other = {"data": OTHER.public.pem.decode()}
    message, _ = await look(answer(signed()), policy(), policy(other, name="c", cluster=True))

    assert message.startswith(f"{Reason.DEFINITION_REFUSED}:")


async def test_keys_are_read_from_secrets_of_our_own_namespace_alone():
    """A policy is written by tenants: it must not make us read what they may not."""
    for namespace, wanted in (("tekton-chains", ": pass"), ("team-b", 'secrets "k" not found')):
        data = {"cosign.pub": base64.b64encode(KEY.public.pem).decode()}
        secret = {"kind": "Secret", "metadata": {"name": "k", "namespace": namespace}, "data": data}
        message, _ = await look(answer(signed()), secret, policy({"secretRef": {"name": "k", "namespace": namespace}}))
        assert message.endswith(wanted)


UNTOLD = {
    "no record": (),
    "another run's record": (answer(signed(), "u-other"), policy()),
    "a definition that Tekton could not read": (answer(b"kind: Task\n"), policy()),
    "a policy that cannot be read": (answer(signed()), policy(mod="warn")),
}


@pytest.mark.parametrize("kept", UNTOLD.values(), ids=UNTOLD)
async def test_what_cannot_be_told_is_no_yes_and_stops_nothing(kept):
    message, _ = await look(*kept)

    assert message.startswith(f"{Reason.DEFINITION_UNKNOWN}: ")


async def test_a_name_of_a_tenant_leads_nowhere_else():
    """Names are quoted, and what is missing is said."""
    async with KubeApi().api() as api:
        with pytest.raises(Permanent) as caught:
            await ClusterDefinitions(api, "tekton-chains", "fail").request("ns", "../../secrets/x")
    assert caught.value.reason is Reason.DEFINITION_UNKNOWN

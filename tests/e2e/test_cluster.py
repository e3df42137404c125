"""The controller against a real API server, with the driver of hack/cluster in the part of Tekton and of its users."""

import base64
import json
import os
import signal
import subprocess
import sys
from collections import Counter

import pytest
from fakes import kubectl, signers
from fakes.cluster import (
    CONFIG,
    MERGE,
    RECEIPT,
    SIGNED,
    STORED_IN_THE_RUN,
    Api,
    Place,
    configure,
    is_settled,
    meanwhile,
    names,
    said,
)
from fakes.logservers import HOST, RekorTiles
from fakes.manifests import ROOT

from sealwright.core.proof import resource as proof
from sealwright.core.tekton import resolution, resources, runs

sys.path.insert(0, str(ROOT / "hack/_cluster"))
from client import path_of
from runs import task_run
from tekton import children_of

pytestmark = pytest.mark.e2e

LOGGED = "chains.tekton.dev/transparency"


@pytest.fixture(scope="module")
def user():
    """The admin of a server for this file, with the configuration under which the controller can work there."""
    with kubectl.cluster() as admin:
        Api(admin.kubeconfig).call("POST", CONFIG, {"metadata": {"name": "chains-config"}, "data": STORED_IN_THE_RUN})
        yield admin


@pytest.fixture
def place(user, tmp_path, request):
    name = request.node.name.removeprefix("test_").replace("_", "-")[:40].strip("-")
    return Place(user, tmp_path, name)


def test_every_run_is_signed_as_it_ends_with_two_writes_and_no_read(place):
    """100 TaskRuns at 20 a second, and 5 PipelineRuns with 3 children each; a child is read once, by its pipeline."""
    builds, releases = names("build", 100), names("release", 5)
    with place.controller() as controller:
        place.tekton.create_task_runs(builds)
        place.tekton.create_pipeline_runs(releases, 3)
        controller.until(lambda: all(run["metadata"].get("finalizers") for run in place.runs().values()))
        # Runs that are made and started in one burst may be read for that; what is measured is their end.
        begun = place.our_calls()
        place.tekton.finish_task_runs(builds, rate=20)
        place.tekton.finish_pipeline_runs(releases, 3)
        controller.until(lambda: place.are_signed(115) and place.are_signed(5, "PipelineRun"), seconds=10)
    calls = place.our_calls()
    children = [child for name in releases for child in children_of(name, 3)]

    assert place.verify("TaskRun", "PipelineRun") == 120
    assert {calls["patch", "taskruns", name] for name in builds + children} == {2}
    assert {calls["patch", "pipelineruns", name] for name in releases} == {2}
    assert {calls["get", "taskruns", name] - begun["get", "taskruns", name] for name in builds} == {0}
    # History is read when the Leases are there, which is while these are made.
    assert sum(begun["get", "taskruns", name] for name in builds) < 50
    assert {calls["get", "taskruns", name] - begun["get", "taskruns", name] for name in children} <= {0, 1}
    assert {calls["get", "pipelineruns", name] - begun["get", "pipelineruns", name] for name in releases} == {0}
    assert {verb for verb, _, _ in calls} <= {"patch", "get"}
    assert said(controller, "failed") == []


def test_history_is_drained_with_one_write_each_and_no_read(place):
    """Runs that ended before the start."""
    builds = names("build", 100)
    place.tekton.create_task_runs(builds)
    place.tekton.finish_task_runs(builds)
    with place.controller() as controller:
        controller.until(lambda: place.are_signed(100))
    calls = place.our_calls()

    assert place.verify() == 100
    assert calls == Counter({("patch", "taskruns", name): 1 for name in builds})


def test_marks_that_tenants_wrote_are_overruled_and_told(place):
    """Twelve ways to look signed, failed or tried already."""
    place.tekton.create_task_runs(["model"])
    place.tekton.finish_task_runs(["model"])
    with place.controller() as controller:
        controller.until(lambda: place.are_signed(1))
    model = place.annotations("model")
    true = {SIGNED: "true"}
    spoofs = [
        true,
        {SIGNED: "failed", "chains.tekton.dev/retries": "3"},
        {SIGNED: "skipped", "sealwright.dev/reason": "Disabled"},
        true | {"chains.tekton.dev/retries": "3"},
        true | {"chains.tekton.dev/transparency": "https://rekor.test/1"},
        true | {RECEIPT: "v1.k1.e30.AAAA"},
        true | {RECEIPT: model[RECEIPT]},
        true | {RECEIPT: "." * 5000},
        dict(model),
        {name: text for name, text in model.items() if "receipt" not in name},
        {"chains.tekton.dev/retries": "abc"},
        {SIGNED: "TRUE"} | {RECEIPT: ""},
    ]
    spoofed = names("spoof", len(spoofs))
    with place.controller() as controller:
        for name, annotations in zip(spoofed, spoofs, strict=True):
            place.create(name, annotations=annotations)
        place.tekton.finish_task_runs(spoofed)
        controller.until(lambda: len(said(controller, "signed")) == len(spoofs))
        controller.until(lambda: place.are_signed(len(spoofs) + 1))
    told = {line["name"] for line in said(controller, "signed") if "SpoofedMark" in str(line.get("findings"))}

    assert told == {name for name, each in zip(spoofed, spoofs, strict=True) if each.get(SIGNED) == "true"}
    own = {name: run["metadata"]["uid"] for name, run in place.runs().items()}
    assert all(f"chains.tekton.dev/signature-taskrun-{own[name]}" in place.annotations(name) for name in ("spoof-0", "spoof-8"))


def test_runs_that_our_key_signed_before_are_taken_over_without_signing_again(place):
    """As after Tekton Chains with the same key, or where the receipt was lost: only the receipt is written."""
    builds = names("build", 10)
    place.tekton.create_task_runs(builds)
    place.tekton.finish_task_runs(builds)
    with place.controller() as controller:
        controller.until(lambda: place.are_signed(10))
    place.tekton.each("TaskRun", builds, lambda name: forget(place, name))
    before = {name: place.annotations(name) for name in builds}
    with place.controller("--log-level", "debug") as controller:
        controller.until(lambda: place.are_signed(10))
        controller.until(lambda: len(said(controller, "known")) == 10)
    after = {name: place.annotations(name) for name in builds}

    assert all(RECEIPT not in each for each in before.values())
    assert {name: without(each, RECEIPT) for name, each in after.items()} == before
    assert said(controller, "signed") == []


def forget(place, name):
    return place.api.patch("TaskRun", place.namespace, name, {"metadata": {"annotations": {RECEIPT: None}}})


def without(found, name):
    return {each: text for each, text in found.items() if each != name}


def test_a_kill_in_the_middle_loses_nothing(place):
    """SIGKILL while runs end; the next start signs what is left, and what was signed stays as it was."""
    builds = names("build", 100)
    with place.controller() as controller:
        place.tekton.create_task_runs(builds)
        with meanwhile(place.tekton.finish_task_runs, builds, rate=50):
            controller.until(lambda: len(said(controller, "signed")) > 20)
            controller.kill()
    early = {name: run["metadata"]["annotations"] for name, run in place.runs().items() if is_settled(run)}
    with place.controller() as again:
        again.until(lambda: place.are_signed(100))

    assert 20 < len(early) < 100
    assert {name: place.runs()[name]["metadata"]["annotations"] for name in early} == early
    assert len({line["name"] for line in said(again, "signed")} & set(early)) == 0
    assert place.verify() == 100


def test_a_restart_of_the_api_server_in_the_middle_loses_nothing(place):
    """It is killed while runs end, and comes back with the same data; the controller stays."""
    builds = names("build", 100)
    folder = place.kubeconfig.parent
    with place.controller() as controller:
        place.tekton.create_task_runs(builds)
        with meanwhile(place.tekton.finish_task_runs, builds, rate=50):
            controller.until(lambda: len(said(controller, "signed")) > 20)
            os.kill(int((folder / "kube-apiserver.pid").read_text()), signal.SIGKILL)
            up = [ROOT / "hack/cluster", "up", "--unsafe-no-fsync", folder]
            subprocess.run(up, check=True, capture_output=True, timeout=120)
        controller.until(lambda: place.are_signed(100), seconds=30)

    assert place.verify() == 100
    assert not any(line.get("reason") == "InternalError" for line in said(controller, "failed"))


def test_runs_that_are_deleted_go_and_none_comes_back(place):
    """While they run, and while they are being signed: those are signed first. Nothing holds them afterwards."""
    running, ended = names("running", 30), names("ended", 60)
    with place.controller() as controller:
        place.tekton.create_task_runs(running + ended)
        controller.until(lambda: all(run["metadata"].get("finalizers") for run in place.runs().values()))
        with meanwhile(place.tekton.finish_task_runs, ended):
            place.tekton.delete("TaskRun", running)
        place.tekton.delete("TaskRun", ended)
        controller.until(lambda: not place.runs())
        # A later run ends after every write that could still be under way for the others.
        place.tekton.create_task_runs(["last"])
        place.tekton.finish_task_runs(["last"])
        controller.until(lambda: place.are_signed(1) and said(controller, "signed")[-1]["name"] == "last")
    signed = Counter(line["name"] for line in said(controller, "signed"))

    assert set(place.runs()) == {"last"}
    assert set(signed) == {*ended, "last"}
    assert {"create", "update"} & {verb for verb, _, _ in place.our_calls()} == set()


def test_what_belongs_to_others_stays_and_what_old_chains_left_goes(place):
    """Finalizers of Chains before 0.25 and since, also of the wrong kind; annotations with strange names."""
    notes = {"example.com/note": "kept", "example.com/a_b.c": "ü\n"}
    old = [
        "example.com/keep",
        "chains.tekton.dev",
        "example.com/other",
        "chains.tekton.dev/pipelinerun",
        "chains.tekton.dev/taskrun",
    ]
    place.create("old", finalizers=old, annotations=notes)
    place.create("foreign", finalizers=["example.com/keep"], annotations=notes)
    place.create("plain")
    with place.controller() as controller:
        controller.until(lambda: len(place.runs()["foreign"]["metadata"]["finalizers"]) == 2)
        place.tekton.finish_task_runs(["old", "foreign", "plain"])
        controller.until(lambda: place.are_signed(3))
    left = {name: run["metadata"].get("finalizers") for name, run in place.runs().items()}

    assert left == {"old": ["example.com/keep", "example.com/other"], "foreign": ["example.com/keep"], "plain": None}
    assert all(place.annotations(name).items() >= notes.items() for name in ("old", "foreign"))
    for name in ("old", "foreign"):
        place.api.patch("TaskRun", place.namespace, name, {"metadata": {"finalizers": None}})


def test_a_changed_configuration_is_in_force_without_a_restart_and_a_bad_one_never(place):
    """The last good one goes on signing."""
    with place.controller() as controller:
        place.tekton.create_task_runs(["first", "second", "third"])
        place.tekton.finish_task_runs(["first"])
        controller.until(lambda: len(said(controller, "signed")) == 1)
        try:
            configure(place.api, artifacts_taskrun_format="slsa/v2alpha4")
            controller.until(lambda: len(said(controller, "took a configuration")) == 2, seconds=5)
            place.tekton.finish_task_runs(["second"])
            controller.until(lambda: len(said(controller, "signed")) == 2)
            configure(place.api, artifacts_taskrun_storage="nowhere", artifacts_taskrun_format="in-toto")
            controller.until(lambda: said(controller, "unreadable"), seconds=5)
            place.tekton.finish_task_runs(["third"])
            controller.until(lambda: place.are_signed(3))
        finally:
            configure(place.api, artifacts_taskrun_format=None, artifacts_taskrun_storage="tekton")
    formats = {name: ("slsa.dev/provenance/v1" in payload(run)) for name, run in place.runs().items()}

    assert formats == {"first": False, "second": True, "third": True}
    assert "chains-config" in said(controller, "unreadable")[0]["where"]
    assert place.verify() == 3


def payload(run):
    return base64.b64decode(
        run["metadata"]["annotations"][f"chains.tekton.dev/payload-taskrun-{run['metadata']['uid']}"]
    ).decode()


def test_only_the_namespaces_that_were_named_are_touched(place, user):
    """Nothing is written elsewhere, not even a finalizer."""
    other = Place(user, place.folder, f"{place.namespace[:30]}-other")
    for each in (other, place):
        each.tekton.create_task_runs(["build"])
        each.tekton.finish_task_runs(["build"])
    with place.controller() as controller:
        controller.until(lambda: place.are_signed(1))
        place.tekton.create_task_runs(["later"])
        other.tekton.create_task_runs(["later"])
        place.tekton.finish_task_runs(["later"])
        controller.until(lambda: place.are_signed(2))

    assert other.our_calls() == Counter()
    assert not any(run["metadata"].get("finalizers") for run in other.runs().values())


def test_runs_are_logged_before_they_are_marked(place, tmp_path):
    """Rekor v2 under `manual`: runs that ask are logged, by a word that Tekton's webhook leaves; while the log is down they wait."""
    folder = tmp_path / "log"
    folder.mkdir()
    log = RekorTiles(folder)
    settings = {"enabled": "manual", "version": "v2", "url": log.url, "origin": HOST, "public-key": log.public.decode()}
    configure(place.api, **{f"transparency.{name}": text for name, text in settings.items()})
    try:
        place.create("asks", annotations={"sealwright.dev/transparency-upload": "true", LOGGED: "https://x?logIndex=1"})
        place.create("does-not")
        with place.controller() as controller:
            log.kill()
            place.tekton.finish_task_runs(["asks", "does-not"])
            controller.until(lambda: SIGNED in place.annotations("does-not"), seconds=30)
            assert SIGNED not in place.annotations("asks")
            log.start()
            controller.until(lambda: place.are_signed(2), seconds=90)
        entries = int((log.tiles / "checkpoint").read_text().splitlines()[1])
        assert place.annotations("asks")[LOGGED] == f"{log.url}/?logIndex={entries - 1}"
        assert entries == sum(name.startswith("chains.tekton.dev/signature-") for name in place.annotations("asks"))
        assert LOGGED not in place.annotations("does-not")
        assert place.verify() == 2
    finally:
        configure(place.api, **{f"transparency.{name}": None for name in settings})
        log.close()


REMOTE = {"resolver": "git", "params": [{"name": "url", "value": "https://x.example/catalog"}]}
DEFINITION = b"apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: build}\nspec: {steps: [{image: ubuntu}]}\n"


def resolved(place, name, body):
    """A TaskRun that asks a resolver, and the resolver's answer as Tekton keeps it."""
    run = task_run(name, place.namespace) | {"spec": {"taskRef": REMOTE}}
    place.api.call("POST", path_of("TaskRun", place.namespace), run)
    made = place.runs()[name]
    metadata = {
        "name": resolution.request_name(runs.read(json.dumps(made).encode())),
        "ownerReferences": [{"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": name, "uid": made["metadata"]["uid"]}],
    }
    path = f"/apis/resolution.tekton.dev/v1beta1/namespaces/{place.namespace}/resolutionrequests"
    kind = {"apiVersion": "resolution.tekton.dev/v1beta1", "kind": "ResolutionRequest"}
    place.api.call("POST", path, kind | {"metadata": metadata})
    answer = {"data": base64.b64encode(body).decode(), "refSource": {"uri": "git+https://x.example/catalog"}}
    place.api.call("PATCH", f"{path}/{metadata['name']}/status", {"status": answer}, MERGE)
    place.tekton.finish_task_runs([name])


def test_a_remote_definition_is_judged_again_by_the_policies_of_now(place, user):
    """The signed one is accepted, the changed one told; both runs are signed."""
    user.done("apply", "-k", ROOT / "deploy/trusted-resources")
    key = signers.key()
    signature = proof.annotation(key.sign(resources.read(DEFINITION, "f").digest, "sha256"))
    signed = resources.signed(DEFINITION, "f", "controller", signature)
    authorities = [{"name": "a", "key": {"data": key.public.pem.decode()}}]
    spec = {"resources": [{"pattern": "https://x.example/.*"}], "authorities": authorities}
    policy = {"apiVersion": "tekton.dev/v1alpha1", "kind": "VerificationPolicy", "metadata": {"name": "p"}, "spec": spec}
    place.api.call("POST", f"/apis/tekton.dev/v1alpha1/namespaces/{place.namespace}/verificationpolicies", policy)
    configure(place.api, **{"trusted-resources.verdicts": "fail"})
    try:
        with place.controller() as controller:
            resolved(place, "good", signed)
            resolved(place, "evil", signed.replace(b"ubuntu", b"evil"))
            controller.until(lambda: place.are_signed(2))
            controller.until(lambda: len(said(controller, "signed")) == 2)
    finally:
        configure(place.api, **{"trusted-resources.verdicts": None})
    told = {line["name"]: line["findings"][0] for line in said(controller, "signed")}

    assert told["good"].endswith("from git+https://x.example/catalog: pass")
    assert told["evil"].startswith("definition: DefinitionRefused: sha256:")

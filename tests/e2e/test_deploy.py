"""What lies below deploy/ does what it says on a real API server: rights, reserved marks, finalizers, coming and going."""

import json
import subprocess
from itertools import count

import pytest
from fakes.kubectl import cluster, environment, objects
from fakes.manifests import DEPLOY, base

from sealwright.core.tekton import patch
from sealwright.core.tekton.patch import Seen

pytestmark = pytest.mark.e2e

CONTROLLER = "system:serviceaccount:tekton-chains:tekton-chains-controller"
TEKTON = "system:serviceaccount:tekton-pipelines:tekton-pipelines-controller"
COLLECTOR = "system:serviceaccount:kube-system:generic-garbage-collector"
NAMESPACES = "system:serviceaccount:kube-system:namespace-controller"
SIGNED, RECEIPT, UPLOAD = "chains.tekton.dev/signed", "sealwright.dev/receipt", "chains.tekton.dev/transparency-upload"
HELD = "chains.tekton.dev/taskrun"

NUMBERS = count(1)


@pytest.fixture(scope="module")
def admin():
    """Of a cluster in which the base is installed, with a tenant who owns the namespace `shop` and one who edits there."""
    with cluster() as user:
        user.done("apply", "-k", DEPLOY)
        user.done("create", "namespace", "shop")
        # All that a tenant can be given inside a namespace.
        user.done("create", "rolebinding", "owners", "--clusterrole=cluster-admin", "--user=owner", "--namespace=shop")
        # What Tekton itself gives to `edit`.
        verbs = "--verb=create,delete,deletecollection,get,list,patch,update,watch"
        user.done("create", "clusterrole", "tekton-edit", verbs, "--resource=taskruns.tekton.dev,pipelineruns.tekton.dev")
        user.done("create", "rolebinding", "editors", "--clusterrole=tekton-edit", "--user=editor", "--namespace=shop")
        # Kubernetes' own controllers do not run here, and their rights are there.
        wait_for_policies(user)
        yield user


def wait_for_policies(user):
    """The API server compiles a new policy within seconds; until then it lets everything through."""
    run = made(user.named("editor"))
    for _ in range(300):
        marked = patched(user.named("editor"), run, mark(SIGNED, "true"), "merge", "--dry-run=server").is_forbidden
        held = {"metadata": {"finalizers": None}}
        kept = made(user.named("editor"), finalizers=[patch.finalizer("TaskRun")])
        if marked and patched(user.named("editor"), kept, held, "merge", "--dry-run=server").is_forbidden:
            return
    raise AssertionError("the policies never took effect")


def made(user, *, namespace="shop", kind="TaskRun", annotations=None, finalizers=(), owner=None, version="v1"):
    """The metadata of a new run."""
    metadata = {
        "name": f"run-{next(NUMBERS)}",
        "namespace": namespace,
        "annotations": annotations or {},
        "finalizers": list(finalizers),
    }
    if owner:
        metadata["ownerReferences"] = [
            {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": owner["name"], "uid": owner["uid"]}
        ]
    body = {"apiVersion": f"tekton.dev/{version}", "kind": kind, "metadata": metadata, "spec": {}}
    return user("create", "-f", "-", "-o", "json", stdin=body).json()["metadata"]


def patched(user, run, change, sort="merge", *more, kind="taskrun.tekton.dev"):
    return user("patch", "-n", run["namespace"], kind, run["name"], f"--type={sort}", "-p", json.dumps(change), *more)


def applied(user, run, metadata, *more):
    """Server-side apply of some metadata."""
    metadata = {"name": run["name"], "namespace": run["namespace"]} | metadata
    body = {"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "metadata": metadata}
    return user("apply", "--server-side", "--force-conflicts", "-f", "-", *more, stdin=body)


def replaced(user, run, change, *more):
    """A PUT of the whole object."""
    body = user("get", "-n", run["namespace"], "taskrun.tekton.dev", run["name"], "-o", "json").json()
    change(body["metadata"])
    return user("replace", "-f", "-", *more, stdin=body)


def now(admin, run, kind="taskrun.tekton.dev"):
    """The metadata as it is; None where the run is gone."""
    text = admin.done("get", "-n", run["namespace"], kind, run["name"], "-o", "json", "--ignore-not-found")
    return json.loads(text)["metadata"] if text else None


def seen(metadata):
    return Seen(
        uid=metadata["uid"],
        finalizers=tuple(metadata.get("finalizers", ())),
        has_annotations="annotations" in metadata,
    )


def mark(key, value):
    return {"metadata": {"annotations": {key: value}}}


def pointer(key):
    return f"/metadata/annotations/{key.replace('/', '~1')}"


# What a tenant writes on a run that the controller has signed. Each as (words, how).
TENANT_WRITES = [
    ("changes signed to failed", lambda u, r: patched(u, r, mark(SIGNED, "failed"))),
    ("removes signed", lambda u, r: patched(u, r, mark(SIGNED, None))),
    ("presets retries", lambda u, r: patched(u, r, mark("chains.tekton.dev/retries", "3"))),
    ("presets a log entry", lambda u, r: patched(u, r, mark("chains.tekton.dev/transparency", "https://log.example"))),
    ("adds a payload by JSON patch", lambda u, r: patched(u, r, [{"op": "add", "path": pointer("chains.tekton.dev/payload-x"), "value": "e30="}], "json")),
    ("adds a signature by JSON patch", lambda u, r: patched(u, r, [{"op": "add", "path": pointer("chains.tekton.dev/signature-x"), "value": ""}], "json")),
    ("replaces the receipt", lambda u, r: patched(u, r, [{"op": "replace", "path": pointer(RECEIPT), "value": "v1.a.b.c"}], "json")),
    ("moves the receipt away", lambda u, r: patched(u, r, [{"op": "move", "from": pointer(RECEIPT), "path": pointer("example.com/r")}], "json")),
    ("removes all annotations", lambda u, r: patched(u, r, [{"op": "remove", "path": "/metadata/annotations"}], "json")),
    ("gives a reason", lambda u, r: patched(u, r, mark("sealwright.dev/reason", "Disabled"))),
    ("opens the gate", lambda u, r: patched(u, r, mark("sealwright.dev/gate", "passed"))),
    ("applies a mark server-side", lambda u, r: applied(u, r, {"annotations": {SIGNED: "false"}})),
    ("puts the object without its receipt", lambda u, r: replaced(u, r, lambda m: m["annotations"].pop(RECEIPT))),
    ("puts an empty certificate", lambda u, r: replaced(u, r, lambda m: m["annotations"].update({"chains.tekton.dev/cert-x": ""}))),
    ("hides a mark among other changes", lambda u, r: patched(u, r, {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d", SIGNED: "x"}}})),
    ("asks for a dry run", lambda u, r: patched(u, r, mark(SIGNED, "no"), "merge", "--dry-run=server")),
]  # fmt: skip

# What anybody who may write the run may go on writing.
FREE_WRITES = [
    ("an annotation of their own", lambda u, r: patched(u, r, mark("example.com/team", "a"))),
    ("the wish for a log entry", lambda u, r: patched(u, r, mark(UPLOAD, "true"))),
    ("the wish withdrawn", lambda u, r: patched(u, r, mark(UPLOAD, None))),
    ("a name that only looks like ours", lambda u, r: patched(u, r, mark("my-chains.tekton.dev/signed", "true"))),
    ("a mark as it is", lambda u, r: patched(u, r, mark(SIGNED, "true"))),
    ("Chains' label for reproducible builds", lambda u, r: patched(u, r, {"metadata": {"labels": {"chains.tekton.dev/reproducible": "true"}}})),
    ("the object as it is", lambda u, r: replaced(u, r, dict)),
    ("a label by JSON patch", lambda u, r: patched(u, r, [{"op": "add", "path": "/metadata/labels", "value": {"x": "y"}}], "json")),
    ("a label server-side", lambda u, r: applied(u, r, {"labels": {"z": "y"}})),
    ("a cancellation", lambda u, r: patched(u, r, {"spec": {"status": "TaskRunCancelled"}})),
]  # fmt: skip


@pytest.fixture(scope="module")
def signed(admin):
    """A run as it is when the controller is done with it."""
    run = made(admin.named("editor"), annotations={"example.com/a": "b"})
    change = patch.settle(seen(now(admin, run)), {SIGNED: "true", RECEIPT: "v1.k.e.y"})
    assert patched(admin.named(CONTROLLER), run, json.loads(change), "json").code == 0
    return run


@pytest.mark.parametrize("who", ["editor", "owner"])
@pytest.mark.parametrize("write", [row[1] for row in TENANT_WRITES], ids=[row[0] for row in TENANT_WRITES])
def test_a_tenant_cannot_write_marks(admin, signed, who, write):
    """Not even one who may do everything in the namespace; nothing of the write is kept."""
    before = now(admin, signed)

    answer = write(admin.named(who), signed)

    assert answer.is_forbidden, answer.err
    assert "sealwright-marks" in answer.err
    assert now(admin, signed) == before


@pytest.mark.parametrize("write", [row[1] for row in FREE_WRITES], ids=[row[0] for row in FREE_WRITES])
def test_a_tenant_can_write_everything_else(admin, signed, write):
    """The policies are about our marks, key by key."""
    answer = write(admin.named("editor"), signed)

    assert answer.code == 0, answer.err
    assert now(admin, signed)["annotations"][SIGNED] == "true"


def test_the_refusal_names_the_annotation_and_what_to_do(admin, signed):
    """A person reads it."""
    answer = patched(admin.named("editor"), signed, mark("chains.tekton.dev/retries", "3"))

    assert "the signing controller alone adds chains.tekton.dev/retries" in answer.err
    assert "leave it out" in answer.err


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
@pytest.mark.parametrize("kind", ["TaskRun", "PipelineRun"])
def test_both_kinds_are_guarded_in_both_versions(admin, kind, version):
    """Another door to the same object."""
    resource = f"{kind.lower()}s.{version}.tekton.dev"
    run = made(admin.named("editor"), kind=kind, version=version)

    assert patched(admin.named("editor"), run, mark(SIGNED, "true"), kind=resource).is_forbidden
    assert patched(admin.named(CONTROLLER), run, mark(SIGNED, "true"), kind=resource).code == 0


def test_marks_cannot_be_written_through_the_status(admin, signed):
    """The API server ignores metadata there, so the policies need not look."""
    change = {"metadata": {"annotations": {SIGNED: "failed"}, "finalizers": []}, "status": {"x": "y"}}

    assert patched(admin.named(TEKTON), signed, change, "merge", "--subresource=status").code == 0
    assert now(admin, signed)["annotations"][SIGNED] == "true"


@pytest.mark.parametrize("kind", ["TaskRun", "PipelineRun"])
def test_the_controllers_own_patches_are_allowed(admin, kind):
    """The very bytes that core/tekton/patch.py makes, with the rights of the base: hold, then settle."""
    resource, controller = f"{kind.lower()}.tekton.dev", admin.named(CONTROLLER)
    run = made(admin.named("editor"), kind=kind, finalizers=["example.com/other"])

    hold = patch.hold(kind, seen(now(admin, run, resource)))
    assert patched(controller, run, json.loads(hold), "json", kind=resource).code == 0
    assert now(admin, run, resource)["finalizers"] == ["example.com/other", patch.finalizer(kind)]
    settle = patch.settle(seen(now(admin, run, resource)), {SIGNED: "true", RECEIPT: "v1.k.e.y"})
    assert patched(controller, run, json.loads(settle), "json", kind=resource).code == 0

    after = now(admin, run, resource)
    assert (after["finalizers"], after["annotations"][SIGNED]) == (["example.com/other"], "true")


def test_marks_propagate_at_creation(admin):
    """Tekton copies a PipelineRun's annotations to its TaskRuns, and people make runs again from their YAML."""
    for who in ("editor", TEKTON):
        run = made(admin.named(who), annotations={SIGNED: "true", RECEIPT: "v1.a.b.c"})
        assert now(admin, run)["annotations"][SIGNED] == "true"


def test_tekton_may_add_what_a_task_carries_and_change_nothing(admin):
    """It merges a Task's annotations into a run that exists; refused, the run would never start."""
    run = made(admin.named("editor"))

    assert patched(admin.named(TEKTON), run, mark("chains.tekton.dev/note", "from a Task")).code == 0
    assert patched(admin.named(TEKTON), run, mark("chains.tekton.dev/note", "another")).is_forbidden
    assert patched(admin.named(TEKTON), run, mark("chains.tekton.dev/note", None)).is_forbidden


def test_a_cluster_admin_may_write_marks(admin, signed):
    """The way out when something has gone wrong; who it was is in the audit log."""
    assert patched(admin, signed, mark("chains.tekton.dev/note", "by hand"), "merge", "--dry-run=server").code == 0


def test_ten_thousand_annotations_do_not_keep_the_controller_out(admin):
    """Policies have a budget; a tenant can spend it, so whoever has the right is asked first."""
    run = made(admin.named("editor"), annotations={f"{n:04x}": "" for n in range(20_000)}, finalizers=[HELD])
    change = patch.settle(seen(now(admin, run)), {SIGNED: "true"})

    assert patched(admin.named(CONTROLLER), run, json.loads(change), "json").code == 0
    assert "finalizers" not in now(admin, run)


# How a finalizer can be taken off.
REMOVALS = [
    ("merge patch", lambda u, r: patched(u, r, {"metadata": {"finalizers": None}})),
    ("JSON patch", lambda u, r: patched(u, r, [{"op": "remove", "path": "/metadata/finalizers/0"}], "json")),
    ("PUT", lambda u, r: replaced(u, r, lambda m: m.pop("finalizers"))),
    ("replacing it by another", lambda u, r: patched(u, r, {"metadata": {"finalizers": ["example.com/x"]}})),
    ("dry run", lambda u, r: patched(u, r, {"metadata": {"finalizers": []}}, "merge", "--dry-run=server")),
]  # fmt: skip


@pytest.mark.parametrize("name", ["chains.tekton.dev", HELD, "chains.tekton.dev/pipelinerun"])
@pytest.mark.parametrize("write", [row[1] for row in REMOVALS], ids=[row[0] for row in REMOVALS])
def test_a_tenant_cannot_take_our_finalizers_off(admin, name, write):
    """Ours, and those of older Chains."""
    run = made(admin.named("editor"), finalizers=[name])

    answer = write(admin.named("owner"), run)

    assert answer.is_forbidden, answer.err
    assert "sealwright-finalizers" in answer.err
    assert now(admin, run)["finalizers"] == [name]


def test_a_tenant_cannot_hurry_a_run_that_is_being_deleted(admin):
    """It waits for its signature; the controller lets go within minutes whatever happens (design D4)."""
    run = made(admin.named("editor"), finalizers=[HELD])
    admin.named("editor").done("delete", "-n", "shop", "taskrun.tekton.dev", run["name"], "--wait=false")

    assert patched(admin.named("owner"), run, {"metadata": {"finalizers": None}}).is_forbidden
    assert now(admin, run)["finalizers"] == [HELD]


def test_finalizers_of_others_and_additions_are_free(admin):
    """And one of two equal ones may go."""
    run = made(admin.named("editor"), finalizers=["example.com/x"])

    assert patched(admin.named("editor"), run, {"metadata": {"finalizers": ["example.com/x", HELD]}}).code == 0
    assert patched(admin.named("editor"), run, {"metadata": {"finalizers": [HELD]}}).code == 0


@pytest.mark.parametrize("who", [CONTROLLER, COLLECTOR, ""], ids=["controller", "garbage collector", "cluster admin"])
def test_who_may_take_our_finalizers_off(admin, who):
    """The run then goes, where it was being deleted."""
    run = made(admin.named("editor"), finalizers=[HELD])
    admin.named("editor").done("delete", "-n", "shop", "taskrun.tekton.dev", run["name"], "--wait=false")

    assert patched(admin.named(who), run, {"metadata": {"finalizers": None}}).code == 0
    assert now(admin, run) is None


def test_a_namespace_with_held_runs_goes(admin):
    """As Kubernetes ends one: everything in it is deleted, the controller lets go, nothing is left."""
    admin.done("create", "namespace", "ending")
    runs = [made(admin, namespace="ending", finalizers=[HELD], annotations={"a": "b"}) for _ in range(3)]
    admin.done("delete", "namespace", "ending", "--wait=false")
    path = "/apis/tekton.dev/v1/namespaces/ending/taskruns"
    admin.named(NAMESPACES).done("delete", "--raw", path)

    for run in runs:
        change = patch.settle(seen(now(admin, run)), {SIGNED: "true", RECEIPT: "v1.k.e.y"})
        assert patched(admin.named(CONTROLLER), run, json.loads(change), "json").code == 0

    assert admin("get", "--raw", path).json()["items"] == []
    left = admin("get", "namespace", "ending", "-o", "json").json()
    left["spec"]["finalizers"] = []
    admin.done("replace", "--raw", "/api/v1/namespaces/ending/finalize", "-f", "-", stdin=left)
    assert admin("get", "namespace", "ending").code != 0


# What the controller may ask of the API server, as `kubectl auth can-i` words it, and the answer.
QUESTIONS = [
    ("yes", "list taskruns.tekton.dev --all-namespaces"),
    ("yes", "watch pipelineruns.tekton.dev --all-namespaces"),
    ("yes", "patch taskruns.tekton.dev -n shop"),
    ("yes", "get customruns.tekton.dev -n shop"),
    ("yes", "create events -n shop"),
    ("yes", "create secrets -n tekton-chains"),
    ("yes", "watch configmaps -n tekton-chains"),
    ("yes", "update leases.coordination.k8s.io -n tekton-chains"),
    ("no", "patch taskruns.tekton.dev --subresource=status -n shop"),
    ("no", "create taskruns.tekton.dev -n shop"),
    ("no", "update taskruns.tekton.dev -n shop"),
    ("no", "delete pipelineruns.tekton.dev -n shop"),
    ("no", "list customruns.tekton.dev -n shop"),
    ("no", "get secrets -n shop"),
    ("no", "list secrets --all-namespaces"),
    ("no", "get serviceaccounts -n shop"),
    ("no", "create serviceaccounts --subresource=token -n tekton-chains"),
    ("no", "get configmaps -n shop"),
    ("no", "get pods -n shop"),
    ("no", "delete secrets -n tekton-chains"),
    ("no", "create leases.coordination.k8s.io -n shop"),
    ("no", "patch validatingadmissionpolicies.admissionregistration.k8s.io"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "question"), QUESTIONS, ids=[row[1] for row in QUESTIONS])
def test_what_the_controller_may_ask_for(admin, answer, question):
    """The API server's own word on it."""
    assert admin.named(CONTROLLER)("auth", "can-i", *question.split()).out.strip() == answer


def test_anybody_who_is_logged_in_reads_the_version(admin):
    """And no other ConfigMap there."""
    anybody = admin.named("somebody")

    assert (
        anybody("get", "configmap", "-n", "tekton-chains", "chains-info", "-o", "json").json()["data"]["version"].startswith("v")
    )
    assert anybody("get", "configmap", "-n", "tekton-chains", "chains-config").is_forbidden


def test_the_pod_is_admitted_where_the_restricted_standard_is_enforced(admin):
    """By the API server's own check; the same pod with one weakness is not."""
    template = next(thing for thing in base() if thing["kind"] == "Deployment")["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template}
    pod["metadata"] = template["metadata"] | {"name": "tried", "namespace": "tekton-chains"}

    assert admin("create", "--dry-run=server", "-f", "-", stdin=pod).code == 0
    pod["spec"] = pod["spec"] | {"hostNetwork": True}
    assert admin("create", "--dry-run=server", "-f", "-", stdin=pod).is_forbidden


OVERLAYS = ["", "overlays/ha", "overlays/keep", "overlays/openshift", "overlays/strict"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_way_to_install_is_taken_by_the_api_server_without_a_warning(admin, overlay):
    """Every field is known to it (strict validation), and no admission plug-in has a word to say."""
    admin("create", "namespace", "openshift-pipelines")

    answer = admin("apply", "--dry-run=server", "-k", DEPLOY / overlay)

    assert (answer.code, answer.err) == (0, "")


@pytest.mark.parametrize("way", ["client", "server"])
def test_applying_again_changes_nothing(admin, way):
    """By version: kubectl's own words are wrong about PodDisruptionBudgets, whose selector it always sends."""
    command = ["apply", "-k", str(DEPLOY), *(["--server-side", "--force-conflicts"] if way == "server" else [])]
    kinds = "deployment,service,configmap,secret,serviceaccount,role,rolebinding,pdb,networkpolicy"
    cluster_kinds = "clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding,namespace"

    def versions():
        found = [
            admin("get", kinds, "-n", "tekton-chains", "-o", "json").json(),
            admin("get", cluster_kinds, "-o", "json").json(),
        ]
        return {thing["metadata"]["uid"]: thing["metadata"]["resourceVersion"] for each in found for thing in each["items"]}

    admin.done(*command)
    before = versions()
    admin.done(*command)

    assert versions() == before


def test_kustomize_and_the_one_file_install_the_same(admin):
    """install.yaml is for whoever has no checkout."""

    def by_name(found):
        return sorted(found, key=lambda thing: (thing["kind"], thing["metadata"]["name"]))

    assert by_name(objects(admin.done("kustomize", DEPLOY))) == by_name(objects((DEPLOY / "install.yaml").read_text()))


def test_a_key_and_a_configuration_made_by_hand_survive_an_upgrade(admin):
    """`kubectl apply` removes only what it once applied."""
    place = ["-n", "tekton-chains"]
    admin.done("patch", *place, "configmap", "chains-config", "-p", '{"data": {"artifacts.taskrun.format": "in-toto"}}')
    admin.done("patch", *place, "secret", "signing-secrets", "-p", '{"stringData": {"cosign.pub": "x"}}')
    admin.done("apply", "-k", DEPLOY)

    assert admin("get", *place, "configmap", "chains-config", "-o", "json").json()["data"] == {
        "artifacts.oci.storage": "tekton",
        "artifacts.taskrun.format": "in-toto",
    }
    assert set(admin("get", *place, "secret", "signing-secrets", "-o", "json").json()["data"]) == {"cosign.pub"}


def test_an_applied_configuration_survives_the_overlay_that_keeps_it(admin):
    """Whoever applies chains-config from a file would lose it to deploy/ itself; deploy/overlays/keep does not name it."""
    metadata = {"name": "chains-config", "namespace": "tekton-chains"}
    own = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"builder.id": "https://builder.example"}}
    admin.done("apply", "-f", "-", stdin=own)
    admin.done("apply", "-k", DEPLOY / "overlays/keep")

    kept = admin("get", "configmap", "-n", "tekton-chains", "chains-config", "-o", "json").json()["data"]
    assert kept["builder.id"] == "https://builder.example"


def test_the_openshift_overlay_lives_in_the_namespace_of_openshift_pipelines(admin):
    """Every object and every subject; users and groups are left to the security constraints there."""
    found = objects(admin.done("kustomize", DEPLOY / "overlays/openshift"))
    deployment = next(thing for thing in found if thing["kind"] == "Deployment")
    subjects = {each.get("namespace") for thing in found for each in thing.get("subjects", [])}

    assert {thing["metadata"].get("namespace", "openshift-pipelines") for thing in found} == {"openshift-pipelines"}
    assert subjects == {"openshift-pipelines", "kube-system", None}
    assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(deployment["spec"]["template"]["spec"]["securityContext"])
    assert "Namespace" not in {thing["kind"] for thing in found}


@pytest.fixture
def strict(admin):
    """The strict policies, for one test."""
    folder = DEPLOY / "overlays/strict/policies"
    admin.done("apply", "-k", folder)
    yield admin
    admin.done("delete", "-k", folder)


def test_strict_reserves_status_and_children_to_tekton(strict):
    """reliability.md T5 and T6. A policy takes effect within a second or so of being made, and is waited for here."""
    admin, editor, tekton = strict, strict.named("editor"), strict.named(TEKTON)
    owner = strict.named("owner")
    run, parent = made(editor), made(editor, kind="PipelineRun")
    status, adopt = {"status": {"x": "y"}}, {"metadata": {"ownerReferences": [reference(parent)]}}
    for _ in range(100):
        if patched(owner, run, status, "merge", "--subresource=status").is_forbidden:
            break

    assert "sealwright-status" in patched(owner, run, status, "merge", "--subresource=status").err
    assert patched(tekton, run, status, "merge", "--subresource=status").code == 0
    assert patched(admin, run, status, "merge", "--subresource=status").code == 0
    assert "sealwright-children" in patched(owner, run, adopt).err
    body = {"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "spec": {}}
    body["metadata"] = {"name": "forged", "namespace": "shop"} | adopt["metadata"]
    assert owner("create", "-f", "-", stdin=body).is_forbidden
    child = made(tekton, owner=parent)
    assert patched(editor, child, mark("example.com/a", "b")).code == 0
    assert patched(editor, made(editor), mark("example.com/a", "b")).code == 0


def reference(parent):
    return {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": parent["name"], "uid": parent["uid"]}


def test_uninstalling_leaves_no_stuck_run_and_keeps_what_is_the_users():
    """deploy/uninstall.sh: 0 finalizers left, also several on one run; configuration and keys stay; a second time is harmless."""
    with cluster() as admin:
        admin.done("apply", "-k", DEPLOY)
        made(admin, namespace="default", finalizers=[HELD])
        made(admin, namespace="default", finalizers=["chains.tekton.dev", "example.com/x", HELD])
        made(admin, namespace="default", kind="PipelineRun", finalizers=["chains.tekton.dev/pipelinerun"])
        for _ in range(2):
            command = [DEPLOY / "uninstall.sh"]
            done = subprocess.run(command, env=environment(admin), capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, done.stdout + done.stderr

        runs = admin("get", "taskruns,pipelineruns", "-A", "-o", "json").json()["items"]
        assert sorted(run["metadata"].get("finalizers", []) for run in runs) == [[], [], ["example.com/x"]]
        left = admin.done("get", "deployment,configmap,secret,serviceaccount,role", "-n", "tekton-chains", "-o", "name").split()
        assert left == ["configmap/chains-config", "secret/signing-secrets"]
        policies = admin.done(
            "get", "validatingadmissionpolicy,clusterrole", "-l", "app.kubernetes.io/part-of=tekton-chains", "-o", "name"
        )
        assert policies == ""

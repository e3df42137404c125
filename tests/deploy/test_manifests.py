"""What is installed: few rights, a restricted pod, and the names that users of Tekton Chains know."""

import re
import subprocess
import sys

import pytest
import yaml
from fakes.manifests import DEPLOY, ROOT, base, documents, named

import sealwright
from sealwright.core.tekton import annotations, patch, receipt

BASE = base()
CONTROLLER = {"kind": "ServiceAccount", "name": "tekton-chains-controller", "namespace": "tekton-chains"}
STRICT = documents(DEPLOY / "overlays/strict/policies/access.yaml")
POLICIES = [thing for thing in BASE if thing["kind"] == "ValidatingAdmissionPolicy"]

# chains.md 1.3: what Tekton Chains installs and its users, `tkn` and dashboards look for.
CHAINS_NAMES = [
    ("Namespace", "tekton-chains"),
    ("Deployment", "tekton-chains-controller"),
    ("ServiceAccount", "tekton-chains-controller"),
    ("Service", "tekton-chains-metrics"),
    ("ConfigMap", "chains-config"),
    ("ConfigMap", "chains-info"),
    ("Secret", "signing-secrets"),
    ("ClusterRole", "tekton-chains-controller-cluster-access"),
    ("ClusterRoleBinding", "tekton-chains-controller-cluster-access"),
    ("ClusterRole", "tekton-chains-controller-tenant-access"),
    ("ClusterRoleBinding", "tekton-chains-controller-tenant-access"),
    ("Role", "tekton-chains-leader-election"),
    ("RoleBinding", "tekton-chains-controller-leaderelection"),
    ("Role", "tekton-chains-info"),
    ("RoleBinding", "tekton-chains-info"),
]

# Everything that each subject may do: namespace ("*" is all of them), group, resource -> verbs.
RIGHTS = {
    "tekton-chains-controller": {
        ("*", "tekton.dev", "taskruns"): "get list watch patch mark release",
        ("*", "tekton.dev", "pipelineruns"): "get list watch patch mark release",
        ("*", "tekton.dev", "customruns"): "get",
        ("*", "", "events"): "create patch",
        ("tekton-chains", "", "configmaps"): "get list watch",
        ("tekton-chains", "", "secrets"): "get list watch create update",
        ("tekton-chains", "sealwright.dev", "pendingattestations"): "get list create delete",
        ("tekton-chains", "coordination.k8s.io", "leases"): "get list watch create update patch delete",
    },
    "tekton-pipelines-controller": {
        ("*", "tekton.dev", "taskruns"): "propagate",
        ("*", "tekton.dev", "pipelineruns"): "propagate",
    },
    "namespace-controller": {("*", "tekton.dev", "taskruns"): "release", ("*", "tekton.dev", "pipelineruns"): "release"},
    "generic-garbage-collector": {("*", "tekton.dev", "taskruns"): "release", ("*", "tekton.dev", "pipelineruns"): "release"},
    "system:authenticated": {("tekton-chains", "", "configmaps"): "get"},
}


def deployment():
    return named(BASE, "Deployment", "tekton-chains-controller")


def pod():
    return deployment()["spec"]["template"]["spec"]


def container():
    (only,) = pod()["containers"]
    return only


def rights(objects, subject):
    """What a subject may do by the bindings among these objects."""
    found = {}
    for binding in objects:
        if not binding["kind"].endswith("Binding") or "subjects" not in binding:
            continue
        if subject in [each["name"] for each in binding["subjects"]]:
            where = binding["metadata"].get("namespace", "*")
            for rule in named(objects, binding["roleRef"]["kind"], binding["roleRef"]["name"])["rules"]:
                for group in rule["apiGroups"]:
                    for resource in rule["resources"]:
                        found.setdefault((where, group, resource), []).extend(rule["verbs"])
    return {place: " ".join(verbs) for place, verbs in found.items()}


@pytest.mark.parametrize(("kind", "name"), CHAINS_NAMES)
def test_every_object_that_users_of_chains_know_has_its_name(kind, name):
    """Applied over an installation of Chains, each takes the place of its own; nothing of Chains' wide roles stays bound."""
    found = named(BASE, kind, name)

    assert found["metadata"].get("namespace", "tekton-chains") == "tekton-chains"


@pytest.mark.parametrize("subject", RIGHTS)
def test_each_subject_may_do_exactly_what_it_needs(subject):
    """The rights as they were decided; a wider rule must be decided here too (reliability.md T15, T44)."""
    assert rights(BASE, subject) == RIGHTS[subject]


def test_no_other_subject_is_bound():
    """Nobody gets rights whom the table above does not name."""
    bound = {each["name"] for thing in BASE if "subjects" in thing for each in thing["subjects"]}

    assert bound == set(RIGHTS)


def test_no_role_has_a_wildcard_or_reads_secrets_of_the_whole_cluster():
    """Also in the strict overlay."""
    for role in [thing for thing in [*BASE, *STRICT] if thing["kind"] in ("Role", "ClusterRole")]:
        for rule in role["rules"]:
            words = [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert "*" not in "".join(words), role["metadata"]["name"]
            assert role["kind"] == "Role" or not {"secrets", "serviceaccounts", "serviceaccounts/token"} & set(rule["resources"])
            assert not [resource for resource in rule["resources"] if resource.endswith("/status")]


def test_whoever_is_logged_in_reads_the_version_and_nothing_else():
    """`tkn version` asks for it."""
    assert named(BASE, "Role", "tekton-chains-info")["rules"][0]["resourceNames"] == ["chains-info"]


def test_the_pod_meets_the_restricted_standard_of_pod_security():
    """https://kubernetes.io/docs/concepts/security/pod-security-standards, and a root file system that nobody writes."""
    whole, own = pod()["securityContext"], container()["securityContext"]

    assert whole["runAsNonRoot"] is True
    assert (whole["runAsUser"], whole["runAsGroup"]) == (65532, 65532)
    assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod())
    assert [set(volume) - {"name"} for volume in pod()["volumes"]] == [{"projected"}, {"emptyDir"}, {"secret"}]


def test_the_namespace_enforces_the_restricted_standard():
    """So that nothing else in it is weaker."""
    labels = named(BASE, "Namespace", "tekton-chains")["metadata"]["labels"]

    assert [labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")] == ["restricted"] * 3


def test_probes_ask_where_chains_answers():
    """chains.md 1.2: 8080, `/health` and `/readiness`; metrics on 9090."""
    ports = {port["name"]: port["containerPort"] for port in container()["ports"]}
    asked = {name: container()[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}

    assert ports == {"metrics": 9090, "probes": 8080}
    assert {name: (get["path"], ports[get["port"]]) for name, get in asked.items()} == {
        "startup": ("/health", 8080),
        "liveness": ("/health", 8080),
        "readiness": ("/readiness", 8080),
    }


def test_the_secret_and_the_namespace_are_where_chains_has_them():
    """`/etc/signing-secrets` and SYSTEM_NAMESPACE; without the Secret the pod starts, to say what is missing."""
    (mount, *_), (*_, volume), (_, variable) = container()["volumeMounts"], pod()["volumes"], container()["env"]

    assert (mount["name"], mount["mountPath"], mount["readOnly"]) == ("signing-secrets", "/etc/signing-secrets", True)
    assert volume["secret"] == {"secretName": "signing-secrets", "optional": True, "defaultMode": 0o440}
    assert variable == {"name": "SYSTEM_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}


def test_the_token_for_keyless_signing_is_where_chains_has_it_and_only_fulcio_takes_it():
    """Ten minutes, audience `sigstore`."""
    volume = next(each for each in pod()["volumes"] if each["name"] == "oidc-token")
    mount = next(each for each in container()["volumeMounts"] if each["name"] == "oidc-token")
    wanted = {"path": "oidc-token", "audience": "sigstore", "expirationSeconds": 600}

    assert (mount["mountPath"], mount["readOnly"]) == ("/var/run/sigstore/cosign", True)
    assert volume["projected"]["sources"] == [{"serviceAccountToken": wanted}]


def test_memory_is_limited_and_processor_time_is_not():
    """The figures of design 5 with room: 90 MiB steady, 160 at the peak."""
    assert container()["resources"] == {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}


def test_labels_and_selectors_are_those_of_chains():
    """A Deployment's selector cannot change, so a swap works only with the same one; dashboards select pods by `app`."""
    template = deployment()["spec"]["template"]["metadata"]["labels"]
    selector = {f"app.kubernetes.io/{key}": "controller" for key in ("name", "component")}
    selector |= {"app.kubernetes.io/instance": "default", "app.kubernetes.io/part-of": "tekton-chains"}

    assert deployment()["spec"]["selector"]["matchLabels"] == selector
    assert named(BASE, "Service", "tekton-chains-metrics")["spec"]["selector"] == selector
    assert template == selector | {
        "app": "tekton-chains-controller",
        "pipeline.tekton.dev/release": f"v{sealwright.__version__}",
        "version": f"v{sealwright.__version__}",
    }
    assert container()["name"] == "tekton-chains-controller"


def test_metrics_are_served_under_chains_names():
    """Service `tekton-chains-metrics`, port `http-metrics`, 9090."""
    (port,) = named(BASE, "Service", "tekton-chains-metrics")["spec"]["ports"]

    assert (port["name"], port["port"], port["targetPort"]) == ("http-metrics", 9090, 9090)


def test_the_version_is_said_once_and_the_same_everywhere():
    """Package, chains-info, labels and image tag."""
    version = sealwright.__version__

    assert named(BASE, "ConfigMap", "chains-info")["data"] == {"version": f"v{version}"}
    assert container()["image"].endswith(f":{version}")


def test_the_image_is_named_in_one_place():
    """Whoever mirrors it changes one line, or `images:` in a kustomization."""
    name = container()["image"].partition(":")[0]
    written = [path for path in DEPLOY.rglob("*.yaml") if name in path.read_text() and path.name != "install.yaml"]

    assert written == [DEPLOY / "base/controller.yaml"]


def test_configuration_asks_for_what_this_version_can_do_and_no_key_is_shipped():
    """Empty is Chains' defaults, and no key."""
    assert named(BASE, "ConfigMap", "chains-config")["data"] == {"artifacts.oci.storage": "tekton"}
    assert "data" not in named(BASE, "Secret", "signing-secrets")


def test_one_replica_always_stays():
    """Two share the work; a drain takes one at a time; one that is not ready keeps no node from being drained."""
    budget = named(BASE, "PodDisruptionBudget", "tekton-chains-controller")["spec"]

    assert deployment()["spec"]["replicas"] == 2
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")


def test_the_network_is_open_for_what_is_needed_only():
    """In: metrics and probes. Out: DNS, the API server, HTTPS."""
    network = named(BASE, "NetworkPolicy", "tekton-chains-controller")["spec"]

    def ports(rules):
        return {(port["protocol"], port["port"]) for rule in rules for port in rule["ports"]}

    assert network["policyTypes"] == ["Ingress", "Egress"]
    assert ports(network["ingress"]) == {("TCP", 9090), ("TCP", 8080)}
    assert ports(network["egress"]) == {("UDP", 53), ("TCP", 53), ("UDP", 5353), ("TCP", 5353), ("TCP", 443), ("TCP", 6443)}


def test_policies_concern_updates_only_and_answer_forbidden():
    """A refused CREATE would end a pipeline whose marks propagate; Tekton retries 403 and not 422."""
    rules = [rule for policy in POLICIES for rule in policy["spec"]["matchConstraints"]["resourceRules"]]
    validations = [check for policy in POLICIES for check in policy["spec"]["validations"]]

    assert {policy["metadata"]["name"] for policy in POLICIES} == {"sealwright-marks", "sealwright-finalizers"}
    assert [rule["operations"] for rule in rules] == [["UPDATE"]] * 2
    assert {check["reason"] for check in validations} == {"Forbidden"}
    assert {policy["spec"]["failurePolicy"] for policy in POLICIES} == {"Fail"}


def test_every_policy_is_bound_and_denies():
    """A policy without a binding does nothing."""
    strict = documents(DEPLOY / "overlays/strict/policies/policies.yaml")
    for objects in (BASE, strict):
        bound = {thing["spec"]["policyName"] for thing in objects if thing["kind"] == "ValidatingAdmissionPolicyBinding"}
        actions = [thing["spec"]["validationActions"] for thing in objects if thing["kind"] == "ValidatingAdmissionPolicyBinding"]

        assert bound == {thing["metadata"]["name"] for thing in objects if thing["kind"] == "ValidatingAdmissionPolicy"}
        assert all("Deny" in action for action in actions)


def test_policies_guard_the_names_that_the_controller_writes():
    """The same prefixes and finalizers as in the code."""
    marks, finalizers = (" ".join(each["expression"] for each in policy["spec"]["variables"]) for policy in POLICIES)
    written = {word for word in re.findall(r"'([^']+)'", finalizers) if word.startswith("chains")}

    assert f"key.startsWith('{annotations.PREFIX}')" in marks
    assert f"key.startsWith('{receipt.ANNOTATION.partition('/')[0]}/')" in marks
    assert written == {"chains.tekton.dev", patch.finalizer("TaskRun"), patch.finalizer("PipelineRun")}
    assert all(map(patch.is_ours, written))


def test_generated_files_are_up_to_date():
    """hack/deploy --check: install.yaml, dashboards, prometheusrule.yaml."""
    command = [sys.executable, ROOT / "hack/deploy.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_one_file_installs_the_same_objects():
    """install.yaml is deploy/, joined."""
    assert documents(DEPLOY / "install.yaml") == BASE


def test_every_yaml_file_is_well_formed_and_has_no_repeated_key():
    """A repeated key is dropped silently by most readers."""

    class Strict(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            assert len(keys) == len(set(keys)), f"{node.start_mark}: {keys}"
            return super().construct_mapping(node, deep)

    for path in DEPLOY.rglob("*.yaml"):
        for found in yaml.load_all(path.read_text(), Strict):
            assert isinstance(found, dict), path


def test_the_image_is_built_from_hashed_wheels_and_runs_as_nobody():
    """Its last stage has no shell, so every instruction there is a file or a word."""
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    build, last = stages[-2], stages[-1]
    fetched = [line for line in build.splitlines() if "pip install" in line and "--no-index" not in line]

    assert len(fetched) == 2
    assert all("--require-hashes --only-binary=:all:" in line for line in fetched)
    assert "RUN" not in last
    assert "USER 65532:65532\n" in last
    assert 'ENTRYPOINT ["/usr/bin/python3", "-m", "sealwright"]\n' in last

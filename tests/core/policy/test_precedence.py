"""Cluster policies before the namespace's: deny wins, exemptions end, keys count for a time."""

from datetime import UTC, datetime

import pytest
from fakes import signers

from sealwright.core.errors import Permanent, Reason
from sealwright.core.policy import clusterpolicy, precedence, verificationpolicy
from sealwright.core.policy.authorities import Kept
from sealwright.core.policy.precedence import Policies, Use
from sealwright.core.proof import resource as proof
from sealwright.core.tekton import resources

NOW = datetime(2027, 1, 1, tzinfo=UTC)
URI = "https://x.example/catalog"
OLD, NEW = signers.key(), signers.key(number=1)
TASK = b"apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t, namespace: n1}\nspec: {}\n"
FAILS = "resource verification failed: resource t in namespace n1 fails verification"


def signed(key=OLD):
    plain = resources.read(TASK, "f")
    text = proof.annotation(key.sign(plain.digest, "sha256"))
    return resources.read(resources.signed(TASK, "f", "controller", text), "f")


def authority(key=OLD, **bounds):
    return {"name": "a", "key": {"data": key.public.pem.decode()}, **bounds}


def cluster(*authorities, patterns=(".*",), **spec):
    listed = {"authorities": list(authorities)} if authorities else {}
    return clusterpolicy.read(
        {
            "apiVersion": "sealwright.dev/v1alpha1",
            "kind": "ClusterVerificationPolicy",
            "metadata": {"name": "c"},
            "spec": {"resources": [{"pattern": pattern} for pattern in patterns], **listed, **spec},
        },
        "policy.yaml",
    )


def namespaced(key=OLD, mode="enforce"):
    spec = {"resources": [{"pattern": ".*"}], "authorities": [authority(key)], "mode": mode}
    document = {"apiVersion": "tekton.dev/v1alpha1", "kind": "VerificationPolicy", "metadata": {"name": "p"}, "spec": spec}
    return verificationpolicy.read(document, "policy.yaml")


EXEMPT = cluster(mode="skip", until="2027-02-01T00:00:00Z")
ENDED = cluster(mode="skip", until="2027-01-01T00:00:00Z")
NO_MATCH = f"failed to get matched policies: no policies are matched: no matching policies are found for resource: t against source: {URI}"


def judged(*policies, resource=None, namespace="team", no_match="fail"):
    own = [found for found in policies if isinstance(found, verificationpolicy.VerificationPolicy)]
    ours = [found for found in policies if not isinstance(found, verificationpolicy.VerificationPolicy)]
    use = Use(uri=URI, namespace=namespace, now=NOW)
    return str(precedence.judge(resource or signed(), use, Policies(namespaced=own, cluster=ours), no_match, Kept()))


CASES = {
    "nothing matches": ((), f"fail: {NO_MATCH}"),
    "a cluster policy alone is enough": ((cluster(authority()),), "pass"),
    "a cluster policy denies": ((cluster(authority(NEW)),), f"fail: {FAILS}"),
    "the namespace cannot lift that": ((cluster(authority(NEW)), namespaced()), f"fail: {FAILS}"),
    "the namespace may tighten": ((cluster(authority()), namespaced(NEW)), f"fail: {FAILS}"),
    "both are satisfied": ((cluster(authority()), namespaced()), "pass"),
    "a cluster policy warns": ((cluster(authority(NEW), mode="warn"), namespaced()), f"warn: {FAILS}"),
    "a warning does not lift a denial": ((cluster(authority(NEW), mode="warn"), namespaced(NEW)), f"fail: {FAILS}"),
    "an exemption lifts the namespace's denial": ((EXEMPT, namespaced(NEW)), "skip: exempt until 2027-02-01T00:00:00Z by ClusterVerificationPolicy c"),
    "an exemption where nothing else matches": ((EXEMPT,), "skip: exempt until 2027-02-01T00:00:00Z by ClusterVerificationPolicy c"),
    "an exemption does not lift the cluster's denial": ((EXEMPT, cluster(authority(NEW))), f"fail: {FAILS}"),
    "what the cluster verified is verified": ((EXEMPT, cluster(authority())), "pass"),
    "an exemption that has ended": ((ENDED, namespaced(NEW)), f"fail: {FAILS}"),
    "an exemption for something else": ((cluster(mode="skip", until="2027-02-01T00:00:00Z", patterns=("y",)),), f"fail: {NO_MATCH}"),
    "an exemption for another namespace": ((cluster(mode="skip", until="2027-02-01T00:00:00Z", namespaces=["other"]),), f"fail: {NO_MATCH}"),
    "a policy for this namespace": ((cluster(authority(NEW), namespaces=["other", "team"]),), f"fail: {FAILS}"),
    "a policy for another namespace": ((cluster(authority(NEW), namespaces=["other"]), namespaced()), "pass"),
    "a broken pattern of an exemption": ((cluster(mode="skip", until="2027-02-01T00:00:00Z", patterns=("(",)), namespaced()),
        "fail: failed to get matched policies: error parsing regexp: missing closing ): `^(?:()$`: regex failed to match"),
    "two cluster policies that match": ((cluster(authority()), cluster(authority(NEW))), f"fail: {FAILS}"),
}  # fmt: skip


@pytest.mark.parametrize(("policies", "wanted"), CASES.values(), ids=CASES)
def test_deny_wins(policies, wanted):
    assert judged(*policies) == wanted
    assert judged(*reversed(policies)) == wanted


@pytest.mark.parametrize("no_match", ["ignore", "warn", "fail"])
def test_no_match_in_the_namespace_is_no_fault_where_the_cluster_verified(no_match):
    assert judged(cluster(authority()), no_match=no_match) == "pass"


def test_without_cluster_policies_all_is_as_in_tekton():
    assert judged(no_match="ignore") == "skip"
    assert judged(no_match="warn") == f"warn: {NO_MATCH}"
    assert judged(namespaced(NEW, mode="warn")) == f"warn: {FAILS}"


WINDOWS = {
    "a key without bounds": ({}, True),
    "from now on": ({"validFrom": "2027-01-01T00:00:00Z"}, True),
    "from tomorrow on": ({"validFrom": "2027-01-02T00:00:00Z"}, False),
    "until tomorrow": ({"validUntil": "2027-01-02T00:00:00Z"}, True),
    "until now": ({"validUntil": "2027-01-01T00:00:00Z"}, False),
    "in another zone": ({"validUntil": "2027-01-01T01:00:00+02:00"}, False),
}


@pytest.mark.parametrize(("bounds", "counts"), WINDOWS.values(), ids=WINDOWS)
def test_a_key_counts_for_a_time(bounds, counts):
    found = judged(cluster(authority(**bounds)))

    assert found == ("pass" if counts else "fail: failed to get verifiers from policy: no public keys are founded")


def test_old_signatures_pass_while_the_old_key_counts():
    """Rotation: the new key is added, everything is signed again, and the old key ends by itself."""
    both = cluster(authority(OLD, validUntil="2027-03-01T00:00:00Z"), authority(NEW, validFrom="2026-12-01T00:00:00Z"))
    later = Use(uri=URI, namespace="", now=datetime(2027, 3, 1, tzinfo=UTC))

    assert judged(both, resource=signed(OLD)) == judged(both, resource=signed(NEW)) == "pass"
    assert precedence.judge(signed(OLD), later, Policies(cluster=[both]), "fail", Kept()).state == "fail"
    assert precedence.judge(signed(NEW), later, Policies(cluster=[both]), "fail", Kept()).state == "pass"


def test_result_names_every_policy_and_key_that_decided():
    use = Use(uri=URI, namespace="team", now=NOW)
    policies = Policies(namespaced=[namespaced()], cluster=[cluster(authority(NEW), authority())])
    found = precedence.judge(signed(), use, policies, "fail", Kept())

    assert [policy.name for policy in found.matched] == ["c", "p"]
    assert found.key_ids == (OLD.public.key_id,) * 2


REFUSED = {
    "no pattern": {"resources": []},
    "no authority": {"authorities": []},
    "an exemption without end": {"mode": "skip", "authorities": []},
    "an exemption that ends at a time without zone": {"mode": "skip", "authorities": [], "until": "2027-01-01T00:00:00"},
    "an exemption that trusts a key": {"mode": "skip", "until": "2027-01-01T00:00:00Z"},
    "an end that is none": {"until": "2027-01-01T00:00:00Z"},
    "a bound without zone": {"authorities": [authority(validUntil="2027-01-01T00:00:00")]},
    "an unknown mode": {"mode": "audit"},
    "a misspelt member": {"namespace": ["a"]},
    "a misspelt bound": {"authorities": [authority(validTo="2027-01-01T00:00:00Z")]},
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_a_doubtful_policy_is_refused(change):
    spec = {"resources": [{"pattern": ".*"}], "authorities": [authority()], **change}
    document = {
        "apiVersion": "sealwright.dev/v1alpha1",
        "kind": "ClusterVerificationPolicy",
        "metadata": {"name": "c"},
        "spec": spec,
    }
    with pytest.raises(Permanent) as caught:
        clusterpolicy.read(document, "policy.yaml")
    assert caught.value.reason is Reason.INVALID_CONFIG

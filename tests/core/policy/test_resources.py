"""VerificationPolicies: Tekton's results and Tekton's words (trusted-resources 2)."""

import pytest
from fakes import signers

from sealwright.core import keys
from sealwright.core.errors import Permanent, Reason
from sealwright.core.policy import authorities, verificationpolicy
from sealwright.core.policy import resources as rules
from sealwright.core.policy.authorities import Kept
from sealwright.core.policy.verificationpolicy import SecretName
from sealwright.core.proof import resource as proof
from sealwright.core.tekton import resources

URI = "git+https://github.com/example/catalog"
GOOD, OTHER = signers.key(), signers.key(number=1)
RSA = signers.key("rsa-2048")
TASK = b"apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t, namespace: n1}\nspec: {}\n"
FAILS = "resource verification failed: resource t in namespace n1 fails verification"


def definition(signer=GOOD, signature=None, hash_="sha256"):
    plain = resources.read(TASK, "task.yaml")
    text = signature if signature is not None else proof.annotation(signer.sign(plain.digest, hash_))
    return resources.read(resources.signed(TASK, "task.yaml", "controller", text), "task.yaml")


def data(key=GOOD, **more):
    return {"data": key.public.pem.decode(), **more}


def policy(*authorities, mode="", patterns=(".*",), name="p"):
    listed = [{"name": f"k{n}", "key": key} if key is not None else {"name": f"k{n}"} for n, key in enumerate(authorities)]
    spec = {"resources": [{"pattern": pattern} for pattern in patterns], "authorities": listed, "mode": mode}
    document = {"apiVersion": "tekton.dev/v1alpha1", "kind": "VerificationPolicy", "metadata": {"name": name}, "spec": spec}
    return verificationpolicy.read(document, "policy.yaml")


def judged(*policies, resource=None, uri=URI, no_match="fail", kept=None):
    return str(rules.evaluate(resource or definition(), policies, uri, no_match, kept or Kept()))


UNMATCHED = (
    "failed to get matched policies: no policies are matched: no matching policies are found for resource: t "
    "against source: git+https://github.com/example/catalog"
)


@pytest.mark.parametrize(
    ("no_match", "wanted"), [("ignore", "skip"), ("warn", f"warn: {UNMATCHED}"), ("fail", f"fail: {UNMATCHED}")]
)
def test_the_cluster_says_what_becomes_of_sources_without_policy(no_match, wanted):
    assert judged(no_match=no_match) == wanted
    assert judged(policy(data(), patterns=("other",)), no_match=no_match) == wanted
    assert judged(policy(data(), patterns=()), no_match=no_match) == wanted


@pytest.mark.parametrize("no_match", ["ignore", "warn", "fail"])
def test_a_matching_policy_is_asked_whatever_the_cluster_says(no_match):
    assert judged(policy(data()), no_match=no_match) == "pass"
    assert judged(policy(data(OTHER)), no_match=no_match) == f"fail: {FAILS}"


# modes and keys of two policies -> result: AND over those that enforce, then those that warn may warn
KEYS = {"good": GOOD, "other": OTHER}
PAIRS = {
    (("", "good"), ("enforce", "good")): "pass",
    (("", "good"), ("enforce", "other")): f"fail: {FAILS}",
    (("enforce", "other"), ("", "good")): f"fail: {FAILS}",
    (("enforce", "good"), ("warn", "other")): f"warn: {FAILS}",
    (("warn", "other"), ("enforce", "good")): f"warn: {FAILS}",
    (("warn", "good"), ("enforce", "other")): f"fail: {FAILS}",
    (("warn", "good"), ("warn", "good")): "pass",
    (("warn", "good"), ("warn", "other")): f"warn: {FAILS}",
    (("skip", "other"), ("warn", "good")): f"fail: {FAILS}",
}


@pytest.mark.parametrize("pair", PAIRS)
def test_every_enforcing_policy_must_be_satisfied(pair):
    """An unknown mode enforces."""
    policies = [policy(data(KEYS[key]), mode=mode) for mode, key in pair]

    assert judged(*policies) == PAIRS[pair]


def test_any_key_of_a_policy_will_do():
    assert judged(policy(data(OTHER), data(RSA), data(GOOD), patterns=("other", ".*"))) == "pass"


def test_result_names_the_policies_and_the_keys_that_decided():
    found = rules.evaluate(definition(), [policy(data(OTHER), data(GOOD)), policy(data(), patterns=("x",))], URI, "fail", Kept())

    assert [policy.name for policy in found.matched] == ["p"]
    assert found.key_ids == (GOOD.public.key_id,)


@pytest.mark.parametrize("mode", ["enforce", "warn"])
def test_a_signature_that_is_no_base64_fails_whatever_the_mode(mode):
    broken = policy(data(), mode=mode)

    assert judged(broken, resource=definition(signature="*")) == "fail: illegal base64 data at input byte 0"
    assert judged(broken, resource=definition(signature="")) == f"{'warn' if mode == 'warn' else 'fail'}: {FAILS}"
    assert judged(broken, resource=resources.read(TASK, "f")) == f"{'warn' if mode == 'warn' else 'fail'}: {FAILS}"


def secret(namespace="keys", name="one"):
    return {"secretRef": {"namespace": namespace, "name": name}}


PRIVATE = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
UNUSABLE = {
    "no key": (None, "key doesn't contain data or keyRef"),
    "an empty key": ({}, "key doesn't contain data or keyRef"),
    "no PEM": ({"data": "x"}, "failed to get verifier from data: key cannot be decoded: PEM decoding failed"),
    "a private key": ({"data": PRIVATE}, ("failed to get verifier from data: key cannot be decoded: unknown Public key PEM file type: "
        "PRIVATE KEY. Are you passing the correct public key?")),
    "an unknown hash": (data(hashAlgorithm="sha1"), 'authority "k0" contains an invalid hash algorithm: unknown digest algorithm: sha1'),
    "RSA with SHA-224": (data(RSA, hashAlgorithm="sha224"),
        "failed to get verifier from data: verifier cannot to be loaded: invalid hash function specified"),
    "no such Secret": (secret(name="none"), 'failed to get verifier from secret: failed to get secret: secret not found: secrets "none" not found'),
    "a Secret without namespace": (secret(""), 'failed to get verifier from secret: failed to get secret: secret not found: secrets "one" not found'),
    "a Secret with two entries": (secret(name="two"), ('failed to get verifier from secret: secret "k8s://keys/two" contains multiple data entries, '
        "only one is supported. secret contains multiple data")),
    "an empty Secret": (secret(name="empty"), 'failed to get verifier from secret: secret "k8s://keys/empty" contains no data secret data is empty'),
    "a Secret with something else": (secret(name="text"),
        "failed to get verifier from secret: failed to get verifier from secret data: key cannot be decoded: PEM decoding failed"),
    "a key service that was not asked": ({"kms": "hashivault://a"}, "failed to get verifier from kms: the key service was not asked"),
    "a key service that fails": ({"kms": "hashivault://down"}, "failed to get verifier from kms: it does not answer"),
    "a malformed Vault key": ({"kms": "hashivault://"}, "failed to get verifier from kms: kms specification should be in the format hashivault://<key>"),
    "a malformed Google key": ({"kms": "gcpkms://projects/p"}, ("failed to get verifier from kms: kms specification should be in the format "
        "gcpkms://projects/[PROJECT_ID]/locations/[LOCATION]/keyRings/[KEY_RING]/cryptoKeys/[KEY]/cryptoKeyVersions/[VERSION]")),
    "a malformed Amazon key": ({"kms": "awskms:///a"}, ("failed to get verifier from kms: kms specification should be in the format "
        "awskms://[ENDPOINT]/[ID/ALIAS/ARN] (endpoint optional)")),
    "a malformed Azure key": ({"kms": "azurekms://v"}, ("failed to get verifier from kms: kms specification should be in the format "
        "azurekms://[VAULT_NAME][VAULT_URL]/[KEY_NAME]/[VERSION (optional)]")),
    "a program's name": ({"kms": "sh://x"}, ("failed to get verifier from kms: no kms provider found for key reference: sh://x: "
        'exec: "sigstore-kms-sh": executable file not found in $PATH')),
    "no URI": ({"kms": "x"}, ("failed to get verifier from kms: no kms provider found for key reference: x: parsing input key resource id: "
        "expected format: [plugin name]://[key ref], got: x")),
}  # fmt: skip
KEPT = Kept(
    secrets={
        SecretName(namespace="keys", name="one"): {"cosign.pub": GOOD.public.pem},
        SecretName(namespace="keys", name="two"): {"a": GOOD.public.pem, "b": GOOD.public.pem},
        SecretName(namespace="keys", name="empty"): {},
        SecretName(namespace="keys", name="text"): {"a": b"x"},
        SecretName(namespace="", name="one"): {"cosign.pub": GOOD.public.pem},
    },
    services={"hashivault://good": GOOD.public, "hashivault://down": "it does not answer"},
)


@pytest.mark.parametrize(("key", "wanted"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_key_that_cannot_be_read_spoils_its_policy(key, wanted):
    """Also beside a key that would do; in warning policies it is a warning, and nothing ends the program."""
    for listed in ((key,), (key, data())):
        assert judged(policy(*listed), kept=KEPT) == f"fail: failed to get verifiers from policy: {wanted}"
        told = f"warn: failed to get verifiers for resource t from namespace n1: {wanted}"
        assert judged(policy(*listed, mode="warn"), kept=KEPT) == told


def test_a_policy_without_authorities_trusts_nobody():
    assert judged(policy()) == "fail: failed to get verifiers from policy: no public keys are founded"


@pytest.mark.parametrize(
    "key", [secret(), {"kms": "hashivault://good"}, data(hashAlgorithm="SHA256"), {**data(), "kms": "nonsense"}]
)
def test_keys_are_found_where_policies_say(key):
    """The hash in any case; text before everything else."""
    assert judged(policy(key), kept=KEPT) == "pass"


@pytest.mark.parametrize("hash_", ["sha224", "sha384", "sha512"])
def test_the_hash_is_the_policys(hash_):
    signed = definition(hash_=hash_)

    assert judged(policy(data(hashAlgorithm=hash_)), resource=signed) == "pass"
    assert judged(policy(data()), resource=signed) == f"fail: {FAILS}"


def test_one_broken_pattern_stops_every_verification():
    broken = policy(data(), patterns=(r"x\$",))

    wanted = r"fail: failed to get matched policies: error parsing regexp: missing closing ): `^(?:x\)$`: regex failed to match"
    assert judged(policy(data()), broken) == wanted
    assert judged(broken, no_match="ignore") == wanted


WELL_FORMED = (
    "awskms:///1234abcd-12ab-34cd-56ef-1234567890ab", "awskms://localhost:4566/mrk-1234abcd12ab34cd56ef1234567890ab", "awskms:///alias/a",
    "awskms:///arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "awskms:///arn:aws-cn:kms:cn-north-1:111122223333:alias/a", "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k",
    "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/versions/1", "azurekms://v.vault.azure.net/k", "azurekms://v/k/0a1",
    "hashivault://k", "hashivault://a.b-c_d", "openbao://k",
)  # fmt: skip


@pytest.mark.parametrize("uri", WELL_FORMED)
def test_references_to_key_services_are_those_of_sigstore(uri):
    assert authorities.malformed(uri) == ""
    assert authorities.malformed(f"x{uri}") != ""


REFUSED = {
    "another kind": {"kind": "Policy"},
    "another version": {"apiVersion": "tekton.dev/v1"},
    "a misspelt member": {"spec": {"resource": []}},
    "a misspelt mode": {"spec": {"Mode": "warn"}},
    "a misspelt key": {"spec": {"authorities": [{"name": "a", "keys": {}}]}},
    "a number": {"spec": {"mode": 1}},
    "no object": None,
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_a_policy_with_something_unknown_is_refused(change):
    """A word misspelt would be a rule left out."""
    document = change and {"apiVersion": "tekton.dev/v1alpha1", "kind": "VerificationPolicy", "metadata": {"name": "p"}, **change}
    with pytest.raises(Permanent) as caught:
        verificationpolicy.read(document, "policy.yaml")
    assert caught.value.reason is Reason.INVALID_CONFIG


def test_null_is_nothing():
    spec = {"resources": [None], "authorities": [None, {"name": None, "key": None}], "mode": None}
    document = {"apiVersion": "tekton.dev/v1alpha1", "kind": "VerificationPolicy", "spec": spec}
    found = verificationpolicy.read(document, "policy.yaml")

    assert (found.patterns, found.mode) == (("",), "enforce")
    assert [authority.key for authority in found.authorities] == [None, None]


def test_weak_keys_are_refused_where_tekton_would_take_them():
    weak = (
        "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8Qu"
        "\nKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ==\n-----END PUBLIC KEY-----\n"
    )
    assert "an RSA key of 512 bits" in judged(policy({"data": weak}))
    assert keys.fits(RSA.public, "sha256")

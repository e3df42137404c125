"""The conformance data of Trusted Resources, where it lies beside the project: other people's keys, documents and verdicts."""

import json
from pathlib import Path

import pytest

from sealwright.core import keys
from sealwright.core.errors import Fault
from sealwright.core.policy import resources as rules
from sealwright.core.policy import verificationpolicy
from sealwright.core.policy.authorities import Kept
from sealwright.core.proof import resource as proof
from sealwright.core.proof.resource import ResourceKey
from sealwright.core.tekton import resources

BESIDE = Path("shared/conformance/trusted-resources")
DATA = next((above / BESIDE for above in Path(__file__).parents if (above / BESIDE).is_dir()), BESIDE)
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no conformance data at {DATA}")


def load(name):
    return json.loads((DATA / name).read_text()) if DATA.is_dir() else {}


VECTORS = load("manifest.json").get("vectors", [])


def verdict(file, form, key, hash_):
    try:
        found = resources.read(file.read_bytes(), file.name, form)
        proof.prove(found, ResourceKey(key=keys.load_public(key.read_bytes()), hash=hash_))
    except Fault:
        return "reject"
    return "pass"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_bytes_and_verdicts_are_those_of_the_real_programs(vector):
    folder = DATA / vector["id"]
    for form, name in vector["canonical"].items():
        if form in resources.FORMS:
            assert (folder / name).read_bytes() == resources.read((folder / "input.yaml").read_bytes(), "f", form).canonical
    for file in vector["files"]:
        key = "other.pub" if file["role"] == "wrong-key" else vector["key"]["public"]
        for form in set(file.get("expected", {})) & set(resources.FORMS):
            hash_ = (vector["policyHashAlgorithm"].lower() if form == "controller" else "") or "sha256"
            wanted = "pass" if file["expected"][form] == "pass" else "reject"
            assert wanted == verdict(folder / file["file"], form, DATA / "keys" / key, hash_), (file["file"], form)


def policy(found):
    named = [
        name.removeprefix("text:") if name.startswith("text:") else (DATA / "keys" / name).read_text()
        for name in found["keys"] or ()
    ]
    listed = [
        {"name": f"k{n}", "key": {"data": text, "hashAlgorithm": found.get("hashAlgorithm", "")}} for n, text in enumerate(named)
    ]
    spec = {
        "resources": [{"pattern": pattern} for pattern in found["patterns"] or ()],
        "authorities": listed,
        "mode": found["mode"],
    }
    document = {
        "kind": "VerificationPolicy",
        "apiVersion": "tekton.dev/v1alpha1",
        "metadata": {"name": found["name"]},
        "spec": spec,
    }
    return verificationpolicy.read(document, found["name"])


@pytest.mark.parametrize("scenario", load("policy-vectors.json"), ids=lambda scenario: scenario["id"])
def test_policies_are_judged_as_by_the_real_controller(scenario):
    resource = resources.read((DATA / scenario["document"]).read_bytes(), "f")
    policies = list(map(policy, scenario["policies"] or ()))
    found = rules.evaluate(resource, policies, scenario["refSourceURI"] or "", scenario["noMatchPolicy"], Kept())

    assert str(found) == scenario["result"]

"""`sealwright resource` and `sealwright policy evaluate`, as they are typed."""

import asyncio

import pytest
import yaml
from fakes import commands, folders, keyservices, signers

from sealwright.core import keys
from sealwright.core.tekton.resources import FORMS

TASK = """\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: build   # mine
spec:
  params:
  - name: url
  steps:
  - image: ubuntu
"""
CANONICAL = (
    '{"kind":"Task","apiVersion":"tekton.dev/v1","metadata":{"name":"build"},"spec":{"params":[{"name":"url","type":"string"}],'
    '"steps":[{"name":"","image":"ubuntu","computeResources":{}}]}}'
)
FAILS = "fail: resource verification failed: resource build in namespace  fails verification\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with keys, a Task, and a policy, in which commands are typed."""
    folders.keys(tmp_path / "keys")
    folders.keys(tmp_path / "other", 1)
    (tmp_path / "task.yaml").write_text(TASK)
    (tmp_path / "policies").mkdir()
    monkeypatch.chdir(tmp_path)
    write_policy(tmp_path, {"data": (tmp_path / "keys" / "cosign.pub").read_text()})
    return tmp_path


def write_policy(place, key, **spec):
    authorities = [{"name": "a", "key": key}]
    document = {
        "apiVersion": "tekton.dev/v1alpha1",
        "kind": "VerificationPolicy",
        "metadata": {"name": "p"},
        "spec": {"resources": [{"pattern": "https://x.example/.*"}], "authorities": authorities, **spec},
    }
    (place / "policies" / "p.yaml").write_text(yaml.safe_dump(document))


def sign(*arguments, key=("--keys", "keys"), **more):
    return commands.run("resource", "sign", "task.yaml", *key, *arguments, **more)


def verify(*arguments, file="signed.yaml", key="keys/cosign.pub"):
    return commands.run("resource", "verify", file, "--key", key, *arguments)


def evaluate(*arguments, file="signed.yaml", uri="git+https://x.example/catalog"):
    return commands.run("policy", "evaluate", "--policies", "policies", "--uri", uri, *arguments, file)


def test_canonical_bytes_end_with_the_object(place):
    ended = commands.run("resource", "canonical", "task.yaml")

    assert (ended.code, ended.text) == (0, CANONICAL)
    assert commands.run("resource", "canonical", "--form", "tkn", "task.yaml").text.endswith('"resources":{}}]}}')
    legacy = commands.run("resource", "canonical", "--form", "legacy-controller", "task.yaml").text
    assert legacy == CANONICAL.replace('"name":"build"', '"name":"build","creationTimestamp":null')


def test_what_is_signed_is_verified_and_passes_its_policy(place):
    """The text stays, defaults are written out, and the note says who will accept it."""
    ended = sign("--out", "signed.yaml")
    text = (place / "signed.yaml").read_text()

    assert (ended.code, ended.out) == (0, b"")
    assert "accepted by: controller\n" in ended.told
    assert "name: build   # mine" in text
    assert "  - type: string\n    name: url\n" in text
    assert verify().code == 0
    assert "verified with ecdsa-p256 key SHA256:" in verify().text
    assert (evaluate().code, evaluate().text) == (0, "pass\n")


def test_a_changed_or_foreign_definition_is_refused(place):
    sign("--out", "signed.yaml")
    (place / "changed.yaml").write_text((place / "signed.yaml").read_text().replace("ubuntu", "evil"))

    assert verify(file="changed.yaml").code == 1
    assert "BadSignature" in verify(file="changed.yaml").told
    assert verify(key="other/cosign.pub").code == 1
    assert verify(file="task.yaml").code == 1
    assert "NoAttestation" in verify(file="task.yaml").told
    assert (evaluate(file="changed.yaml").code, evaluate(file="changed.yaml").text) == (1, FAILS)


def test_what_tekton_could_not_read_is_wrong_input(place):
    (place / "two.yaml").write_text(TASK + "---\n" + TASK)
    (place / "typo.yaml").write_text(TASK.replace("image:", "imge:"))

    for file in ("two.yaml", "typo.yaml", "absent.yaml"):
        assert verify(file=file).code == 2
        assert commands.run("resource", "canonical", file).code == 2
        assert commands.run("resource", "sign", file, "--keys", "keys").code == 2
        assert evaluate(file=file).code == 2


@pytest.mark.parametrize("form", FORMS)
def test_each_form_signs_and_verifies_its_own(place, form):
    (place / "task.yaml").write_text(TASK.replace("/v1\n", "/v1beta1\n"))
    (place / "signed.yaml").write_bytes(sign("--form", form).out)
    now = form.startswith("legacy-")

    assert [verify("--form", other).code for other in FORMS] == [int(other.startswith("legacy-") is not now) for other in FORMS]


def test_signing_again_replaces_the_signature(place):
    (place / "task.yaml").write_bytes(sign(key=("--keys", "other")).out)
    (place / "signed.yaml").write_bytes(sign().out)

    assert (place / "signed.yaml").read_text().count("tekton.dev/signature") == 1
    assert verify().code == 0


@pytest.mark.parametrize("password", ["", "secret"])
def test_the_password_comes_from_the_environment(place, password):
    boxed = keys.seal_private(signers.key(), password.encode(), bytes(32), bytes(24))
    (place / "cosign.key").write_bytes(boxed)
    key = ("--key", "cosign.key")

    (place / "signed.yaml").write_bytes(sign(key=key, env={"PRIVATE_PASSWORD": password}).out)
    assert verify().code == 0
    assert sign(key=key, env={"PRIVATE_PASSWORD": "wrong"}).code == 2
    assert "set PRIVATE_PASSWORD" in sign(key=key, env={"PRIVATE_PASSWORD": None}).told


def test_the_hash_is_part_of_what_is_asked(place):
    (place / "signed.yaml").write_bytes(sign("--hash", "sha512").out)
    write_policy(place, {"data": (place / "keys" / "cosign.pub").read_text(), "hashAlgorithm": "SHA512"})

    assert [verify("--hash", word).code for word in ("sha224", "sha256", "sha384", "sha512")] == [1, 1, 1, 0]
    assert evaluate().text == "pass\n"


async def test_a_key_service_signs_and_its_key_verifies(place):
    """With the hash of its key; the login is in the environment."""
    keeper = keyservices.Keeper()
    async with keyservices.serving(keyservices.vault_server(keeper)) as address:
        env = {"VAULT_ADDR": f"http://{address}", "VAULT_TOKEN": keeper.tokens[0]}

        async def resource(*arguments):
            return await asyncio.to_thread(commands.run, "resource", *arguments, env=env)

        ended = await resource("sign", "task.yaml", "--kms", "hashivault://release", "--out", "signed.yaml")
        assert (ended.code, keeper.signed) == (0, 1)
        assert "and sha256; accepted by: controller" in ended.told
        assert (await resource("verify", "signed.yaml", "--kms", "hashivault://release")).code == 0
        keeper.versions[:] = [signers.key(number=9)]
        assert (await resource("verify", "signed.yaml", "--kms", "hashivault://release")).code == 1
        assert (await resource("verify", "signed.yaml", "--kms", "nonsense://release")).code == 2
    assert (await resource("sign", "task.yaml", "--kms", "hashivault://release")).code == 3


def test_a_key_must_be_named_once(place):
    assert sign(key=()).code == 2
    assert sign(key=("--key", "keys/x509.pem", "--keys", "keys")).code == 2
    assert sign(key=("--key", "keys/x509.pem")).code == 0


def test_sources_without_policy_are_judged_as_asked(place):
    sign("--out", "signed.yaml")
    told = "failed to get matched policies: no policies are matched: no matching policies are found for resource: build against source: y"

    assert (evaluate(uri="y").code, evaluate(uri="y").text) == (0, "skip\n")
    assert (evaluate("--no-match", "warn", uri="y").code, evaluate("--no-match", "warn", uri="y").text) == (0, f"warn: {told}\n")
    assert (evaluate("--no-match", "fail", uri="y").code, evaluate("--no-match", "fail", uri="y").text) == (1, f"fail: {told}\n")


def test_the_answer_is_one_line_whatever_the_source_holds(place):
    sign("--out", "signed.yaml")

    assert evaluate("--no-match", "fail", uri="y\npass").text.endswith("against source: y\\npass\n")


def test_keys_may_be_in_secrets_of_the_folder(place):
    sign("--out", "signed.yaml")
    pem = (place / "keys" / "cosign.pub").read_text()
    write_policy(place, {"secretRef": {"namespace": "ns", "name": "k"}})
    assert 'secrets "k" not found' in evaluate().text

    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "k", "namespace": "ns"}, "stringData": {"a": pem}}
    (place / "policies" / "list.json").write_text(yaml.safe_dump({"kind": "List", "items": [secret]}))
    assert evaluate().text == "pass\n"


BAD_POLICIES = {"a misspelt member": "kind: VerificationPolicy\napiVersion: tekton.dev/v1alpha1\nspec: {mod: warn}\n", "text": "hello\n",
                "a Secret without base64": "kind: Secret\nmetadata: {name: a}\ndata: {a: '*'}\n"}  # fmt: skip


@pytest.mark.parametrize("text", BAD_POLICIES.values(), ids=BAD_POLICIES)
def test_a_folder_with_something_unreadable_judges_nothing(place, text):
    sign("--out", "signed.yaml")
    (place / "policies" / "z.yml").write_text(text)

    assert evaluate().code == 2
    assert "z.yml" in evaluate().told


def test_cluster_policies_count_before_those_of_the_namespace(place):
    """An exemption until it ends; and only the policies of the namespace that is asked about."""
    sign("--out", "signed.yaml")
    pem = (place / "other" / "cosign.pub").read_text()
    write_policy(place, {"data": pem})
    spec = {"resources": [{"pattern": ".*"}], "mode": "skip", "until": "2027-02-01T00:00:00Z"}
    exempt = {
        "apiVersion": "sealwright.dev/v1alpha1",
        "kind": "ClusterVerificationPolicy",
        "metadata": {"name": "c"},
        "spec": spec,
    }
    (place / "policies" / "c.yaml").write_text(yaml.safe_dump(exempt))

    assert evaluate("--at", "2027-01-31").text == "skip: exempt until 2027-02-01T00:00:00Z by ClusterVerificationPolicy c\n"
    assert evaluate("--at", "2027-02-01").text == FAILS
    (place / "policies" / "p.yaml").write_text(
        (place / "policies" / "p.yaml").read_text().replace("name: p", "namespace: a\n  name: p")
    )
    assert evaluate("--at", "2027-02-01", "--namespace", "a").text == FAILS
    assert evaluate("--at", "2027-02-01", "--namespace", "b").text == "skip\n"

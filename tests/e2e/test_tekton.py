"""Tekton's own code reads, signs and judges definitions as we do.

SEALWRIGHT_TEKTON is the path of the program of hack/_tekton, which answers questions with Tekton's types and library.
"""

import json
import os
import random  # noqa: TID251  numbers that are the same each time
import subprocess

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fakes import resources as recorded
from fakes import signers
from fakes.definitions import Author

from sealwright.core.errors import Permanent
from sealwright.core.policy import patterns, verificationpolicy
from sealwright.core.policy import resources as rules
from sealwright.core.policy.authorities import Kept
from sealwright.core.proof import resource as proof
from sealwright.core.proof.resource import ResourceKey
from sealwright.core.tekton import resolution, resources, runs

pytestmark = pytest.mark.e2e

ALGORITHMS = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"]
URI = "git+https://github.com/example/catalog.git"


@pytest.fixture(scope="module")
def ask():
    """Asks Tekton; the answer and what went wrong, one of them empty."""
    program = os.environ.get("SEALWRIGHT_TEKTON")
    if program is None:
        pytest.fail("SEALWRIGHT_TEKTON is not set: it must be the path of the program of hack/_tekton")
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:

        def asked(question, **more):
            running.stdin.write(json.dumps({"ask": question, **more}) + "\n")
            running.stdin.flush()
            answer = json.loads(running.stdout.readline())
            return answer["body"], answer["error"]

        yield asked
        running.stdin.close()


def ours(document, form):
    try:
        return resources.read(document.encode(), "f", form).canonical.decode()
    except Permanent:
        return None


def test_recorded_bytes_are_still_tektons(ask):
    for case in recorded.RECORDED:
        for form in ("controller", "tkn"):
            if form == "tkn" and "kind: StepAction" in case["document"]:
                continue
            body, error = ask(form, document=case["document"])
            assert case[form] == (None if error else body), case["id"]


@pytest.mark.parametrize("is_wild", [False, True], ids=["valid", "broken in places"])
def test_two_thousand_more_are_hashed_alike_or_refused_alike(ask, is_wild):
    read = 0
    for number in range(1_000, 3_000):
        document = Author(number, wild=is_wild).document()
        for form in ("controller", "tkn"):
            if form == "tkn" and "kind: StepAction" in document:
                continue
            body, error = ask(form, document=document)
            assert ours(document, form) == (None if error else body), (number, form, error)
            read += not error
    assert read > 1_000


@pytest.mark.parametrize("number", range(4))
def test_every_change_of_meaning_is_refused(number):
    """Of 300 definitions, each changed in 200 places."""
    for text in recorded.CANONICAL[number::4]:
        assert recorded.accepted_changes(text, 200) == []


def policy(name, keys, mode="enforce", matching=(".*",)):
    authorities = [{"name": f"k{n}", "key": {"data": key}} for n, key in enumerate(keys)]
    spec = {"resources": [{"pattern": pattern} for pattern in matching], "authorities": authorities, "mode": mode}
    head = {"apiVersion": "tekton.dev/v1alpha1", "kind": "VerificationPolicy", "metadata": {"name": name}}
    return yaml.safe_dump({**head, "spec": spec})


def signed(document, key):
    data = resources.completed(document.encode(), "f")
    signature = proof.annotation(key.sign(resources.read(data, "f").digest, "sha256"))
    return resources.signed(data, "f", "controller", signature).decode()


def documents(count):
    """Definitions that Tekton reads."""
    return [case["document"] for case in recorded.RECORDED if case["controller"] is not None][:count]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_tekton_accepts_our_signatures(ask, algorithm):
    """And refuses them with another key, as we do."""
    key, other = signers.key(algorithm), signers.key("ecdsa-p256", 9)
    trusting, doubting = policy("p", [key.public.pem.decode()]), policy("p", [other.public.pem.decode()])
    for document in documents(40):
        text = signed(document, key)
        assert ask("verify", document=text, policies=[trusting], uri=URI, noMatch="fail") == ("pass", "")
        assert ask("verify", document=text, policies=[doubting], uri=URI, noMatch="fail")[0].startswith(
            "fail: resource verification failed"
        )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_we_accept_tektons_signatures(ask, algorithm):
    key = signers.key(algorithm)
    pem = key.material.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for document in documents(40):
        signature, error = ask("sign", document=document, key=pem)
        assert error == ""
        text = resources.signed(document.encode(), "f", "controller", signature)
        proof.prove(resources.read(text, "f"), ResourceKey(key=key.public))


def test_policies_are_judged_alike(ask):
    """Two to four policies of every kind, and what the cluster says where none matches: the same result, the same words."""
    dice = random.Random(5)
    good, other = signers.key(), signers.key(number=1)
    keys = [good.public.pem.decode(), other.public.pem.decode(), "no key", signers.key("ed25519").public.pem.decode()]
    listed = [".*", "https://github.com/example/.*", "other", r"x\$", "", "^https://.*$", "catalog"]
    texts = [signed(document, good) for document in documents(20)] + documents(3)
    for number in range(1_000):
        chosen = [
            policy(
                f"p{n}",
                dice.sample(keys, dice.choice((0, 1, 1, 2))),
                dice.choice(("", "enforce", "warn")),
                dice.sample(listed, 2),
            )
            for n in range(dice.choice((0, 1, 2, 3)))
        ]
        text, no_match, uri = dice.choice(texts), dice.choice(("ignore", "warn", "fail")), dice.choice((URI, "", " x\n"))
        found = rules.evaluate(
            resources.read(text.encode(), "f"),
            [verificationpolicy.read(yaml.safe_load(found), "p") for found in chosen], uri, no_match, Kept(),
        )  # fmt: skip
        assert (str(found), "") == ask("verify", document=text, policies=chosen, uri=uri, noMatch=no_match), number


def test_records_of_resolvers_have_tektons_names(ask):
    dice = random.Random(3)
    for number in range(300):
        params = [
            {"name": dice.choice(("url", "a", "b")), "value": dice.choice(("", "x", ["b", "<"], {"k": "v", "a": "&"}))}
            for _ in range(number % 4)
        ]
        reference = {
            "resolver": dice.choice(("git", "hub", "r" * 60)),
            "params": params,
            "name": dice.choice(("", "task", "https://x.example/t")),
        }
        run = {"metadata": {"name": f"run-{number}", "namespace": "ns"}, "spec": {"taskRef": reference}}
        text = json.dumps({"apiVersion": "tekton.dev/v1", "kind": "TaskRun"} | run)
        assert (resolution.request_name(runs.read(text.encode())), "") == ask("name", document=text)


ATOMS = (
    "https://github.com/", "example", "catalog", ".git", ".", ".*", ".+", "[^/]+", "(a|b)", "x", "|", "^", "$", "\\.", "\\$", "(?i)", "(?:x)", "[a-z]*",
    "\\d+", "\\w", "\\b", "\\pL", "\\p{Greek}", "{2}", "{1,3}", "*", "+", "?", "(", "[", ")", "]", "\\", "\\Q.*\\E", "(?P<n>a)", "(?m)^", "(?s).", "\\z",
    "\\A", "/", "git+", "\u00e9", "[[:alpha:]]", "a{0}", "\\x41", "(?U)", "**", "\\n", " ", "[^\\n]", "\\B", "x*?", "(?:)", "()",
)  # fmt: skip
URIS = (
    "https://github.com/example/catalog.git", "git+https://github.com/example/catalog", "x", "", "a", "example", "https://evil/?x=https://github.com/example",
    "https://github.com/\nx", "\u00e9", "catalog$", "git+git+x", " x ", "xx", "catalog.git", "abc", "$", "A", "\u0085x", "https://github.com.evil/example",
)  # fmt: skip


def test_ten_thousand_patterns_match_as_gos(ask):
    """Anchored; and of what Go refuses it says the same. Only what does not compile alone is refused here and not there."""
    dice = random.Random(7)
    matched = 0
    for _ in range(10_000):
        pattern, uri = "".join(dice.choice(ATOMS) for _ in range(dice.choice((1, 2, 3, 4, 6)))), dice.choice(URIS)
        if dice.random() < 0.3:
            pattern = dice.choice(URIS) + dice.choice(("", ".*", "|x"))
        body, error = ask("match", pattern=f"^(?:{patterns.anchored(pattern)})$", uri=uri.strip().removeprefix("git+"))
        if error:
            body, error = ask("match", pattern=patterns.anchored(pattern), uri="")
        try:
            found, told = str(patterns.matches(pattern, uri)).lower(), ""
        except ValueError as fault:
            found, told = "", str(fault)
        if told and not error:
            assert ask("match", pattern=pattern, uri="")[1] == told
        else:
            assert (found, told) == ("" if error else body, error), (pattern, uri)
        matched += found == "true"
    assert matched > 300

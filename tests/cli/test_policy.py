"""`sealwright policy lint|test|explain` and `sealwright verify --policy`: verdicts as exit codes, and what was missing in words."""

import base64
import json
from pathlib import Path

import pytest
import yaml
from fakes import claims, commands, guarded, sealed
from fakes.claims import Json
from fakes.objects import DIGEST

from sealwright.core import keys, statement
from sealwright.core.policy import rehearsal, summary
from sealwright.core.proof import attestation as proof
from sealwright.core.proof.attestation import TrustedKey

BUILT = {
    "name": "built by us",
    "signers": ["controller"],
    "provenance": {"builders": ["https://tekton.test/*"], "maxAge": "300d"},
}
TESTED = {"name": "tests passed", "signers": ["security"], "test": {}}


def write(folder: Path, *rules: Json) -> Path:
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump(claims.policy_object(*rules)))
    return path


def envelope(folder: Path, name: str, found: claims.Verified, key: keys.PrivateKey) -> Path:
    path = folder / name
    path.write_bytes(sealed.envelope(found.payload.body, key))
    return path


@pytest.fixture
def signed(tmp_path: Path) -> list[Path]:
    """Provenance by the controller, and a test result by the security team."""
    return [
        envelope(tmp_path, "provenance.json", claims.provenance(finished="2026-11-01T00:00:00Z"), claims.CONTROLLER),
        envelope(tmp_path, "tests.json", claims.checks(), claims.SECURITY),
    ]


def test_what_keeps_the_policy_exits_0(tmp_path: Path, signed: list[Path]) -> None:
    """The keys of its signers stand in the policy: no --key is needed."""
    found = commands.run("verify", *signed, "--policy", write(tmp_path, BUILT, TESTED))

    assert (found.code, found.told) == (0, "")
    assert "keeps the policy" in found.text


def test_without_one_statement_it_exits_1_and_says_which_rule(tmp_path: Path, signed: list[Path]) -> None:
    found = commands.run("verify", signed[0], "--policy", write(tmp_path, BUILT, TESTED))

    assert found.code == 1
    assert "PolicyBroken: rule 'tests passed': wanted a statement signed by security" in found.text


def test_a_statement_of_a_stranger_changes_nothing(tmp_path: Path, signed: list[Path]) -> None:
    stranger = envelope(tmp_path, "stranger.json", claims.checks(), claims.STRANGER)
    policy = write(tmp_path, BUILT, TESTED)

    assert commands.run("verify", *signed, stranger, "--policy", policy).code == 0
    assert commands.run("verify", signed[0], stranger, "--policy", policy).code == 1


@pytest.mark.parametrize(("subject", "code"), [(DIGEST, 0), (claims.APP.name, 0), ("sha256:" + "0" * 64, 1), ("other", 1)])
def test_one_artifact_may_be_asked_about(tmp_path: Path, signed: list[Path], subject: str, code: int) -> None:
    policy = write(tmp_path, BUILT, TESTED)

    assert commands.run("verify", *signed, "--policy", policy, "--subject", subject).code == code


def test_the_verdict_is_kept_as_a_signed_summary(tmp_path: Path, signed: list[Path]) -> None:
    commands.run("key", "generate", tmp_path / "secrets")
    arguments = [
        "--policy",
        write(tmp_path, BUILT, TESTED),
        "--summary",
        tmp_path / "vsa.json",
        "--summary-keys",
        tmp_path / "secrets",
    ]
    assert commands.run("verify", *signed, *arguments).code == 0

    public = keys.load_public((tmp_path / "secrets" / "cosign.pub").read_bytes())
    verified = proof.prove((tmp_path / "vsa.json").read_bytes(), [TrustedKey(key=public)])

    assert verified.payload.predicate_type == summary.PREDICATE_TYPE
    assert verified.payload.subjects == (claims.APP,)
    assert (verified.predicate["verificationResult"], len(verified.predicate["inputAttestations"])) == ("PASSED", 2)


def test_a_no_is_kept_as_a_no(tmp_path: Path, signed: list[Path]) -> None:
    commands.run("key", "generate", tmp_path / "secrets")
    arguments = ["--policy", write(tmp_path, TESTED), "--summary", tmp_path / "vsa.json", "--summary-keys", tmp_path / "secrets"]
    assert commands.run("verify", signed[0], *arguments).code == 1

    body = json.loads((tmp_path / "vsa.json").read_bytes())["payload"]
    assert b"FAILED" in base64.b64decode(body)


def test_json_has_attestations_and_verdicts(tmp_path: Path, signed: list[Path]) -> None:
    found = json.loads(commands.run("verify", *signed, "--policy", write(tmp_path, BUILT), "-o", "json").out)

    assert len(found["attestations"]) == 2
    assert [each["verdict"] for each in found["policy"]] == ["pass"]


@pytest.mark.parametrize("more", [["--summary", "x"], ["--summary-keys", "x"]])
def test_a_summary_without_its_key_is_wrong_use(tmp_path: Path, signed: list[Path], more: list[str]) -> None:
    assert commands.run("verify", *signed, "--policy", write(tmp_path, BUILT), *more).code == 2


def test_an_empty_policy_is_wrong_input(tmp_path: Path, signed: list[Path]) -> None:
    found = commands.run("verify", *signed, "--policy", write(tmp_path))

    assert found.code == 2
    assert "asks for nothing" in found.told


# --- policy -------------------------------------------------------------------------------------------------------------


def test_explain_says_each_rule_in_words(tmp_path: Path) -> None:
    found = commands.run("policy", "explain", write(tmp_path, BUILT, TESTED))

    assert found.code == 0
    assert "1. built by us: provenance, by the builder https://tekton.test/*, not older than 300 days" in found.text
    assert "2. tests passed: a test result PASSED; signed by security" in found.text


def test_lint_exits_1_where_something_gives_pause(tmp_path: Path) -> None:
    good, bad = (
        commands.run("policy", "lint", write(tmp_path, BUILT, TESTED)),
        commands.run("policy", "lint", write(tmp_path, {"sbom": {}})),
    )

    assert (good.code, bad.code) == (0, 1)
    assert "anybody whose key is trusted may say so" in bad.text


def cases(folder: Path, expect: str, *signed: tuple[str, claims.Verified]) -> Path:
    path = folder / "cases.yaml"
    listed = [{"signer": name, "statement": json.loads(found.payload.body)} for name, found in signed]
    case = {"name": "a release", "digest": DIGEST, "expect": expect, "statements": listed}
    path.write_text(yaml.safe_dump({"now": "2026-06-01T00:00:00Z", "cases": [case]}))
    return path


@pytest.mark.parametrize(
    ("expect", "signer", "code"),
    [("pass", "controller", 0), ("fail", "controller", 1), ("fail", "mallory", 0), ("pass", "mallory", 1)],
)
def test_cases_are_judged_as_if_they_were_signed(tmp_path: Path, expect: str, signer: str, code: int) -> None:
    found = commands.run("policy", "test", write(tmp_path, BUILT), cases(tmp_path, expect, (signer, claims.provenance())))

    assert found.code == code


def test_a_case_that_is_no_statement_is_wrong_input(tmp_path: Path) -> None:
    path = cases(tmp_path, "pass", ("controller", claims.provenance()))
    path.write_text(path.read_text().replace(statement.V1, "https://else.test"))

    assert commands.run("policy", "test", write(tmp_path, BUILT), path).code == 2


@pytest.mark.parametrize("text", ["", "cases: []", "now: 2026-06-01T00:00:00Z\ncases: []", "now: 2026-06-01\ncases: [{}]", "[1]"])
def test_a_file_without_cases_is_wrong_input(tmp_path: Path, text: str) -> None:
    (tmp_path / "cases.yaml").write_text(text)

    assert commands.run("policy", "test", write(tmp_path, BUILT), tmp_path / "cases.yaml").code == 2


def test_the_keys_of_a_rehearsal_open_nothing_real(tmp_path: Path) -> None:
    """A statement signed with a key made from a signer's name is a stranger's to `verify`."""
    forged = envelope(tmp_path, "forged.json", claims.provenance(), rehearsal._key("controller"))

    assert commands.run("verify", forged, "--policy", write(tmp_path, BUILT)).code == 1
    assert guarded.CONTROLLER.public.key_id != rehearsal._key("controller").public.key_id

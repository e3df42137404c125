"""`sealwright sign`, then `sealwright verify`: what one writes the other proves, in every form, and nothing else."""

import base64
import json
import os
import re

import pytest
import yaml
from fakes import commands, folders, objects

FORMATS = ["in-toto", "slsa/v1", "slsa/v2alpha3", "slsa/v2alpha4"]
PARENT = objects.pipeline_run(tasks=("fetch",), results=objects.image())
CHILD = objects.child(PARENT, "fetch", results=objects.image("registry.test/fetched"))
RUNS = {"taskrun": [folders.built(1)], "pipelinerun": [PARENT, CHILD]}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with keys, another key, and runs, in which commands are typed."""
    folders.keys(tmp_path / "keys")
    folders.keys(tmp_path / "other", 1)
    folders.write(tmp_path, folders.built(1), PARENT, CHILD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sign(*arguments, keys="keys", **more):
    return commands.run("sign", *arguments, "--keys", keys, **more)


def verify(*arguments, key="keys/cosign.pub", **more):
    return commands.run("verify", *arguments, "--key", key, **more)


def verdicts(*arguments, **more):
    """Exit code, and each verdict as data."""
    found = verify(*arguments, "-o", "json", **more)
    return found.code, json.loads(found.out)


def payload(envelope):
    return base64.b64decode(json.loads(envelope)["payload"])


@pytest.mark.parametrize("word", FORMATS)
@pytest.mark.parametrize("kind", RUNS)
def test_what_is_signed_is_verified(place, kind, word):
    """In each format, for both kinds; the envelope holds what `provenance` prints."""
    files = [f"{run['metadata']['name']}.json" for run in RUNS[kind]]
    lines = sign(*files, "--format", word).out.splitlines()
    statements = commands.run("provenance", *files, "--format", word).out.splitlines()
    (place / "envelope.json").write_bytes(lines[0])
    code, [found] = verdicts("envelope.json")

    assert list(map(payload, lines)) == statements
    assert (code, found["verdict"]) == (0, "pass")
    assert found["predicateType"] == json.loads(statements[0])["predicateType"]


def test_signing_again_gives_the_same_bytes(place):
    assert sign("build-001.json").out == sign("build-001.json").out != b""


def test_signing_by_hand_gives_what_the_controller_stored(place):
    """The very envelope, whatever the configuration."""
    examples, config = sorted(commands.EXAMPLES.iterdir()), ["--config", commands.EXAMPLES_CONFIG]
    assert (
        commands.run("controller", "--source", commands.EXAMPLES, "--out", "out", "--once", "--keys", "keys", *config).code == 0
    )
    copies = [json.loads(path.read_bytes())["metadata"] for path in (place / "out").glob("*.signed.json")]
    stored = [
        text
        for copy in copies
        for name, text in copy["annotations"].items()
        if re.match(r".*/signature-(task|pipeline)run-", name)
    ]

    assert sorted(map(base64.b64decode, stored)) == sorted(sign(*examples, *config).out.splitlines())
    assert len(stored) == 9


def test_a_run_is_signed_from_standard_input(place):
    run = (place / "build-001.json").read_bytes()

    assert sign("-", stdin=run).out == sign("build-001.json").out
    assert sign("-", stdin=yaml.safe_dump(json.loads(run)).encode()).out == sign("build-001.json").out


def test_a_statement_is_signed_as_it_stands(place):
    """From a file or standard input; nobody encodes it anew."""
    statement = commands.run("provenance", "build-001.json").out.replace(b'"_type":', b'"_type" : ')
    (place / "statement.json").write_bytes(statement)
    (place / "envelope.json").write_bytes(sign("statement.json").out)

    assert payload(sign("-", stdin=statement).out) == statement.strip()
    assert sign("-", stdin=statement).out == (place / "envelope.json").read_bytes()
    assert verify("statement.json", "--envelope", "envelope.json").code == 0


def test_a_run_that_holds_a_statement_in_a_result_is_a_run(place):
    """Also where it stands there as an object, or in YAML without escapes."""
    inner = {"_type": "https://in-toto.io/Statement/v1", "predicateType": "x"}
    run = objects.task_run(results={"inner": inner, "text": json.dumps(inner)})
    (place / "run.yaml").write_text(yaml.safe_dump(run))
    folders.write(place, run)

    assert json.loads(payload(sign("run.yaml").out))["predicateType"] == "https://slsa.dev/provenance/v0.2"
    assert sign("run.yaml").out == sign("build.json").out


NOT_STATEMENTS = [
    {"_type": "https://in-toto.io/Statement/v1"},
    {"_type": "https://in-toto.io/Statement/v9", "subject": [], "predicateType": "x", "predicate": {}},
    {"_type": "https://in-toto.io/Statement/v1", "subject": {}, "predicateType": "x", "predicate": {}},
    {"_type": 1, "predicateType": "x"},
]


@pytest.mark.parametrize("body", [*map(json.dumps, NOT_STATEMENTS), '{"_type": "a", "_type": "b"}'])
def test_what_calls_itself_a_statement_and_is_none_is_not_signed(place, body):
    (place / "statement.json").write_text(body)
    found = sign("statement.json")

    assert (found.code, found.out) == (2, b"")


@pytest.mark.parametrize("run", [objects.running(folders.built(2)), objects.running(PARENT)], ids=["taskrun", "pipelinerun"])
def test_an_unfinished_run_is_not_signed_nor_what_stands_beside_it(place, run):
    """All or nothing: no half list of envelopes."""
    (place / "unfinished.json").write_text(json.dumps(run))
    found = sign("build-001.json", "unfinished.json")

    assert (found.code, found.out) == (2, b"")
    assert found.told.startswith("sealwright: NotFinished: ")


# --- what `verify` is given ---------------------------------------------------------------------------------------------


@pytest.fixture
def signed(place):
    """The same folder after the controller, with everything in every form."""
    (place / "chains-config.yaml").write_text(
        "".join(f"artifacts.{kind}.storage: tekton,oci\n" for kind in ("taskrun", "pipelinerun", "oci"))
    )
    folders.write(place / "runs", folders.built(1), PARENT, CHILD)
    arguments = ["--source", "runs", "--keys", "keys", "--config", "chains-config.yaml", "--once"]
    assert commands.run("controller", *arguments).code == 0
    (place / "statement.json").write_bytes(commands.run("provenance", "build-001.json").out)
    (place / "envelope.json").write_bytes(sign("build-001.json").out)
    return place


LAYOUT = "runs/oci/registry.test/shop/api"
FORMS = {
    "an envelope": ["envelope.json"],
    "a statement": ["statement.json", "--envelope", "envelope.json"],
    "an annotated run": ["runs/build-001.signed.json"],
    "a layout": [LAYOUT],
    "a folder": ["runs"],
    "several": ["envelope.json", "runs/build-001.signed.json", LAYOUT, "runs"],
}
each_form = pytest.mark.parametrize("paths", FORMS.values(), ids=FORMS)


@each_form
def test_each_form_is_verified_by_the_key_that_signed_it(signed, paths):
    code, found = verdicts(*paths)

    assert code == 0
    assert {one["verdict"] for one in found} == {"pass"}
    assert verify(*paths).text.splitlines()[-1] == f"{len(found)} verified, 0 not"


@each_form
def test_each_form_is_refused_by_another_key(signed, paths):
    code, found = verdicts(*paths, key="other/cosign.pub")

    assert code == 1
    assert {one["verdict"] for one in found} == {"fail"}
    assert {one["keyId"] for one in found} == {""}
    assert all(one["reasons"][0].startswith("BadSignature: ") for one in found)


@each_form
def test_one_of_several_keys_is_enough(signed, paths):
    assert verify(*paths, "--key", "other/cosign.pub").code == 0


@each_form
def test_without_a_key_nothing_is_verified(signed, paths):
    """No key is taken from what is verified, nor from a folder nearby: exit 2."""
    found = commands.run("verify", *paths)

    assert found.code == 2
    assert "KeyMissing" in found.told
    assert "verified" not in found.text


@each_form
@pytest.mark.parametrize(
    "wish",
    [
        ["--type", "slsaprovenance1"],
        ["--subject", "registry.test/other"],
        ["--subject", folders.digest(99)],
        ["--builder-id", "x"],
    ],
    ids=" ".join,
)
def test_a_wish_that_is_not_met_is_a_refusal(signed, paths, wish):
    found = verify(*paths, *wish)

    assert found.code == 1
    assert found.text.splitlines()[-1].startswith("0 verified, ")


@pytest.mark.parametrize(
    "wish",
    [
        ["--type", "slsaprovenance02"],
        ["--type", "https://slsa.dev/provenance/v0.2"],
        ["--subject", "registry.test/shop/api"],
        ["--subject", folders.digest(1)],
        ["--subject", f"registry.test/shop/api@{folders.digest(1)}"],
        ["--builder-id", "https://tekton.dev/chains/v2"],
    ],
    ids=" ".join,
)
def test_a_wish_that_is_met_passes(signed, wish):
    assert verify("envelope.json", *wish).code == 0


@pytest.mark.parametrize("name", ["envelope.json", "runs/build-001.signed.json"])
def test_standard_input_is_a_file_too(signed, name):
    assert verify("-", stdin=(signed / name).read_bytes()).code == 0
    assert verify("-", stdin=(signed / name).read_bytes(), key="other/cosign.pub").code == 1


def test_annotated_runs_are_verified_as_yaml_and_in_lists_too(signed):
    copies = [json.loads(path.read_bytes()) for path in sorted((signed / "runs").glob("*.signed.json"))]
    (signed / "all.yaml").write_text(yaml.safe_dump_all(copies))
    (signed / "all.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": copies}))

    assert verdicts("all.yaml")[0] == verdicts("all.json")[0] == 0
    assert len(verdicts("all.yaml")[1]) == len(verdicts("all.json")[1]) == 5


def test_a_statement_alone_proves_nothing(signed):
    code, [found] = verdicts("statement.json")

    assert (code, found["verdict"]) == (1, "fail")
    assert found["reasons"][0].startswith("NoAttestation: ")


def test_a_statement_beside_the_envelope_of_another_is_refused(signed):
    (signed / "other.json").write_bytes(commands.run("provenance", "release.json", "release-fetch.json").out.splitlines()[0])
    code, [found] = verdicts("other.json", "--envelope", "envelope.json")

    assert code == 1
    assert found["reasons"][0].startswith("WrongObject: ")


def test_a_run_that_was_never_signed_is_refused(signed):
    assert verify("build-001.json").code == 1
    assert verify("build-001.json", "envelope.json").code == 1


def test_a_folder_with_one_unsigned_run_is_refused(signed):
    folders.write(signed / "runs", folders.built(9))
    code, found = verdicts("runs")

    assert code == 1
    assert [one["what"] for one in found if one["verdict"] == "fail"] == ["taskrun team/build-009"]


def test_a_folder_may_hold_what_is_no_file_and_what_is_too_large(signed):
    """A pipe is not waited for, a link in a circle not followed, and a file over the limit is refused unread."""
    os.mkfifo(signed / "runs" / "pipe.signed.json")
    (signed / "runs" / "folder.signed.json").mkdir()
    (signed / "runs" / "loop.signed.json").symlink_to("loop.signed.json")
    harmless = verdicts("runs")[0]
    with (signed / "runs" / "large.signed.json").open("wb") as file:
        file.truncate(1 << 40)
    code, found = verdicts("runs")

    assert harmless == 0
    assert code in (1, 2)
    assert [one["reasons"][0].split(":")[0] for one in found if one["verdict"] != "pass"] == ["TooLarge"]


@pytest.mark.parametrize("what", ["folder", "layout", "object"])
def test_nothing_that_claims_to_be_signed_is_no_pass(signed, what):
    """An empty folder, an empty layout: exit 1. An unfinished run alone: exit 2."""
    (signed / "empty").mkdir()
    if what == "layout":
        (signed / "empty" / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        (signed / "empty" / "index.json").write_text('{"schemaVersion":2,"manifests":[]}')
    if what == "object":
        folders.write(signed / "empty", objects.running(folders.built(1)))
    found = verify("empty")

    assert found.code == 1
    assert "nothing here claims to be signed" in found.text


def test_the_steps_of_a_proof_are_said_in_their_order(signed):
    """Envelope, type, signature, Statement, place, wishes; and what stopped it."""
    good = verify(
        "runs/build-001.signed.json", "--steps", "--builder-id", "https://tekton.dev/chains/v2", "--type", "slsaprovenance02"
    )
    bad = verify("envelope.json", "--steps", key="other/cosign.pub")
    lines = good.text.splitlines()

    assert [line.split(".")[0].strip() for line in lines[1:6]] == ["1", "2", "3", "4", "5"]
    assert [
        word in line for word, line in zip(["DSSE", "payload type", "signed these", "Statement"], lines[1:], strict=False)
    ] == [True] * 4
    assert bad.code == 1
    assert "REFUSED" in bad.text
    assert "verified" not in bad.text.splitlines()[0]
    assert bad.text.splitlines()[1].startswith("  1. BadSignature: ")


@pytest.mark.parametrize("algorithm", ["ecdsa-p384", "ed25519", "rsa-2048"])
@pytest.mark.parametrize("form", ["sha256", "by-curve"])
def test_every_kind_of_key_signs_and_verifies_in_its_form(place, algorithm, form):
    """In the form that the verifier is told, and in no other where they differ."""
    made = commands.run("key", "generate", "made", "--algorithm", algorithm)
    (place / "config.yaml").write_text(f"signers.x509.hash: {form}\n")
    (place / "envelope.json").write_bytes(sign("build-001.json", "--config", "config.yaml", keys="made").out)
    codes = {told: verify("envelope.json", "--hash", told, key="made/cosign.pub").code for told in ("sha256", "by-curve")}

    assert made.code == 0
    assert commands.run("key", "show", "made/cosign.pub").text.split() == made.text.split()[0:1] + made.text.split()[2:3]
    assert codes[form] == 0
    assert algorithm == "rsa-2048" or sorted(codes.values()) == [0, 1]

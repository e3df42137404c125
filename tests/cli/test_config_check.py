"""`sealwright config check`: what a person, and a program, is told about a ConfigMap."""

import json

import pytest
import yaml
from click.testing import CliRunner

from sealwright.cli import root
from sealwright.core import config

GOOD = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: chains-config
data:
  builder.id: https://ci.example/builder
  artifacts.pipelinerun.enable-deep-inspection: "false"
"""
DOUBTFUL = """
transparency.enabled: "True"
artifacts.taskrun.stoage: oci
signers.kms.auth.token: hunter2
"""
BAD = """
artifacts.taskrun.storage: kafak
profile: Strict
transparency.enabled: "1"
"""


def check(text, *arguments):
    return CliRunner().invoke(root, ["config", "check", *arguments, "-"], input=text)


def test_a_good_configmap_is_shown_setting_by_setting_and_exits_0():
    """Key, value, whether it is the default, and what it does; one line each where nobody looks at a terminal."""
    found = check(GOOD)
    lines = found.stdout.splitlines()

    assert found.exit_code == 0
    assert lines[0].split() == ["SETTING", "VALUE", "FROM", "WHAT", "IT", "DOES"]
    assert [line.split()[:3] for line in lines[1:3]] == [
        ["artifacts.pipelinerun.enable-deep-inspection", "false", "default"],
        ["builder.id", "https://ci.example/builder", "file"],
    ]
    assert lines[-1] == "Valid."


def test_all_shows_every_setting_there_is():
    found = check(GOOD, "--all")

    assert found.exit_code == 0
    assert [line.split()[0] for line in found.stdout.splitlines()[1 : len(config.NAMES) + 1]] == list(config.NAMES)


def test_warnings_are_told_and_do_not_fail():
    """A ConfigMap that Chains runs with today is valid here; its secret is not printed."""
    found = check(DOUBTFUL)

    assert found.exit_code == 0
    assert "leaves the transparency log OFF" in found.stdout
    assert "did you mean 'artifacts.taskrun.storage'?" in found.stdout
    assert found.stdout.splitlines()[-1].startswith("Valid, with ")
    assert "hunter2" not in found.output


def test_every_error_is_told_after_the_warnings_and_exits_2():
    found = check(BAD)

    assert found.exit_code == 2
    assert found.stdout.index("OFF") < found.stdout.index("no store 'kafak'") < found.stdout.index("did you mean 'strict'?")
    assert found.stdout.splitlines()[-1] == "Invalid: 2 errors, 1 warning."


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
@pytest.mark.parametrize(("text", "valid"), [(GOOD, True), (DOUBTFUL, True), (BAD, False), ("[]", False)])
def test_programs_get_the_same_as_data(output, load, text, valid):
    """One document, whatever the verdict; the exit code agrees with it."""
    found = check(text, "-o", output)
    report = load(found.stdout)

    assert report.keys() == {"valid", "settings", "warnings", "errors"}
    assert report["valid"] is valid
    assert (found.exit_code == 0) is valid
    assert bool(report["errors"]) is not valid
    assert "hunter2" not in found.output


def test_data_has_typed_values_and_says_which_are_defaults():
    settings = {row["name"]: row for row in json.loads(check(GOOD, "--all", "-o", "json").stdout)["settings"]}

    assert (settings["builder.id"]["value"], settings["builder.id"]["default"]) == ("https://ci.example/builder", False)
    assert settings["signers.x509.fulcio.enabled"]["value"] is False
    assert settings["artifacts.taskrun.storage"]["value"] == ["tekton"]
    assert settings["artifacts.taskrun.storage"]["default"] is True


NOT_READ = [
    ("a: [", "not valid YAML"),
    ("", "found 0 documents"),
    ("a: 1", "a: wanted a string, found a number"),
    ("builder.id: a\nbuilder.id: b", "builder.id"),
    ("kind: Secret\ndata: {}", "found kind 'Secret'"),
    ("a: b\n---\nc: d", "found 2 documents, 0 of them so named"),
    (f"{GOOD}---{GOOD}", "found 2 documents, 2 of them so named"),
]


@pytest.mark.parametrize(("text", "expected"), NOT_READ, ids=[expected for _, expected in NOT_READ])
def test_what_is_no_configmap_is_an_error_with_its_reason(text, expected):
    found = check(text)

    assert found.exit_code == 2
    assert expected in found.stdout


def test_the_configmap_is_found_among_the_documents_of_a_release():
    found = check(f"kind: Namespace\nmetadata: {{name: tekton-chains}}\n---{GOOD}")

    assert found.exit_code == 0
    assert "https://ci.example/builder" in found.stdout


def test_a_file_is_named_in_what_is_wrong_with_it(tmp_path):
    file = tmp_path / "chains-config.yaml"
    file.write_text("- a\n")
    found = CliRunner().invoke(root, ["config", "check", str(file)])

    assert found.exit_code == 2
    assert str(file) in found.stdout


def test_a_file_that_is_not_there_exits_2():
    assert CliRunner().invoke(root, ["config", "check", "/nowhere/chains-config.yaml"]).exit_code == 2


def test_hostile_text_cannot_steer_the_terminal():
    """Escape sequences and markup from a ConfigMap are shown, never obeyed."""
    found = check('builder.id: "\\e[31mred[bold]"\n"\\e]0;x": z\n')

    assert "\x1b" not in found.output
    assert "[bold]" in found.stdout


def test_a_password_in_an_address_is_left_out():
    found = check("storage.archivista.url: https://user:hunter2@a.example/x\n", "--all")

    assert "https://(hidden)@a.example/x" in found.stdout
    assert "hunter2" not in found.output


def test_help_shows_examples():
    found = CliRunner().invoke(root, ["config", "check", "--help"])

    assert "kubectl get configmap chains-config" in found.output

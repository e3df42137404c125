"""How every command ends: an exit code that scripts can trust, and one line that says why."""

import re

import click
import pytest
from fakes import commands, folders, objects

from sealwright.core.errors import Permanent, Reason, Transient, Untrusted

LINE = re.compile(r"sealwright: ([A-Za-z]+): \S.*\n")


def ending(error):
    """A command that ends by raising this."""

    @click.command()
    def command():
        click.echo("begun")
        raise error

    return command


def test_a_command_that_does_its_work_exits_0():
    @click.command()
    def command():
        pass

    assert commands.through_the_door(command).code == 0


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_a_command_chooses_its_exit_code(code):
    @click.command()
    @click.pass_context
    def command(context):
        context.exit(code)

    assert commands.through_the_door(command).code == code


@pytest.mark.parametrize(("kind", "code"), [(Untrusted, 1), (Permanent, 2), (Transient, 3)])
@pytest.mark.parametrize("reason", Reason)
def test_a_fault_is_one_line_on_standard_error_and_an_exit_code(kind, code, reason):
    """1 a proof failed, 2 the input is wrong, 3 waiting may help."""
    found = commands.through_the_door(ending(kind(reason, "wanted this, found that")))

    assert (found.code, found.text, found.told) == (code, "begun\n", f"sealwright: {reason}: wanted this, found that\n")


@pytest.mark.parametrize("kind", [Untrusted, Permanent, Transient])
def test_foreign_text_in_a_fault_stays_on_its_line_and_does_not_steer_the_terminal(kind):
    message = "'a\nsealwright: all is well\x1b[2J\x9b31m\u202e' is not good"
    told = commands.through_the_door(ending(kind(Reason.INVALID_INPUT, message))).told

    assert LINE.fullmatch(told)
    assert told.isascii()
    assert told.rstrip("\n").isprintable()


def test_a_configuration_has_a_line_for_each_of_its_faults():
    told = commands.through_the_door(ending(Permanent(Reason.INVALID_CONFIG, "a: wrong\nb: wrong \x1b[1m"))).told

    assert told == "sealwright: InvalidConfig: a: wrong\nsealwright: InvalidConfig: b: wrong \\x1b[1m\n"


@pytest.mark.parametrize("bug", [KeyError("x"), RecursionError("deep"), AssertionError(), ExceptionGroup("two", [ValueError()])])
def test_a_bug_exits_70_and_says_how_to_see_its_traceback(bug):
    found = commands.through_the_door(ending(bug))

    assert found.code == 70
    assert found.told.startswith(f"sealwright: InternalError: {type(bug).__name__}: ")
    assert "SEALWRIGHT_TRACEBACK=1" in found.told
    assert "Traceback" not in found.told
    assert found.told.count("\n") == 2


def test_a_bug_shows_its_traceback_where_that_is_asked_for():
    found = commands.through_the_door(ending(KeyError("x")), env={"SEALWRIGHT_TRACEBACK": "1"})

    assert found.code == 70
    assert "Traceback (most recent call last)" in found.told
    assert "KeyError: 'x'" in found.told


def test_foreign_text_in_a_bug_does_not_steer_the_terminal():
    assert "\x1b" not in commands.through_the_door(ending(ValueError("\x1b[2J"))).told


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupted_command_exits_130_without_a_traceback(error):
    found = commands.through_the_door(ending(error))

    assert found.code == 130
    assert "Traceback" not in found.told


def test_file_names_in_errors_of_usage_do_not_steer_the_terminal(tmp_path):
    """Shells fill them in."""
    found = commands.run("key", "show", tmp_path / "\x1b[31m\u202ea\nb")

    assert found.code == 2
    assert found.told.replace("\n", "").isprintable()


# --- every command ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Files that commands are given."""
    root = tmp_path_factory.mktemp("a folder")
    folders.keys(root / "keys")
    folders.write(root / "runs", folders.built(1))
    folders.write(root, objects.running(folders.built(2)), folders.built(3))
    (root / "unfinished.json").write_bytes((root / "build-002.json").read_bytes())
    (root / "empty").mkdir()
    (root / "text.txt").write_text("some text")
    (root / "bad.yaml").write_text("artifacts.taskrun.storage: kafak\n")
    (root / "asks.yaml").write_text('signers.x509.fulcio.enabled: "true"\n')
    commands.run("key", "generate", root / "boxed", env={"COSIGN_PASSWORD": "canary-in-the-box"})
    (root / "boxed" / "cosign.password").write_bytes(b"canary-of-another")
    return root


FAULTS = [
    (["verify", "missing", "--key", "keys/cosign.pub"], 2, "NotFound"),
    (["verify", "build-003.json"], 2, "KeyMissing"),
    (["verify", "runs"], 2, "KeyMissing"),
    (["verify", "build-003.json", "--key", "keys/x509.pem"], 2, "KeyUnusable"),
    (["verify", "build-003.json", "--key", "text.txt"], 2, "InvalidInput"),
    (["verify", "text.txt", "--key", "keys/cosign.pub"], 2, "InvalidRun"),
    (["verify", "build-002.json", "--key", "keys/cosign.pub"], 2, "InvalidInput"),
    (["provenance", "missing"], 2, "NotFound"),
    (["provenance", "empty"], 2, "NotFound"),
    (["provenance", "text.txt"], 2, "InvalidRun"),
    (["provenance", "build-003.json", "--format", "slsa/v9"], 2, "UnknownFormat"),
    (["provenance", "build-003.json", "--format", "simplesigning"], 2, "UnknownFormat"),
    (["provenance", "build-003.json", "--config", "bad.yaml"], 2, "InvalidConfig"),
    (["sign", "missing", "--keys", "keys"], 2, "NotFound"),
    (["sign", "build-002.json", "--keys", "keys"], 2, "NotFinished"),
    (["sign", "build-003.json", "--keys", "empty"], 2, "KeyMissing"),
    (["sign", "build-003.json", "--keys", "missing"], 2, "KeyMissing"),
    (["sign", "build-003.json", "--keys", "boxed"], 2, "WrongPassword"),
    (["sign", "bad.yaml", "--keys", "keys"], 2, "InvalidRun"),
    (["sign", "build-003.json", "--keys", "keys", "--format", "slsa/v9"], 2, "UnknownFormat"),
    (["controller", "--source", "runs", "--once", "--keys", "missing"], 2, "KeyMissing"),
    (["controller", "--source", "runs", "--once", "--keys", "boxed"], 2, "WrongPassword"),
    (["controller", "--source", "runs", "--once", "--config", "bad.yaml"], 2, "InvalidConfig"),
    (["controller", "--source", "runs", "--once", "--config", "asks.yaml"], 2, "KeyMissing"),
    (["controller", "--source", "runs", "--once", "--config", "missing"], 2, "NotFound"),
    (["controller", "--source", "runs", "--once", "--keys", "keys", "--out", "text.txt/out"], 3, "StoreFailed"),
    (["search", "--in", "empty"], 2, "NotFound"),
    (["search", "--in", "missing"], 2, "NotFound"),
    (["why", "missing"], 2, "NotFound"),
    (["why", "taskrun/missing", "--in", "runs"], 2, "NotFound"),
    (["why", "text.txt"], 2, "InvalidRun"),
    (["key", "generate", "boxed"], 2, "StoreFailed"),
    (["key", "show", "text.txt"], 2, "InvalidInput"),
    (["key", "show", "keys/x509.pem"], 2, "KeyUnusable"),
]


@pytest.mark.parametrize(("arguments", "code", "reason"), FAULTS, ids=[" ".join(words) for words, _, _ in FAULTS])
def test_wrong_input_is_answered_with_one_line_and_no_secret(place, monkeypatch, arguments, code, reason):
    """Its first word after the program's name is a documented reason; standard output stays empty."""
    monkeypatch.chdir(place)
    found = commands.run(*arguments)
    line = LINE.fullmatch(found.told)

    assert (found.code, found.out) == (code, b"")
    assert line, found.told
    assert line[1] == reason
    assert "canary" not in found.told
    assert "PRIVATE KEY-----" not in found.told


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "runs", "--key", "missing"],
        ["verify", "runs", "--key", "keys"],
        ["verify", "runs", "--hash", "md5"],
        ["key", "generate", "new", "--algorithm", "dsa"],
        ["controller", "--source", "missing", "--once"],
        ["controller", "--source", "text.txt", "--once"],
        ["config", "check", "missing"],
    ],
    ids=" ".join,
)
def test_what_click_refuses_exits_2(place, monkeypatch, arguments):
    monkeypatch.chdir(place)
    found = commands.run(*arguments)

    assert (found.code, found.out) == (2, b"")
    assert "Error: " in found.told
    assert not (place / "missing").exists()


# --- standard output that fails -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "$sealwright provenance build-003.json",
        "$sealwright sign build-003.json --keys keys",
        "$sealwright verify runs --key keys/cosign.pub -o json",
        "$sealwright config check --all -o yaml bad.yaml",
        "yes '{}' | head -9999 | $sealwright provenance -",
    ],
)
def test_a_reader_that_goes_early_is_no_error_to_tell_and_no_yes(place, line):
    """`| head -1` and pagers: quiet, but an answer that was cut off never has exit code 0."""
    found = commands.shell(f'cd "$1"; {line} | true; echo "${{PIPESTATUS[-2]}}"', place)

    assert (found.told, found.text) == ("", "3\n")


def test_an_output_without_room_is_said_in_a_sentence(place):
    found = commands.shell('cd "$1"; $sealwright provenance build-003.json > /dev/full', place)

    assert found.code == 3
    assert LINE.fullmatch(found.told)
    assert "No space left on device" in found.told


def test_without_standard_output_and_error_the_exit_code_is_still_right(place):
    """As some supervisors start programs."""
    found = commands.shell('cd "$1"; $sealwright verify runs --key keys/cosign.pub >&- 2>&-', place)

    assert (found.code, found.out, found.err) == (1, b"", b"")

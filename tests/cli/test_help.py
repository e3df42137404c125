"""Help, completion and start: what a person meets before anything is done."""

import subprocess

import click
import pytest
from fakes import commands
from fakes.shell import calls, parse

from sealwright.cli import root


def every_command(command=root, path=()):
    """Each command and group with the words that lead to it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from every_command(command.get_command(context, name), (*path, name))


COMMANDS = dict(every_command())
PATHS = pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "sealwright")


def examples(text):
    """The lines of a help text that can be typed."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line.startswith(("sealwright ", "kubectl "))]


@PATHS
def test_help_has_examples_and_exits_0(path):
    """With --help and with -h alike."""
    found = commands.run(*path, "--help")

    assert (found.code, found.told) == (0, "")
    assert found.out == commands.run(*path, "-h").out
    assert examples(found.text)


@PATHS
def test_examples_in_help_can_be_typed(path):
    """Every command and option in them exists."""
    for line in examples(commands.run(*path, "--help").text):
        for words in calls(line):
            parse(words)


def test_words_that_are_no_command_are_found_out():
    """What the test above relies on."""
    assert list(calls("cat a | sealwright sign - --keys k > b; sealwright -V")) == [
        ["sign", "-", "--keys", "k"],
        ["-V"],
    ]
    with pytest.raises(click.NoSuchOption):
        parse(["sign", "a", "--key", "b", "--no-such"])
    with pytest.raises(AssertionError):
        parse(["sing", "a"])


@PATHS
def test_an_unknown_option_exits_2_and_prints_nothing_on_standard_output(path):
    found = commands.run(*path, "--no-such-option")

    assert (found.code, found.out) == (2, b"")
    assert "No such option" in found.told


@pytest.mark.parametrize("arguments", [["no-such-command"], ["key", "no-such-command"], [], ["key"], ["verify"], ["search"]])
def test_an_incomplete_command_line_exits_2(arguments):
    """Also where click answers with a help text."""
    assert commands.run(*arguments).code == 2


def test_version_is_one_line():
    found = commands.run("-V")

    assert found.code == 0
    assert found.text.startswith("sealwright, version ")
    assert found.text.count("\n") == 1


def test_every_command_is_listed_with_what_it_does():
    listed = commands.run("--help").text.partition("Commands:\n")[2].splitlines()

    assert [line.split()[0] for line in listed] == [path[0] for path in COMMANDS if len(path) == 1]
    assert all(line.rstrip().endswith(".") for line in listed)


# --- completion ---------------------------------------------------------------------------------------------------------


def completed(*words, name="bash"):
    """What a shell offers for the last of these words."""
    line = " ".join(["sealwright", *words])
    env = {"_SEALWRIGHT_COMPLETE": f"{name}_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    if name == "fish":
        env["COMP_CWORD"] = words[-1]
    found = commands.run(env=env)
    assert (found.code, found.told) == (0, "")
    return found.text.split()


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_there_is_a_completion_script_for_each_shell(name):
    found = commands.run(env={"_SEALWRIGHT_COMPLETE": f"{name}_source"})

    assert (found.code, found.told) == (0, "")
    assert f"_SEALWRIGHT_COMPLETE={name}_complete" in found.text


def test_the_script_for_bash_is_bash():
    script = commands.run(env={"_SEALWRIGHT_COMPLETE": "bash_source"}).out

    assert subprocess.run(["bash", "-n"], input=script, check=False).returncode == 0


def test_the_beginning_of_a_command_is_completed():
    assert completed("ver") == ["plain,verify"]
    assert completed("ver", name="fish")[0] == "plain,verify"
    assert completed("ver", name="zsh")[:2] == ["plain", "verify"]


def test_options_and_their_words_are_completed():
    assert completed("key", "gen") == ["plain,generate"]
    assert completed("verify", "--st") == ["plain,--steps"]
    assert completed("search", "--output", "") == ["plain,table", "plain,json", "plain,yaml"]
    assert completed("nothing-begins-so") == []

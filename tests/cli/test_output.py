"""What commands print: data for programs, tables for people, and never a byte of foreign text that steers a terminal."""

import json
import re

import pytest
import yaml
from fakes import commands, folders, objects, terminal

ESCAPES = "\x1b[31mred\x1b]0;title\x07\x9b2J\u202eright to left\u2066\nsealwright: a line of its own\r\x00\x7f"
# Colours and other styles, and everything else that begins with an escape: cursor, title, erase.
STYLE = re.compile("\x1b\\[[0-9;]*m")
CURSOR = re.compile("\x1b\\[[?0-9;]*[A-KhlJ]")


def hostile():
    """A finished run whose every text is hostile, as far as a file can say it."""
    results = {f"a{ESCAPES}_IMAGE_URL": ESCAPES, "IMAGES": ESCAPES, f"x{ESCAPES}_ARTIFACT_DIGEST": ESCAPES}
    found = objects.task_run(f"name{ESCAPES}", namespace=f"space{ESCAPES}", uid=f"uid{ESCAPES}", results=results)
    found["status"]["conditions"][0]["reason"] = ESCAPES
    subject = {"uri": f"pkg:generic/{ESCAPES}", "digest": objects.DIGEST}
    found["status"]["results"].append({"name": "good-ARTIFACT_OUTPUTS", "type": "object", "value": subject})
    return found


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """A folder that the controller has been through, with a hostile run and an ordinary one."""
    root = tmp_path_factory.mktemp("a folder")
    folders.keys(root / "keys")
    folders.write(root / "runs", folders.built(1))
    (root / "runs" / "hostile.json").write_text(json.dumps(hostile()))
    words = "data: {artifacts.taskrun.storage: 'tekton,oci', artifacts.oci.storage: 'tekton,oci'}\nkind: ConfigMap\n"
    (root / "config.yaml").write_text(words)
    ended = commands.run(
        "controller", "--source", root / "runs", "--once", "--keys", root / "keys", "--config", root / "config.yaml"
    )
    assert ended.code == 0
    return root


TABLES = {
    "verify": ["verify", "runs", "--key", "keys/cosign.pub"],
    "search": ["search", "--in", "runs"],
    "why": ["why", "runs/hostile.json", "--in", "runs"],
    "config": ["config", "check", "config.yaml"],
}
STEPS = ["verify", "runs", "--key", "keys/cosign.pub", "--steps"]
CONTROLLER = ["controller", "--source", "runs", "--once", "--keys", "keys", "--log-level", "debug"]
EVERYTHING = {
    **TABLES,
    "steps": STEPS,
    "controller": CONTROLLER,
    "refused": [*TABLES["verify"], "--subject", ESCAPES.replace("\0", "")],
}
each_table = pytest.mark.parametrize("words", TABLES.values(), ids=TABLES)
everything = pytest.mark.parametrize("words", EVERYTHING.values(), ids=EVERYTHING)
# A table with a title, one with progress, and the log: what only a terminal gets.
at_a_terminal = pytest.mark.parametrize("name", ["why", "verify", "controller"])


@each_table
def test_every_table_is_there_as_json_and_yaml_too(signed, monkeypatch, words):
    """The same value in both, in ASCII, and nothing else on standard output."""
    monkeypatch.chdir(signed)
    as_json, as_yaml = (commands.run(*words, "-o", form) for form in ("json", "yaml"))

    assert as_json.code == as_yaml.code == 0
    assert json.loads(as_json.out) == yaml.safe_load(as_yaml.out) != []
    assert as_json.text.isascii()
    assert as_yaml.text.isascii()


@each_table
def test_a_form_that_is_none_exits_2(signed, monkeypatch, words):
    monkeypatch.chdir(signed)

    at = 2 if words[0] == "config" else 1

    assert commands.run(*words[:at], "-o", "xml", *words[at:]).code == 2


@each_table
def test_a_table_for_programs_has_a_row_a_line_under_its_headings(signed, monkeypatch, words):
    monkeypatch.chdir(signed)
    first, *rows = commands.run(*words, "-o", "table").text.splitlines()

    assert first == first.upper()
    assert rows
    assert not any(line.startswith("sealwright:") for line in rows)


@everything
def test_foreign_text_and_escapes_never_reach_who_is_no_terminal(signed, monkeypatch, words):
    """Every line prints, whatever runs are called."""
    monkeypatch.chdir(signed)
    found = commands.run(*words)

    for line in (found.text + found.told).split("\n"):
        assert line.isprintable()
    assert "name\\x1b[31m" in found.text or "name\\u001b[31m" in found.told or "config" in words


@at_a_terminal
def test_without_colour_a_terminal_gets_no_escapes_but_those_of_progress(signed, monkeypatch, name):
    """NO_COLOR switches bold and dim off as well; foreign text has none in any case."""
    monkeypatch.chdir(signed)
    plain = terminal.shown(*EVERYTHING[name], NO_COLOR="1")

    assert not STYLE.search(plain)
    assert all(line.isprintable() for line in re.split("\r|\n", CURSOR.sub("", plain)))


@at_a_terminal
def test_a_terminal_with_colours_gets_only_our_own_escapes(signed, monkeypatch, name):
    monkeypatch.chdir(signed)
    shown = terminal.shown(*EVERYTHING[name])

    assert STYLE.search(shown)
    assert all(line.isprintable() for line in re.split("\r|\n", CURSOR.sub("", STYLE.sub("", shown))))
    assert "\x1b[31mred" not in shown


def test_why_names_the_run_that_it_speaks_of(signed, monkeypatch):
    """A file may hold many."""
    monkeypatch.chdir(signed)
    found = commands.run("why", "runs/build-001.json", "--in", "runs")

    assert ["run", "taskrun", "team/build-001"] in [line.split() for line in found.text.splitlines()]


def test_hostile_names_of_files_are_escaped_in_warnings(tmp_path):
    folders.write(tmp_path, folders.built(1))
    (tmp_path / f"{ESCAPES.replace(chr(0), '')}.json").write_text("{")
    found = commands.run("why", "taskrun/build-001", "--in", tmp_path)

    assert found.code == 0
    assert found.told.startswith("warning: ")
    assert found.told.count("\n") == 1
    assert found.told[:-1].isprintable()


def test_progress_is_shown_to_who_looks_at_standard_error_and_to_nobody_else(signed, monkeypatch):
    """Standard output is for data also where it is a terminal."""
    monkeypatch.chdir(signed)
    words = [*TABLES["verify"], "-o", "json"]
    quiet = commands.run(*words)

    assert "verifying" in terminal.shown(*words, on=("stderr",))
    assert json.loads(terminal.shown(*words, on=("stdout",))) == json.loads(quiet.out)
    assert quiet.told == ""

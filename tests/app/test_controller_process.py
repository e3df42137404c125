"""`sealwright controller` as its users run it: a process over a folder whose name has a space."""

import json
import os
import re
import signal
import subprocess

import pytest
from fakes import commands, folders, objects


@pytest.fixture
def place(tmp_path):
    """A folder with keys, and one for runs."""
    root = tmp_path / "runs of a team"
    folders.keys(root / "keys")
    (root / "runs").mkdir()
    return root


def arguments(place, *more):
    return ["controller", "--source", place / "runs", "--keys", place / "keys", *more]


def once(place, *more):
    return commands.process(*arguments(place, "--once", *more))


def follow(place, *more):
    return commands.Started(*arguments(place, *more), log=place / "log")


def verified(place):
    """The verdict on the folder, and how many attestations it has."""
    found = commands.run("verify", place / "runs", "--key", place / "keys" / "cosign.pub", "-o", "json")
    return found.code, len(json.loads(found.out))


def events(told):
    """The log, of which every line is JSON where nobody looks."""
    return [json.loads(line) for line in told.splitlines()]


def stamps(folder):
    """Bytes and time of each file but the record of what is done, which belongs to the controller alone."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("sealwright.db")]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_the_examples_are_signed_once_and_for_all(place):
    """A second start, and one with another configuration, signs nothing again and touches no file."""
    for path in commands.EXAMPLES.iterdir():
        (place / "runs" / path.name).write_bytes(path.read_bytes())
    first = once(place, "--config", commands.EXAMPLES_CONFIG)
    before = stamps(place)
    second, third = once(place, "--config", commands.EXAMPLES_CONFIG), once(place)

    assert (first.code, first.text) == (0, f"{place / 'runs'}: 9 signed\n")
    assert [event["event"] for event in events(first.told)] == ["signed"] * 9
    for again in (second, third):
        assert (again.code, again.text, again.told) == (0, f"{place / 'runs'}: 9 signed before\n", "")
    assert stamps(place) == before
    assert verified(place) == (0, 19)


def test_a_folder_without_runs_is_told(place):
    ended = once(place)

    assert (ended.code, ended.text) == (0, f"{place / 'runs'}: no runs found\n")


def test_a_run_is_signed_when_its_file_is_replaced_by_the_finished_one(place):
    """And one that comes later; then SIGTERM ends it, and the exit code is 0."""
    folders.write(place / "runs", objects.running(folders.built(1)))
    with follow(place, "--log-level", "debug") as controller:
        controller.until(lambda: '"waiting"' in controller.said)
        assert folders.signed(place) == {}
        draft = place / "draft"
        draft.write_text(json.dumps(folders.built(1)))
        draft.rename(place / "runs" / "build-001.json")
        assert controller.until(lambda: len(folders.signed(place)) == 1)
        folders.write(place / "runs", folders.built(2))
        assert controller.until(lambda: len(folders.signed(place)) == 2)
        controller.signal(signal.SIGTERM)

        assert controller.ended(5) == 0
    assert verified(place) == (0, 4)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_one_look_at_a_large_folder_early_and_says_so(place, number):
    """Exit 3: not everything was signed. The next start does the rest."""
    folders.write(place / "runs", *map(folders.built, range(300)))
    with commands.Started(*arguments(place, "--once", "--log-level", "error"), log=place / "log") as controller:
        controller.until(lambda: len(folders.signed(place)) > 3)
        controller.signal(number)
        code = controller.ended(5)
    early = len(folders.signed(place))
    late = once(place, "--log-level", "error")

    assert code == 3
    assert "stopped before the end" in controller.said
    assert early < 300
    assert late.code == 0
    assert len(folders.signed(place)) == 300


def test_a_broken_file_is_told_and_the_others_are_signed(place):
    """Exit 3 with --once, since one look was not enough; once it is mended the next start signs it."""
    folders.write(place / "runs", folders.built(1), folders.built(2))
    (place / "runs" / "broken.json").write_text('{"kind": "TaskRun"')
    first = once(place)
    (place / "runs" / "broken.json").write_text(json.dumps(folders.built(3)))
    second = once(place)

    assert first.code == 3
    assert "1 failed (see above)" in first.text
    assert [(event["where"], event["reason"]) for event in events(first.told) if event["event"] == "unreadable"] == [
        ("broken.json", "InvalidInput")
    ]
    assert second.code == 0
    assert "1 signed, 2 signed before" in second.text
    assert len(folders.signed(place)) == 3


def test_a_broken_file_is_told_once_while_following_and_signed_when_it_is_mended(place):
    (place / "runs" / "broken.json").write_text("{")
    with follow(place) as controller:
        controller.until(lambda: "unreadable" in controller.said)
        folders.write(place / "runs", folders.built(2))
        assert controller.until(lambda: len(folders.signed(place)) == 1)
        (place / "runs" / "broken.json").write_text(json.dumps(folders.built(3)))
        assert controller.until(lambda: len(folders.signed(place)) == 2)

    assert controller.said.count("unreadable") == 1


# --- hostile files ------------------------------------------------------------------------------------------------------

RUN = json.dumps(folders.built(7))
DEEP = json.dumps(folders.built(8)).replace('"spec": {', '"spec": {"deep": ' + "[" * 500 + "]" * 500 + ", ")

HOSTILE: dict[str, bytes] = {
    "deep.json": b"[" * 200_000,
    "deep-run.json": DEEP.encode(),
    "deep.yaml": b"a: " + b"[" * 10_000,
    "bomb.yaml": b"a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 10)) for c in range(98, 110)),
    "twice.json": RUN.replace('"uid"', '"uid": "other", "uid"').encode(),
    "latin.json": RUN.replace("build-007", "b\u00fcild").encode("latin-1"),
    "latin.yaml": b"kind: TaskRun\nmetadata: {name: b\xfcild}\n",
    "surrogate.json": RUN.replace("build-007", "\\ud800").encode(),
    "number.json": RUN.replace('"spec": {', '"spec": {"n": ' + "9" * 5000 + ", ").encode(),
    "infinite.json": RUN.replace('"spec": {', '"spec": {"n": 1e999, ').encode(),
    "empty.json": b"",
    "space.yaml": b" \n\t",
    "null.json": b"null",
    "list.json": b"[]",
    "text.json": b'"TaskRun"',
    "binary.yaml": bytes(range(256)),
    "tab.yaml": b"a:\tb\n\t- c",
    "no-name.json": RUN.replace('"name": "build-007"', '"name": ""').encode(),
    "no-metadata.json": b'{"kind": "TaskRun", "apiVersion": "tekton.dev/v1"}',
    "odd-status.json": RUN.replace('"status": {', '"status": [], "other": {').encode(),
    "odd-conditions.json": RUN.replace('"conditions": [', '"conditions": 3, "other": [').encode(),
    "odd-items.json": b'{"kind": "List", "items": [1, null, "x", {}, []]}',
}


def test_hostile_files_never_stop_the_others(place):
    """Each is told, with a documented reason and no bug; what can be signed is signed, and nothing leaves the folder."""
    runs = place / "runs"
    folders.write(runs, folders.built(1), folders.built(2))
    for name, body in HOSTILE.items():
        (runs / name).write_bytes(body)
    with (runs / "large.json").open("wb") as file:
        file.truncate((64 << 20) + 1)
    (runs / "loop.json").symlink_to("loop.json")
    (runs / "circle").symlink_to(runs, target_is_directory=True)
    (runs / "folder.json").mkdir()
    os.mkfifo(runs / "pipe.json")
    (runs / os.fsdecode(b"\xff\x1b[2J\n.json")).write_text(json.dumps(objects.task_run("oddly-named-file")))
    nul = {"kind": "List", "items": [objects.task_run("a\0b", uid="../../../up"), objects.task_run("c\nd\x1b[2J", uid="\0")]}
    (runs / "nul.json").write_text(json.dumps(nul))
    outside = folders.contents(place.parent)
    ended = once(place, "--log-level", "debug")
    told = {event["where"]: event["reason"] for event in events(ended.told) if event["event"] == "unreadable"}
    signed = {event["name"] for event in events(ended.told) if event["event"] == "signed"}

    assert ended.code == 3
    assert "InternalError" not in ended.told
    assert "Traceback" not in ended.told
    assert {*HOSTILE, "large.json"} - {
        "null.json",
        "text.json",
        "empty.json",
        "space.yaml",
        "list.json",
        "bomb.yaml",
    } <= told.keys() | failed(ended)
    assert signed == {"build-001", "build-002", "oddly-named-file", "a\0b", "c\nd\x1b[2J"}
    assert all(path.startswith(f"{place.name}/runs/") for path in folders.contents(place.parent).keys() - outside.keys())
    assert len(folders.signed(place)) == 5


def failed(ended):
    """Files that could be read, but whose runs could not."""
    names = {event["name"] for event in events(ended.told) if event["event"] == "failed"}
    return {name for name, body in HOSTILE.items() if any(f'"name": "{one}"'.encode() in body for one in names)}


def test_hostile_files_never_break_the_other_commands(place):
    """Each answers with an exit code of its own, never 70, and never 0 from `verify`."""
    for name, body in HOSTILE.items():
        (place / "runs" / name).write_bytes(body)
        path = place / "runs" / name
        codes = [
            commands.run("verify", path, "--key", place / "keys" / "cosign.pub").code,
            commands.run("sign", path, "--keys", place / "keys").code,
            commands.run("provenance", path).code,
            commands.run("why", path).code,
            commands.run("config", "check", path).code,
            commands.run("key", "show", path).code,
        ]
        assert codes[0] in (1, 2), name
        assert 70 not in codes, name
    found = commands.run("verify", place / "runs", "--key", place / "keys" / "cosign.pub")

    assert found.code in (1, 2)


# --- two at once, and no room -------------------------------------------------------------------------------------------


def test_two_controllers_over_one_folder_leave_what_one_leaves(place, tmp_path):
    """The same signed copies, every layer once, every run once."""
    found = folders.many(60)
    folders.write(place / "runs", *found)
    config = place / "config.yaml"
    config.write_text("".join(f"artifacts.{kind}.storage: tekton,oci\n" for kind in ("taskrun", "pipelinerun", "oci")))
    alone = commands.run(*arguments(place, "--once", "--log-level", "error", "--config", config, "--out", tmp_path / "alone"))
    command = [*commands.PROGRAM, *map(str, arguments(place, "--once", "--log-level", "warning", "--config", config))]
    both = [
        subprocess.Popen(command, env=commands.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)
    ]
    told = [each.communicate(timeout=60)[1] for each in both]

    assert ([each.returncode for each in both], told) == ([0, 0], [b"", b""])
    assert alone.code == 0
    assert folders.signed(place / "runs") == folders.signed(tmp_path / "alone")
    assert folders.twice(folders.layers(place / "runs")) == []
    assert sorted(folders.layers(place / "runs")) == sorted(folders.layers(tmp_path / "alone"))
    assert folders.twice(map(attestation, search(place / "runs"))) == []
    assert verified(place)[0] == 0


def search(folder):
    return json.loads(commands.run("search", "--in", folder, "-o", "json").out)


def attestation(entry):
    """What an entry of the index is the attestation of."""
    return entry["run"]["uid"], entry["format"], *entry["subjects"]


@pytest.mark.parametrize(("limit_kib", "expected"), [(8, "StoreFailed"), (600, "StoreFailed")], ids=["nowhere", "for one run"])
def test_where_there_is_no_room_a_sentence_says_so_and_all_is_finished_later(place, limit_kib, expected):
    """As on a full disk: no file may grow over the limit. Exit 3, nothing half-written, and the next start goes on."""
    large = objects.task_run("large", results={"text": "x" * 700_000})
    folders.write(place / "runs", folders.built(1), folders.built(2), large)
    quoted = " ".join(f"'{word}'" for word in arguments(place, "--once"))
    ended = commands.shell(f"ulimit -f {limit_kib}; $sealwright {quoted}")
    half = folders.signed(place)
    later = once(place)

    assert ended.code == 3
    assert re.search(rf"{expected}: .*(File too large|disk|full)", ended.told), ended.told
    assert "Traceback" not in ended.told
    assert all(json.loads(body) for body in half.values())
    assert later.code == 0
    assert len(folders.signed(place)) == 3
    assert half.items() <= folders.signed(place).items()
    assert verified(place)[0] == 0

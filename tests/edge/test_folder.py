"""A folder that plays the cluster."""

import contextlib
import json
import os
from pathlib import Path

import pytest

from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Key, Mark
from sealwright.edge import runfiles
from sealwright.edge.folder import POLL_S, FolderRuns
from sealwright.edge.output import Output


class Turns:
    """A clock that lets a test act each time the folder is at rest, and ends the story when it has nothing more to do."""

    def __init__(self, *acts):
        self.acts = list(acts)
        self.waited = []

    def now_s(self):
        return 0.0

    async def sleep(self, seconds):
        if seconds:
            self.waited.append(seconds)
            if not self.acts:
                raise EOFError
            self.acts.pop(0)()


class Folder:
    """A source and what was told about it."""

    def __init__(self, root, output):
        self.root, self.output = root, output
        self.problems = []

    def runs(self, *, once=True, clock=None, on_rest=None):
        def told(path, fault):
            self.problems.append((path, fault.reason))

        return FolderRuns(self.root, self.output, clock or Turns(), once=once, on_problem=told, on_rest=on_rest)

    def write(self, path, text):
        there = self.root / path
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(text if isinstance(text, bytes) else text.encode())

    async def keys(self, runs=None):
        return [str(key) async for key, _ in (runs or self.runs()).follow()]


async def until_the_end(runs):
    """The names that `follow` gives until the clock has no more turns."""
    names = []
    with contextlib.suppress(EOFError):
        async for key, _ in runs.follow():
            names.append(key.name)
    return names


def run(name, kind="TaskRun", uid="u", **more):
    metadata = {"name": name, "namespace": "ns", "uid": uid}
    return json.dumps({"apiVersion": "tekton.dev/v1", "kind": kind, "metadata": metadata, **more})


def mark(**annotations):
    return Mark(annotations=annotations, plan="a hash")


def key(name, kind="TaskRun"):
    return Key(kind=kind, namespace="ns", name=name)


@pytest.fixture
def folder(tmp_path):
    with Output(tmp_path / "source") as output:
        yield Folder(tmp_path / "source", output)


async def test_runs_are_found_anywhere_below_and_taskruns_come_first(folder):
    """A PipelineRun finds its TaskRuns, whatever their files are called."""
    folder.write("a.json", run("p", "PipelineRun"))
    folder.write("z/y/x.yml", "apiVersion: tekton.dev/v1beta1\nkind: TaskRun\nmetadata: {name: t, namespace: ns}\n")
    folder.write("m.yaml", run("m"))

    assert await folder.keys() == ["taskrun ns/m", "taskrun ns/t", "pipelinerun ns/p"]
    assert folder.problems == []


async def test_own_files_and_hidden_ones_are_not_read(folder):
    """Nothing that Sealwright writes comes back as input."""
    for path in ["a.signed.json", "oci/a.json", "signing-secrets/a.json", ".a.json", ".git/a.json", "a.txt", "a.json.bak"]:
        folder.write(path, run("no"))
    folder.write("deep/oci/a.json", run("yes"))
    os.mkfifo(folder.root / "pipe.json")
    (folder.root / "circle").symlink_to(folder.root)
    (folder.root / "nowhere.json").symlink_to("gone")

    assert await folder.keys() == ["taskrun ns/yes"]
    assert folder.problems == []


async def test_results_of_an_earlier_run_are_not_read(folder, tmp_path):
    """They went into the source then, and go elsewhere now; elsewhere may lie within the source, by another name for it."""
    (tmp_path / "link").symlink_to(folder.root)
    for path in ["oci/a.json", "signing-secrets/a.json", "out/oci/a.json", "out/signing-secrets/a.json"]:
        folder.write(path, run("no"))
    folder.write("other/oci/a.json", run("yes"))
    with Output(tmp_path / "link" / "out") as output:
        found = await folder.keys(Folder(folder.root, output).runs())

    assert found == ["taskrun ns/yes"]


async def test_files_that_are_no_objects_are_passed_over(folder):
    """A package.json lies in many folders; what is broken, or a run that cannot be read, is told all the same."""
    folder.write("package.json", '{"name":"x","dependencies":{}}')
    folder.write("list.json", "[1, 2]")
    folder.write("playbook.yaml", "- hosts: all\n")
    folder.write("mixed.yaml", "a: 1\n---\n" + run("a"))
    folder.write("broken.json", '{"name":')
    folder.write("broken.yaml", "{{ template }}: [")
    folder.write("nameless.json", '{"apiVersion":"tekton.dev/v1","kind":"TaskRun"}')

    assert await folder.keys() == ["taskrun ns/a"]
    assert folder.problems == [
        (Path("broken.json"), Reason.INVALID_INPUT),
        (Path("broken.yaml"), Reason.INVALID_INPUT),
        (Path("nameless.json"), Reason.INVALID_RUN),
    ]


async def test_json_is_fetched_with_its_own_bytes(folder):
    """How numbers are written can be signed, so nobody rewrites them."""
    body = b'{"apiVersion":"tekton.dev/v1", "kind":"TaskRun","metadata":{"name":"a","namespace":"ns"},"x":1.10}\n'
    folder.write("a.json", body)
    runs = folder.runs()
    await folder.keys(runs)

    assert await runs.fetch(key("a")) == body
    assert await runs.fetch(key("b")) is None


async def test_run_is_fetched_as_it_is_now(folder):
    """Also when its file has changed, or moved its place in the file, or has gone, since it was found."""
    folder.write("a.json", f'{{"kind":"List","items":[{run("b")},{run("a", x=1)}]}}')
    runs = folder.runs()
    await folder.keys(runs)
    folder.write("a.json", run("a", x=22))
    changed = await runs.fetch(key("a"))
    (folder.root / "a.json").unlink()

    assert json.loads(changed)["x"] == 22
    assert await runs.fetch(key("a")) is None


async def test_marked_run_has_a_signed_copy_and_stands(folder):
    """Annotations are added beside those that were there; the input stays as it was."""
    body = '{"apiVersion":"tekton.dev/v1","kind":"TaskRun","metadata":{"name":"a","uid":"u","annotations":{"k":"v"}},"x":1.10}'
    folder.write("sub/a.json", body)
    runs = folder.runs()
    await folder.keys(runs)
    target = Key(kind="TaskRun", namespace="", name="a")
    before = await runs.standing(target, "u")
    await runs.mark(target, "u", Mark(annotations={"chains.tekton.dev/signed": "true"}, plan="a hash"))
    copy = folder.root / "sub" / "a.signed.json"

    assert not before
    assert await runs.standing(target, "u")
    assert not await runs.standing(target, "another")
    assert copy.read_text() == body.replace('"k":"v"', '"k":"v","chains.tekton.dev/signed":"true"') + "\n"
    assert (folder.root / "sub" / "a.json").read_text() == body
    copy.unlink()
    assert not await runs.standing(target, "u")


async def test_run_of_another_uid_is_left_alone(folder):
    """What was signed is not what is there."""
    folder.write("a.json", run("a", uid="new"))
    runs = folder.runs()
    await folder.keys(runs)
    await runs.mark(key("a"), "old", mark())
    await runs.mark(key("gone"), "u", mark())

    assert list(folder.root.glob("**/*.signed.json")) == []
    assert not await runs.standing(key("a"), "old")


async def test_copies_are_named_after_their_inputs(folder, tmp_path):
    """One of several has its uid in the name, which can lead nowhere; two inputs never share a copy."""
    with Output(tmp_path / "elsewhere") as output:
        elsewhere = Folder(folder.root, output)
        elsewhere.write("list.json", f'{{"kind":"List","items":[{run("a", uid="u-1")},{run("b", uid="../../x")}]}}')
        elsewhere.write("c.json", run("c"))
        elsewhere.write("c.yaml", run("d"))
        runs = elsewhere.runs()
        await elsewhere.keys(runs)
        for name, uid in [("a", "u-1"), ("b", "../../x"), ("c", "u"), ("d", "u")]:
            await runs.mark(key(name), uid, Mark(annotations={"for": name}, plan="a hash"))
        found = {path.name: json.loads(path.read_bytes()) for path in (tmp_path / "elsewhere").glob("*.json")}

    assert {name: copy["metadata"]["annotations"]["for"] for name, copy in found.items()} == {
        "list.u-1.signed.json": "a",
        "list.%2E.%2F..%2Fx.signed.json": "b",
        "c.signed.json": "c",
        "c.yaml.signed.json": "d",
    }
    assert not list(folder.root.glob("*.signed.json"))


async def test_new_and_changed_files_are_followed_and_the_rest_is_not_told_again(folder):
    """Once a second; a rest is the time to flush."""
    rests = []

    async def rest():
        rests.append(1)

    def add():
        folder.write("b.json", run("b"))

    def change():
        folder.write("a.json", run("a", x=1))

    folder.write("a.json", run("a"))
    clock = Turns(add, change, lambda: None)
    found = await until_the_end(folder.runs(once=False, clock=clock, on_rest=rest))

    assert found == ["a", "b", "a"]
    assert clock.waited == [POLL_S] * 4
    assert len(rests) == 4


async def test_unreadable_file_is_told_once_and_read_when_it_changes(folder):
    """A file that is still being written is only early; one bad file stops no other."""
    folder.write("a.json", run("a")[:-3])
    folder.write("b.json", run("b"))
    folder.write("c.yaml", "kind: [")
    folder.write("d.json", '{"kind":"List","items":[{},' + run("d") + "]}")

    def finish():
        folder.write("a.json", run("a"))

    found = await until_the_end(folder.runs(once=False, clock=Turns(lambda: None, finish)))

    assert found == ["b", "d", "a"]
    assert folder.problems == [
        (Path("a.json"), Reason.INVALID_INPUT),
        (Path("c.yaml"), Reason.INVALID_INPUT),
        (Path("d.json"), Reason.INVALID_RUN),
    ]


async def test_second_file_of_one_name_is_told(folder):
    """Runs are told apart by kind, namespace and name; a run that would be lost is named instead."""
    for path in ["a.json", "b.json", *(f"c{number:02}.json" for number in range(30)), "z.json"]:
        folder.write(path, run("same", uid=path) if len(path) == 6 else run(path))
    found = await folder.keys()

    assert found.count("taskrun ns/same") == 1
    assert folder.problems == [(Path("b.json"), Reason.INVALID_RUN), (Path("z.json"), Reason.INVALID_RUN)]


async def test_moved_file_is_the_same_run(folder):
    """Only the file that is there counts."""
    folder.write("a.json", run("a"))
    runs = folder.runs()
    await folder.keys(runs)
    (folder.root / "a.json").rename(folder.root / "b.json")
    await folder.keys(runs)

    assert folder.problems == []
    assert await runs.fetch(key("a")) == run("a").encode()


async def test_file_name_need_not_be_text(folder):
    """File systems hold bytes."""
    (folder.root / os.fsdecode(b"\xff\xfe.json")).write_text(run("a"))
    runs = folder.runs()
    await folder.keys(runs)
    await runs.mark(key("a"), "u", mark())

    assert (folder.root / os.fsdecode(b"\xff\xfe.signed.json")).exists()


async def test_large_files_are_refused_unread_and_memory_has_a_bound(folder, monkeypatch):
    """What was read is kept only up to a limit."""
    with (folder.root / "huge.json").open("wb") as huge:
        huge.truncate(65 << 20)
    monkeypatch.setattr(runfiles, "KEPT_BYTES", 3000)
    for number in range(40):
        folder.write(f"{number}.json", run(f"r{number}", x="x" * 1000))
    runs = folder.runs()
    await folder.keys(runs)
    kept = runs._files._kept

    assert folder.problems == [(Path("huge.json"), Reason.TOO_LARGE)]
    assert len(kept) == 2
    assert all([await runs.fetch(key(f"r{number}")) for number in range(40)])


async def test_folder_that_is_not_there_is_named(folder):
    """The user is told at once."""
    runs = FolderRuns(folder.root / "no", folder.output, Turns(), once=True, on_problem=lambda *_: None)
    with pytest.raises(Permanent, match="name one that holds run objects") as caught:
        await folder.keys(runs)

    assert caught.value.reason == Reason.NOT_FOUND

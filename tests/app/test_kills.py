"""SIGKILL at any moment, and the next start finishes: nothing lost, nothing doubled, nothing half-written (F1 to F14)."""

import json
import subprocess

import pytest
from fakes import commands, folders

from sealwright.core.errors import Permanent
from sealwright.edge import keyfiles

# How many files more than before a round lets appear before it kills: blobs, indexes, signed copies, in whatever state.
# Chosen so that kills fall on every kind of moment, from before the first write to close to the end.
GROWTH = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 40, 30, 25, 17, 7)
RUNS = 150
KINDS = ("taskrun", "pipelinerun", "oci")


@pytest.fixture
def place(tmp_path):
    """150 runs that built images, two of them PipelineRuns, and a configuration that keeps everything everywhere."""
    root = tmp_path / "a folder"
    folders.keys(root / "keys")
    folders.write(root / "runs", *folders.many(RUNS))
    (root / "config.yaml").write_text("".join(f"artifacts.{kind}.storage: tekton,oci\n" for kind in KINDS))
    return root


def controller(place, out):
    keys, config = place / "keys", place / "config.yaml"
    return [
        "controller",
        "--source",
        place / "runs",
        "--out",
        out,
        "--keys",
        keys,
        "--config",
        config,
        "--log-level",
        "error",
        "--once",
    ]


def count(folder):
    """Files below a folder; in a moment, since it is asked while the controller writes."""
    return sum(1 for _ in folder.rglob("*")) if folder.exists() else 0


def test_killed_fifteen_times_everything_is_signed_once_and_as_if_nothing_had_happened(place):
    """Every signed copy and blob is, byte for byte, that of a run that nobody disturbed, and every index names the same."""
    killed, undisturbed = place / "killed", place / "undisturbed"
    assert commands.run(*controller(place, undisturbed)).code == 0
    moments = []
    for growth in GROWTH:
        before = count(killed)
        with commands.Started(*controller(place, killed), log=place / "log") as started:
            started.until(lambda before=before, growth=growth: count(killed) - before > growth)
            started.kill()
        moments.append(len(folders.signed(killed)))
        assert all(json.loads(body) for body in folders.signed(killed).values())
        assert started.said == ""
    ended = commands.process(*controller(place, killed))

    assert moments == sorted(moments)
    assert len(set(moments) - {0, RUNS}) >= 5, "too few kills fell where there was something to do"
    assert (ended.code, ended.told) == (0, "")
    assert_equal(place, killed, undisturbed)


def assert_equal(place, killed, undisturbed):
    left, expected = (
        {path: comparable(path, body) for path, body in folders.contents(out).items()} for out in (killed, undisturbed)
    )
    layers = list(folders.layers(killed))
    entries = json.loads(commands.run("search", "--in", killed, "-o", "json").out)
    known = [(entry["run"]["uid"], entry["format"], *entry["subjects"]) for entry in entries]

    assert left == expected
    assert len(folders.signed(killed)) == RUNS
    assert folders.twice(layers) == []
    assert {tag[-4:] for _, tag, _, _ in layers} == {".att", ".sig"}
    assert sorted(layers) == sorted(folders.layers(undisturbed))
    assert folders.twice(known) == []
    assert len({uid for uid, *_ in known}) == RUNS
    assert commands.run("verify", killed, "--key", place / "keys" / "cosign.pub").code == 0


def comparable(path, body):
    """In an index the order of tags means nothing, and the database remembers in whichever order things came."""
    if path.endswith("index.json"):
        return sorted(json.dumps(entry, sort_keys=True) for entry in json.loads(body)["manifests"])
    return b"" if path == "sealwright.db" else body


def test_killed_while_following_the_next_start_signs_what_came_meanwhile(place):
    """The rest of the folder, and a run that was added while nobody looked."""
    follow = controller(place, place / "runs")[:-1]
    with commands.Started(*follow, log=place / "log") as started:
        started.until(lambda: len(folders.signed(place / "runs")) > 20)
        started.kill()
    folders.write(place / "runs", folders.built(900))
    ended = commands.process(*follow, "--once")

    assert (ended.code, ended.told) == (0, "")
    assert len(folders.signed(place / "runs")) == RUNS + 1
    assert folders.twice(folders.layers(place / "runs")) == []


# --- the key that is made on first use ----------------------------------------------------------------------------------


def first_start(folder):
    return commands.run("controller", "--source", folder, "--once")


def test_a_key_that_was_not_finished_when_it_was_killed_is_made_anew(tmp_path):
    """A key appears with its folder, whole; what an earlier start left of one is replaced."""
    folders.write(tmp_path, folders.built(1))
    (tmp_path / ".signing-secrets.unfinished").mkdir()
    (tmp_path / ".signing-secrets.unfinished" / "cosign.pub").write_text("half")
    ended = first_start(tmp_path)

    assert ended.code == 0
    assert sorted(path.name for path in (tmp_path / "signing-secrets").iterdir()) == [
        "cosign.key",
        "cosign.password",
        "cosign.pub",
    ]
    assert not (tmp_path / ".signing-secrets.unfinished").exists()
    assert commands.run("verify", tmp_path, "--key", tmp_path / "signing-secrets" / "cosign.pub").code == 0


def test_a_key_is_made_once_and_kept(tmp_path):
    folders.write(tmp_path, folders.built(1))
    told = [first_start(tmp_path).told.count("made a key") for _ in range(2)]

    assert told == [1, 0]


def test_two_first_starts_at_once_agree_on_one_key(tmp_path):
    folders.write(tmp_path, *map(folders.built, range(4)))
    command = [*commands.PROGRAM, "controller", "--source", str(tmp_path), "--once"]
    both = [
        subprocess.Popen(command, env=commands.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)
    ]
    told = b"".join(each.communicate(timeout=60)[1] for each in both)

    assert [each.returncode for each in both] == [0, 0]
    assert told.count(b"made a key") == 1
    assert commands.run("verify", tmp_path, "--key", tmp_path / "signing-secrets" / "cosign.pub").code == 0


def test_a_public_key_without_its_private_half_is_never_replaced(tmp_path):
    """Somebody took the key away and may still verify with what is left: exit 2, and nothing is touched."""
    folders.write(tmp_path, folders.built(1))
    folders.keys(tmp_path / "signing-secrets")
    (tmp_path / "signing-secrets" / "x509.pem").unlink()
    before = (tmp_path / "signing-secrets" / "cosign.pub").read_bytes()
    ended = first_start(tmp_path)

    assert (ended.code, ended.out) == (2, b"")
    assert ended.told.startswith("sealwright: StoreFailed: ")
    assert [path.name for path in (tmp_path / "signing-secrets").iterdir()] == ["cosign.pub"]
    assert (tmp_path / "signing-secrets" / "cosign.pub").read_bytes() == before
    with pytest.raises(Permanent):
        keyfiles.make_first_pair(tmp_path / "signing-secrets", "ed25519")

"""`sealwright search` and `sealwright why`: what is known of an image, and why a run is, or is not, signed."""

import json

import pytest
from fakes import commands, folders, objects

PARENT = objects.pipeline_run(tasks=("fetch",), results=objects.image(digest=folders.digest(1)))
CHILD = objects.child(PARENT, "fetch", results={"CHAINS-GIT_URL": "https://git.test/app", "CHAINS-GIT_COMMIT": "c" * 40})


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of runs after the controller; one was added since, and one has not finished."""
    root = tmp_path_factory.mktemp("runs of a team")
    folders.keys(root / "signing-secrets")
    folders.write(root, folders.built(1), folders.built(2), PARENT, CHILD, objects.running(objects.task_run("running")))
    assert commands.run("controller", "--source", root, "--once").code == 0
    folders.write(root, objects.task_run("odd", results={"IMAGE_URL": "registry.test/app", "IMAGE_DIGEST": "sha256:tooshort"}))
    return root


def search(place, *wishes):
    found = commands.run("search", "--in", place, "-o", "json", *wishes)
    assert found.code == 0
    return [(entry["run"]["name"], entry["format"]) for entry in json.loads(found.out)]


def why(place, *arguments):
    found = commands.run("why", *arguments, "-o", "json")
    assert found.code == 0, found.told
    return json.loads(found.out)


IMAGE_1 = [("build-001", "in-toto"), ("build-001", "simplesigning"), ("release", "in-toto")]


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        (["--digest", folders.digest(1)], IMAGE_1),
        (["--digest", folders.digest(1).removeprefix("sha256:")], IMAGE_1),
        (["--digest", folders.digest(1), "--name", "registry.test/app"], [("release", "in-toto")]),
        (["--name", "registry.test/shop/api"], [("build-001", "in-toto"), ("build-001", "simplesigning")]),
        (["--run", "release"], [("release", "in-toto")]),
        (["--run", "team/release"], [("release", "in-toto")]),
        (["--run", "uid-of-release"], [("release", "in-toto")]),
        (["--material", "git+https://git.test/app.git"], [("release-fetch", "in-toto")]),
        (["--material", "c" * 40], [("release-fetch", "in-toto")]),
        (["--run", "release", "--digest", folders.digest(2)], []),
        (["--run", "running"], []),
        (["--run", "' OR 1=1 --"], []),
    ],
    ids=lambda value: " ".join(value) if value and isinstance(value[0], str) else "",
)
def test_search_finds_what_holds_for_all_wishes_at_once(place, wishes, expected):
    """By digest with and without its algorithm, name, material, run."""
    assert sorted(search(place, *wishes)) == sorted(expected)


def test_search_without_wishes_gives_every_attestation_once(place):
    found = search(place)

    assert len(found) == len(set(found)) == 6
    assert commands.run("search", "--in", place).text.splitlines()[-1] == "6 found"


def test_what_search_gives_can_be_verified(place):
    """The envelope is in the answer, whole."""
    [entry] = json.loads(commands.run("search", "--in", place, "--run", "release", "-o", "json").out)
    envelope = json.dumps(entry["envelope"]).encode()

    assert commands.run("verify", "-", "--key", place / "signing-secrets" / "cosign.pub", stdin=envelope).code == 0
    assert entry["payload"]["_type"].startswith("https://in-toto.io/Statement/")


def test_search_makes_no_index_where_there_is_none(tmp_path):
    assert commands.run("search", "--in", tmp_path).code == 2
    assert list(tmp_path.iterdir()) == []


def test_why_says_what_is_signed_and_where(place):
    [found] = why(place, "taskrun/build-001", "--in", place)

    assert found["run"] == "taskrun team/build-001"
    assert found["finished"] == "succeeded (Succeeded)"
    assert [line.split()[0] for line in found["toSign"]] == ["taskrun-uid-of-build-001", folders.digest(1)[7:19]]
    assert len(found["stored"]) == 2


def test_why_says_which_hint_was_ignored_and_why(place):
    [found] = why(place, "taskrun/odd", "--in", place)

    assert found["stored"] == []
    assert [finding["where"] for finding in found["findings"]] == ["status.results['IMAGE_URL']"]
    assert "sha256:tooshort" in found["findings"][0]["message"]


def test_why_says_that_a_run_has_not_finished(place):
    [found] = why(place, "taskrun/running", "--in", place)

    assert found["finished"].startswith("no: only finished runs are signed")
    assert found["stored"] == []


def test_why_says_what_is_disabled(place, tmp_path):
    """The answer is for the configuration that is named."""
    (tmp_path / "config.yaml").write_text('artifacts.taskrun.storage: ""\n')
    [found] = why(place, "TaskRun/release-fetch", "--in", place, "--config", tmp_path / "config.yaml")

    assert found["toSign"] == ["Disabled: artifacts.taskrun.storage is empty, so nothing is signed for TaskRuns"]


def test_why_says_which_child_of_a_pipelinerun_is_missing(place):
    """Beside its file alone; in its folder it is found."""
    [alone] = why(place, place / "release.json")
    [among] = why(place, "pipelinerun/release", "--in", place)

    assert "release-fetch" in json.dumps(alone["findings"])
    assert "release-fetch" not in json.dumps(among["findings"])


def test_why_reads_the_annotations_of_a_signed_copy(place):
    [found] = why(place, place / "build-001.signed.json")

    assert found["stored"] == ["annotation of the object"]


def test_why_and_search_change_nothing(place):
    before = folders.contents(place)
    why(place, "taskrun/odd", "--in", place)
    search(place)

    assert folders.contents(place) == before

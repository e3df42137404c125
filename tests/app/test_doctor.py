"""The doctor: each part tried by itself, in words a person can act on."""

import os

import pytest
from aiohttp.test_utils import TestServer
from fakes import commands
from fakes.archivista import Archivista

from sealwright.app import doctor
from sealwright.app.configuration import parse_config
from sealwright.app.doctor import State, Wish
from sealwright.app.signers import tools_by_hand
from sealwright.core import oci
from sealwright.edge import keyfiles
from sealwright.edge.stores import Tools


@pytest.fixture
def keys(tmp_path):
    keyfiles.make_first_pair(tmp_path / "keys", "ecdsa-p256")
    return tmp_path / "keys"


async def tried(keys, image="", writes=True, **settings):
    """Part -> trial, of a configuration in which dots are underscores and dashes are spelt out."""
    data = {
        "artifacts.oci.storage": "",
        "artifacts.pipelinerun.storage": "",
        **{name.replace("__", "-").replace("_", "."): text for name, text in settings.items()},
    }
    wish = Wish(
        signing=tools_by_hand(keys),
        origin=doctor.origin("team", "builder"),
        image=oci.image(image) if image else None,
        writes=writes,
    )
    return {trial.part: trial for trial in await doctor.examine(parse_config(data).config, Tools(environment=os.environ), wish)}


async def test_what_works_is_said_with_what_was_chosen(keys, tmp_path):
    """Which key, where it was kept; again, with the same bytes, at the next visit."""
    settings = {"artifacts_taskrun_storage": "file,tekton", "storage_file_path": str(tmp_path / "kept")}
    for _ in range(2):
        found = await tried(keys, **settings)

        assert found["signer x509"].state is State.WORKS
        assert "ecdsa-p256 key SHA256:" in found["signer x509"].said
        assert found["store file"].state is State.WORKS
        assert "taskrun-team-sealwright-doctor" in found["store file"].said
        assert found["store tekton"].state is State.SKIPPED
    assert len(list((tmp_path / "kept").rglob("*.signature"))) == 1


async def test_without_writes_nothing_is_kept(keys, tmp_path):
    found = await tried(keys, writes=False, artifacts_taskrun_storage="file", storage_file_path=str(tmp_path / "kept"))

    assert found["store file"].state is State.WORKS
    assert list((tmp_path / "kept").rglob("*.signature")) == []


async def test_one_that_fails_stops_no_other(keys, tmp_path):
    """A setting that is missing, a server that is down, and a store that works beside them."""
    found = await tried(
        keys,
        artifacts_taskrun_storage="file,gcs,archivista,docdb",
        storage_file_path=str(tmp_path / "kept"),
        storage_archivista_url="http://127.0.0.1:1",
        storage_docdb_url="firestore://x",
    )

    assert {part: trial.state for part, trial in found.items()} == {
        "signer x509": State.WORKS,
        "store archivista": State.UNREACHED,
        "store docdb": State.FAILS,
        "store file": State.WORKS,
        "store gcs": State.FAILS,
    }
    assert "storage.gcs.bucket is not set" in found["store gcs"].said
    assert found["store gcs"].reason == "InvalidConfig"
    assert "http://127.0.0.1:1" in found["store archivista"].said or "cannot be reached" in found["store archivista"].said


async def test_a_store_that_finds_by_subject_finds_the_probe(keys):
    """It has a subject, like a build."""
    async with TestServer(Archivista().app()) as server:
        found = await tried(keys, artifacts_taskrun_storage="archivista", storage_archivista_url=str(server.make_url("")))

    assert found["store archivista"].state is State.WORKS


async def test_a_store_that_loses_what_it_took_fails(keys):
    """A receipt alone proves nothing to a doctor."""
    fake = Archivista()
    fake._query = fake._forget
    async with TestServer(fake.app()) as server:
        found = await tried(keys, artifacts_taskrun_storage="archivista", storage_archivista_url=str(server.make_url("")))

    assert found["store archivista"].state is State.FAILS
    assert "does not find it again" in found["store archivista"].said


async def test_without_a_key_it_says_so_and_tries_the_stores_all_the_same(tmp_path):
    """What a store needs of its own is still told."""
    found = await tried(tmp_path / "nowhere", artifacts_taskrun_storage="gcs,file", storage_file_path=str(tmp_path / "kept"))

    assert found["signer x509"].reason == "KeyMissing"
    assert found["store file"].state is State.SKIPPED


async def test_a_registry_is_tried_where_an_image_names_one(keys):
    """As the run's ServiceAccount; here nothing listens."""
    settings = {"artifacts_taskrun_storage": "oci", "storage_oci_repository_insecure": "true"}
    assert (await tried(keys, **settings))["store oci"].state is State.SKIPPED
    found = await tried(keys, image=f"127.0.0.1:1/app@sha256:{'ab' * 32}", **settings)

    (trial,) = [trial for part, trial in found.items() if part.startswith("store oci")]
    assert trial.part == "store oci, 127.0.0.1:1"
    assert trial.state in (State.UNREACHED, State.FAILS)


async def test_a_log_is_never_written_to(keys):
    """An entry cannot be taken back; its settings and its key are read."""
    found = await tried(keys, transparency_enabled="true", transparency_url="http://127.0.0.1:1")

    (trial,) = [trial for part, trial in found.items() if part.startswith("log ")]
    assert trial.state in (State.FAILS, State.SKIPPED)


def test_the_command_tells_and_ends_by_the_worst(keys, tmp_path):
    """0 all works, 1 something fails for good, 3 could not tell, 2 no such file."""
    config = tmp_path / "config.yaml"
    for text, code, said in (
        (f"storage.file.path: {tmp_path}/kept\nartifacts.taskrun.storage: file", 0, "works"),
        ("artifacts.taskrun.storage: gcs", 1, "storage.gcs.bucket is not set"),
        ("artifacts.taskrun.storage: archivista\nstorage.archivista.url: http://127.0.0.1:1", 3, "COULD NOT TELL"),
    ):
        config.write_text(f"{text}\nartifacts.pipelinerun.storage: ''\nartifacts.oci.storage: ''\n")
        ended = commands.run("doctor", "--config", config, "--keys", keys)
        assert (ended.code, said.encode() in ended.out) == (code, True), ended
    listed = commands.run("doctor", "--config", config, "--keys", keys, "-o", "json")
    assert b'"reason": "Unavailable"' in listed.out
    assert commands.run("doctor", "--config", tmp_path / "none", "--keys", keys).code == 2

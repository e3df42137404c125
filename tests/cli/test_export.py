"""`sealwright export` and `sealwright search --rekor`: what is known of a digest, with its proof, for somebody who has nothing of ours."""

import asyncio
import base64
import json
from dataclasses import replace

import pytest
from fakes import commands, folders
from fakes.rekor import HOST, Rekor
from fakes.translog import Tree

from sealwright.core import keys
from sealwright.core.envelope import bundle
from sealwright.core.proof import checkpoint, logentry
from sealwright.edge import pinned

RUNS = (folders.built(1), folders.built(2))
DIGEST = folders.digest(1)


async def command(*arguments):
    """In a thread: the log that it asks is served by this one."""
    return await asyncio.to_thread(commands.run, *arguments)


@pytest.fixture(params=["v1", "v2"])
async def place(request, tmp_path):
    """A folder after the controller, its log, and the configuration that named it."""
    async with Rekor(request.param, Tree(request.param, time_s=1_700_000_000)).served() as rekor:
        folders.keys(tmp_path / "signing-secrets")
        folders.write(tmp_path, *RUNS)
        (tmp_path / "log.pub").write_bytes(rekor.tree.private.public.pem)
        settings = {
            "enabled": "true",
            "url": rekor.url,
            "version": rekor.kind,
            "public-key-path": tmp_path / "log.pub",
            "origin": HOST,
        }
        config = tmp_path / "config.yaml"
        config.write_text("".join(f"transparency.{name}: '{text}'\n" for name, text in settings.items()))
        ended = await asyncio.to_thread(commands.process, "controller", "--source", tmp_path, "--once", "--config", config)
        assert ended.code == 0, ended.told
        yield tmp_path, rekor


async def test_a_run_over_a_folder_is_logged_and_exported_with_its_proof(place):
    """The mark names the entry; the bundle holds it, the trusted root the log's key, and the commands name both."""
    folder, rekor = place
    signed = json.loads((folder / "build-001.signed.json").read_bytes())
    assert signed["metadata"]["annotations"]["chains.tekton.dev/transparency"].startswith(rekor.url)
    proof = folder / "proof"
    found = await command("export", "--in", folder, "--digest", DIGEST, "--to", proof, "--config", folder / "config.yaml")

    assert found.code == 0, found.told
    written = sorted(proof.glob("*.sigstore.json"))
    assert len(written) == 2
    for path in written:
        opened = bundle.read(path.read_bytes())
        assert logentry.prove(opened.entries[0], [rekor.tree.key]).is_included
        assert str(path) in found.text
    assert found.text.count("cosign verify-blob-attestation ") == found.text.count("cosign verify-blob ") == 1
    root = json.loads((proof / "trusted_root.json").read_bytes())
    assert base64.b64decode(root["tlogs"][0]["logId"]["keyId"]) == rekor.tree.key.log_id


async def test_export_says_when_there_is_nothing(place):
    """And writes nothing."""
    folder, _ = place
    found = await command("export", "--in", folder, "--run", "nobody", "--to", folder / "proof")

    assert (found.code, (folder / "proof").exists()) == (2, False)


@pytest.fixture
async def searched(tmp_path):
    """A log that was told of DIGEST twice, by us and by somebody else, and of others."""
    async with Rekor("v1").served() as rekor:
        folders.keys(tmp_path / "signing-secrets")
        folders.write(tmp_path, *RUNS)
        (tmp_path / "log.pub").write_bytes(rekor.tree.private.public.pem)
        config = tmp_path / "config.yaml"
        config.write_text(
            f"transparency.enabled: 'true'\ntransparency.url: {rekor.url}\ntransparency.public-key-path: {tmp_path}/log.pub\n"
        )
        await asyncio.to_thread(commands.process, "controller", "--source", tmp_path, "--once", "--config", config)
        rekor.subjects = {leaf: {DIGEST} for leaf in rekor.tree.leaves[:2]} | {
            leaf: digest_in(leaf) for leaf in rekor.tree.leaves[2:]
        }
        yield tmp_path, rekor


def digest_in(leaf):
    """By which a real log finds an image's signature."""
    spec = json.loads(leaf)["spec"]
    return {f"sha256:{spec['data']['hash']['value']}"} if "data" in spec else set()


async def search(place, *more):
    folder, rekor = place
    return await command("search", "--rekor", rekor.url, "--rekor-key", folder / "log.pub", "--digest", DIGEST, *more)


async def test_a_log_is_searched_and_each_entry_proven(searched):
    """With the provenance of those that are ours."""
    found = await search(searched, "-o", "json", "--in", searched[0])
    shown = json.loads(found.out)

    assert found.code == 0
    assert len(shown) >= 2
    assert all(each["proven"] for each in shown)
    assert all(each["by"] == [key_id(searched[0])] for each in shown)
    assert any(each.get("provenance", {}).get("predicateType") == "https://slsa.dev/provenance/v0.2" for each in shown)
    assert any(each["kind"] == "hashedrekord 0.0.1" and "provenance" in each for each in shown), (
        "the image's signature is not found"
    )
    assert "2 proven, 0 not" in (await search(searched)).text


def key_id(folder):
    return keys.load_public((folder / "signing-secrets" / "cosign.pub").read_bytes()).key_id


async def test_what_a_log_cannot_prove_is_refused(searched):
    """By another key, or with a broken proof: exit code 1, and why."""
    folder, rekor = searched
    other = await command(
        "search", "--rekor", rekor.url, "--rekor-key", folder / "signing-secrets" / "cosign.pub", "--digest", DIGEST
    )
    assert (other.code, "UnknownLog" in other.text) == (1, True)
    rekor.lie = lambda entry: replace(entry, proof=replace(entry.proof, root=bytes(32)))
    assert (await search(searched)).code == 1
    rekor.lie = lambda entry: replace(entry, proof=None)
    assert (await search(searched)).code == 1
    rekor.lie = lambda _: b"not an answer"
    assert (await search(searched)).code == 3


async def test_a_log_without_the_digest_says_so(searched):
    """Which proves nothing, and is no failure."""
    _, rekor = searched
    rekor.subjects = {}
    found = await search(searched)

    assert (found.code, found.text.strip().splitlines()[-1]) == (0, "the log has nothing under this digest")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--digest", "sha256:short"], 2, "64 hex digits"),
        (["--digest", DIGEST, "--in", "missing"], 2, "NotFound"),
    ],
)
async def test_what_is_asked_wrongly_is_told(arguments, code, said, tmp_path):
    """Before the log is asked."""
    (tmp_path / "log.pub").write_bytes(Tree("v1").private.public.pem)
    found = await command("search", "--rekor", "http://127.0.0.1:9", "--rekor-key", tmp_path / "log.pub", *arguments)

    assert (found.code, said in found.told) == (code, True)


async def test_a_log_whose_key_is_not_known_is_not_asked():
    """Its key is never taken from itself; that of the public instance is known."""
    found = await command("search", "--rekor", "http://127.0.0.1:9", "--digest", DIGEST)

    assert (found.code, "KeyMissing" in found.told) == (2, True)


async def test_a_search_needs_a_place():
    """A folder or a log."""

    assert (await command("search", "--digest", DIGEST)).code == 2


def test_a_log_names_the_keys_of_the_public_instance():
    """Version 1's log, and the newest of version 2, as the sigstore package carries them."""
    first = pinned.log_key("https://rekor.sigstore.dev")
    tiled = pinned.log_key("https://log2025-1.rekor.sigstore.dev/")

    assert checkpoint.log_key(first).log_id.hex().startswith("c0d23d6ad406973f")
    assert checkpoint.tiled_log_key(tiled, "log2025-1.rekor.sigstore.dev").log_id[:4].hex() == "cf119915"
    assert pinned.log_key("https://rekor.example.com") is None

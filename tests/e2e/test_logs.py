"""Real logs: Rekor v2 over files, Rekor v1 on Trillian and MariaDB.

Our entries are proven, survive kills, and cosign and rekor-cli believe them.
"""

import asyncio
import base64
import hashlib
import json
import os
import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from fakes import attested, commands, folders, sigstore
from fakes.logservers import HOST, RekorTiles, RekorTrillian, TimestampServer, program
from fakes.rekor import Rekor

from sealwright import plugins
from sealwright.app.logs import open_log
from sealwright.core import config as configs
from sealwright.core.envelope.rekor import asking
from sealwright.core.proof import logged, merkle
from sealwright.edge.clock import unix_s

pytestmark = pytest.mark.e2e

SERVERS = {"v1": RekorTrillian, "v2": RekorTiles}
VERSIONS = pytest.mark.parametrize("version", SERVERS)
RUNS = [folders.built(1), folders.built(2)]


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Each started when it is first asked for."""
    started = {}

    def get(version):
        if version not in started:
            started[version] = SERVERS[version](tmp_path_factory.mktemp(version))
        return started[version]

    yield get
    for each in started.values():
        each.close()


def settings(server, entries="auto"):
    return {
        "transparency.enabled": "true",
        "transparency.version": server.version,
        "transparency.url": server.url,
        "transparency.origin": HOST,
        "transparency.public-key-path": str(server.folder / "public.pem"),
        "transparency.entries": entries,
    }


def config(server, entries="auto"):
    formats = list(plugins.members("sealwright.core.provenance"))
    return configs.parse(settings(server, entries), formats=formats, stores=["tekton", "oci"], signers=["x509"]).config


def at(server, folder, entries="auto"):
    """A folder of runs with its configuration."""
    folders.keys(folder / "signing-secrets")
    folders.write(folder, *RUNS)
    path = folder / "config.yaml"
    path.write_text("".join(f"{name}: '{text}'\n" for name, text in settings(server, entries).items()))
    return path


KEYS = [
    ("v1", "dsse", "ecdsa-p256", "sha256"),
    ("v1", "dsse", "ecdsa-p384", "sha256"),
    ("v1", "dsse", "ed25519", "sha256"),
    ("v1", "intoto", "rsa-2048", "sha256"),
    ("v1", "hashedrekord", "ecdsa-p384", "by-curve"),
    ("v1", "hashedrekord", "ed25519", "by-curve"),
    ("v2", "auto", "ecdsa-p256", "sha256"),
    ("v2", "auto", "ecdsa-p521", "by-curve"),
    ("v2", "auto", "ed25519", "by-curve"),
    ("v2", "auto", "rsa-2048", "sha256"),
]


@pytest.mark.parametrize(("version", "entries", "algorithm", "form"), KEYS)
async def test_a_real_log_keeps_what_it_is_given_and_proves_it(servers, version, entries, algorithm, form):
    """Each kind of entry and key, twice: the second time it is there already. The twin of our tests keeps the same bytes."""
    server = servers(version)
    own = open_log(config(server, entries), unix_s)
    log = own.log
    made, author = attested.statement(9, algorithm, form), attested.author(algorithm, form)
    entry, receipt = await log.append(made, author)
    assert logged.prove(entry, made, author, log._settings.keys, unix_s())
    kind = "hashedrekord" if version == "v2" else "dsse" if entries == "auto" else entries
    proposal = asking.propose_v2(made, author) if version == "v2" else asking.propose_v1(made, author, kind)
    assert entry.body == Rekor(version).body(json.loads(proposal))
    again, same = await log.append(made, author)
    assert (again.index, same.uri) == (entry.index, receipt.uri)
    await own.close()


@VERSIONS
def test_a_log_that_is_killed_loses_nothing(servers, version, tmp_path):
    """Down at the start: runs wait, unsigned. It comes up, dies again and comes back: everything is signed, and each entry there."""
    server = servers(version)
    path = at(server, tmp_path)
    server.kill()
    arguments = ("controller", "--source", tmp_path, "--config", path)
    with commands.Started(*arguments, log=tmp_path / "controller.log") as controller:
        controller.until(lambda: "Unavailable" in controller.said, 60)
        assert folders.signed(tmp_path) == {}
        server.start()
        controller.until(lambda: len(folders.signed(tmp_path)) == len(RUNS), 120)
        server.kill()
        server.start()
        folders.write(tmp_path, folders.built(3))
        controller.until(lambda: len(folders.signed(tmp_path)) == len(RUNS) + 1, 120)
    indexes = {
        json.loads(body)["metadata"]["annotations"]["chains.tekton.dev/transparency"]
        for body in folders.signed(tmp_path).values()
    }

    assert len(indexes) == len(RUNS) + 1


@VERSIONS
def test_cosign_alone_checks_what_is_exported_without_a_network(servers, version, tmp_path):
    """By the very commands that `export` prints; it refuses another key, another digest and a proof that was changed."""
    server = servers(version)
    path = at(server, tmp_path)
    assert commands.process("controller", "--source", tmp_path, "--once", "--config", path).code == 0
    told = commands.process("export", "--in", tmp_path, "--run", "build-001", "--to", tmp_path / "proof", "--config", path).text
    checks = [line.split() for line in told.splitlines() if line.startswith("  cosign ")]
    assert len(checks) == 2
    folders.keys(tmp_path / "other", 7)
    for _, *check in checks:
        assert cosign(tmp_path, check)
        assert not cosign(tmp_path, [each.replace("cosign.pub", "../other/cosign.pub") for each in check])
        if "--digest" in check:
            digest = check[check.index("--digest") + 1]
            assert not cosign(tmp_path, [each.replace(digest, "ab" * 32) for each in check])
        bundle = tmp_path / check[check.index("--bundle") + 1]
        kept = bundle.read_bytes()
        bundle.write_bytes(changed(kept))
        assert not cosign(tmp_path, check)
        bundle.write_bytes(kept)


def changed(data: bytes) -> bytes:
    """Another root than the log signed."""
    found = json.loads(data)
    proof = found["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    proof["rootHash"] = base64.b64encode(bytes(32)).decode()
    proof["checkpoint"]["envelope"] = proof["checkpoint"]["envelope"].replace("\n\n", "\nchanged\n\n", 1)
    return json.dumps(found).encode()


def cosign(folder, arguments) -> bool:
    # No proxy that it could reach, and no home with roots of trust.
    environment = {"HOME": str(folder / "home"), "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    keys = folder / "signing-secrets"
    ended = subprocess.run(
        [program("COSIGN"), *arguments], cwd=keys, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return ended.returncode == 0


def test_rekor_cli_finds_and_verifies_our_entries(servers, tmp_path):
    """By the digest of what was built; and an image's signature with the key that made it."""
    server = servers("v1")
    path = at(server, tmp_path)
    assert commands.process("controller", "--source", tmp_path, "--once", "--config", path).code == 0
    found = rekor_cli(server, "search", "--sha", folders.digest(1).removeprefix("sha256:"))
    assert found.strip(), "no entry is found by the digest of the image"
    assert "payloadHash" in rekor_cli(server, "get", "--uuid", found.split()[-1])

    async def log_image():
        own = open_log(config(server), unix_s)
        entry, _ = await own.log.append(attested.image(5), attested.author())
        await own.close()
        return entry

    entry = asyncio.run(log_image())
    digest = hashlib.sha256(attested.image(5).payload.body).hexdigest()
    (tmp_path / "signature").write_bytes(attested.image(5).signature.raw)
    (tmp_path / "key.pub").write_bytes(attested.author().key.pem)
    parts = ["--artifact-hash", digest, "--signature", tmp_path / "signature", "--public-key", tmp_path / "key.pub"]
    told = rekor_cli(server, "verify", "--type", "hashedrekord", "--pki-format", "x509", *parts)
    assert merkle.leaf_hash(entry.body).hex() in told
    assert "Inclusion Proof" in told


def rekor_cli(server, *arguments) -> str:
    command = [program("REKOR_CLI"), *map(str, arguments), "--rekor_server", server.url, "--store_tree_state=false"]
    environment = os.environ | {"HOME": str(server.folder)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_real_log_answers_what_is_known_of_a_digest(servers, tmp_path):
    """Found, proven, with the provenance that the folder has."""
    server = servers("v1")
    path = at(server, tmp_path)
    assert commands.process("controller", "--source", tmp_path, "--once", "--config", path).code == 0
    key = server.folder / "public.pem"
    digest = ("--digest", folders.digest(1))
    found = commands.process("search", "--rekor", server.url, "--rekor-key", key, *digest, "--in", tmp_path, "-o", "json")
    shown = json.loads(found.out)

    assert found.code == 0
    assert shown
    assert all(each["proven"] for each in shown)
    assert any("provenance" in each for each in shown)


def test_a_real_clock_sees_what_is_signed_and_cosign_believes_it(servers, tmp_path_factory, tmp_path):
    """With Rekor v2, which says no time itself; a time by another clock is refused."""
    server, other = servers("v2"), servers("v1")
    other.kill()  # it has metrics at the one port where this server must have them
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in (sigstore.clock(), sigstore.clock_root())))
    clock = TimestampServer(tmp_path_factory.mktemp("clock"))
    try:
        path = at(server, tmp_path)
        path.write_text(f"{path.read_text()}timestamps.url: {clock.url}\ntimestamps.chain-path: {clock.chain}\n")
        assert commands.process("controller", "--source", tmp_path, "--once", "--config", path).code == 0
        told = commands.process(
            "export", "--in", tmp_path, "--run", "build-001", "--to", tmp_path / "proof", "--config", path
        ).text
        checks = [line.split()[1:] for line in told.splitlines() if line.startswith("  cosign ")]
        assert len(checks) == 2
        assert all("--use-signed-timestamps" in check and cosign(tmp_path, check) for check in checks)
        path.write_text(path.read_text().replace(str(clock.chain), str(stranger)))
        assert (
            commands.process("export", "--in", tmp_path, "--run", "build-001", "--to", tmp_path / "proof", "--config", path).code
            == 0
        )
        assert not any(cosign(tmp_path, check) for check in checks)
    finally:
        clock.close()
        other.start()

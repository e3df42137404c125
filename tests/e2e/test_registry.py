"""What the controller writes on disk is what registries hold and what cosign verifies: copied there by skopeo, unchanged."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from fakes.tekton_runs import task_run

pytestmark = pytest.mark.e2e

CONFIG = {
    "artifacts.taskrun.format": "slsa/v2alpha4",
    "artifacts.taskrun.storage": "tekton,oci",
    "builder.id": "https://builder.example.com",
}


def program(name: str) -> str:
    found = os.environ.get(f"SEALWRIGHT_{name.upper()}") or shutil.which(name)
    assert found, f"{name} is missing; hack/e2e brings it"
    return found


def run(*command: str | Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False, **options)


def done(*command: str | Path) -> str:
    ended = run(*command)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.fixture(scope="module")
def registry():
    """A registry on loopback, `127.0.0.1:PORT`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    server = subprocess.Popen(
        [program("crane"), "registry", "serve", "--address", address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 20
        while run(program("crane"), "catalog", address, "--insecure").returncode and time.monotonic() < deadline:
            assert server.poll() is None
        yield address
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="module")
def signed(registry, tmp_path_factory):
    """An image in the registry, and the folder in which the run that built it was signed."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "file").write_text("content")
    with tarfile.open(folder / "layer.tar", "w") as layer:
        layer.add(folder / "file", "file")
    name = f"{registry}/shop/web"
    done(program("crane"), "append", "--insecure", "-f", folder / "layer.tar", "-t", f"{name}:1")
    digest = done(program("crane"), "digest", "--insecure", f"{name}:1")
    results = [("IMAGE_URL", f"{name}:1"), ("IMAGE_DIGEST", digest)]
    (folder / "run.json").write_text(json.dumps(built(results)))
    (folder / "config.yml.txt").write_text(json.dumps(CONFIG))
    done(sys.executable, "-m", "sealwright", "controller", "--source", folder, "--once", "--config", folder / "config.yml.txt")
    return name, digest, folder


def built(results):
    run_ = task_run()
    run_["status"]["results"] = [{"name": key, "type": "string", "value": value} for key, value in results]
    return run_


def layouts(folder):
    return {
        f"{path.parent}:{tag}": tag
        for path in (folder / "oci").rglob("index.json")
        for tag in re.findall(r'"org\.opencontainers\.image\.ref\.name":\s*"([^"]+)"', path.read_text())
    }


@pytest.fixture(scope="module")
def pushed(signed):
    name, _, folder = signed
    for place, tag in layouts(folder).items():
        done("skopeo", "copy", "--preserve-digests", "--dest-tls-verify=false", f"oci:{place}", f"docker://{name}:{tag}")
    return signed


def cosign(*arguments, home):
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    return run(program("cosign"), *arguments, env=environment, cwd=home)


FLAGS = ("--insecure-ignore-tlog=true", "--allow-http-registry", "--new-bundle-format=false")


def test_skopeo_reads_each_tag_of_the_layouts(signed):
    """An image signature and an attestation are there, as images that an ordinary client reads."""
    _, digest, folder = signed
    found = layouts(folder)

    stem = digest.replace(":", "-")
    assert sorted(found.values()) == [f"{stem}.att", f"{stem}.sig"]
    for place in found:
        assert json.loads(done("skopeo", "inspect", "--raw", f"oci:{place}"))["schemaVersion"] == 2


def test_cosign_verifies_the_image_by_our_key(pushed, tmp_path):
    """`cosign verify` finds the `.sig` tag and believes it."""
    name, digest, folder = pushed
    key = folder / "signing-secrets" / "cosign.pub"

    ended = cosign("verify", "--key", key, *FLAGS, f"{name}@{digest}", home=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)[0]["critical"]["image"]["docker-manifest-digest"] == digest


def test_cosign_verifies_the_provenance_of_the_image(pushed, tmp_path):
    """`cosign verify-attestation` finds the `.att` tag and believes it, for the right predicate type alone."""
    name, digest, folder = pushed
    key = folder / "signing-secrets" / "cosign.pub"

    ended = cosign("verify-attestation", "--key", key, "--type", "slsaprovenance1", *FLAGS, f"{name}@{digest}", home=tmp_path)
    other = cosign("verify-attestation", "--key", key, "--type", "spdx", *FLAGS, f"{name}@{digest}", home=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert other.returncode != 0


def test_cosign_refuses_another_key(pushed, tmp_path):
    """A key that did not sign verifies neither."""
    name, digest, _ = pushed
    done(sys.executable, "-m", "sealwright", "key", "generate", tmp_path / "other")
    key = tmp_path / "other" / "cosign.pub"

    for verb in (("verify",), ("verify-attestation", "--type", "slsaprovenance1")):
        assert cosign(*verb, "--key", key, *FLAGS, f"{name}@{digest}", home=tmp_path).returncode != 0


def test_cosign_verifies_the_envelope_by_the_digest_alone(signed, tmp_path):
    """README's way: an envelope printed by `sealwright sign`, and the digest of the image."""
    _, digest, folder = signed
    envelope = done(sys.executable, "-m", "sealwright", "sign", folder / "run.json", "--keys", folder / "signing-secrets")
    (tmp_path / "envelope.json").write_text(envelope)
    flags = ("--insecure-ignore-tlog=true", "--type", "slsaprovenance02", "--digestAlg", "sha256")
    key = folder / "signing-secrets" / "cosign.pub"
    signature = ("--signature", tmp_path / "envelope.json")

    hex_digest = digest.removeprefix("sha256:")
    ended = cosign("verify-blob-attestation", "--key", key, *flags, "--digest", hex_digest, *signature, home=tmp_path)
    other = cosign("verify-blob-attestation", "--key", key, *flags, "--digest", "0" * 64, *signature, home=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert other.returncode != 0

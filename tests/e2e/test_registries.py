"""Registries as users have them: the controller in a cluster pushes with the run's own login, cosign verifies, two processes share a tag."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from fakes import commands, folders, kubectl, registries, signers
from fakes.attestations import ORIGIN, bundled_signature, image_signature, sought, statement
from fakes.manifests import ROOT

from sealwright.edge.clock import SystemClock
from sealwright.edge.registry.logins import NoLogins
from sealwright.edge.registry.store import open_registries

sys.path.insert(0, str(ROOT / "hack/_cluster"))
from client import Api, path_of
from runs import finished_task, running_task, task_run
from tekton import Tekton

pytestmark = pytest.mark.e2e

SIGNED = "chains.tekton.dev/signed"
CONFIG = "/api/v1/namespaces/tekton-chains/configmaps"
LOGIN = ("builder", "right-password")
MODES = {"tags": "dsse", "bundles": "sigstore-bundle"}


def cosign(*arguments, home, **environment):
    command = [registries.program("cosign"), *map(str, arguments)]
    environment |= {"HOME": str(home), "PATH": os.environ["PATH"]}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


def flags(mode):
    return ("--insecure-ignore-tlog=true", "--allow-http-registry", f"--new-bundle-format={str(mode == 'bundles').lower()}")


def key_file(folder, number=0):
    path = folder / f"key-{number}.pub"
    path.write_bytes(signers.key(number=number).public.pem)
    return path


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", registries.REAL)
async def test_cosign_believes_what_stands_in_the_registry_and_nothing_else(kind, mode, tmp_path):
    """Signature and attestation, in a registry with referrers and in one without; not by another key, not for another image."""
    with registries.serve(kind) as authority:
        name = f"{authority}/team/app"
        digest, other = [await registries.push(authority, f"team/{each}") for each in ("app", "other")]
        settings = {"allowed-hosts": authority, "encoding-format": MODES[mode]}
        sign = bundled_signature if mode == "bundles" else image_signature
        async with open_registries(settings, NoLogins(), SystemClock(), lambda: 0.0, strict=False) as store:
            await store.put(statement(name, digest=digest), ORIGIN)
            await store.put(sign(name, digest), ORIGIN)

        for verb in (("verify",), ("verify-attestation", "--type", "x")):
            good, bad = key_file(tmp_path), key_file(tmp_path, 1)
            asked = await asyncio.gather(
                *(
                    asyncio.to_thread(cosign, *verb, "--key", key, *flags(mode), image, home=tmp_path)
                    for key, image in (
                        (good, f"{name}@{digest}"),
                        (bad, f"{name}@{digest}"),
                        (good, f"{authority}/team/other@{other}"),
                    )
                )
            )
            assert [ended.returncode == 0 for ended in asked] == [True, False, False], asked


WRITER = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from fakes.attestations import ORIGIN, statement
from sealwright.edge.clock import SystemClock, chance
from sealwright.edge.registry.logins import NoLogins
from sealwright.edge.registry.store import open_registries

async def main(authority, start, count):
    async with open_registries({"allowed-hosts": authority}, NoLogins(), SystemClock(), chance, strict=False) as store:
        async def put(number):
            await asyncio.sleep(number % 10 / 20)
            await store.put(statement(f"{authority}/team/app", number=number), ORIGIN)
        await asyncio.gather(*map(put, range(start, start + count)))

asyncio.run(main(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


@pytest.mark.parametrize("kind", registries.REAL)
async def test_fifty_writers_in_two_processes_leave_fifty_attestations(kind):
    """Of one image, at the same time; each was told that its own is there, and it is."""
    with registries.serve(kind) as authority:
        command = [sys.executable, "-c", WRITER, str(ROOT / "tests"), authority]
        writers = [await asyncio.create_subprocess_exec(*command, str(start), "25") for start in (0, 25)]
        assert [await asyncio.wait_for(each.wait(), 120) for each in writers] == [0, 0]
        async with open_registries({"allowed-hosts": authority}, NoLogins(), SystemClock(), lambda: 0.0, strict=False) as store:
            kept = await store.find(sought(f"{authority}/team/app"), ORIGIN)

    numbers = [json.loads(base64.b64decode(json.loads(each.envelope)["payload"]))["predicate"]["number"] for each in kept]
    assert sorted(numbers) == list(range(50))


# --- the controller in a cluster ---


class Place:
    """A namespace with two ServiceAccounts: `builder` has a login that the registry takes, `stranger` one that it does not."""

    def __init__(self, admin, folder, name, authority):
        self.namespace, self.folder, self.authority = name, folder, authority
        self.kubeconfig = admin.kubeconfig
        self.api = Api(admin.kubeconfig)
        self.tekton = Tekton(admin.kubeconfig, name)
        self.keys = folders.keys(folder / "keys")
        self.api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        for account, password in (("builder", LOGIN[1]), ("stranger", "wrong-password")):
            self.secret(f"{account}-login", password)
            body = {"metadata": {"name": account}, "secrets": [{"name": f"{account}-login"}]}
            self.api.call("POST", f"/api/v1/namespaces/{name}/serviceaccounts", body)

    def secret(self, name, password, method="POST"):
        auths = {"auths": {self.authority: {"username": LOGIN[0], "password": password}}}
        data = {".dockerconfigjson": base64.b64encode(json.dumps(auths).encode()).decode()}
        body = {"metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson", "data": data}
        path = f"/api/v1/namespaces/{self.namespace}/secrets"
        self.api.call(method, path if method == "POST" else f"{path}/{name}", body)

    def build(self, name, digest, account="builder"):
        """A TaskRun that pushed an image, from start to end."""
        run = task_run(name, self.namespace)
        run["spec"]["serviceAccountName"] = account
        self.api.call("POST", path_of("TaskRun", self.namespace), run)
        self.tekton.status("TaskRun", name, running_task(name, self.tekton.now()))
        status = finished_task(name, self.tekton.now(), 0)
        found = {"IMAGE_URL": f"{self.authority}/team/{name}:1", "IMAGE_DIGEST": digest}
        status["results"] = [{"name": key, "type": "string", "value": text} for key, text in found.items()]
        self.tekton.status("TaskRun", name, status)

    def mark(self, name):
        found = self.api.call("GET", path_of("TaskRun", self.namespace, name), accept="application/json")
        return found["metadata"].get("annotations", {}).get(SIGNED)

    @contextmanager
    def controller(self):
        where = ("--kubeconfig", self.kubeconfig, "--keys", self.keys, "--namespace", self.namespace)
        ports = ("--metrics-port", 0, "--health-port", 0)
        with commands.Started("controller", *where, *ports, log=self.folder / "log") as started:
            started.until(lambda: '"started"' in started.said)
            yield started


@pytest.fixture(scope="module")
def admin():
    with kubectl.cluster() as found:
        Api(found.kubeconfig).call("POST", CONFIG, {"metadata": {"name": "chains-config"}, "data": {}})
        yield found


@pytest.mark.parametrize("mode", MODES)
async def test_the_controller_pushes_as_the_run_and_cosign_verifies(mode, admin, tmp_path):
    """A run whose login is wrong waits and says so, others go on; mended, it is signed too."""
    with registries.serve("docker-registry", LOGIN) as authority:
        place = Place(admin, tmp_path, f"registry-{mode}", authority)
        data = {
            "artifacts.taskrun.format": "slsa/v2alpha4",
            "artifacts.taskrun.storage": "tekton,oci",
            "artifacts.oci.storage": "oci",
            "artifacts.pipelinerun.storage": "tekton",
            "storage.oci.allowed-hosts": authority,
            "storage.oci.encoding-format": MODES[mode],
        }
        place.api.call("PATCH", f"{CONFIG}/chains-config", {"data": data}, "application/merge-patch+json")
        names = [f"build-{number}" for number in range(5)]
        digests = {name: await registries.push(authority, f"team/{name}", login=LOGIN) for name in (*names, "strange")}
        with place.controller() as controller:
            place.build("strange", digests["strange"], account="stranger")
            for name in names:
                place.build(name, digests[name])
            controller.until(lambda: [place.mark(name) for name in names] == ["true"] * 5, seconds=30)
            controller.until(lambda: "LoginRefused" in controller.said, seconds=10)
            waiting = place.mark("strange")
            place.secret("stranger-login", LOGIN[1], "PUT")
            controller.until(lambda: place.mark("strange") == "true", seconds=60)
        said = controller.said
        (tmp_path / "config.json").write_text(
            json.dumps({"auths": {authority: {"auth": base64.b64encode(":".join(LOGIN).encode()).decode()}}})
        )
        ended = [
            cosign(
                *verb,
                "--key",
                place.keys / "cosign.pub",
                *flags(mode),
                f"{authority}/team/{name}@{digests[name]}",
                home=tmp_path,
                DOCKER_CONFIG=str(tmp_path),
            )
            for name in ("build-0", "strange")
            for verb in (("verify",), ("verify-attestation", "--type", "slsaprovenance1"))
        ]

    assert waiting is None
    assert "stranger-login" in said
    assert "password" not in said
    assert [each.returncode for each in ended] == [0, 0, 0, 0], ended

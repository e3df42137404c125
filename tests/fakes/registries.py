"""Real registries on loopback, each as a process of its own in a folder of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from sealwright.core import oci
from sealwright.core.config import Secret
from sealwright.core.oci import Layer
from sealwright.core.registry.logins import Login
from sealwright.edge.clock import SystemClock
from sealwright.edge.registry.access import Access
from sealwright.edge.registry.reach import Reach
from sealwright.edge.registry.repository import Repository
from sealwright.edge.registry.transport import Transport

# The first two list no referrers; the third is go-containerregistry's handler with that switched on (hack/_registry).
REAL = ("docker-registry", "crane", "referrers")

_CONFIG = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}/data}}}}
http: {{addr: "{authority}"}}
{auth}
"""
_AUTH = "auth: {{htpasswd: {{realm: registry, path: {folder}/htpasswd}}}}"


def program(name):
    found = os.environ.get(f"SEALWRIGHT_{name.upper().replace('-', '_')}") or shutil.which(name)
    assert found, f"{name} is missing; hack/e2e brings it"
    return found


@contextmanager
def serve(name, login=None):
    """`host:port`; `login` is (user, password), for docker-registry alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        authority = f"127.0.0.1:{free.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as folder:
        command = _docker(Path(folder), authority, login) if name == "docker-registry" else _own(name, authority)
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _until_up(authority, server)
            yield authority
        finally:
            server.kill()
            server.wait()


def _own(name, authority):
    return [program(name), *(("registry", "serve", "--address") if name == "crane" else ()), authority]


def _docker(folder, authority, login):
    if login:
        made = subprocess.run([program("htpasswd"), "-nbB", *login], check=True, capture_output=True, text=True)
        (folder / "htpasswd").write_text(made.stdout)
    auth = _AUTH.format(folder=folder) if login else ""
    (folder / "config.yml").write_text(_CONFIG.format(folder=folder, authority=authority, auth=auth))
    return [program("docker-registry"), "serve", str(folder / "config.yml")]


def _until_up(authority, server):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert server.poll() is None, "the registry ended at once"
        try:
            urllib.request.urlopen(f"http://{authority}/v2/", timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.02)  # noqa: TID251
    raise AssertionError("the registry does not answer")


async def push(authority, name, tag="1", login=None):
    """An image of one small layer, by our own client; its digest."""
    async with registry_client(authority, name, login) as repository:
        config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
        layer = Layer(media_type="application/vnd.oci.image.layer.v1.tar", body=f"{name}:{tag}".encode())
        for blob in (config, layer.body):
            await repository.put_blob(blob)
        described = oci.Descriptor(media_type=oci.CONFIG_TYPE, size=len(config), digest=oci.digest_of(config))
        manifest = oci.Manifest(schema_version=2, config=described, layers=[layer.descriptor])
        body = msgspec.json.encode(manifest)
        await repository.put_manifest(tag, body, oci.MANIFEST_TYPE)
        return oci.digest_of(body)


@asynccontextmanager
async def registry_client(authority, name, login=None):
    """One repository, as whoever has this login."""
    clock = SystemClock()
    async with Transport(Reach(vouched=frozenset({authority})), clock) as transport:
        access = Access(transport, _Fixed(login), clock)
        yield Repository(transport, access, oci.Image(registry=authority, repository=name, digest=""), None)


class _Fixed:
    def __init__(self, login):
        self.login = login

    async def find(self, _owner, registry, _repository):
        if self.login is None:
            return None
        user, password = self.login
        return Login(registry=registry, source="the test", username=user, password=Secret(text=password))

    def forget(self, owner):
        """Nothing is kept."""

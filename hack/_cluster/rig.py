"""A cluster with everything of deploy/ in it, and controllers that run there as pods would: for benchmarks, faults and demo."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from client import Api, path_of

ROOT = Path(__file__).parents[2]
SYSTEM = "tekton-chains"
ACCOUNT = f"system:serviceaccount:{SYSTEM}:tekton-chains-controller"
SIGNED = "chains.tekton.dev/signed"
# Everything is kept in the run itself; nothing else is at hand.
SETTINGS = {f"artifacts.{sort}.storage": "tekton" for sort in ("taskrun", "pipelinerun", "oci")}
TICK_S = 0.02

# As in a pod, but for the folder in which the kubelet puts the account's token.
_AS_IN_A_POD = """
import sys
from pathlib import Path
from sealwright.edge.kube import login
login._MOUNT = Path(sys.argv.pop(1))
from sealwright.cli import main
main()
"""


def pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def wall_s() -> float:
    """Seconds after 1970, as the server's logs count."""
    return datetime.now(UTC).timestamp()  # noqa: TID251 - only compared with those logs


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait for something true, and give it back. Raises TimeoutError with `what`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        pause(TICK_S)
    return found


def processor_s(pid: int) -> float:
    """What a process has used so far, in seconds; of Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int, word: str = "VmRSS") -> float:
    """`VmRSS` is what it has now, `VmHWM` the most it ever had."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines[word].split()[0]) / 1024


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


class Cluster:
    """Use as `with`: a new one, in a folder that goes with it. The controller's account, key and configuration are there."""

    def __init__(self, *, keep_history: bool = False) -> None:
        self.options = ["--unsafe-no-fsync", *(["--keep-history"] if keep_history else [])]

    def __enter__(self) -> Self:
        self.made = Path(tempfile.mkdtemp(prefix="sealwright-"))
        self.folder, self.keys, self.mount = (self.made / name for name in ("cluster", "signing-secrets", "account"))
        try:
            self.up()
            self.install()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run([ROOT / "hack/cluster", "down", self.folder], capture_output=True, timeout=60, check=False)
        shutil.rmtree(self.made, ignore_errors=True)

    def up(self) -> None:
        """Starts what does not run."""
        command = [ROOT / "hack/cluster", "up", *self.options, self.folder]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        self.program = next(word for word in done.stdout.split() if word.endswith("/kubectl"))
        self.kubeconfig = self.folder / "kubeconfig"
        self.audit = self.folder / "audit.log"
        self.port = int((self.folder / "ports").read_text().split()[2])

    def install(self) -> None:
        self.kubectl("apply", "-k", ROOT / "deploy")
        settings = [f"--from-literal={name}={text}" for name, text in SETTINGS.items()]
        made = self.kubectl("-n", SYSTEM, "create", "configmap", "chains-config", *settings, "--dry-run=client", "-o", "json")
        self.kubectl("apply", "-f", "-", stdin=made)
        subprocess.run(
            [sys.executable, "-m", "sealwright", "key", "generate", self.keys], check=True, capture_output=True, timeout=60
        )
        self.mount.mkdir()
        account = ACCOUNT.rpartition(":")[2]
        self.token = self.kubectl("-n", SYSTEM, "create", "token", account, "--duration=48h").strip()
        (self.mount / "token").write_text(self.token)
        (self.mount / "ca.crt").write_bytes((self.folder / "ca.crt").read_bytes())
        (self.made / "controller.kubeconfig").write_text(json.dumps(self._own_kubeconfig()))
        self.api = Api(self.kubeconfig)

    def welcome_peer(self) -> None:
        """What controllers other than ours may want: every right, and the ConfigMaps that knative reads."""
        self.kubectl("create", "clusterrolebinding", "peer", "--clusterrole=cluster-admin", f"--user={ACCOUNT}")
        for name in ("config-logging", "config-observability", "config-leader-election"):
            self.kubectl("-n", SYSTEM, "create", "configmap", name)

    def kubectl(self, *arguments: object, stdin: str = "") -> str:
        cache = self.folder / "kubectl-cache"
        command = [self.program, "--kubeconfig", self.kubeconfig, "--cache-dir", cache, *arguments]
        done = subprocess.run(list(map(str, command)), input=stdin, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(map(str, arguments))}: {done.stderr}")
        return done.stdout

    def namespace(self, name: str) -> str:
        self.api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        return name

    def pid(self, program: str = "kube-apiserver") -> int:
        return int((self.folder / f"{program}.pid").read_text())

    def processor_s(self, program: str = "kube-apiserver") -> float:
        return processor_s(self.pid(program))

    def signal(self, program: str, number: int) -> None:
        os.kill(self.pid(program), number)

    def public_key(self) -> bytes:
        return (self.keys / "cosign.pub").read_bytes()

    def runs(self, namespace: str, kind: str = "TaskRun") -> dict[str, dict[str, Any]]:
        """The metadata of all runs in a namespace, by name."""
        found, follow = {}, ""
        while True:
            page = self.api.call("GET", f"{path_of(kind, namespace)}?limit=500{follow}", accept=_BRIEF_LIST)
            found.update({item["metadata"]["name"]: item["metadata"] for item in page["items"] or ()})
            if not page["metadata"].get("continue"):
                return found
            follow = f"&continue={page['metadata']['continue']}"

    def _own_kubeconfig(self) -> dict[str, Any]:
        """The controller's account, for programs that want a kubeconfig."""
        config = json.loads(self.kubeconfig.read_text())
        config["users"] = [{"name": "admin", "user": {"token": self.token}}]
        return config


_BRIEF_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Controller:
    """One controller as a process: Sealwright with the pod's login and probes, or `peer`, a program that finds the cluster by
    KUBECONFIG, its namespace by SYSTEM_NAMESPACE, and its key in the folder SIGNING_SECRETS.

    `port` is where it finds the API server (a proxy's); `before` are words that go before the command, `environment` more for it.
    """

    def __init__(
        self,
        cluster: Cluster,
        *options: str,
        peer: Path | None = None,
        port: int = 0,
        before: Sequence[str] = (),
        name: str = "controller",
        **environment: str,
    ) -> None:
        self.cluster, self.peer, self.log = cluster, peer, cluster.made / f"{name}.log"
        self.health, self.metrics = free_port(), free_port()
        where = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(port or cluster.port)}
        if peer:
            where = {"KUBECONFIG": str(cluster.made / "controller.kubeconfig"), "SIGNING_SECRETS": str(cluster.keys)}
        self.environment = os.environ | {"SYSTEM_NAMESPACE": SYSTEM, "HOSTNAME": name} | where | environment
        ports = ("--metrics-port", str(self.metrics), "--health-port", str(self.health))
        own = [
            sys.executable,
            "-c",
            _AS_IN_A_POD,
            str(cluster.mount),
            "controller",
            "--keys",
            str(cluster.keys),
            *ports,
            *options,
        ]
        self.command = [*before, *([str(peer)] if peer else own)]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self.started, self.started_at = time.monotonic(), wall_s()
        with self.log.open("ab") as said:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=self.environment, start_new_session=True
            )

    def stop(self) -> float:
        """SIGTERM, and how long its end took."""
        begin = time.monotonic()
        self.process.terminate()
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.kill()
        return time.monotonic() - begin

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def is_ready(self) -> bool:
        """At /readiness; a peer is taken for ready at once."""
        if self.peer:
            return True
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health}/readiness", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def until_ready(self, seconds: float = 30) -> float:
        """Seconds since it was started."""
        until(lambda: self.is_ready() or self.process.poll() is not None, seconds, f"ready; it said: {self.said()[-2000:]}")
        if self.process.poll() is not None:
            raise RuntimeError(f"the controller ended with {self.process.returncode}: {self.said()[-2000:]}")
        return time.monotonic() - self.started

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What it logged under one word."""
        return [json.loads(line) for line in self.said().splitlines() if line.startswith("{") and f'"event": "{event}"' in line]

    @property
    def processor_s(self) -> float:
        return processor_s(self.process.pid)

    def memory_mib(self, word: str = "VmRSS") -> float:
        return memory_mib(self.process.pid, word)

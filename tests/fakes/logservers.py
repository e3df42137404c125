"""The real servers that the end-to-end tests log to, as child processes on loopback: Rekor v2, and Rekor v1 with Trillian and MariaDB.

hack/e2e builds them and names them in the environment. Each can be killed and started again over the same data.
"""

import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

HOST = "rekor.local"
# A cold start on a busy machine; a server that is up sooner is used sooner.
START_S = 120


def program(word: str) -> str:
    return os.environ[f"SEALWRIGHT_{word}"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Processes:
    """What was started, each with a log file below `folder`; stopped in the other order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, subprocess.Popen] = {}

    def start(self, word: str, *arguments: object) -> None:
        with (self.folder / f"{word}.log").open("ab") as log:
            self.running[word] = subprocess.Popen(
                [str(each) for each in arguments], stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, word: str, number: int = signal.SIGKILL) -> None:
        process = self.running.pop(word)
        if process.poll() is None:
            os.killpg(process.pid, number)
        process.wait(30)

    def close(self) -> None:
        for word in list(reversed(self.running)):
            self.kill(word)

    def until(self, word: str, url: str) -> None:
        """It answers at this address, with whatever status."""
        self.wait(word, lambda: _answers(url))

    def wait(self, word: str, is_up: Callable[[], bool]) -> None:
        """Until it is up; fails where it ends before, or takes too long."""
        deadline = time.monotonic() + START_S
        while not is_up():
            if self._ended(word) or time.monotonic() > deadline:
                said = (self.folder / f"{word}.log").read_text(errors="replace")[-2000:]
                raise AssertionError(f"{word} does not come up; it said:\n{said}")

    def _ended(self, word: str) -> bool:
        try:
            self.running[word].wait(0.1)
        except subprocess.TimeoutExpired:
            return False
        return True


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def make_key(path: Path, material) -> bytes:
    """The private key at `path`; the public one's PEM."""
    path.write_bytes(material.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return material.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class _Front(http.server.BaseHTTPRequestHandler):
    """What stands before a log in tiles: it serves the files itself and hands entries on."""

    tiles: Path
    behind: str

    def do_GET(self) -> None:
        path = self.tiles / self.path.removeprefix("/api/v2/")
        self._answer(200, {}, path.read_bytes()) if path.is_file() else self._answer(404, {}, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = urllib.request.Request(self.behind + self.path, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                self._answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            self._answer(error.code, error.headers, error.read())
        except OSError:
            self._answer(502, {}, b"nobody is behind this")

    def _answer(self, status: int, headers, body: bytes) -> None:
        self.send_response(status)
        if "X-Log-Index" in headers:
            self.send_header("X-Log-Index", headers["X-Log-Index"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class RekorTiles:
    """Rekor v2 over files, behind a front that serves them. Duplicates are answered as such."""

    version = "v2"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes = Processes(folder)
        self.public = make_key(folder / "key.pem", ed25519.Ed25519PrivateKey.generate())
        (folder / "public.pem").write_bytes(self.public)
        self.port = free_port()
        self.tiles = folder / "log"
        behind = {"tiles": self.tiles, "behind": f"http://127.0.0.1:{self.port}"}
        self._front = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Front", (_Front,), behind))
        threading.Thread(target=self._front.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._front.server_address[1]}"
        self.start()

    def start(self) -> None:
        places = {"http-port": self.port, "grpc-port": free_port(), "http-metrics-port": free_port(), "storage-dir": self.tiles}
        settings = {"signer-filepath": self.folder / "key.pem", "hostname": HOST, "persistent-antispam": "true"}
        pace = {"checkpoint-interval": "1s", "batch-max-age": "100ms"}
        flags = [f"--{name}={text}" for name, text in (places | settings | pace).items()]
        self._processes.start("rekor", program("REKOR_TILES"), "serve", *flags)
        self._processes.until("rekor", f"http://127.0.0.1:{self.port}/healthz")

    def kill(self) -> None:
        self._processes.kill("rekor")

    def close(self) -> None:
        self._front.shutdown()
        self._front.server_close()
        self._processes.close()


class TimestampServer:
    """A timestamp authority with a key and a chain of its own, made at its start; `chain` is that chain's PEM."""

    def __init__(self, folder: Path) -> None:
        self._processes = Processes(folder)
        port = free_port()
        flags = {"port": port, "host": "127.0.0.1", "scheme": "http", "timestamp-signer": "memory"}
        arguments = [f"--{name}={text}" for name, text in flags.items()]
        self._processes.start("clock", program("TIMESTAMP_SERVER"), "serve", "--disable-ntp-monitoring", *arguments)
        self.url = f"http://127.0.0.1:{port}/api/v1/timestamp"
        self._processes.until("clock", f"{self.url}/certchain")
        self.chain = folder / "chain.pem"
        with urllib.request.urlopen(f"{self.url}/certchain", timeout=30) as answer:
            self.chain.write_bytes(answer.read())

    def close(self) -> None:
        self._processes.close()


class RekorTrillian:
    """Rekor v1 on Trillian on MariaDB, with its index for searches in the same database."""

    version = "v1"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes = Processes(folder)
        self.public = make_key(folder / "key.pem", ec.generate_private_key(ec.SECP256R1()))
        (folder / "public.pem").write_bytes(self.public)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._tree = 0
        try:
            self._open_database()
            self._open_trillian()
            self.start()
            self._tree = self._tree_id()
        except BaseException:
            self.close()
            raise

    def _open_database(self) -> None:
        data, self._socket = self.folder / "db", self.folder / "db.sock"
        user = ["--user=root"] if os.getuid() == 0 else []
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", *user]
        subprocess.run(install, check=True, capture_output=True, timeout=START_S)
        self._sql_port = free_port()
        flags = [f"--datadir={data}", f"--socket={self._socket}", f"--port={self._sql_port}", "--bind-address=127.0.0.1", *user]
        self._processes.start("mariadb", program("MARIADBD"), "--no-defaults", *flags, "--innodb-flush-log-at-trx-commit=1")
        self._processes.wait("mariadb", self._socket.exists)
        schema = Path(program("TRILLIAN_SCHEMA")).read_text()
        account = "CREATE USER log@'127.0.0.1'; GRANT ALL ON logs.* TO log@'127.0.0.1';"
        sql = f"CREATE DATABASE logs; {account} USE logs; {schema}"
        client = ["mariadb", "--no-defaults", f"--socket={self._socket}", "-uroot"]
        subprocess.run(client, input=sql.encode(), check=True, timeout=START_S)
        self._account = f"log@tcp(127.0.0.1:{self._sql_port})/logs"

    def _open_trillian(self) -> None:
        self._grpc = free_port()
        common = [f"--mysql_uri={self._account}", "--storage_system=mysql", "--quota_system=noop", "--alsologtostderr"]
        web = f"127.0.0.1:{free_port()}"
        server = [f"--rpc_endpoint=127.0.0.1:{self._grpc}", f"--http_endpoint={web}"]
        self._processes.start("trillian-server", program("TRILLIAN_LOG_SERVER"), *common, *server)
        # Rekor gives up when it is there before Trillian.
        self._processes.until("trillian-server", f"http://{web}/healthz")
        signer = [f"--rpc_endpoint=127.0.0.1:{free_port()}", f"--http_endpoint=127.0.0.1:{free_port()}"]
        pace = ["--sequencer_interval=100ms", "--batch_size=500", "--force_master"]
        self._processes.start("trillian-signer", program("TRILLIAN_LOG_SIGNER"), *common, *signer, *pace)

    def start(self) -> None:
        flags = {
            "port": self.port,
            "rekor_server.address": "127.0.0.1",
            "rekor_server.hostname": HOST,
            "rekor_server.signer": self.folder / "key.pem",
            "trillian_log_server.port": self._grpc,
            "trillian_log_server.tlog_id": self._tree,
            "search_index.storage_provider": "mysql",
            "search_index.mysql.dsn": self._account,
            "enable_attestation_storage": "false",
            "log_type": "dev",
        }
        arguments = [f"--{name}={text}" for name, text in flags.items()]
        self._processes.start("rekor", program("REKOR_SERVER"), "serve", *arguments)
        self._processes.until("rekor", f"{self.url}/api/v1/log")

    def _tree_id(self) -> int:
        with urllib.request.urlopen(f"{self.url}/api/v1/log", timeout=30) as answer:
            return int(json.load(answer)["treeID"])

    def kill(self) -> None:
        self._processes.kill("rekor")

    def close(self) -> None:
        self._processes.close()

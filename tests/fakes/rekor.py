"""Rekor logs on loopback, of both versions: real trees, real signatures, and every way to lie.

They keep what they are given as the real ones do (`tests/e2e/test_logs.py` holds them against those), and check no signature.
"""

import base64
import hashlib
import json
from contextlib import asynccontextmanager
from dataclasses import replace

from aiohttp import web
from fakes.translog import HOST, Tree, tile

from sealwright.core.envelope import bundle
from sealwright.core.envelope.bundle import Bundle
from sealwright.core.envelope.rekor.wire import ANSWER_LIMIT
from sealwright.core.model import InclusionProof, LogEntry
from sealwright.core.proof import merkle

KINDS = ("v1", "v2")


class Rekor:
    """`lie` changes each entry before it is answered; `faults` are answered once each, (status, body).

    `loses` answers: they are kept, and the connection is closed instead.
    """

    def __init__(self, kind: str = "v1", tree: Tree | None = None) -> None:
        self.kind = kind
        self.tree = tree or Tree(kind)
        self.lie = lambda entry: entry
        self.faults = []
        self.loses = 0
        self.asked = []
        self.url = ""

    def body(self, request: dict) -> bytes:
        """What becomes the leaf: canonical JSON, as the log of this version writes it."""
        made = _tiled(request) if self.kind == "v2" else _CANONICAL[request["kind"]](request["spec"])
        return json.dumps(made, sort_keys=True, separators=(",", ":")).encode()

    @property
    def entries(self) -> list[LogEntry]:
        return [self.entry(number) for number in range(len(self.tree.leaves))]

    def entry(self, number: int) -> LogEntry:
        said = json.loads(self.tree.leaves[number])
        return self.tree.entry(number, said["kind"], said["apiVersion"])

    # --- the server ---

    async def _post(self, request: web.Request) -> web.Response:
        proposal = await request.json()
        self.asked.append(proposal)
        if self.faults:
            status, body = self.faults.pop(0)
            return web.Response(status=status, body=body)
        leaf = self.body(proposal)
        if leaf in self.tree.leaves:
            return self._there(self.tree.leaves.index(leaf))
        number = self.tree.add(leaf)
        if self.loses:
            self.loses -= 1
            request.transport.close()
        return web.Response(status=201, body=self._answer(number), content_type="application/json")

    def _there(self, number: int) -> web.Response:
        headers = {"Location": f"/api/v1/log/entries/{self.uuid(number)}"} if self.kind == "v1" else {"X-Log-Index": str(number)}
        return web.Response(status=409, text="an equivalent entry already exists", headers=headers)

    def uuid(self, number: int) -> str:
        """The tree's number, and the leaf's hash."""
        return "108e9186e8c5677a" + merkle.leaf_hash(self.tree.leaves[number]).hex()

    async def _get(self, request: web.Request) -> web.Response:
        for number in range(len(self.tree.leaves)):
            if self.uuid(number).endswith(request.match_info["uuid"][-64:]):
                return web.Response(body=self._answer(number), content_type="application/json")
        return web.Response(status=404, text="{}")

    async def _read(self, request: web.Request) -> web.Response:
        """The parts of a log in tiles, by their paths."""
        if self.faults:
            status, body = self.faults.pop(0)
            return web.Response(status=status, body=body)
        path = request.match_info["path"]
        if path == "checkpoint":
            return web.Response(text=self.tree.checkpoint())
        _, sort, *numbers = path.split("/")
        width = int(numbers.pop()) if numbers[-2:] and ".p" in path else 256
        number = int("".join(part.removeprefix("x").removesuffix(".p") for part in numbers))
        made = self.tree.bundle(number, width) if sort == "entries" else tile(self.tree.leaves, int(sort), number, width)
        return web.Response(body=made)

    async def _search(self, request: web.Request) -> web.Response:
        wanted = (await request.json())["hash"]
        found = [self.uuid(n) for n, leaf in enumerate(self.tree.leaves) if wanted in self.indexed(leaf)]
        return web.json_response(found)

    def indexed(self, leaf: bytes) -> set[str]:
        """By what the log finds an entry: the real one adds the subjects of what it was sent."""
        return {f"sha256:{hashlib.sha256(leaf).hexdigest()}", *self.subjects.get(leaf, ())}

    subjects: dict = {}  # noqa: RUF012  tests set it

    def _answer(self, number: int) -> bytes:
        entry = self.lie(self.entry(number))
        if isinstance(entry, bytes):
            return entry
        return written_v2(entry) if self.kind == "v2" else written_v1(entry, self.uuid(number))

    @asynccontextmanager
    async def served(self):
        """While it lasts, the log is at `url`."""
        app = web.Application(client_max_size=ANSWER_LIMIT * 32)
        path = f"/api/{self.kind}/log/entries"
        app.add_routes([web.post(path, self._post), web.get(path + "/{uuid}", self._get)])
        app.add_routes([web.get("/api/v2/{path:(?:checkpoint|tile/.*)}", self._read)])
        app.add_routes([web.post("/api/v1/index/retrieve", self._search)])
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


def written_v1(entry: LogEntry, uuid: str = "ab" * 32) -> bytes:
    """Rekor v1's answer."""
    verification = {"signedEntryTimestamp": _text(entry.promise)} if entry.promise else {}
    if entry.proof:
        verification["inclusionProof"] = {
            "checkpoint": entry.proof.checkpoint,
            "hashes": [each.hex() for each in entry.proof.hashes],
            "logIndex": entry.proof.index,
            "rootHash": entry.proof.root.hex(),
            "treeSize": entry.proof.size,
        }
    said = {
        "body": _text(entry.body),
        "integratedTime": entry.integrated_s,
        "logID": entry.log_id.hex(),
        "logIndex": entry.index,
        "verification": verification,
    }
    return json.dumps({uuid: said}).encode()


def written_v2(entry: LogEntry) -> bytes:
    """Rekor v2's answer: a bundle's entry. What no bundle may have is put in, or left out, afterwards."""
    whole = replace(entry, index=abs(entry.index), proof=entry.proof or _NO_PROOF)
    carrier = Bundle(message=bundle.MessageSignature(raw=b"x"), key_hint="", entries=(whole,))
    said = json.loads(bundle.write(carrier))["verificationMaterial"]["tlogEntries"][0]
    if not entry.proof:
        del said["inclusionProof"]
    return json.dumps(said | {"logIndex": str(entry.index)}).encode()


_NO_PROOF = InclusionProof(index=0, size=1, root=bytes(32), hashes=(), checkpoint="none")


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _hash(data: bytes) -> dict:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}


def _dsse(spec: dict) -> dict:
    proposed = spec["proposedContent"]
    envelope = json.loads(proposed["envelope"])
    kept = {
        "envelopeHash": _hash(proposed["envelope"].encode()),
        "payloadHash": _hash(base64.b64decode(envelope["payload"])),
        "signatures": [{"signature": envelope["signatures"][0]["sig"], "verifier": proposed["verifiers"][0]}],
    }
    return {"apiVersion": "0.0.1", "kind": "dsse", "spec": kept}


def _intoto(spec: dict) -> dict:
    content = spec["content"]
    envelope = {name: content["envelope"][name] for name in ("payloadType", "signatures")}
    return {"apiVersion": "0.0.2", "kind": "intoto", "spec": {"content": content | {"envelope": envelope}}}


def _tiled(request: dict) -> dict:
    made = request["hashedRekordRequestV002"]
    details = made["signature"]["verifier"]["keyDetails"]
    algorithm = next((f"SHA2_{bits}" for bits in ("384", "512") if details.endswith(f"SHA_{bits}")), "SHA2_256")
    if details == "PKIX_ED25519_PH":
        algorithm = "SHA2_512"
    spec = {"data": {"algorithm": algorithm, "digest": made["digest"]}, "signature": made["signature"]}
    return {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": spec}}


_CANONICAL = {
    "dsse": _dsse,
    "intoto": _intoto,
    "hashedrekord": lambda spec: {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec},
}

__all__ = ["HOST", "KINDS", "Rekor", "written_v1", "written_v2"]

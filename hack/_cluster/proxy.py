"""A proxy before the API server that makes it fail: `Proxy(cluster, Conflicts(), ...)` as `with`, its `port` for a controller.

A thread with a loop of its own; TLS with the server's own certificate. What a fault does not touch goes through unchanged,
watches line by line. Each fault counts what it did in `times`: one that never struck proves nothing.
"""

import asyncio
import base64
import json
import ssl
import threading
from typing import Self

import aiohttp
from aiohttp import web
from rig import Cluster, free_port

_DROPPED = {"host", "transfer-encoding", "content-length", "connection", "accept-encoding"}


class Fault:
    """What may go wrong with one call. `answer` is asked before it is sent on; a response ends it here."""

    def __init__(self) -> None:
        self.times = 0

    def answer(self, request: web.BaseRequest) -> web.Response | None:
        """None lets it through."""
        del request

    def event(self, line: bytes, number: int) -> bytes | None:
        """What to send for the line of that number of a watch; None ends the watch."""
        del number
        return line

    def answered(self, request: web.BaseRequest, body: bytes, code: int) -> None:
        """What was sent, and how the server answered."""


def status(code: int, reason: str, **headers: str) -> web.Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "code": code,
        "message": f"planted: {reason}",
    }
    return web.json_response(body, status=code, headers=headers)


def is_write(request: web.BaseRequest) -> bool:
    return request.method == "PATCH" and "/tekton.dev/" in request.path


def is_watch(request: web.BaseRequest) -> bool:
    return "watch" in request.query and "/tekton.dev/" in request.path


class Conflicts(Fault):
    """Every second write is answered 409, as if somebody else had been faster."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def answer(self, request: web.BaseRequest) -> web.Response | None:
        if not is_write(request):
            return None
        self.writes += 1
        if self.writes % 2:
            return None
        self.times += 1
        return status(409, "Conflict")


class Throttled(Fault):
    """Of each hundred calls the first forty are told to come back after a second."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def answer(self, request: web.BaseRequest) -> web.Response | None:
        if "/tekton.dev/" not in request.path:
            return None
        self.calls += 1
        if self.calls % 100 >= 40:
            return None
        self.times += 1
        return status(429, "TooManyRequests", **{"Retry-After": "1"})


class Expired(Fault):
    """Each watch ends with 410 after so many events: what it began from is no longer known."""

    def __init__(self, events: int) -> None:
        super().__init__()
        self.events = events

    def event(self, line: bytes, number: int) -> bytes | None:
        if number < self.events:
            return line
        self.times += 1
        failure = {"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410, "message": "planted: too old"}
        return json.dumps({"type": "ERROR", "object": failure}).encode() + b"\n" if number == self.events else None


class Lost(Fault):
    """The answer to every third write is lost on its way: it was done, and the caller never hears of it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def is_lost(self, request: web.BaseRequest) -> bool:
        self.writes += is_write(request)
        if not is_write(request) or self.writes % 3:
            return False
        self.times += 1
        return True


class Recorder(Fault):
    """Breaks nothing, and remembers each envelope that a write of the server's liking brought for a run.

    The write that takes the last finalizer off a run which is being deleted removes it: etcd never holds what it brought.
    """

    def __init__(self) -> None:
        super().__init__()
        self.envelopes: dict[str, list[bytes]] = {}

    def answered(self, request: web.BaseRequest, body: bytes, code: int) -> None:
        if not is_write(request) or code >= 300:
            return
        operations = json.loads(body)
        uid = next(found["value"] for found in operations if found["path"] == "/metadata/uid")
        for found in operations:
            name = found["path"].replace("~1", "/").removeprefix("/metadata/annotations/")
            added = {name: found.get("value")} if name != found["path"] else found.get("value")
            self._keep(uid, added if isinstance(added, dict) else {})

    def _keep(self, uid: str, added: dict[str, str]) -> None:
        for kind in ("taskrun", "pipelinerun"):
            if text := added.get(f"chains.tekton.dev/signature-{kind}-{uid}"):
                self.envelopes.setdefault(uid, []).append(base64.b64decode(text))
                self.times += 1


class Proxy:
    """Use as `with`, from another thread than a loop's."""

    def __init__(self, cluster: Cluster, *faults: Fault) -> None:
        self.cluster, self.faults, self.port = cluster, faults, free_port()
        self.server = f"https://127.0.0.1:{cluster.port}"
        self._ready, self._stop = threading.Event(), asyncio.Event()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        if not self._ready.wait(20):
            raise TimeoutError("the proxy did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own.load_cert_chain(self.cluster.folder / "kube-apiserver.crt", self.cluster.folder / "kube-apiserver.key")
        trusted = ssl.create_default_context(cafile=str(self.cluster.folder / "ca.crt"))
        connector = aiohttp.TCPConnector(limit=0, ssl=trusted)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as self._session:
            runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=own).start()
            self._ready.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        for fault in self.faults:
            if (planted := fault.answer(request)) is not None:
                return planted
        headers = {name: text for name, text in request.headers.items() if name.lower() not in _DROPPED}
        sent = await request.read()
        try:
            async with self._session.request(
                request.method, self.server + request.path_qs, data=sent, headers=headers | {"Accept-Encoding": "identity"}
            ) as answer:
                if is_watch(request):
                    return await self._watch(request, answer)
                body = await answer.read()
        except aiohttp.ClientError:
            return await self._break(request)
        for fault in self.faults:
            fault.answered(request, sent, answer.status)
        if any(fault.is_lost(request) for fault in self.faults if isinstance(fault, Lost)):
            return await self._break(request)
        kept = {name: text for name, text in answer.headers.items() if name.lower() not in _DROPPED}
        return web.Response(body=body, status=answer.status, headers=kept)

    async def _watch(self, request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/json"})
        await response.prepare(request)
        number, left = 0, b""
        try:
            async for chunk in answer.content.iter_any():
                *whole, left = (left + chunk).split(b"\n")
                for line in whole:
                    if (sent := self._event(line + b"\n", number)) is None:
                        return response
                    await response.write(sent)
                    number += 1
        except (aiohttp.ClientError, ConnectionError):
            pass
        return response

    def _event(self, line: bytes, number: int) -> bytes | None:
        sent: bytes | None = line
        for fault in self.faults:
            sent = fault.event(sent, number) if sent is not None else None
        return sent

    async def _break(self, request: web.BaseRequest) -> web.Response:
        """The connection is cut: nothing of this answer arrives."""
        if request.transport:
            request.transport.abort()
        return web.Response()

"""Two HTTP servers: metrics and the status page for people and Prometheus, health for the kubelet (Chains' ports).

Nothing here takes input: no bodies, small headers, few connections, each for a limited time.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Finding, value
from sealwright.edge import page
from sealwright.edge.metrics import CONTENT_TYPE
from sealwright.edge.status import Status

METRICS_PORT, HEALTH_PORT = 9090, 8080

# Prometheus keeps a connection for its next scrape; longer than this one it has to open another.
CONNECTION_S = 75.0
# What is under way at that moment gets so long to end.
LAST_WORDS_S = 5.0
CONNECTIONS = 64
HEADER_LIMIT = 8190  # of each line: aiohttp's own, said here because it is a promise
STOP_S = 2.0

_HEADERS = {
    "Server": "sealwright",
    "Content-Security-Policy": page.POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@value
class Address:
    """Where to listen; port 0 takes any that is free. An empty host is every address, as Kubernetes needs it."""

    host: str = ""
    metrics_port: int = METRICS_PORT
    health_port: int = HEALTH_PORT


class Web:
    """Use as `async with`. `status` and `render` are called once a request. `ports` are the metrics' and the health's."""

    def __init__(self, address: Address, status: Callable[[], Status], render: Callable[[], bytes]) -> None:
        self._address = address
        self._status = status
        self._render = render
        self._servers: list[_Server] = []

    async def __aenter__(self) -> Self:
        """Raises Permanent(INVALID_CONFIG) where a port cannot be listened on."""
        metrics = {"/metrics": self._metrics, "/": self._page, "/reasons": self._reasons}
        health = dict.fromkeys(("/health", "/healthz", "/livez"), self._alive)
        health |= dict.fromkeys(("/readiness", "/readyz"), self._ready)
        try:
            for port, routes in ((self._address.metrics_port, metrics), (self._address.health_port, health)):
                self._servers.append(await _Server.open(self._address.host, port, routes))
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._close()

    @property
    def ports(self) -> tuple[int, ...]:
        return tuple(server.port for server in self._servers)

    async def _close(self) -> None:
        """Answers that are under way are finished first."""
        while self._servers:
            await self._servers.pop().close()

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._render(), headers={"Content-Type": CONTENT_TYPE})

    async def _page(self, _request: web.Request) -> web.Response:
        return web.Response(text=page.status_page(self._status()), content_type="text/html")

    async def _reasons(self, _request: web.Request) -> web.Response:
        return web.Response(text=page.reasons_page(), content_type="text/html")

    async def _alive(self, _request: web.Request) -> web.Response:
        """False only where a restart would help: an outage of something else is no reason to be killed."""
        stuck = self._status().stuck
        return _answer(not stuck, [Finding(where="stuck", message=stuck)] if stuck else [])

    async def _ready(self, _request: web.Request) -> web.Response:
        status = self._status()
        unmet = list(status.unmet)
        if status.stuck:
            unmet.append(Finding(where="stuck", message=status.stuck))
        if status.is_stopping:
            unmet.append(Finding(where="stopping", message="the program was asked to stop"))
        return _answer(status.is_ready, unmet)


def _answer(good: bool, unmet: list[Finding]) -> web.Response:
    body = {"ok": good, "unmet": [{"condition": found.where, "message": found.message} for found in unmet]}
    return web.Response(status=200 if good else 503, body=msgspec.json.encode(body), content_type="application/json")


class _Server:
    """One listening socket, with limits that aiohttp leaves to others."""

    def __init__(self, runner: web.AppRunner, listener: asyncio.Server) -> None:
        self._runner = runner
        self._listener = listener
        self.port: int = listener.sockets[0].getsockname()[1]

    @classmethod
    async def open(cls, host: str, port: int, routes: dict[str, Callable[[web.Request], web.StreamResponse]]) -> Self:
        app = web.Application(client_max_size=0)
        app.add_routes([web.get(path, answer) for path, answer in routes.items()])
        app.on_response_prepare.append(_add_headers)
        runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=STOP_S,
            max_line_size=HEADER_LIMIT,
            max_field_size=HEADER_LIMIT,
            lingering_time=0,
        )
        await runner.setup()
        try:
            listener = await asyncio.get_running_loop().create_server(lambda: _connection(runner), host or None, port)
        except OSError as error:
            await runner.cleanup()
            raise Permanent(
                Reason.INVALID_CONFIG, f"cannot listen on {host or '*'}:{port}: {error.strerror or error}; choose another port"
            ) from error
        return cls(runner, listener)

    async def close(self) -> None:
        self._listener.close()
        await self._runner.cleanup()


def _connection(runner: web.AppRunner) -> asyncio.Protocol:
    """A connection that ends: who says nothing, or says it slowly, gives its place back."""
    server = runner.server
    assert server  # noqa: S101  set up before anything listens
    if len(server.connections) >= CONNECTIONS:
        return _Refusal()
    made: RequestHandler = server()
    loop = asyncio.get_running_loop()
    loop.call_later(CONNECTION_S, made.close)
    loop.call_later(CONNECTION_S + LAST_WORDS_S, made.force_close)
    return made


class _Refusal(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)

"""Two HTTP servers: metrics and the status page for people and Prometheus, health for the kubelet (Chains' ports).

Nothing here takes input: no bodies, small headers, few connections, each for a limited time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
from sealwright.ports import Clock

METRICS_PORT, HEALTH_PORT = 9090, 8080

# Prometheus keeps a connection for its next scrape; one that is older than this is closed once nothing is under way on it,
# and a little later in any case. That ends clients which say nothing, or say or read it slowly.
CONNECTION_S, LOOK_S = 75.0, 5.0
CONNECTIONS = 64
HEADER_LIMIT = 8190  # of each line: aiohttp's own, said here because it is a promise
STOP_S = 2.0

_Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

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

    def __init__(self, address: Address, status: Callable[[], Status], render: Callable[[], bytes], clock: Clock) -> None:
        self._address = address
        self._status = status
        self._render = render
        self._clock = clock
        self._servers: list[_Server] = []

    async def __aenter__(self) -> Self:
        """Raises Permanent(INVALID_CONFIG) where a port cannot be listened on."""
        metrics: dict[str, _Answer] = {"/metrics": self._metrics, "/": self._page, "/reasons": self._reasons}
        health: dict[str, _Answer] = dict.fromkeys(("/health", "/healthz", "/livez"), self._alive)
        health |= dict.fromkeys(("/readiness", "/readyz"), self._ready)
        try:
            for port, routes in ((self._address.metrics_port, metrics), (self._address.health_port, health)):
                self._servers.append(await _Server.open(self._address.host, port, routes, self._clock))
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
        return _answer([Finding(where="stuck", message=stuck)] if stuck else [])

    async def _ready(self, _request: web.Request) -> web.Response:
        return _answer(self._status().obstacles)


def _answer(unmet: Sequence[Finding]) -> web.Response:
    body = {"ok": not unmet, "unmet": [{"condition": found.where, "message": found.message} for found in unmet]}
    return web.Response(status=503 if unmet else 200, body=msgspec.json.encode(body), content_type="application/json")


class _Server:
    """One listening socket, with limits that aiohttp leaves to others."""

    def __init__(self, runner: web.AppRunner, server: web.Server, listener: asyncio.Server, clock: Clock) -> None:
        self._runner = runner
        self._server = server
        self._listener = listener
        self._clock = clock
        self._sweep = asyncio.ensure_future(self._end_old_connections())
        self.port: int = listener.sockets[0].getsockname()[1]

    @classmethod
    async def open(cls, host: str, port: int, routes: Mapping[str, _Answer], clock: Clock) -> Self:
        app = web.Application(client_max_size=1)
        app.add_routes([web.get(path, answer) for path, answer in routes.items()])
        app.on_response_prepare.append(_add_headers)
        runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=STOP_S,
            lingering_time=0,
            max_line_size=HEADER_LIMIT,
            max_field_size=HEADER_LIMIT,
        )
        await runner.setup()
        server = runner.server
        assert server  # noqa: S101  it is there after `setup`
        try:
            listener = await asyncio.get_running_loop().create_server(lambda: _connection(server), host or None, port)
        except OSError as error:
            await runner.cleanup()
            message = f"cannot listen on {host or '*'}:{port}: {error.strerror or error}; choose another port"
            raise Permanent(Reason.INVALID_CONFIG, message) from error
        return cls(runner, server, listener, clock)

    async def close(self) -> None:
        self._sweep.cancel()
        self._listener.close()
        await self._runner.cleanup()

    async def _end_old_connections(self) -> None:
        ages: dict[RequestHandler, float] = {}
        while True:
            await self._clock.sleep(LOOK_S)
            ages = {connection: ages.get(connection, 0.0) + LOOK_S for connection in self._server.connections}
            for connection, age_s in ages.items():
                if age_s > CONNECTION_S + LOOK_S:
                    connection.force_close()
                elif age_s > CONNECTION_S:
                    connection.close()


def _connection(server: web.Server) -> asyncio.Protocol:
    return _Refusal() if len(server.connections) >= CONNECTIONS else server()


class _Refusal(asyncio.Protocol):
    """For one connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)

"""A thin client for the hot path to the API server: bytes in, bytes out (design D14).

Every call has a deadline; watches are read line by line without aiohttp's own line limit, which one large PipelineRun would
break; a connection that has gone silent is given up, since the next one goes on from the same version.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Self

import aiohttp

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.edge import http
from sealwright.edge.kube.login import Login

CALL_S = 30.0
# Bookmarks come about once a minute, but a watch is cheap to begin anew: half-open connections are noticed by then.
SILENCE_S = 40.0
# Above any object that etcd takes, base64 and managed fields included.
LINE_LIMIT = 16 << 20
_BUFFER = 1 << 21
# Packing a page of history costs the server as much again as making it, for a network that is fast: measured on 5 MiB.
_PLAIN = {"Accept-Encoding": "identity"}

_Parameters = Mapping[str, str]


class Api:
    """Use as `async with`. Raises Transient(UNAVAILABLE) for what waiting may mend, Permanent for the rest."""

    def __init__(self, login: Login, calls: int = 32) -> None:
        self._login = login
        self._calls = calls

    async def __aenter__(self) -> Self:
        # Watches have connections of their own: with HTTP/1.1 each takes one for as long as it lasts.
        self._session = self._open(aiohttp.ClientTimeout(total=CALL_S), self._calls)
        self._watches = self._open(aiohttp.ClientTimeout(total=None, sock_connect=CALL_S, sock_read=SILENCE_S), 0)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()
        await self._watches.close()

    async def get(self, path: str, *, accept: str = "", **parameters: str) -> bytes | None:
        """The body; None where there is nothing under this path."""
        status, body = await self._call("GET", path, headers={"Accept": accept} if accept else {}, parameters=parameters)
        return None if status == 404 else body

    async def send(
        self, method: str, path: str, body: bytes, media_type: str = "application/json", *, accept: str = "", **parameters: str
    ) -> tuple[int, bytes]:
        """Status and body of a write; 404, 409 and 422 are answers that the caller must know, other failures are raised."""
        headers = {"Content-Type": media_type} | ({"Accept": accept} if accept else {})
        return await self._call(method, path, body=body, headers=headers, parameters=parameters)

    async def lines(self, path: str, **parameters: str) -> AsyncIterator[bytes]:
        """The lines of a watch, until the server ends it or it falls silent; both are an ordinary end.

        Raises Transient, and Permanent(NOT_FOUND) where the kind is not served.
        """
        try:
            async with self._watches.get(self._url(path), params=parameters, headers=self._headers()) as answer:
                if answer.status != 200:
                    raise http.fault(answer.status, await answer.read(), answer.headers, f"watch {path}")
                async for line in _lines(answer.content):
                    yield line
        except TimeoutError:
            return
        except aiohttp.ClientPayloadError:
            return
        except (OSError, aiohttp.ClientError) as error:
            raise _unreachable(path, error) from error

    async def _call(
        self, method: str, path: str, *, parameters: _Parameters, body: bytes | None = None, headers: _Parameters | None = None
    ) -> tuple[int, bytes]:
        try:
            sent = self._headers() | dict(headers or {})
            async with self._session.request(method, self._url(path), params=parameters, data=body, headers=sent) as answer:
                received = await answer.read()
        except (OSError, aiohttp.ClientError) as error:  # a timeout is an OSError too
            raise _unreachable(path, error) from error
        if answer.status >= 300 and answer.status not in (404, 409, 422):
            raise http.fault(answer.status, received, answer.headers, f"{method} {path}")
        return answer.status, received

    def _open(self, timeout: aiohttp.ClientTimeout, limit: int) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=limit, ssl=self._login.tls if self._login.tls else False)
        return aiohttp.ClientSession(
            connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=_BUFFER
        )

    def _url(self, path: str) -> str:
        return f"{self._login.server}{path}"

    def _headers(self) -> dict[str, str]:
        token = self._login.token()
        return _PLAIN | ({"Authorization": f"Bearer {token}"} if token else {})


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    left = bytearray()
    async for chunk in content.iter_any():
        left += chunk
        if b"\n" not in chunk:
            if len(left) > LINE_LIMIT:
                raise Permanent(Reason.TOO_LARGE, f"a watch event of more than {LINE_LIMIT} bytes")
            continue
        *whole, rest = bytes(left).split(b"\n")
        left = bytearray(rest)
        for line in whole:
            if line:
                yield line


def _unreachable(path: str, error: Exception) -> Transient:
    what = "no answer in time" if isinstance(error, asyncio.TimeoutError) else str(error) or type(error).__name__
    return Transient(Reason.UNAVAILABLE, f"the API server cannot be reached ({path}): {what}")

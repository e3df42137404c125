"""Short HTTP calls to one peer that is trusted with nothing: deadlines, a cap on what it may answer, no redirects.

What an answer's status means is `http`'s affair, and for the few that a caller must know, the caller's.
"""

import asyncio
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sealwright.core.errors import Reason, Transient, quote
from sealwright.core.model import value
from sealwright.edge import http

if TYPE_CHECKING:  # loaded at the first call: most controllers over a folder ask nobody
    import aiohttp

# Rekor v2 answers once a checkpoint covers the entry, and asks its clients to wait for 20 s.
CALL_S = 30.0
CONNECT_S = 10.0
NO_HEADERS: Mapping[str, str] = {}


@value
class Answer:
    """`body` is whole; `headers` are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Caller:
    """Use as `async with`, or close it. `url` is the peer's address, without a slash at its end; `what` names it in errors."""

    def __init__(self, url: str, what: str, limit_bytes: int, calls: int = 32) -> None:
        self.url = url.rstrip("/")
        self._what = what
        self._limit_bytes = limit_bytes
        self._calls = calls
        self._session: aiohttp.ClientSession | None = None
        self._under_way = 0
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections when the last call has ended; one that comes later takes its own with it."""
        self._is_closed = True
        await self._close_if_done()

    async def _close_if_done(self) -> None:
        session = self._session
        if session and self._is_closed and not self._under_way:
            self._session = None
            await session.close()

    async def get(self, path: str, known: Collection[int] = (), headers: Mapping[str, str] = NO_HEADERS) -> Answer:
        """Raises like `post`."""
        return await self._call("GET", path, None, headers, known)

    async def post(
        self,
        path: str,
        body: bytes,
        media_type: str = "application/json",
        known: Collection[int] = (),
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Answer:
        """The answer, where its status is a success or in `known`.

        Raises Transient(UNAVAILABLE) for a peer that cannot be reached, is too slow or says too much, and what `http.fault` makes
        of any other status.
        """
        return await self._call("POST", path, body, {"Content-Type": media_type, **headers}, known)

    async def _call(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], known: Collection[int]
    ) -> Answer:
        self._under_way += 1
        try:
            return await self._ask(method, path, body, headers, known)
        finally:
            self._under_way -= 1
            await self._close_if_done()

    async def _ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], known: Collection[int]
    ) -> Answer:
        import aiohttp  # noqa: PLC0415  as above

        where = f"{method} {self._what}{path}"
        try:
            call = self._open().request(method, f"{self.url}{path}", data=body, headers=headers, allow_redirects=False)
            async with call as answer:
                received = await self._read(answer, where)
                found = Answer(status=answer.status, headers=answer.headers, body=received)
        except (OSError, aiohttp.ClientError) as error:  # a timeout is an OSError too
            said = "no answer in time" if isinstance(error, asyncio.TimeoutError) else quote(str(error) or type(error).__name__)
            raise Transient(Reason.UNAVAILABLE, f"{where}: {self._what} cannot be reached: {said}") from error
        if found.status >= 300 and found.status not in known:
            raise http.fault(found.status, received, found.headers, where)
        return found

    async def _read(self, answer: "aiohttp.ClientResponse", where: str) -> bytes:
        received = bytearray()
        async for chunk in answer.content.iter_any():
            received += chunk
            if len(received) > self._limit_bytes:
                raise Transient(Reason.UNAVAILABLE, f"{where}: an answer of more than {self._limit_bytes} bytes was cut off")
        return bytes(received)

    def _open(self) -> "aiohttp.ClientSession":
        """Made at the first call, inside the loop that makes it."""
        import aiohttp  # noqa: PLC0415  as above

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._calls),
                timeout=aiohttp.ClientTimeout(total=CALL_S, sock_connect=CONNECT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

"""One request to a registry, within limits: time, bytes, addresses, redirects. What it says is handed back, not judged.

A host that did not answer is not asked again at once: who comes meanwhile is told so without waiting, so that one dead registry
costs one deadline and not one for each run.
"""

from collections import OrderedDict
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from sealwright.core.errors import Permanent, Reason, Transient, quote
from sealwright.core.model import value
from sealwright.edge.registry.reach import REFUSED, Reach, connector, tls_of
from sealwright.ports import Clock

CALL_S, CONNECT_S = 20.0, 5.0
# Manifests and pages of referrers (the specification asks for 4 MiB).
MANIFEST_LIMIT = 4 << 20
ERROR_LIMIT = 64 << 10
REDIRECTS = 3
# Waits after a host did not answer: doubled each time, up to a minute.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
HOSTS_KEPT = 4096

_MOVED = (301, 302, 303, 307, 308)


@value
class Answer:
    """Status, headers and body. `challenges` are its `WWW-Authenticate`; `url` is where it came from in the end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    challenges: tuple[str, ...] = ()


@value
class _Pause:
    until_s: float
    length_s: float


class Transport:
    """Use as `async with`. Raises Transient(UNAVAILABLE), Permanent: ADDRESS_DENIED, TOO_LARGE, STORE_FAILED."""

    def __init__(self, reach: Reach, clock: Clock, call_s: float = CALL_S) -> None:
        self.reach = reach
        self.requests = 0
        self._clock = clock
        self._call_s = call_s
        self._pauses: OrderedDict[tuple[str, str], _Pause] = OrderedDict()

    async def __aenter__(self) -> Self:
        tls = tls_of(self.reach)
        timeout = aiohttp.ClientTimeout(total=self._call_s, sock_connect=CONNECT_S)
        self._sessions = {
            is_free: aiohttp.ClientSession(
                connector=connector(self.reach, tls, is_free=is_free),
                timeout=timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers={"User-Agent": "sealwright", "Accept-Encoding": "identity"},
            )
            for is_free in (True, False)
        }
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for session in self._sessions.values():
            await session.close()

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None, limit: int = MANIFEST_LIMIT
    ) -> Answer:
        """Send it; a GET or HEAD follows redirects, without `Authorization` once it leaves the origin.

        A redirect that leaves TLS is refused.
        """
        for _ in range(REDIRECTS + 1):
            answer = await self._send(method, url, headers, body, limit)
            target = answer.headers.get("Location")
            if answer.status not in _MOVED or not target or method not in ("GET", "HEAD"):
                return answer
            target = urljoin(url, target)
            if origin(target) != origin(url):
                headers = {name: text for name, text in headers.items() if name != "Authorization"}
            if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
                raise Permanent(Reason.STORE_FAILED, f"{method} {quote(url)}: it is redirected to {quote(target)}, away from TLS")
            url = target
        raise Permanent(Reason.STORE_FAILED, f"{method} {quote(url)}: redirected more than {REDIRECTS} times")

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, limit: int) -> Answer:
        self._refuse_paused(url)
        session = self._sessions[self.reach.vouches(_authority(url))]
        self.requests += 1
        try:
            sent = session.request(method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False)
            async with sent as found:
                answer = await _read(found, method, url, limit)
        except (OSError, aiohttp.ClientError, ValueError) as error:  # a timeout is an OSError too
            if getattr(error, "errno", None) == REFUSED:
                raise _denied(url, error) from error
            raise self._unreachable(url, error) from error
        self._pauses.pop(origin(url), None)
        return answer

    def _refuse_paused(self, url: str) -> None:
        pause = self._pauses.get(origin(url))
        if pause is None:
            return
        left_s = pause.until_s - self._clock.now_s()
        if left_s > 0:
            told = f"{_authority(url)} did not answer a moment ago and is not asked for another {left_s:.1f} s"
            raise Transient(Reason.UNAVAILABLE, f"{quote(url)}: {told}", left_s)
        # One goes ahead and finds out; the others wait for what it finds.
        self._pause(url, pause.length_s)

    def _pause(self, url: str, length_s: float) -> None:
        self._pauses[origin(url)] = _Pause(until_s=self._clock.now_s() + length_s, length_s=length_s)
        self._pauses.move_to_end(origin(url))
        if len(self._pauses) > HOSTS_KEPT:
            self._pauses.popitem(last=False)

    def _unreachable(self, url: str, error: Exception) -> Transient:
        if isinstance(error, TimeoutError | aiohttp.ClientConnectorError):
            before = self._pauses.get(origin(url))
            self._pause(url, min(before.length_s * 2, LONGEST_PAUSE_S) if before else FIRST_PAUSE_S)
        what = "no whole answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        return Transient(Reason.UNAVAILABLE, f"{quote(url)}: {_authority(url)} cannot be reached: {quote(what)}")


def origin(url: str) -> tuple[str, str]:
    """Scheme, and host with its port."""
    parts = urlsplit(url)
    return parts.scheme, _authority(url)


def _authority(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2].lower()


async def _read(found: aiohttp.ClientResponse, method: str, url: str, limit: int) -> Answer:
    limit = limit if found.status < 300 else ERROR_LIMIT
    body = bytearray()
    async for chunk in found.content.iter_any():
        body += chunk
        if len(body) > limit:
            if found.status >= 300:
                break  # the first part of an error is enough
            raise Permanent(Reason.TOO_LARGE, f"{method} {quote(url)}: an answer of more than {limit} bytes")
    challenges = tuple(found.headers.getall("WWW-Authenticate", ()))
    return Answer(status=found.status, headers=found.headers, body=bytes(body), url=url, challenges=challenges)


def _denied(url: str, error: Exception) -> Permanent:
    inner = getattr(error, "os_error", error)
    why = getattr(inner, "strerror", "") or str(inner)
    advice = "name the host in storage.oci.allowed-hosts if runs may use it"
    return Permanent(Reason.ADDRESS_DENIED, f"{quote(url)}: its host is at {why}, where runs may not lead us; {advice}")

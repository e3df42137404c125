"""One question over HTTP to a service that signers need now and then: bounded in time and size, never redirected.

Proxies are those of the environment.
"""

from collections.abc import Mapping

import aiohttp

from sealwright.core.errors import quote
from sealwright.edge.signing import refused, unavailable

_TIMEOUT = aiohttp.ClientTimeout(total=45, sock_connect=10)
_LIMIT = 1 << 20


async def ask(where: str, url: str, advice: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> bytes:
    """The answer's body; with a `body` of JSON it is a POST. `where` and `advice` are for messages.

    Raises Transient(UNAVAILABLE), Permanent(KEY_DENIED, KEY_MISSING, KEY_UNUSABLE).
    """
    sent = dict(headers or {}) | ({"Content-Type": "application/json"} if body else {})
    method = "POST" if body else "GET"
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, headers=sent, trust_env=True) as session,
            session.request(method, url, data=body, allow_redirects=False) as answer,
        ):
            received = await answer.content.read(_LIMIT)
    except (OSError, aiohttp.ClientError, ValueError) as error:
        raise unavailable(where, quote(error) if str(error) else type(error).__name__) from error
    if answer.status not in (200, 201):
        raise refused(where, answer.status, received[:512].decode(errors="replace"), answer.headers, advice)
    return received

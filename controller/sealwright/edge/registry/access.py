"""From a registry's challenge to the header that it wants: found once for each registry, tokens once for each repository.

A registry is first asked at `/v2/`, as every client does: one that lets anybody read and answers "not there" to whoever is not
logged in must not make us take a tag for empty.
"""

import asyncio
import hashlib
from collections import OrderedDict
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from sealwright.core.errors import Permanent, Reason, Transient, quote
from sealwright.core.model import value
from sealwright.core.registry import address
from sealwright.core.registry.address import Endpoint
from sealwright.core.registry.challenge import Challenge, challenge, token
from sealwright.core.registry.logins import Login, Owner
from sealwright.edge import http
from sealwright.edge.registry.logins import Logins
from sealwright.edge.registry.transport import Answer, Transport
from sealwright.ports import Clock

KEPT = 4096
# A token is not used in its last seconds: the call that it goes with takes time too.
MARGIN_S = 5.0
# How a registry was found to want its logins; it may change its mind, and says so with 401.
DOOR_S = 600.0
TOKEN_LIMIT = 256 << 10


@value
class Door:
    """A registry as it was found: with TLS or without, and what it asks of who comes."""

    base: str  # https://host:port
    challenge: Challenge | None
    until_s: float


@value
class Visitor:
    """Who comes to which repository, to do what (`pull`, or `pull,push`)."""

    endpoint: Endpoint
    repository: str
    actions: str
    owner: Owner | None


@value
class _Token:
    header: str
    until_s: float


class Access:
    """Doors and tokens, kept. Raises as `Transport.send`, and LOGIN_REFUSED."""

    def __init__(self, transport: Transport, logins: Logins, clock: Clock) -> None:
        self._transport = transport
        self._logins = logins
        self._clock = clock
        self._doors: OrderedDict[Endpoint, Door] = OrderedDict()
        self._tokens: OrderedDict[Any, _Token] = OrderedDict()
        self._turns: dict[Any, asyncio.Lock] = {}
        # Whether a registry takes a blob with the POST that begins its upload (specification 1.1, "Single POST").
        self.takes_whole: dict[Endpoint, bool] = {}
        self.shared_blobs: OrderedDict[Any, None] = OrderedDict()

    async def base(self, visitor: Visitor) -> str:
        """`https://host:port`, or with `http` where there is no TLS and that is allowed."""
        return (await self._door(visitor.endpoint)).base

    async def header(self, visitor: Visitor) -> str:
        """What `Authorization` has to say; "" for a registry that asks for nothing."""
        door = await self._door(visitor.endpoint)
        if door.challenge is None:
            return ""
        login = await self._logins.find(visitor.owner, visitor.endpoint.authority, visitor.repository)
        if door.challenge.scheme == "basic":
            if login is None or not login.username:
                self._logins.forget(visitor.owner)
                raise _nobody(visitor)
            return f"Basic {login.basic}"
        if login and login.registry_token.text:
            return f"Bearer {login.registry_token.text}"
        return await self._token(visitor, door.challenge, login)

    async def forget(self, visitor: Visitor, refusal: Answer) -> bool:
        """After 401: drop what was kept, take the new challenge; false where there is none to meet."""
        found = challenge(refusal.challenges)
        door = self._doors.get(visitor.endpoint)
        self._tokens = OrderedDict((key, kept) for key, kept in self._tokens.items() if key[0] != visitor)
        if found is None or door is None:
            return False
        self._keep_door(visitor.endpoint, Door(base=door.base, challenge=found, until_s=self._clock.now_s() + DOOR_S))
        return True

    async def refused(self, visitor: Visitor, answer: Answer, doing: str) -> Transient:
        """The fault for 401 and 403: a person mends it, so it is tried again."""
        login = await self._logins.find(visitor.owner, visitor.endpoint.authority, visitor.repository)
        by = f"{login.source} of {visitor.owner}" if login else f"no login ({visitor.owner or 'nobody'} has none for this host)"
        self._logins.forget(visitor.owner)
        where = f"{doing}: {visitor.endpoint.authority} answered {answer.status} to {by}"
        said = http.fault(400, answer.body, {}, where).message
        return Transient(
            Reason.LOGIN_REFUSED, f"{said}; it may have to be given the right to push to {quote(visitor.repository)}"
        )

    def note_blob(self, place: Any) -> None:
        """A blob that many manifests share is there."""
        self.shared_blobs[place] = None
        if len(self.shared_blobs) > KEPT:
            self.shared_blobs.popitem(last=False)

    async def _door(self, endpoint: Endpoint) -> Door:
        async with self._turn(endpoint):
            door = self._doors.get(endpoint)
            if door is None or door.until_s <= self._clock.now_s():
                door = await self._knock(endpoint)
                self._keep_door(endpoint, door)
            return door

    async def _knock(self, endpoint: Endpoint) -> Door:
        try:
            return await self._knock_at(f"https://{endpoint.authority}")
        except Transient:
            if not endpoint.plain:
                raise
        return await self._knock_at(f"http://{endpoint.authority}")

    async def _knock_at(self, base: str) -> Door:
        url = f"{base}/v2/"
        answer = await self._transport.send("GET", url, headers={})
        found = challenge(answer.challenges) if answer.status == 401 else None
        if answer.status == 401 and found is None:
            message = f"{url}: it answers 401 and asks for no login that there is (Bearer, Basic)"
            raise Permanent(Reason.LOGIN_REFUSED, message)
        if answer.status == 429 or answer.status >= 500:
            raise http.fault(answer.status, answer.body, answer.headers, f"GET {url}")
        return Door(base=base, challenge=found, until_s=self._clock.now_s() + DOOR_S)

    async def _token(self, visitor: Visitor, asked: Challenge, login: Login | None) -> str:
        key = (visitor, _print(login), asked)
        async with self._turn(key):
            kept = self._tokens.get(key)
            if kept is None or kept.until_s <= self._clock.now_s():
                kept = await self._fetch(visitor, asked, login)
                self._tokens[key] = kept
                while len(self._tokens) > KEPT:
                    self._turns.pop(self._tokens.popitem(last=False)[0], None)
            return kept.header

    async def _fetch(self, visitor: Visitor, asked: Challenge, login: Login | None) -> _Token:
        if not address.may_ask(visitor.endpoint, asked.realm):
            message = f"{visitor.endpoint.authority} sends us for a token to {quote(asked.realm)}, which is no https:// address"
            raise Permanent(Reason.LOGIN_REFUSED, message)
        if login and not address.may_have_logins(visitor.endpoint, asked.realm, self._transport.reach.vouched):
            advice = "name its host in storage.oci.allowed-hosts if it is to be trusted with logins"
            message = f"{visitor.endpoint.authority} sends us for a token to {quote(asked.realm)}, a foreign host; {advice}"
            raise Permanent(Reason.LOGIN_REFUSED, message)
        answer = await self._ask(visitor, asked, login)
        where = f"token for {visitor.endpoint.authority}/{visitor.repository}"
        if answer.status in (401, 403):
            raise await self.refused(visitor, answer, where)
        if answer.status != 200:
            raise http.fault(answer.status, answer.body, answer.headers, where)
        text, life_s = token(answer.body, where)
        return _Token(header=f"Bearer {text}", until_s=self._clock.now_s() + max(life_s - MARGIN_S, life_s / 2))

    async def _ask(self, visitor: Visitor, asked: Challenge, login: Login | None) -> Answer:
        scope = f"repository:{visitor.repository}:{visitor.actions}"
        wanted = {"service": asked.service, "scope": scope} if asked.service else {"scope": scope}
        if login and login.identity_token.text:
            form = wanted | {
                "grant_type": "refresh_token",
                "refresh_token": login.identity_token.text,
                "client_id": "sealwright",
            }
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            return await self._transport.send(
                "POST", asked.realm, headers=headers, body=urlencode(form).encode(), limit=TOKEN_LIMIT
            )
        parts = urlsplit(asked.realm)
        query = "&".join(filter(None, (parts.query, urlencode(wanted))))
        headers = {"Authorization": f"Basic {login.basic}"} if login else {}
        url = urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
        return await self._transport.send("GET", url, headers=headers, limit=TOKEN_LIMIT)

    def _keep_door(self, endpoint: Endpoint, door: Door) -> None:
        self._doors[endpoint] = door
        self._doors.move_to_end(endpoint)
        while len(self._doors) > KEPT:
            gone, _ = self._doors.popitem(last=False)
            self._turns.pop(gone, None)
            self.takes_whole.pop(gone, None)

    def _turn(self, key: Any) -> asyncio.Lock:
        return self._turns.setdefault(key, asyncio.Lock())


def _print(login: Login | None) -> str:
    """Tells logins apart without keeping them."""
    if login is None:
        return ""
    texts = (login.username, login.password.text, login.identity_token.text)
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _nobody(visitor: Visitor) -> Transient:
    message = (
        f"{visitor.endpoint.authority} wants a login, and {visitor.owner or 'nobody'} has none for it: "
        "add a Secret of type kubernetes.io/dockerconfigjson for this very host to the secrets of the ServiceAccount"
    )
    return Transient(Reason.LOGIN_REFUSED, message)

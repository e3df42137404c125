"""What all signers share: a key somewhere, bounded calls to it, and no signature that leaves unverified (F45).

A member of `edge/signers` or `edge/kms` knows one kind of key and is a `Holder`; `CheckedSigner` makes a `ports.Signer` of it:
it holds the public half, asks again when that may have changed, limits how many calls are under way and how long each may
take, and verifies each signature with the public key that it named before. A service that signs with another version or
algorithm than it said, or answers rubbish, is found out here, whatever its library believes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from sealwright.core import keys
from sealwright.core.errors import Fault, Permanent, Reason, Transient, Untrusted, quote
from sealwright.core.keys import Form, PublicKey
from sealwright.core.model import Signature, value
from sealwright.core.proof.attestation import TrustedKey
from sealwright.edge import http
from sealwright.ports import Clock

T = TypeVar("T")

# A slow key service takes 30 s at times (F45); what takes longer is given up and tried again later.
CALL_S = 60.0
CALLS = 16
# How old what we know of a key in a service may be: a version that is added there signs within this time.
RECHECK_S = 300.0
# A certificate is not used in its last seconds: a log or a timestamp is still to come.
MARGIN_S = 10.0


@value
class Tools:
    """What a signer is opened with. `keys` is the folder of keys, None where there is none; `unix_s` the time of day."""

    keys: Path | None
    clock: Clock
    unix_s: Callable[[], float]
    environment: Mapping[str, str] = field(repr=False)


@value
class Held:
    """The key that signs next. `handle` is its holder's own: a private key, or the name of a version in a service.

    `previous` are keys whose signatures still count, by the word of whoever keeps the key. `certificate` and `chain` are PEM.
    From `renew_s` on another should be fetched, after `expires_s` it is worth nothing; both in seconds after 1970, None for what
    does not expire.
    """

    public: PublicKey
    form: Form = "sha256"
    handle: Any = field(default=None, repr=False, compare=False)
    certificate: str = field(default="", repr=False)
    chain: str = field(default="", repr=False)
    previous: tuple[TrustedKey, ...] = ()
    renew_s: float | None = None
    expires_s: float | None = None

    @property
    def trusted(self) -> TrustedKey:
        """For verifying what this key signed."""
        return TrustedKey(key=self.public, form=self.form)


class Holder(Protocol):
    """A key, wherever it is. `where` names it in messages; `recheck_s` is how long `load`'s answer is good for, `calls` how many
    signatures may be under way.
    """

    where: str
    recheck_s: float
    calls: int

    async def load(self, known: Held | None) -> Held:
        """The key that signs now; `known` itself where that is cheap to say and nothing has changed."""

    async def sign(self, message: bytes, held: Held) -> bytes:
        """The signature in the form of `held`, ECDSA as DER."""

    async def close(self) -> None:
        """Let go of connections and sessions."""


class CheckedSigner:
    """A `ports.Signer` over a holder. `call_s` is how long one call may take, `where` what messages call the key."""

    def __init__(self, holder: Holder, held: Held, tools: Tools, *, call_s: float) -> None:
        self._holder, self._held, self._tools = holder, held, tools
        self.call_s = call_s
        self.where = holder.where
        self._slots = asyncio.Semaphore(holder.calls)
        self._turn = asyncio.Lock()  # one load at a time: a burst of signatures asks a service once
        self._checked_s = tools.clock.now_s()

    @classmethod
    async def open(cls, holder: Holder, tools: Tools, *, call_s: float = CALL_S) -> Self:
        """Ask for the public key; what cannot be asked now cannot sign. Raises what the holder's `load` raises."""
        try:
            held = await _within(call_s, holder.load(None), holder.where)
        except BaseException:
            await holder.close()
            raise
        return cls(holder, held, tools, call_s=call_s)

    @property
    def key_id(self) -> str:
        """Of the key that signs next."""
        return self._held.public.key_id

    @property
    def held(self) -> Held:
        """The key that signs next, and when it expires."""
        return self._held

    async def sign(self, message: bytes) -> Signature:
        """Raises Transient(UNAVAILABLE), Permanent as the holder says it, Untrusted(BAD_SIGNATURE)."""
        held = await self._fresh()
        raw = await self._call(message, held)
        if not _is_by(held, message, raw):
            # Perhaps the key was replaced between question and answer: then the new one signs, once more and whole.
            held = await self._replaced(held)
            raw = await self._call(message, held)
            self._prove(held, message, raw)
        return Signature(key_id=held.public.key_id, raw=raw, certificate=held.certificate, chain=held.chain)

    async def refresh(self) -> bool:
        """Ask again if it is time to, and say whether the key has changed. On a fault the known one goes on signing."""
        if self._tools.clock.now_s() < self._checked_s + self._holder.recheck_s and not self._is_due(self._held):
            return False
        before = self._held
        await self._load(before)
        return before != self._held

    async def close(self) -> None:
        """Whoever still signs gets a fault, or an answer."""
        await self._holder.close()

    async def _call(self, message: bytes, held: Held) -> bytes:
        async with self._slots:
            return await _within(self.call_s, self._holder.sign(message, held), self._holder.where)

    def _prove(self, held: Held, message: bytes, raw: bytes) -> None:
        try:
            keys.verify(held.public, held.form, message, raw)
        except Untrusted as fault:
            raise Untrusted(fault.reason, f"{self._holder.where} answered what it should not: {fault.message}") from fault

    async def _fresh(self) -> Held:
        """Renewing is the work of `refresh`, beside; only what has expired is waited for here."""
        held = self._held
        if held.expires_s is not None and self._tools.unix_s() >= held.expires_s - MARGIN_S:
            await self._load(held)
        return self._held

    def _is_due(self, held: Held) -> bool:
        return held.renew_s is not None and self._tools.unix_s() >= held.renew_s

    async def _load(self, known: Held) -> None:
        async with self._turn:
            if self._held is known:
                self._held = await _within(self.call_s, self._holder.load(known), self._holder.where)
                self._checked_s = self._tools.clock.now_s()

    async def _replaced(self, known: Held) -> Held:
        await self._load(known)
        return self._held


def _is_by(held: Held, message: bytes, raw: bytes) -> bool:
    try:
        keys.verify(held.public, held.form, message, raw)
    except Untrusted:
        return False
    return True


async def _within(seconds: float, work: Awaitable[T], where: str) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        raise unavailable(where, f"no answer within {seconds:g} s") from error


def unavailable(where: str, why: object, after_s: float | None = None) -> Transient:
    """Waiting may help: throttled, unreachable, a token that is being renewed."""
    return Transient(Reason.UNAVAILABLE, f"{where}: {why}", after_s)


def denied(where: str, why: object, advice: str) -> Permanent:
    """Somebody must grant something first."""
    return Permanent(Reason.KEY_DENIED, f"{where}: {why}; {advice}")


def refused(where: str, status: int, said: str, headers: Mapping[str, str], advice: str) -> Fault:
    """The fault for an answer over HTTP that is no success; `said` is the peer's reason."""
    fault = http.fault(status, said.encode(), headers, where)
    if isinstance(fault, Transient) and status not in (401, 403):
        return fault
    if status in (401, 403):
        return denied(where, f"the server answered {status}: {quote(said)}", advice)
    reason = Reason.KEY_MISSING if status == 404 else Reason.KEY_UNUSABLE
    return Permanent(reason, fault.message)


def library(where: str, extra: str, error: ImportError) -> Permanent:
    """The software for a key service is an extra of the package, and missing."""
    return Permanent(
        Reason.INVALID_CONFIG,
        f"{where} needs the extra '{extra}' ({quote(error)}): install sealwright[{extra}], or use the image",
    )

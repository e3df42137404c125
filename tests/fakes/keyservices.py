"""Key services on loopback, and how a test opens a signer over each: the library of the product, the wire of the service.

Each plays its service as far as signing goes: real keys, hashes that are signed as hashes, versions, refusals in the
service's own words. `Mood` is what it does next. moto is not used: it hashes what it is given as a digest once more.
"""

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fakes import signers
from fakes.clock import HandClock

from sealwright.core.keys import PrivateKey
from sealwright.edge.signers import kms
from sealwright.edge.signing import CheckedSigner

Mood = Literal["good", "denied", "throttled", "down", "slow", "other key", "other hash", "disabled", "gone", "expired token"]
RETRY_AFTER_S = 7

_HASHES = {32: hashes.SHA256(), 48: hashes.SHA384(), 64: hashes.SHA512()}


@dataclass
class Keeper:
    """What a key service holds: versions of one key, the last of which is the newest, counted from 1."""

    versions: list[PrivateKey] = field(default_factory=lambda: [signers.key("ecdsa-p256", 0)])
    mood: Mood = "good"
    signed: int = 0
    asked: int = 0

    def rotate(self) -> None:
        """A newer version of the key."""
        self.versions.append(signers.key("ecdsa-p256", len(self.versions)))

    def sign(self, digest: bytes, version: int) -> bytes:
        """What a service does with a digest."""
        self.signed += 1
        key = self.versions[version - 1] if self.mood != "other key" else signers.key("ecdsa-p256", 99)
        prehashed = Prehashed(_HASHES[len(digest)])
        if self.mood == "other hash":
            digest = digest[::-1]
        if isinstance(key.material, ec.EllipticCurvePrivateKey):
            return key.material.sign(digest, ec.ECDSA(prehashed))
        return key.material.sign(digest, padding.PKCS1v15(), prehashed)

    def spki(self, version: int) -> bytes:
        return self.versions[version - 1].public.material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


Open = Callable[..., AbstractAsyncContextManager[CheckedSigner]]


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Libraries of clouds read the environment of the process, whatever they are told."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, text in before.items():
            if text is None:
                del os.environ[name]
            else:
                os.environ[name] = text


@asynccontextmanager
async def serving(handler: Callable[[web.Request], Any], tls: Any = None) -> AsyncIterator[str]:
    """A server for as long as this lasts: its host and port."""
    server = web.Server(handler)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


# AWS KMS: JSON 1.1, the operation in a header. Key ids of versions stand for keys that an alias is moved to.

_AWS_REFUSALS: dict[Mood, tuple[int, str]] = {
    "denied": (400, "AccessDeniedException"),
    "throttled": (400, "ThrottlingException"),
    "down": (500, "KMSInternalException"),
    "disabled": (400, "DisabledException"),
    "gone": (400, "NotFoundException"),
    "expired token": (400, "ExpiredTokenException"),
}
_ARN = "arn:aws:kms:eu-west-1:111122223333:key/"


def _aws(keeper: Keeper) -> Callable[[web.Request], Any]:
    async def answer(request: web.Request) -> web.Response:
        asked = await request.json()
        keeper.asked += 1
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")
        if keeper.mood in _AWS_REFUSALS:
            status, code = _AWS_REFUSALS[keeper.mood]
            headers = {"Retry-After": str(RETRY_AFTER_S)}
            body = {"__type": code, "message": "no"}
            return web.json_response(body, status=status, headers=headers, content_type="application/x-amz-json-1.1")
        if keeper.mood == "slow":
            await asyncio.Event().wait()
        operation = request.headers["X-Amz-Target"]
        if operation == "TrentService.GetPublicKey":
            version = len(keeper.versions)
            answered = {
                "KeyId": f"{_ARN}{version}",
                "PublicKey": base64.b64encode(keeper.spki(version)).decode(),
                "KeySpec": "ECC_NIST_P256",
                "KeyUsage": "SIGN_VERIFY",
                "SigningAlgorithms": ["ECDSA_SHA_256"],
            }
        else:
            assert (operation, asked["MessageType"]) == ("TrentService.Sign", "DIGEST")
            version = int(asked["KeyId"].removeprefix(_ARN))
            raw = keeper.sign(base64.b64decode(asked["Message"]), version)
            answered = {
                "KeyId": asked["KeyId"],
                "SigningAlgorithm": asked["SigningAlgorithm"],
                "Signature": base64.b64encode(raw).decode(),
            }
        return web.json_response(answered, content_type="application/x-amz-json-1.1")

    return answer


@asynccontextmanager
async def awskms(_directory: Path, keeper: Keeper, clock: HandClock | None = None) -> AsyncIterator[CheckedSigner]:
    async with serving(_aws(keeper)) as address:
        with environment(
            AWS_ENDPOINT_URL_KMS=f"http://{address}",
            AWS_ACCESS_KEY_ID="id",
            AWS_SECRET_ACCESS_KEY="secret",
            AWS_REGION="eu-west-1",
            AWS_DEFAULT_REGION="eu-west-1",
        ):
            signer = await kms.open({"kmsref": "awskms:///alias/release"}, signers.tools(clock=clock))
            try:
                yield signer
            finally:
                await signer.close()


# Scheme -> how to open a signer over a `Keeper`, with a clock or without.
OPEN: dict[str, Open] = {"awskms": awskms}
# Moods that a service does not have.
UNKNOWN: dict[str, set[Mood]] = {}
# Those whose library swallows Retry-After, and those whose key is never rotated under its name.
SILENT: set[str] = set()
FIXED: set[str] = set()

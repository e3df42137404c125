"""Key services on loopback, and how a test opens a signer over each: the library of the product, the wire of the service.

Each plays its service as far as signing goes: real keys, hashes that are signed as hashes, versions, refusals in the
service's own words. `Mood` is what it does next. moto is not used: it hashes what it is given as a digest once more.
"""

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fakes import certificates, signers
from fakes.clock import HandClock

from sealwright.core.keys import PrivateKey
from sealwright.edge.kms import azurekms, gcpkms
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
    answers_as: int | None = None
    mislabelled: str = ""
    tokens: list[str] = field(default_factory=lambda: ["hvs.0"])

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

    def named(self, names: Mapping[str, str]) -> str:
        """What a service calls the algorithm of the newest version."""
        return self.mislabelled or names[self.versions[-1].public.algorithm]

    def spki(self, version: int) -> bytes:
        return self.versions[version - 1].public.material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


Open = Callable[..., AbstractAsyncContextManager[CheckedSigner]]
Server = AbstractAsyncContextManager[str]


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
async def opened(settings: Mapping[str, str], clock: HandClock | None) -> AsyncIterator[CheckedSigner]:
    """As the configuration opens it."""
    signer = await kms.open(settings, signers.tools(clock=clock))
    try:
        yield signer
    finally:
        await signer.close()


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

_AWS_ALGORITHMS = {"ecdsa-p256": "ECDSA_SHA_256", "ecdsa-p384": "ECDSA_SHA_384", "rsa-2048": "RSASSA_PKCS1_V1_5_SHA_256"}
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
                "SigningAlgorithms": [keeper.named(_AWS_ALGORITHMS)],
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


def aws_server(keeper: Keeper, _directory: Path) -> Server:
    return serving(_aws(keeper))


@asynccontextmanager
async def aws_signer(address: str, _directory: Path, clock: HandClock | None = None) -> AsyncIterator[CheckedSigner]:
    variables = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "eu-west-1"}
    with environment(AWS_ENDPOINT_URL_KMS=f"http://{address}", **variables):
        async with opened({"kmsref": "awskms:///alias/release"}, clock) as signer:
            yield signer


# Vault's transit engine, and its login by JWT.

_VAULT_REFUSALS: dict[Mood, tuple[int, str]] = {
    "denied": (403, "1 error occurred:\n\t* permission denied\n\n"),
    "throttled": (429, 'request path "transit/sign/release": rate limit quota exceeded'),
    "down": (503, "Vault is sealed"),
    "gone": (404, "no handler for route"),
}
JWT, ROLE = "header.payload.signature", "chains"


def _refuse(status: int, said: str) -> web.Response:
    return web.json_response({"errors": [said]}, status=status, headers={"Retry-After": str(RETRY_AFTER_S)})


def _transit(keeper: Keeper, path: str, asked: Mapping[str, Any]) -> web.Response:
    if path == "/v1/transit/keys/release":
        keys = {str(n + 1): {"public_key": key.public.pem.decode()} for n, key in enumerate(keeper.versions)}
        return web.json_response({"data": {"type": "ecdsa-p256", "latest_version": len(keys), "keys": keys}})
    if path != "/v1/transit/sign/release":
        return _refuse(404, f"no handler for route {path}")
    assert (asked["prehashed"], asked["hash_algorithm"]) == (True, "sha2-256")
    assert asked.get("marshaling_algorithm") == "asn1" or asked["signature_algorithm"] == "pkcs1v15"
    raw = keeper.sign(base64.b64decode(asked["input"]), asked["key_version"])
    return web.json_response(
        {"data": {"signature": f"vault:v{keeper.answers_as or asked['key_version']}:{base64.b64encode(raw).decode()}"}}
    )


def vault_server(keeper: Keeper) -> Callable[[web.Request], Any]:
    """`keeper.tokens` are those that it takes; a login with JWT makes one more, good for an hour."""

    def login(asked: Mapping[str, str]) -> web.Response:
        if asked != {"role": ROLE, "jwt": JWT}:
            return _refuse(400, "invalid role or jwt")
        keeper.tokens.append(f"hvs.{len(keeper.tokens)}")
        return web.json_response({"auth": {"client_token": keeper.tokens[-1], "lease_duration": 3600, "renewable": True}})

    async def answer(request: web.Request) -> web.Response:
        keeper.asked += 1
        asked = await request.json() if request.can_read_body else {}
        if keeper.mood in _VAULT_REFUSALS:
            return _refuse(*_VAULT_REFUSALS[keeper.mood])
        if keeper.mood == "slow":
            await asyncio.Event().wait()
        if request.path == "/v1/auth/kubernetes/login":
            return login(asked)
        if request.headers.get("X-Vault-Token") not in keeper.tokens:
            return _refuse(403, "permission denied")
        return _transit(keeper, request.path, asked)

    return answer


def vault(keeper: Keeper, _directory: Path) -> Server:
    return serving(vault_server(keeper))


def vault_signer(address: str, directory: Path, clock: HandClock | None = None) -> AbstractAsyncContextManager[CheckedSigner]:
    """With a token in a file, as Chains recommends."""
    (directory / "token").write_text("hvs.0\n")
    settings = {
        "kmsref": "hashivault://release",
        "auth.address": f"http://{address}",
        "auth.token-path": str(directory / "token"),
    }
    return opened(settings, clock)


# Azure Key Vault: HTTPS only, a challenge first, JSON Web Keys.

_AZURE_REFUSALS: dict[Mood, tuple[int, str]] = {
    "denied": (403, "Forbidden"),
    "throttled": (429, "Throttled"),
    "down": (503, "ServiceUnavailable"),
    "gone": (404, "KeyNotFound"),
    "disabled": (403, "KeyDisabled"),
}


def _b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _jwk(key: PrivateKey) -> dict[str, str]:
    numbers = key.public.material.public_numbers()
    if key.public.algorithm == "rsa-2048":
        return {"kty": "RSA", "n": _b64url(numbers.n.to_bytes(256)), "e": _b64url(numbers.e.to_bytes(3))}
    size = 32 if key.public.algorithm == "ecdsa-p256" else 48
    return {"kty": "EC", "crv": f"P-{size * 8}", "x": _b64url(numbers.x.to_bytes(size)), "y": _b64url(numbers.y.to_bytes(size))}


def _azure(keeper: Keeper) -> Callable[[web.Request], Any]:
    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer azure-token":
            challenge = f'Bearer authorization="https://login.test/tenant", resource="https://{request.host}"'
            return web.json_response({}, status=401, headers={"WWW-Authenticate": challenge})
        keeper.asked += 1
        if keeper.mood in _AZURE_REFUSALS:
            status, code = _AZURE_REFUSALS[keeper.mood]
            body = {"error": {"code": code, "message": "no"}}
            return web.json_response(body, status=status, headers={"Retry-After": str(RETRY_AFTER_S)})
        if keeper.mood == "slow":
            await asyncio.Event().wait()
        parts = request.path.strip("/").split("/")
        version = int(parts[2], 16) if len(parts) > 2 else len(keeper.versions)
        kid = f"https://{request.host}/keys/release/{version:032x}"
        if parts[-1] != "sign":
            jwk = {"kid": kid, "key_ops": ["sign", "verify"], **_jwk(keeper.versions[version - 1])}
            return web.json_response({"key": jwk, "attributes": {"enabled": True}})
        asked = await request.json()
        assert asked["alg"] == keeper.named({"ecdsa-p256": "ES256", "ecdsa-p384": "ES384", "rsa-2048": "RS256"})
        digest = base64.urlsafe_b64decode(asked["value"] + "==")
        raw = keeper.sign(digest, version)
        if asked["alg"] != "RS256":
            size = len(digest)
            raw = b"".join(half.to_bytes(size) for half in decode_dss_signature(raw))
        return web.json_response({"kid": kid, "value": _b64url(raw)})

    return answer


class _AzureCredential:
    """What azure-identity gives."""

    async def get_token(self, *_scopes: str, **_options: Any) -> Any:
        from azure.core.credentials import AccessToken  # noqa: PLC0415

        return AccessToken("azure-token", 1 << 40)

    async def close(self) -> None:
        pass


def azure_server(keeper: Keeper, directory: Path) -> Server:
    return serving(_azure(keeper), certificates.server(directory)[1])


@asynccontextmanager
async def azure_signer(address: str, directory: Path, clock: HandClock | None = None) -> AsyncIterator[CheckedSigner]:
    options = {"connection_verify": str(directory / "server.pem"), "verify_challenge_resource": False}
    key = azurekms.AzureKey("Azure key 'release'", f"https://{address}", "release", "", _AzureCredential(), **options)
    signer = await CheckedSigner.open(key, signers.tools(clock=clock))
    try:
        yield signer
    finally:
        await signer.close()


# Google Cloud KMS: gRPC.

_GOOGLE_REFUSALS: dict[Mood, str] = {
    "denied": "PERMISSION_DENIED",
    "throttled": "RESOURCE_EXHAUSTED",
    "down": "UNAVAILABLE",
    "gone": "NOT_FOUND",
    "disabled": "FAILED_PRECONDITION",
    "expired token": "UNAUTHENTICATED",
}
_GOOGLE_ALGORITHMS = {
    "ecdsa-p256": "EC_SIGN_P256_SHA256",
    "ecdsa-p384": "EC_SIGN_P384_SHA384",
    "rsa-2048": "RSA_SIGN_PKCS1_2048_SHA256",
}
_GOOGLE_KEY = "projects/p/locations/global/keyRings/r/cryptoKeys/release"


def _google(keeper: Keeper) -> Any:
    """The servicer, by hand: the library has none."""
    import grpc  # noqa: PLC0415
    from google.cloud import kms_v1  # noqa: PLC0415

    async def mooded(context: Any) -> None:
        keeper.asked += 1
        if keeper.mood in _GOOGLE_REFUSALS:
            code = _GOOGLE_REFUSALS[keeper.mood]
            await context.abort(
                grpc.StatusCode[code], "no", trailing_metadata=_retry_info() if code == "RESOURCE_EXHAUSTED" else ()
            )
        if keeper.mood == "slow":
            await asyncio.Event().wait()

    async def list_versions(_request: Any, context: Any) -> Any:
        await mooded(context)
        names = [f"{_GOOGLE_KEY}/cryptoKeyVersions/{n + 1}" for n in range(len(keeper.versions))]
        return kms_v1.ListCryptoKeyVersionsResponse(crypto_key_versions=[{"name": name} for name in names])

    async def public_key(request: Any, context: Any) -> Any:
        await mooded(context)
        key = keeper.versions[int(request.name.rpartition("/")[2]) - 1]
        return kms_v1.PublicKey(name=request.name, pem=key.public.pem.decode(), algorithm=keeper.named(_GOOGLE_ALGORITHMS))

    async def sign(request: Any, context: Any) -> Any:
        await mooded(context)
        raw = keeper.sign(request.digest.sha256 or request.digest.sha384, int(request.name.rpartition("/")[2]))
        return kms_v1.AsymmetricSignResponse(name=request.name, signature=raw)

    methods = {
        "ListCryptoKeyVersions": (list_versions, kms_v1.ListCryptoKeyVersionsRequest, kms_v1.ListCryptoKeyVersionsResponse),
        "GetPublicKey": (public_key, kms_v1.GetPublicKeyRequest, kms_v1.PublicKey),
        "AsymmetricSign": (sign, kms_v1.AsymmetricSignRequest, kms_v1.AsymmetricSignResponse),
    }
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(work, asked.deserialize, answered.serialize)
        for name, (work, asked, answered) in methods.items()
    }
    return grpc.method_handlers_generic_handler("google.cloud.kms.v1.KeyManagementService", handlers)


def _retry_info() -> tuple[tuple[str, bytes], ...]:
    from google.protobuf import any_pb2, duration_pb2  # noqa: PLC0415
    from google.rpc import error_details_pb2, status_pb2  # noqa: PLC0415

    packed = any_pb2.Any()
    packed.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=RETRY_AFTER_S)))
    status = status_pb2.Status(code=8, message="no", details=[packed])
    return (("grpc-status-details-bin", status.SerializeToString()),)


@asynccontextmanager
async def google_server(keeper: Keeper, _directory: Path) -> AsyncIterator[str]:
    import grpc  # noqa: PLC0415

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_google(keeper),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@asynccontextmanager
async def google_signer(address: str, _directory: Path, clock: HandClock | None = None) -> AsyncIterator[CheckedSigner]:
    import grpc  # noqa: PLC0415
    from google.cloud.kms_v1 import KeyManagementServiceAsyncClient  # noqa: PLC0415
    from google.cloud.kms_v1.services.key_management_service.transports import (  # noqa: PLC0415
        KeyManagementServiceGrpcAsyncIOTransport,
    )

    transport = KeyManagementServiceGrpcAsyncIOTransport(channel=grpc.aio.insecure_channel(address))
    key = gcpkms.GoogleKey("Google KMS key 'release'", _GOOGLE_KEY, "", KeyManagementServiceAsyncClient(transport=transport))
    signer = await CheckedSigner.open(key, signers.tools(clock=clock))
    try:
        yield signer
    finally:
        await signer.close()


# Scheme -> the service, and a signer over one that answers at an address; each with a folder of its own.
SERVERS: dict[str, Callable[[Keeper, Path], Server]] = {
    "awskms": aws_server,
    "azurekms": azure_server,
    "gcpkms": google_server,
    "hashivault": vault,
}
SIGNERS: dict[str, Open] = {"awskms": aws_signer, "azurekms": azure_signer, "gcpkms": google_signer, "hashivault": vault_signer}


def _both(scheme: str) -> Open:
    @asynccontextmanager
    async def both(directory: Path, keeper: Keeper, clock: HandClock | None = None) -> AsyncIterator[CheckedSigner]:
        async with SERVERS[scheme](keeper, directory) as address, SIGNERS[scheme](address, directory, clock) as signer:
            yield signer

    return both


# Scheme -> how to open a signer over a `Keeper`, with a clock or without.
OPEN: dict[str, Open] = {scheme: _both(scheme) for scheme in SERVERS}
# Moods that a service does not have: there, they look like another.
UNKNOWN: dict[str, set[Mood]] = {"hashivault": {"disabled", "expired token"}, "azurekms": {"expired token"}}
# Those whose library swallows Retry-After, and those whose key is never rotated under its name.
SILENT: set[str] = set()
FIXED: set[str] = set()

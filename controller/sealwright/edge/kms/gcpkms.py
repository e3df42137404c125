"""Keys in Google Cloud KMS: `gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/versions/N]`.

Without a version the newest enabled one signs. Logins are Google's application default credentials.
"""

import asyncio
import re
from collections.abc import Iterable
from typing import Any

from sealwright.core import keys
from sealwright.core.config import Settings
from sealwright.core.errors import Fault, Permanent, Reason, quote
from sealwright.edge.signing import CALL_S, CALLS, RECHECK_S, Held, Tools, denied, library, unavailable

NAMES = ("gcpkms",)

_REFERENCE = re.compile(
    r"gcpkms://(projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+)(?:/(?:cryptoKeyVersions|versions)/(\d+))?"
)
# The service's name of an algorithm begins so -> the hash; other paddings and hashes are refused.
_ALGORITHMS = {
    "EC_SIGN_P256_SHA256": "sha256",
    "EC_SIGN_P384_SHA384": "sha384",
    "EC_SIGN_ED25519": "",
    "RSA_SIGN_PKCS1_2048_SHA256": "sha256",
    "RSA_SIGN_PKCS1_3072_SHA256": "sha256",
    "RSA_SIGN_PKCS1_4096_SHA256": "sha256",
}
_WAIT = {"UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "INTERNAL", "ABORTED", "UNAUTHENTICATED", "CANCELLED", ""}
_SCOPE = "https://www.googleapis.com/auth/cloudkms"
_ADVICE = "grant roles/cloudkms.signerVerifier on the key, and roles/cloudkms.viewer where no version is named"


async def hold(reference: str, _settings: Settings, _tools: Tools) -> "GoogleKey":
    """Raises Permanent(INVALID_CONFIG)."""
    found = _REFERENCE.fullmatch(reference)
    if not found:
        wanted = "gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/versions/N]"
        raise Permanent(Reason.INVALID_CONFIG, f"{quote(reference)}: wanted {wanted}")
    where = f"Google KMS key {quote(found[1])}"
    return GoogleKey(where, found[1], found[2] or "", await _client(where))


async def _client(where: str) -> Any:
    try:
        import google.auth  # noqa: PLC0415  an extra
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
        from google.cloud.kms_v1 import KeyManagementServiceAsyncClient  # noqa: PLC0415
    except ImportError as error:
        raise library(where, "gcp", error) from error
    try:
        # In a thread: where nothing else is there it asks the metadata server, and waits for it.
        credentials, _ = await asyncio.to_thread(google.auth.default, scopes=[_SCOPE])
        return KeyManagementServiceAsyncClient(credentials=credentials)
    except GoogleAuthError as error:
        raise denied(where, quote(error), "give the controller's ServiceAccount a Google identity") from error


class GoogleKey:
    """A `Holder` over a client of the service."""

    recheck_s = RECHECK_S
    calls = CALLS

    def __init__(self, where: str, key: str, version: str, client: Any) -> None:
        self.where, self._key, self._version, self._client = where, key, version, client

    async def load(self, known: Held | None) -> Held:
        name = f"{self._key}/cryptoKeyVersions/{self._version}" if self._version else await self._newest()
        if known and known.handle == name:
            return known  # the key of a version never changes
        answer = await self._ask("get_public_key", {"name": name})
        public = keys.load_public(answer.pem.encode())
        algorithm = answer.algorithm.name
        if algorithm not in _ALGORITHMS:
            there_are = ", ".join(_ALGORITHMS)
            raise Permanent(Reason.KEY_UNUSABLE, f"{self.where} is for {algorithm}, wanted one of: {there_are}")
        # The service binds the hash to the curve; Ed25519 is pure.
        return Held(public=public, form="by-curve" if _ALGORITHMS[algorithm] else "sha256", handle=name)

    async def sign(self, message: bytes, held: Held) -> bytes:
        content: dict[str, Any] = {"data": message}
        if held.form == "by-curve":
            name, digest = keys.digest(held.public, held.form, message)
            content = {"digest": {name: digest}}
        answer = await self._ask("asymmetric_sign", {"name": held.handle, **content})
        if answer.name != held.handle:
            raise unavailable(self.where, f"{quote(answer.name)} signed, and {quote(held.handle)} was asked")
        return bytes(answer.signature)

    async def close(self) -> None:
        await self._client.transport.close()

    async def _newest(self) -> str:
        request = {"parent": self._key, "filter": "state=ENABLED", "page_size": 100}
        answer = await self._ask("list_crypto_key_versions", request)
        names = [version.name async for version in answer]
        if not names:
            raise denied(self.where, "no version of it is enabled", "enable one, or name another key")
        return str(max(names, key=lambda name: int(name.rpartition("/")[2])))

    async def _ask(self, method: str, request: dict[str, Any]) -> Any:
        from google.api_core.exceptions import GoogleAPICallError, RetryError  # noqa: PLC0415  an extra
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

        try:
            return await getattr(self._client, method)(request=request, retry=None, timeout=CALL_S)
        except GoogleAPICallError as error:
            raise _fault(self.where, error) from error
        except (RetryError, GoogleAuthError) as error:
            raise unavailable(self.where, quote(error)) from error


def _fault(where: str, error: Any) -> Fault:
    code = error.grpc_status_code.name if error.grpc_status_code else ""
    said = f"{code}: {quote(error.message)}"
    if code in _WAIT:
        return unavailable(where, said, _after_s(error.details))
    if code == "NOT_FOUND":
        return Permanent(Reason.KEY_MISSING, f"{where}: {said}")
    if code == "FAILED_PRECONDITION":
        return denied(where, said, "enable the version of the key, or name another")
    return denied(where, said, _ADVICE)


def _after_s(details: Iterable[Any]) -> float | None:
    """What google.rpc.RetryInfo asks to wait."""
    delays = (detail.retry_delay for detail in details if hasattr(detail, "retry_delay"))
    return next((float(delay.seconds) + delay.nanos / 1e9 for delay in delays), None)

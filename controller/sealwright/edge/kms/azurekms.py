"""Keys in Azure Key Vault: `azurekms://VAULT.vault.azure.net/KEY[/VERSION]`; other clouds and managed HSMs by their hosts.

Without a version the newest signs. Logins are those of Azure's libraries: environment, workload identity, managed identity.
"""

import re
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sealwright.core import keys
from sealwright.core.config import Settings
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.keys import PublicKey
from sealwright.edge.signing import CALLS, RECHECK_S, Held, Tools, denied, library, refused, unavailable

NAMES = ("azurekms",)

_REFERENCE = re.compile(r"azurekms://([-.:\w]+)/([-\w]+)(?:/(\w+))?", re.ASCII)
_CURVES: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
_ALGORITHMS = {"ecdsa-p256": "ES256", "ecdsa-p384": "ES384", "ecdsa-p521": "ES512"}
_ADVICE = "grant the role 'Key Vault Crypto User' (keys/get, keys/sign) to the identity of the controller"


async def hold(reference: str, _settings: Settings, _tools: Tools) -> "AzureKey":
    """Raises Permanent(INVALID_CONFIG)."""
    found = _REFERENCE.fullmatch(reference)
    if not found:
        raise Permanent(Reason.INVALID_CONFIG, f"{quote(reference)}: wanted azurekms://VAULT.vault.azure.net/KEY[/VERSION]")
    where = f"Azure key {quote(f'{found[1]}/{found[2]}')}"
    try:
        from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415  an extra
    except ImportError as error:
        raise library(where, "azure", error) from error
    return AzureKey(where, f"https://{found[1]}", found[2], found[3] or "", DefaultAzureCredential())


class AzureKey:
    """A `Holder`. `options` are for the libraries' transport."""

    recheck_s = RECHECK_S
    calls = CALLS

    def __init__(self, where: str, vault: str, key: str, version: str, credential: Any, **options: Any) -> None:
        try:
            from azure.keyvault.keys.aio import KeyClient  # noqa: PLC0415  an extra
        except ImportError as error:
            raise library(where, "azure", error) from error
        self.where, self._key, self._version, self._credential = where, key, version, credential
        # Retries are ours: they wait as long as the service asks, and are seen.
        self._options = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 50, **options}
        self._client = KeyClient(vault, credential, **self._options)
        self._signing: Any = None

    async def load(self, known: Held | None) -> Held:
        found = await self._ask(lambda: self._client.get_key(self._key, self._version or None))
        if known and known.handle.id == found.id and found.properties.enabled is not False:
            return known
        if found.properties.enabled is False:
            raise denied(self.where, "the key is disabled", "enable it, or name another")
        expires = found.properties.expires_on
        return Held(
            public=_public(self.where, found.key),
            form="by-curve",
            handle=found,
            expires_s=expires.timestamp() if expires else None,
        )

    async def sign(self, message: bytes, held: Held) -> bytes:
        from azure.keyvault.keys.crypto import SignatureAlgorithm  # noqa: PLC0415

        algorithm = SignatureAlgorithm(_ALGORITHMS.get(held.public.algorithm, "RS256"))
        client = await self._signs_with(held)
        answer = await self._ask(lambda: client.sign(algorithm, keys.digest(held.public, held.form, message)[1]))
        if answer.key_id != held.handle.id:
            raise unavailable(self.where, f"{quote(answer.key_id)} signed, and {quote(held.handle.id)} was asked")
        return answer.signature if algorithm == "RS256" else keys.ecdsa_der(answer.signature)

    async def close(self) -> None:
        if self._signing:
            await self._signing[1].close()
        await self._client.close()
        await self._credential.close()

    async def _signs_with(self, held: Held) -> Any:
        """One client for each version of the key, which this library wants."""
        from azure.keyvault.keys.crypto.aio import CryptographyClient  # noqa: PLC0415

        if not self._signing or self._signing[0] != held.handle.id:
            before = self._signing
            self._signing = held.handle.id, CryptographyClient(held.handle, self._credential, **self._options)
            if before:
                await before[1].close()
        return self._signing[1]

    async def _ask(self, call: Any) -> Any:
        from azure.core.exceptions import AzureError, HttpResponseError  # noqa: PLC0415

        try:
            return await call()
        except HttpResponseError as error:
            answer: Any = error.response
            if answer is None:
                raise unavailable(self.where, quote(error.message)) from error
            raise refused(self.where, answer.status_code, error.message, answer.headers, _ADVICE) from error
        except AzureError as error:
            raise unavailable(self.where, quote(error)) from error


def _public(where: str, found: Any) -> PublicKey:
    """The key in a JSON Web Key."""
    if found.crv and str(getattr(found.crv, "value", found.crv)) in _CURVES:
        curve = _CURVES[str(getattr(found.crv, "value", found.crv))]
        x, y = int.from_bytes(found.x), int.from_bytes(found.y)
        try:
            return keys.public_key(ec.EllipticCurvePublicNumbers(x, y, curve).public_key())
        except ValueError as error:
            raise Permanent(Reason.KEY_UNUSABLE, f"{where}: {quote(error)}") from error
    if found.n and found.e:
        return keys.public_key(rsa.RSAPublicNumbers(int.from_bytes(found.e), int.from_bytes(found.n)).public_key())
    raise Permanent(
        Reason.KEY_UNUSABLE, f"{where} is of kind {quote(found.kty)} {quote(found.crv or '')}, wanted P-256, P-384, P-521 or RSA"
    )

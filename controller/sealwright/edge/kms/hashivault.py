"""Keys in the transit engine of HashiCorp Vault or OpenBao: `hashivault://KEY`. Where it is, and the login: `edge/vault`.

TRANSIT_SECRET_ENGINE_PATH is where the engine is mounted, `transit` if unset.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sealwright.core import keys
from sealwright.core.config import Settings
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.keys import PublicKey
from sealwright.core.proof.attestation import TrustedKey
from sealwright.edge.signing import CALLS, RECHECK_S, Held, Tools, unavailable
from sealwright.edge.spiffe import Workload
from sealwright.edge.vault import Login, Token, Vault, login, variable

NAMES = ("hashivault",)

_REFERENCE = re.compile(r"hashivault://([A-Za-z0-9_](?:[-.\w]*\w)?)", re.ASCII)
_ADVICE = "the token's policy needs read on {mount}/keys/{key} and update on {mount}/sign/{key}"


async def hold(reference: str, settings: Settings, tools: Tools) -> "VaultKey":
    """Raises Permanent(INVALID_CONFIG)."""
    found = _REFERENCE.fullmatch(reference)
    if not found:
        raise Permanent(Reason.INVALID_CONFIG, f"{quote(reference)}: wanted hashivault://KEY, KEY of letters, digits, _, - and .")
    key = found[1]
    address = str(settings.get("auth.address") or variable(tools.environment, "ADDR"))
    if not address:
        raise Permanent(Reason.INVALID_CONFIG, f"{quote(reference)}: set signers.kms.auth.address to the address of Vault")
    if "://" not in address:
        address = f"http://{address}"  # as Chains reads it
    mount = tools.environment.get("TRANSIT_SECRET_ENGINE_PATH", "transit")
    vault = Vault(address.rstrip("/"), f"Vault key {quote(key)} at {quote(address)}", _ADVICE.format(mount=mount, key=key), tools)
    workload = Workload(str(settings["auth.spire.sock"])) if "auth.spire.sock" in settings else None
    return VaultKey(vault, login(settings, tools, vault, workload), mount, key, workload)


class VaultKey:
    """A `Holder`. The version that `load` found signs, until the next look finds a newer one."""

    recheck_s = RECHECK_S
    calls = CALLS

    def __init__(self, vault: Vault, log_in: Login, mount: str, key: str, workload: Workload | None) -> None:
        self.where = vault.where
        self._vault, self._log_in, self._mount, self._key, self._workload = vault, log_in, mount, key, workload
        self._token: Token | None = None

    async def load(self, _known: Held | None) -> Held:
        answer = await self._ask("read_key", name=self._key)
        try:
            version = int(answer["data"]["latest_version"])
            found = {int(number): _public(key["public_key"]) for number, key in answer["data"]["keys"].items()}
            public = found.pop(version)
        except (KeyError, TypeError, ValueError) as error:
            raise Permanent(
                Reason.KEY_UNUSABLE, f"{self.where}: wanted an asymmetric key, such as ecdsa-p256; found no public key"
            ) from error
        # Vault shows the versions from `min_decryption_version` on: those whose signatures its administrators still accept.
        previous = tuple(TrustedKey(key=key) for _, key in sorted(found.items()))
        return Held(public=public, handle=version, previous=previous)

    async def sign(self, message: bytes, held: Held) -> bytes:
        hashed = _hashed(held.public, message)
        answer = await self._ask("sign_data", name=self._key, key_version=held.handle, **hashed)
        try:
            version, _, text = str(answer["data"]["signature"]).removeprefix("vault:v").partition(":")
            raw, signed_by = base64.b64decode(text, validate=True), int(version)
        except (KeyError, TypeError, ValueError) as error:
            raise unavailable(self.where, "the answer holds no signature") from error
        if signed_by != held.handle:
            raise unavailable(self.where, f"version {signed_by} signed, and version {held.handle} was asked for")
        return raw

    async def close(self) -> None:
        self._vault.close()
        if self._workload:
            await self._workload.close()

    async def _ask(self, method: str, **members: Any) -> Any:
        """One call, with a new token where the old one is spent or refused: it may have been revoked, or renewed on disk."""
        if self._token is None or (self._token[1] is not None and self._vault.now_s() >= self._token[1]):
            self._token = await self._log_in()
        used = self._token
        try:
            return await self._vault.transit(used[0], method, mount_point=self._mount, **members)
        except Permanent as fault:
            if fault.reason is not Reason.KEY_DENIED:
                raise
            if self._token is used:
                self._token = await self._log_in()
            if self._token[0] == used[0]:
                raise
            return await self._vault.transit(self._token[0], method, mount_point=self._mount, **members)


def _hashed(public: PublicKey, message: bytes) -> Mapping[str, Any]:
    """Vault hashes for pure Ed25519 itself; for the others it is given the digest."""
    if public.algorithm == "ed25519":
        return {"hash_input": base64.b64encode(message).decode()}
    digest = base64.b64encode(keys.digest(public, "sha256", message)[1]).decode()
    padding = {"signature_algorithm": "pkcs1v15"} if public.algorithm.startswith("rsa") else {"marshaling_algorithm": "asn1"}
    return {"hash_input": digest, "prehashed": True, "hash_algorithm": "sha2-256", **padding}


def _public(text: str) -> PublicKey:
    if text.startswith("-----"):
        return keys.load_public(text.encode())
    return keys.public_key(Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True)))

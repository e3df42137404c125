"""Signs without a key of one's own: a key that lives for minutes, and a certificate that says whose it is.

Fulcio is asked once for each certificate and not for each signature. Its answer is believed only when it leads to the trusted
root, is for this key, and was seen by a log of certificates, where the root knows any.
"""

from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from sealwright.core import keys
from sealwright.core.config import Settings
from sealwright.core.errors import Reason, Untrusted, quote
from sealwright.core.proof import chain, sct
from sealwright.core.proof.trustroot import TrustedRoot
from sealwright.edge import fulcio, identity, trustroots
from sealwright.edge.signing import CALLS, CheckedSigner, Held, Tools

# A certificate is renewed when this part of its time is over.
_RENEW_AFTER = 0.6


async def open(settings: Settings, tools: Tools) -> CheckedSigner:  # noqa: A001  as in the rooms of signers
    """Raises Permanent(INVALID_CONFIG, KEY_MISSING, KEY_DENIED), Transient(UNAVAILABLE), Untrusted(BAD_CERTIFICATE)."""
    address = str(settings["fulcio.address"])
    root = await trustroots.find(settings)
    return await CheckedSigner.open(_Keyless(address, identity.provider(settings, tools), root, tools), tools)


class _Keyless:
    """A `Holder`: each `load` makes a key."""

    recheck_s = float("inf")
    calls = CALLS

    def __init__(self, address: str, provider: identity.Provider, root: TrustedRoot, tools: Tools) -> None:
        self.where = f"keyless signing with {quote(address)}"
        self._address, self._provider, self._root, self._tools = address, provider, root, tools

    async def load(self, _known: Held | None) -> Held:
        key = ec.generate_private_key(ec.SECP256R1())
        found = await fulcio.issue(self._address, await self._provider(), key)
        leaf, above = found[0], found[1:]
        public = keys.public_key(key.public_key())
        if leaf.public_key() != public.material:
            raise Untrusted(
                Reason.BAD_CERTIFICATE, f"{self.where}: the certificate is for another key than the one that was sent"
            )
        now = datetime.fromtimestamp(self._tools.unix_s(), UTC)
        path = chain.path(leaf, above, self._root.authorities, now, chain.CODE_SIGNING)
        if self._root.certificate_logs:
            sct.prove(leaf, path[1], self._root.certificate_logs)
        first_s, last_s = leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp()
        return Held(
            public=public,
            handle=key,
            certificate=leaf.public_bytes(Encoding.PEM).decode(),
            chain="".join(each.public_bytes(Encoding.PEM).decode() for each in path[1:]),
            renew_s=first_s + (last_s - first_s) * _RENEW_AFTER,
            expires_s=last_s,
        )

    async def sign(self, message: bytes, held: Held) -> bytes:
        key: ec.EllipticCurvePrivateKey = held.handle
        return key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))

    async def close(self) -> None:
        """The key is forgotten with this object."""

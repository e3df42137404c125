"""Signs as a SPIFFE workload: with the key of its X509-SVID, whose certificate goes with the signature.

The agent is asked by `signers.spiffe.socket`, or SPIFFE_ENDPOINT_SOCKET; it replaces the SVID when half of its time is over.
"""

from cryptography.hazmat.primitives.serialization import Encoding

from sealwright.core import keys
from sealwright.core.config import Settings
from sealwright.core.errors import Permanent, Reason
from sealwright.core.keys import PrivateKey
from sealwright.edge.signing import CALLS, RECHECK_S, CheckedSigner, Held, Tools
from sealwright.edge.spiffe import Workload

NAMES = ("spiffe",)


async def open(settings: Settings, tools: Tools) -> CheckedSigner:  # noqa: A001  the word of every plug-in room
    """Raises Permanent(INVALID_CONFIG, KEY_DENIED, KEY_UNUSABLE), Transient(UNAVAILABLE)."""
    socket = str(settings.get("socket") or tools.environment.get("SPIFFE_ENDPOINT_SOCKET", ""))
    if not socket:
        raise Permanent(
            Reason.INVALID_CONFIG, "the signer spiffe needs signers.spiffe.socket, such as unix:///run/spire/agent.sock"
        )
    return await CheckedSigner.open(_Svid(Workload(socket)), tools)


class _Svid:
    """A `Holder`; the client of the agent lives as long as it does."""

    recheck_s = RECHECK_S
    calls = CALLS

    def __init__(self, workload: Workload) -> None:
        self.where = workload.where
        self._workload = workload

    async def load(self, _known: Held | None) -> Held:
        found = await self._workload.x509()
        key = keys.private_key(found.private_key)
        first_s, last_s = found.leaf.not_valid_before_utc.timestamp(), found.leaf.not_valid_after_utc.timestamp()
        pems = [each.public_bytes(Encoding.PEM).decode() for each in found.cert_chain]
        return Held(
            public=key.public,
            handle=key,
            certificate=pems[0],
            chain="".join(pems[1:]),
            renew_s=(first_s + last_s) / 2,
            expires_s=last_s,
        )

    async def sign(self, message: bytes, held: Held) -> bytes:
        key: PrivateKey = held.handle
        return key.sign(message, held.form)

    async def close(self) -> None:
        await self._workload.close()

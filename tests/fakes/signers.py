"""Signers in memory: real keys, real signatures."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from fakes.clock import HandClock
from fakes.stepping import step

from sealwright.core import keys
from sealwright.core.errors import Reason, Transient
from sealwright.core.keys import Form, PrivateKey
from sealwright.core.model import Signature
from sealwright.edge.signers import x509
from sealwright.edge.signing import CheckedSigner, Held, Tools
from sealwright.ports import Clock

ALGORITHMS = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048")
FORMS: tuple[Form, ...] = ("sha256", "by-curve")

OUTAGE = Transient(Reason.UNAVAILABLE, "the key service does not answer")

_CURVES = {"ecdsa-p256": ec.SECP256R1(), "ecdsa-p384": ec.SECP384R1(), "ecdsa-p521": ec.SECP521R1()}


@cache
def key(algorithm: str = "ecdsa-p256", number: int = 0) -> PrivateKey:
    """The same key for the same arguments; another `number`, another key."""
    if algorithm == "ed25519":
        return keys.private_key(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)))
    if algorithm == "rsa-2048":
        return keys.private_key(rsa.generate_private_key(65537, 2048))
    return keys.private_key(ec.derive_private_key(0xC0FFEE + number, _CURVES[algorithm]))


def tools(
    keys: Path | None = None, clock: Clock | None = None, unix_s: Callable[[], float] = lambda: 1e9, **environment: str
) -> Tools:
    """What a signer is opened with; nothing of this machine's environment."""
    return Tools(keys=keys, clock=clock or HandClock(), unix_s=unix_s, environment=environment)


async def opened_x509(directory: Path, form: Form = "sha256") -> CheckedSigner:
    """The key in a folder."""
    return await x509.open({"hash": form}, tools(directory))


class MemorySigner:
    """`ports.Signer` with a key in memory. The first `failures` calls raise `fault`; `signed` counts signatures."""

    def __init__(self, private: PrivateKey | None = None, form: Form = "sha256", failures: int = 0) -> None:
        self._key = private or key()
        self._form = form
        self.failures = failures
        self.fault: Exception = OUTAGE
        self.signed = 0
        self.held = Held(public=self._key.public, form=form)
        self.key_id = self._key.public.key_id

    async def sign(self, message: bytes) -> Signature:
        await step()
        if self.failures:
            self.failures -= 1
            raise self.fault
        self.signed += 1
        return Signature(key_id=self.key_id, raw=self._key.sign(message, self._form))

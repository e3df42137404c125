"""Whom a verifier's user trusts, said before anything is looked at. An empty trust proves nothing."""

from sealwright.core.errors import Permanent, Reason
from sealwright.core.keys import Form, PublicKey
from sealwright.core.model import value
from sealwright.core.proof.chain import Window
from sealwright.core.proof.identity import TrustedIdentity
from sealwright.core.proof.trustroot import TrustedRoot


@value
class TrustedKey:
    """A key that the verifier's user trusts, and the form in which it signs: told by policy, never by the envelope.

    With a `window`, a signature counts only if all times at which it was proven to exist lie in it, and there is one.
    """

    key: PublicKey
    form: Form = "sha256"
    window: Window | None = None


@value
class Trust:
    """Keys, or identities below a trusted root; any one of them is enough, unless `keys_needed` asks for more keys.

    `logs_needed` and `clocks_needed` count distinct logs and timestamp authorities that must have seen the signature;
    `certificate_logs_needed` is 0 for an authority that shows its certificates to none. They are asked only with a `root`:
    without one no log and no clock is known, and only keys can be trusted. `form` is how certificates' keys sign; None takes
    either: such keys live for one signature, and which hash it has is their client's choice.
    """

    keys: tuple[TrustedKey, ...] = ()
    keys_needed: int = 1
    identities: tuple[TrustedIdentity, ...] = ()
    root: TrustedRoot | None = None
    form: Form | None = None
    logs_needed: int = 1
    clocks_needed: int = 0
    certificate_logs_needed: int = 1

    def __post_init__(self) -> None:
        """Refuse what could never prove anything. Raises Permanent: KEY_MISSING, INVALID_INPUT."""
        if not self.keys and not self.identities:
            raise Permanent(Reason.KEY_MISSING, "no key to verify with: name at least one public key that you trust")
        if self.identities and self.root is None:
            raise Permanent(Reason.INVALID_INPUT, "an identity can only be proven with a trusted root")
        if self.keys_needed < 1 or min(self.logs_needed, self.clocks_needed, self.certificate_logs_needed) < 0:
            raise Permanent(Reason.INVALID_INPUT, "a threshold below 1 key, or below 0 logs or clocks")

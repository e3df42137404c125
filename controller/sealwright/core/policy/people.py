"""Signers by name, as policies and layouts list them: a key, or an identity that certificates are made out to.

    controller: {key: "-----BEGIN PUBLIC KEY-----...", hash: sha256}
    release: {identity: "https://github.com/example/app/.github/workflows/release.yaml@refs/heads/main", issuer: "https://..."}
    anyone: {identityPattern: ".*@example[.]com", issuerPattern: "https://accounts[.].*"}

Patterns are RE2's, for the whole text (`core/proof/identity`).
"""

from collections.abc import Mapping

import msgspec

from sealwright.core import keys
from sealwright.core.errors import Permanent, Reason, Untrusted, quote
from sealwright.core.keys import Form
from sealwright.core.model import Verified
from sealwright.core.proof import identity
from sealwright.core.proof.identity import TrustedIdentity
from sealwright.core.proof.trust import TrustedKey

Person = TrustedKey | TrustedIdentity
People = Mapping[str, Person]
LIMIT = 100


class Wire(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """One signer as it is written."""

    key: str = ""
    hash: Form = "sha256"
    identity: str = ""
    identity_pattern: str = ""
    issuer: str = ""
    issuer_pattern: str = ""


def read(given: Mapping[str, Wire], what: str, reason: Reason) -> dict[str, Person]:
    """The signers by name. Raises Permanent, naming the signer: `reason` for what cannot be meant, KEY_UNUSABLE,
    INVALID_INPUT.

    More than LIMIT of them are refused, and two names for one.
    """
    if len(given) > LIMIT:
        raise Permanent(reason, f"{what}: {len(given)} signers, more than {LIMIT}")
    people = {name: _person(name, wire, what, reason) for name, wire in given.items()}
    # Two names for one signer would let one count as two.
    if len({_same(person) for person in people.values()}) != len(people):
        raise Permanent(reason, f"{what}: two signers have the same key or identity")
    return people


def _person(name: str, wire: Wire, what: str, reason: Reason) -> Person:
    is_identity = bool(wire.identity or wire.identity_pattern or wire.issuer or wire.issuer_pattern)
    if bool(wire.key) == is_identity:
        raise Permanent(reason, f"{what}: signer {quote(name)}: wanted a key, or an identity with its issuer")
    try:
        if wire.key:
            return TrustedKey(key=keys.load_public(wire.key.encode()), form=wire.hash)
        return TrustedIdentity(
            name=wire.identity, name_pattern=wire.identity_pattern, issuer=wire.issuer, issuer_pattern=wire.issuer_pattern
        )
    except Permanent as fault:
        raise Permanent(fault.reason, f"{what}: signer {quote(name)}: {fault.message}") from fault


def _same(person: Person) -> str | TrustedIdentity:
    return person.key.key_id if isinstance(person, TrustedKey) else person


def trusted_keys(people: People) -> tuple[TrustedKey, ...]:
    return tuple(person for person in people.values() if isinstance(person, TrustedKey))


def trusted_identities(people: People) -> tuple[TrustedIdentity, ...]:
    return tuple(person for person in people.values() if isinstance(person, TrustedIdentity))


def signers(people: People, verified: Verified) -> frozenset[str]:
    """The names of those who signed this; none for strangers."""
    return frozenset(name for name, person in people.items() if _is_by(person, verified))


def marks(verified: Verified) -> frozenset[str]:
    """Who signed it, told apart without names: the keys, or the holder of the certificate."""
    if verified.identity is not None:
        names = ", ".join(text for _, text in verified.identity.names)
        return frozenset([f"{names} by {verified.identity.issuer}"])
    return frozenset(verified.key_ids or (verified.key_id,))


def _is_by(person: Person, verified: Verified) -> bool:
    if isinstance(person, TrustedKey):
        return verified.identity is None and person.key.key_id in (verified.key_ids or (verified.key_id,))
    if verified.identity is None:
        return False
    try:
        identity.expect(verified.identity, (person,))
    except Untrusted:
        return False
    return True

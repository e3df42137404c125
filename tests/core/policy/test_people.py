"""Signers by name: keys and identities, told apart, and never one for two."""

import dataclasses
from typing import Any

import msgspec
import pytest
from fakes import claims, guarded

from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Identity, Verified
from sealwright.core.policy import people
from sealwright.core.policy.people import People

PEM = guarded.pem(guarded.CONTROLLER)
ROBOT = {"identity": "https://ci.test/release", "issuer": "https://issuer.test"}
ANYONE = {"identityPattern": ".*@team[.]test", "issuerPattern": "https://issuer[.]test"}


def read(**given: dict[str, Any]) -> People:
    return people.read(
        {name: msgspec.convert(each, people.Wire) for name, each in given.items()}, "policy", Reason.INVALID_POLICY
    )


def by(name: str, issuer: str = "https://issuer.test", kind: str = "uri") -> Verified:
    """A statement by the holder of a certificate."""
    return dataclasses.replace(claims.provenance(), identity=Identity(names=((kind, name),), issuer=issuer))


def test_keys_and_identities_are_known_by_name() -> None:
    known = read(controller={"key": PEM}, robot=ROBOT, anyone=ANYONE)

    assert people.signers(known, claims.provenance()) == {"controller"}
    assert people.signers(known, by("https://ci.test/release")) == {"robot"}
    assert people.signers(known, by("a@team.test", kind="email")) == {"anyone"}


@pytest.mark.parametrize(
    "stranger",
    [
        claims.provenance(claims.STRANGER),
        by("https://ci.test/other"),
        by("https://ci.test/release", "https://evil.test"),
        by("https://ci.test/release.evil"),
        by("a@team.test.evil", kind="email"),
        by("a@teamxtest", kind="email"),
    ],
)
def test_a_stranger_has_no_name(stranger: Verified) -> None:
    assert not people.signers(read(controller={"key": PEM}, robot=ROBOT, anyone=ANYONE), stranger)


def test_a_certificate_for_a_known_key_is_still_an_identity() -> None:
    """A key that is trusted by itself does not lend its name to whoever a certificate names."""
    assert not people.signers(read(controller={"key": PEM}), by("https://ci.test/release"))


def test_one_statement_by_two_keys_has_two_signers() -> None:
    both = dataclasses.replace(claims.provenance(), key_ids=(guarded.CONTROLLER.public.key_id, guarded.SECOND.public.key_id))

    assert people.signers(read(a={"key": PEM}, b={"key": guarded.pem(guarded.SECOND)}), both) == {"a", "b"}
    assert len(people.marks(both)) == 2


@pytest.mark.parametrize(
    "given",
    [
        {"a": {}},
        {"a": {"key": PEM} | ROBOT},
        {"a": {"issuer": "x"}},
        {"a": {"identity": "x"}},
        {"a": ROBOT | {"identityPattern": ".*"}},
        {"a": {"identityPattern": "(", "issuer": "x"}},
        {"a": {"key": "x"}},
        {"a": {"key": PEM}, "b": {"key": PEM}},
        {"a": ROBOT, "b": ROBOT},
        {f"s{number}": {"identity": f"{number}", "issuer": "x"} for number in range(101)},
    ],
)
def test_a_signer_that_cannot_be_meant_is_refused(given: dict[str, dict[str, str]]) -> None:
    with pytest.raises(Permanent):
        read(**given)


def test_an_identity_keeps_a_rule() -> None:
    found = claims.policy_object({"signers": ["robot"], "provenance": {}})
    found["spec"]["signers"]["robot"] = ROBOT
    policy = claims.language.read(found, "policy")

    def is_kept(*statements: Verified) -> bool:
        question = claims.judging.Question(digest=claims.DIGEST, statements=statements, now=claims.NOW)
        return claims.judging.judge(policy, question).is_pass

    assert [is_kept(by("https://ci.test/release")), is_kept(by("https://ci.test/x")), is_kept(claims.provenance())] == [
        True,
        False,
        False,
    ]

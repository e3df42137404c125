"""Whom a certificate is for, and whether that is who was asked for."""

import pytest
from fakes import asn1, sigstore
from fakes.sigstore import Asked

from sealwright.core.errors import Permanent, Reason, Untrusted
from sealwright.core.model import Identity
from sealwright.core.proof import identity
from sealwright.core.proof.identity import TrustedIdentity


def held(*more):
    return identity.of_certificate(sigstore.certificate(Asked(more=more)))


def test_names_of_every_kind_are_read():
    """RFC 5280's, and Fulcio's user names."""
    assert held(sigstore.names_of_all_kinds()).names == (
        ("email", "dev@team.test"),
        ("dns", "build.team.test"),
        ("ip", "192.0.2.7"),
        ("other", "dev!team.test"),
        ("uri", sigstore.NAME),
    )
    assert held().names == ()


def test_the_issuer_is_read_in_both_forms():
    """The second is the one that counts; a certificate with two that differ is refused."""
    old, new = sigstore.fulcio(1, "https://a.test", is_old=True), sigstore.fulcio(8, "https://a.test")

    assert [held(old).issuer, held(new).issuer, held(old, new).issuer, held().issuer] == ["https://a.test"] * 3 + [""]
    with pytest.raises(Untrusted, match="two issuers that differ"):
        held(old, sigstore.fulcio(8, "https://b.test"))


def test_claims_have_names():
    """Old ones stand as they are, newer ones as strings of ASN.1."""
    found = held(
        sigstore.fulcio(6, "refs/heads/main", is_old=True), sigstore.fulcio(14, "refs/heads/main"), sigstore.fulcio(99, "x")
    )

    assert found.claims == {"githubWorkflowRef": "refs/heads/main", "sourceRepositoryRef": "refs/heads/main"}


@pytest.mark.parametrize(
    "raw", [b"", b"\x0c\x05abc", asn1.octets(b"abc"), asn1.item(0x0C, b"\xff"), asn1.item(0x0C, b"a") + b"b"]
)
def test_a_claim_that_cannot_be_read_is_refused(raw):
    """Rather than read in a way that another reader would not."""
    extension = sigstore.x509.UnrecognizedExtension(sigstore.ObjectIdentifier("1.3.6.1.4.1.57264.1.12"), raw)
    with pytest.raises(Untrusted) as raised:
        held((extension, False))

    assert Reason.BAD_CERTIFICATE is raised.value.reason


FOUND = Identity(names=(("email", "a@b.test"), ("uri", "https://c.test/d")), issuer="https://issuer.test")
SAME = {"issuer": "https://issuer.test"}
MATCHES = {
    "the first name": ({"name": "a@b.test", **SAME}, True),
    "the second name": ({"name": "https://c.test/d", **SAME}, True),
    "a part of the name": ({"name": "https://c.test", **SAME}, False),
    "another case": ({"name": "A@b.test", **SAME}, False),
    "another issuer": ({"name": "a@b.test", "issuer": "https://issuer.test/"}, False),
    "a pattern for the whole": ({"name_pattern": "https://c[.]test/.*", **SAME}, True),
    "a pattern for a part": ({"name_pattern": "c[.]test", **SAME}, False),
    "a pattern whose alternative fits a part": ({"name_pattern": "^x|https$", **SAME}, False),
    "a pattern with anchors and alternatives": ({"name_pattern": "^https://c.test/d|x$", **SAME}, True),
    "a pattern for the issuer": ({"name": "a@b.test", "issuer_pattern": "https://issuer[.](test|example)"}, True),
    "a pattern for another issuer": ({"name": "a@b.test", "issuer_pattern": "https://issuer"}, False),
    "any issuer": ({"name": "a@b.test", "any_issuer": True}, True),
}


@pytest.mark.parametrize("row", MATCHES)
def test_an_identity_is_who_was_asked_for(row):
    """CVE-2025-29778: names and issuers are compared whole, exactly or by pattern."""
    asked, is_met = MATCHES[row]
    wanted = (TrustedIdentity(**asked),)
    if is_met:
        assert "it is for the" in identity.expect(FOUND, wanted)
    else:
        with pytest.raises(Untrusted) as raised:
            identity.expect(FOUND, wanted)

        assert Reason.WRONG_IDENTITY is raised.value.reason


def test_a_pattern_does_not_match_an_issuer_that_is_not_there():
    """Though it matches nothing at all, as `.*` does."""
    with pytest.raises(Untrusted):
        identity.expect(Identity(names=FOUND.names), (TrustedIdentity(name="a@b.test", issuer_pattern=".*"),))


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"name": "a"},
        {"issuer": "a"},
        {"name": "a", "name_pattern": "a", "issuer": "b"},
        {"name": "a", "issuer": "b", "issuer_pattern": "b"},
        {"name": "a", "issuer": "b", "any_issuer": True},
        {"name_pattern": "(", "issuer": "b"},
        {"name_pattern": "a)|(b", "issuer": "b"},
        {"name_pattern": "(?=a)", "issuer": "b"},
        {"name_pattern": r"(a)\1", "issuer": "b"},
        {"name_pattern": "a" * 5000, "issuer": "b"},
    ],
)
def test_who_asks_for_nothing_or_in_other_rules_is_told(asked):
    """No empty wish, no pattern that RE2 does not read."""
    with pytest.raises(Permanent) as raised:
        TrustedIdentity(**asked)

    assert Reason.INVALID_INPUT is raised.value.reason


def test_evil_patterns_are_quick():
    """RE2 is linear: what takes other engines hours is nothing here."""
    name = "a" * 8000
    found = Identity(names=(("uri", name + "!"),), issuer="i")
    for pattern in ("(a+)+", "(a|aa)+", "(.*a){12}", "([a-z]+)*"):
        with pytest.raises(Untrusted):
            identity.expect(found, (TrustedIdentity(name_pattern=pattern, issuer="i"),))

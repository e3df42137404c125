"""Certificate paths: each link signed, in its time, and allowed to be where it stands."""

import time
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fakes import signers, sigstore
from fakes.sigstore import CA, LEAF, NOW, SUB, Asked

from sealwright.core.errors import Reason, Untrusted
from sealwright.core.proof import chain
from sealwright.core.proof.chain import Authority, Window

OPEN = Window(start=NOW - timedelta(days=200))
MIDDLE = signers.key("ecdsa-p256", 120)
x509 = sigstore.x509


def trusted(*certificates, window=OPEN):
    return (Authority(chain=certificates, window=window),)


def path(leaf, others=(), authorities=None, moment=NOW):
    authorities = trusted(sigstore.sub(), sigstore.root()) if authorities is None else authorities
    return chain.path(leaf, others, authorities, moment, chain.CODE_SIGNING)


def refusal(*arguments, **more):
    with pytest.raises(Untrusted) as raised:
        path(*arguments, **more)
    assert Reason.BAD_CERTIFICATE is raised.value.reason
    return raised.value.message


LEAF_CERTIFICATE = sigstore.certificate(Asked())


def test_a_path_is_found_from_the_signer_to_the_root():
    """Both are in it."""
    assert path(LEAF_CERTIFICATE) == (LEAF_CERTIFICATE, sigstore.sub(), sigstore.root())


def test_what_came_with_the_signature_may_stand_in_between():
    """A root alone is trusted, and the intermediate comes with the bundle; without it nothing leads there."""
    root_alone = trusted(sigstore.root())

    assert len(path(LEAF_CERTIFICATE, (sigstore.sub(),), root_alone)) == 3
    assert "is not issued below" in refusal(LEAF_CERTIFICATE, (), root_alone)


def test_a_root_that_came_with_the_signature_is_not_trusted():
    """Only the authority's own last certificate ends a path."""
    own = sigstore.authority("own", "own", MIDDLE, MIDDLE, serial=50)
    leaf = sigstore.certificate(Asked(issuer="own", by=MIDDLE))

    assert "is not issued below" in refusal(leaf, (own,))


INTERMEDIATES = {
    "that ended": ({"end": NOW - timedelta(seconds=1)}, "is valid from"),
    "that had not begun": ({"start": NOW + timedelta(seconds=1)}, "is valid from"),
    "that is no authority": ({"is_authority": False}, "may not issue certificates"),
    "that may not sign certificates": ({"signs": False}, "may not issue certificates"),
    "for another use": ({"use": chain.TIME_STAMPING}, "may not issue certificates for code signing"),
    "signed by another": ({"by": MIDDLE}, "is not issued below"),
    "with constraints on names": (
        {"more": ((x509.NameConstraints(permitted_subtrees=[x509.DNSName("a")], excluded_subtrees=None), False),)},
        "not understood",
    ),
    "with something critical that is not understood": (
        {"more": ((x509.UnrecognizedExtension(sigstore.ObjectIdentifier("1.2.3"), b""), True),)},
        "not understood",
    ),
}


@pytest.mark.parametrize("row", INTERMEDIATES)
def test_an_intermediate_is_refused(row):
    """CVE-2026-24122 and its kin: each link is checked at the time of the signature, in every mode."""
    more, why = INTERMEDIATES[row]
    made = sigstore.authority(**{"subject": "sub", "issuer": "root", "key": SUB, "by": CA, "serial": 2, **more})

    assert why in refusal(LEAF_CERTIFICATE, authorities=trusted(made, sigstore.root()))
    assert why in refusal(LEAF_CERTIFICATE, (made,), trusted(sigstore.root()))


def test_a_root_that_ended_is_refused():
    """Though the window of its authority is open."""
    root = sigstore.authority("root", "root", CA, CA, end=NOW - timedelta(days=1))

    assert "is valid from" in refusal(LEAF_CERTIFICATE, authorities=trusted(sigstore.sub(), root))


def test_the_length_of_a_path_is_bounded_by_its_authorities():
    """One that allows no authority below it has none below it."""
    middle = sigstore.authority("middle", "sub", MIDDLE, SUB, serial=60)
    leaf = sigstore.certificate(Asked(issuer="middle", by=MIDDLE))

    assert "allows 0 authorities below it, there are 1" in refusal(leaf, (middle,))


def test_a_flood_of_intermediates_is_cut_off():
    """CVE-2026-32280: more than eight are not looked at, and loops end."""
    keys = [signers.key("ecdsa-p256", 200 + number) for number in range(12)]
    flood = tuple(
        sigstore.authority(f"a{number}", f"a{number + 1}", key, keys[(number + 1) % 12], serial=70 + number)
        for number, key in enumerate(keys)
    )
    twins = tuple(sigstore.authority("sub", "sub", SUB, SUB, serial=90 + number) for number in range(8))

    assert "is not issued below" in refusal(sigstore.certificate(Asked(issuer="a0", by=keys[0])), flood)
    assert len(path(LEAF_CERTIFICATE, twins)) == 3


def test_twins_that_issue_each_other_cost_no_more():
    """Eight certificates of one name and key have 40,320 orders; the right path is found first, and a wrong one given up."""
    twins = tuple(sigstore.authority("own", "own", MIDDLE, MIDDLE, serial=100 + number) for number in range(8))
    leaf = sigstore.certificate(Asked(issuer="own", by=MIDDLE))
    begun = time.perf_counter()

    assert "is not issued below" in refusal(leaf, twins)
    assert time.perf_counter() - begun < 1


def test_an_authority_counts_in_its_window_alone():
    """The next one is asked then."""
    past = trusted(sigstore.sub(), sigstore.root(), window=Window(start=NOW - timedelta(days=9), end=NOW - timedelta(days=1)))

    assert "is trusted only from" in refusal(LEAF_CERTIFICATE, authorities=past)
    assert path(LEAF_CERTIFICATE, authorities=(*past, *trusted(sigstore.sub(), sigstore.root())))
    assert "no authority is trusted here" in refusal(LEAF_CERTIFICATE, authorities=())


def test_windows_hold_both_their_ends():
    """And never anything without a start."""
    window = Window(start=NOW, end=NOW)

    assert window.holds(NOW)
    assert not any(window.holds(NOW + timedelta(microseconds=step)) for step in (-1, 1))
    assert not Window(end=NOW).holds(NOW)


def test_keys_of_authorities_are_of_kinds_that_are_accepted():
    """RSA of 1024 bits signs nothing here."""

    class Weak:
        material = rsa.generate_private_key(65537, 1024)

    weak = sigstore.authority("sub", "root", Weak, CA, serial=5)
    leaf = sigstore.builder(Asked(key=LEAF)).sign(Weak.material, sigstore.hashes.SHA256())

    assert "is not issued below" in refusal(leaf, authorities=trusted(weak, sigstore.root()))

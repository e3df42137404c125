"""Timestamps: a trusted clock's word about exactly these bytes, and nothing else."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes import asn1, signers, sigstore
from fakes.sigstore import NOW, Tick
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core.errors import Reason, Untrusted
from sealwright.core.proof import timestamp
from sealwright.core.proof.chain import Authority, Window

MESSAGE = b"a signature"
OPEN = Window(start=NOW - timedelta(days=200))
CLOCKS = (Authority(chain=(sigstore.clock(), sigstore.clock_root()), window=OPEN),)
STRANGER = signers.key("ecdsa-p256", 998)


def clocks(**more):
    """A trusted clock whose certificate is right but for what is given."""
    made = sigstore.certificate(sigstore.clock_asked(**more))
    return made, (Authority(chain=(made, sigstore.clock_root()), window=OPEN),)


def refusal(response, trusted=CLOCKS, message=MESSAGE):
    with pytest.raises(Untrusted) as raised:
        timestamp.prove(response, message, trusted)
    assert Reason.BAD_TIMESTAMP is raised.value.reason
    return raised.value.message


@pytest.mark.parametrize(
    "tick",
    [
        Tick(),
        Tick(status=1),
        Tick(embedded=(sigstore.clock,)),
        Tick(embedded=(sigstore.root, sigstore.clock)),
        Tick(more_attributes=(sigstore._attribute("1.2.3", asn1.octets(b"x")),)),
    ],
    ids=["plain", "granted with modifications", "with its certificate", "with other certificates", "with more attributes"],
)
def test_a_trusted_clock_is_believed(tick):
    """What is embedded changes nothing."""
    found = timestamp.prove(sigstore.stamp(MESSAGE, tick), MESSAGE, CLOCKS)

    assert found.moment == NOW


def test_fractions_of_a_second_are_kept():
    """RFC 3161, 2.4.2."""
    found = timestamp.prove(sigstore.stamp(MESSAGE, Tick(moment="20231114221320.25Z")), MESSAGE, CLOCKS)

    assert NOW + timedelta(milliseconds=250) == found.moment


WRONG = {
    "not granted": (Tick(status=2), "not granted"),
    "of another version": (Tick(version=2), "version"),
    "signed by another key": (Tick(key=STRANGER), "is not by the clock"),
    "with no signer": (Tick(signers=0), "0 signers"),
    "with two signers": (Tick(signers=2), "2 signers"),
    "with attributes of other content": (Tick(attribute_digest=b"0" * 32), "digest of other content"),
    "with attributes of another type": (Tick(content_type="1.2.840.113549.1.7.1"), "for other content"),
    "without attributes": (Tick(with_attributes=False), "without signed attributes"),
    "naming another certificate": (Tick(names=sigstore.clock_root), "do not name the clock"),
    "over a digest that is not accepted": (Tick(digest="1.3.14.3.2.26"), "1.3.14.3.2.26 is not accepted"),
    "with an attribute twice": (Tick(more_attributes=(sigstore._attribute("1.2.840.113549.1.9.3", asn1.oid("1.2.3")),)), "twice"),
    "without a zone": (Tick(moment="20231114221320"), "written in another form"),
    "with an offset": (Tick(moment="20231114221320+0100"), "written in another form"),
    "on a day that is none": (Tick(moment="20231332221320Z"), "no calendar"),
    "in other digits": (Tick(moment="2023111422132٠Z"), "written in another form"),
}


@pytest.mark.parametrize("row", WRONG)
def test_a_timestamp_is_refused_that_is(row):
    """With a reason that says what."""
    tick, why = WRONG[row]

    assert why in refusal(sigstore.stamp(MESSAGE, tick))


CLOCK_CERTIFICATES = {
    "with uses that are not critical": ({"is_use_critical": False}, "time stamping alone"),
    "for another use": ({"use": sigstore.ExtendedKeyUsageOID.CODE_SIGNING}, "time stamping alone"),
    "without uses": ({"use": None}, "time stamping alone"),
    "that ended": ({"end": NOW - timedelta(seconds=1)}, "is valid from"),
    "that had not begun": ({"start": NOW + timedelta(seconds=1)}, "is valid from"),
    "of another root": ({"by": STRANGER}, "is not issued below"),
    "that may not sign": ({"signs": False}, "may not make signatures"),
}


@pytest.mark.parametrize("row", CLOCK_CERTIFICATES)
def test_a_clock_is_refused_with_a_certificate(row):
    """Though the trusted root names it."""
    more, why = CLOCK_CERTIFICATES[row]
    made, trusted = clocks(**more)

    assert why in refusal(sigstore.stamp(MESSAGE, Tick(certificate=lambda: made)), trusted)


def test_a_leaf_that_is_embedded_is_no_clock():
    """CVE-2026-39984: only what the trusted root names is looked at, even below its root."""
    foreign = sigstore.certificate(sigstore.clock_asked(serial=44, key=STRANGER))
    tick = Tick(key=STRANGER, certificate=lambda: foreign, embedded=(lambda: foreign,))

    assert "not trusted here" in refusal(sigstore.stamp(MESSAGE, tick))


def test_a_clock_without_its_root_is_refused():
    """Nothing leads from it."""
    alone = (Authority(chain=(sigstore.clock(),), window=OPEN),)

    assert "without the root" in refusal(sigstore.stamp(MESSAGE), alone)


def test_a_timestamp_is_over_these_bytes_alone():
    """And by somebody who is trusted."""
    assert "other bytes" in refusal(sigstore.stamp(b"another"))
    assert "not trusted here" in refusal(sigstore.stamp(MESSAGE), ())


def test_a_clock_is_one_whatever_it_says():
    """Its fingerprint is what thresholds count."""
    one, other = (
        timestamp.prove(sigstore.stamp(MESSAGE, Tick(moment=text)), MESSAGE, CLOCKS)
        for text in ("20231114221320Z", "20231114221321Z")
    )

    assert one.authority == other.authority
    assert replace(one, moment=other.moment) == other


@settings(max_examples=200)
@given(st.binary(max_size=80) | st.tuples(st.integers(0, 600), st.binary(max_size=3)).map(lambda cut: _spliced(*cut)))
def test_no_bytes_crash_the_reader(data):
    """Untrusted, whatever it is."""
    with suppress(Untrusted):
        timestamp.prove(data, MESSAGE, CLOCKS)


def _spliced(where, what):
    whole = sigstore.stamp(MESSAGE)
    return whole[:where] + what + whole[where + len(what) :]

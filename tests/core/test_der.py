"""DER: one form for each value, bounded, and no other exception for other bytes."""

from contextlib import suppress

import pytest
from fakes import asn1
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core import der
from sealwright.core.errors import Permanent

# value as the specification writes it (X.690, 8) -> its DER
NUMBERS = {0: "020100", 127: "02017f", 128: "02020080", 256: "02020100", -128: "020180", -129: "0202ff7f"}
NAMES = {"1.2.840.113549": "06062a864886f70d", "2.16.840.1.101.3.4.2.1": "0609608648016503040201", "2.999.3": "0603883703"}


@pytest.mark.parametrize(("number", "text"), NUMBERS.items())
def test_numbers(number, text):
    """In their shortest form, which the tests' writer agrees with."""
    assert number == der.integer(der.items(bytes.fromhex(text), "x")[0], "x")
    assert asn1.integer(abs(number)) == asn1.integer(der.integer(der.items(asn1.integer(abs(number)), "x")[0], "x"))


@pytest.mark.parametrize(("dotted", "text"), NAMES.items())
def test_object_identifiers(dotted, text):
    """Arcs of several bytes, and the first two in one."""
    assert dotted == der.oid(der.items(bytes.fromhex(text), "x")[0], "x")


REFUSED = {
    "an indefinite length": "30800000",
    "a length that could be shorter": "308105" + "0500" * 2 + "00",
    "a length with a leading zero": "30820005" + "0500" * 2 + "00",
    "a length of five bytes": "3085000000000100",
    "a length that is cut": "3082",
    "a value that is cut": "300405",
    "no length": "30",
    "a tag of two bytes": "1f8100",
    "65 values": "0500" * 65,
}


@pytest.mark.parametrize("row", REFUSED)
def test_other_forms_are_refused(row):
    """They are BER, or nothing."""
    with pytest.raises(Permanent):
        der.items(bytes.fromhex(REFUSED[row]), "x")


@pytest.mark.parametrize("text", ["02020001", "0202ff80", "0200", "0241" + "01" * 65, "040101"])
def test_other_numbers_are_refused(text):
    """Padded, empty, huge, or of another type."""
    with pytest.raises(Permanent):
        der.integer(der.items(bytes.fromhex(text), "x")[0], "x")


@pytest.mark.parametrize("text", ["0600", "060180", "06028001", "0641" + "01" * 65, "020101"])
def test_other_identifiers_are_refused(text):
    """CVE-2025-66506: a crafted identifier costs nothing."""
    with pytest.raises(Permanent):
        der.oid(der.items(bytes.fromhex(text), "x")[0], "x")


def test_one_value_is_one():
    """Of the tag that was asked for, with nothing behind it, and not larger than any that is needed."""
    assert der.one(bytes.fromhex("300105"), der.SEQUENCE, "x").body == b"\x05"
    for data in (b"", bytes.fromhex("310105"), bytes.fromhex("300105300105"), bytes(70_000)):
        with pytest.raises(Permanent):
            der.one(data, der.SEQUENCE, "x")


@given(st.binary(max_size=60))
def test_no_bytes_crash_the_reader(data):
    """Permanent, whatever they are; and what is read is the whole."""
    with suppress(Permanent):
        found = der.items(data, "x")

        assert b"".join(item.raw for item in found) == data

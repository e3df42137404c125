"""Kubernetes quantities."""

import contextlib
import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core.tekton.quantity import quantity

# As JSON -> as the API server writes it back (apimachinery; trusted-resources 1.7).
QUANTITIES = {
    "null": "0", "0": "0", '"0"': "0", '""': None, '"0.0"': "0", '"0m"': "0", '"000"': "0", '"-0"': "0",
    "1": "1", '"1"': "1", '" 2 "': "2", "512": "512", '"512"': "512",
    '"500m"': "500m", '"1000m"': "1", '"1500m"': "1500m", '"0.5"': "500m", "0.5": "500m", '".5"': "500m", '"5."': "5.", '"1.5"': "1500m",
    '"2.125"': "2.125", '"1.500"': "1.500", '"1.000"': "1", '"0.001"': "1m", '"0.125"': "125m",
    '"1024Mi"': "1Gi", '"1536Mi"': "1536Mi", '"1.5Gi"': "1536Mi", '"1Ki"': "1Ki", '"1024"': "1024", '"8Ki"': "8Ki", '"0.5Ki"': "512",
    '"0.5Mi"': "512Ki", '"0.1Ki"': "102400m", '"1023Ki"': "1023Ki", '"1024Ki"': "1Mi",
    '"00012G"': "00012G", '"+7T"': "+7T", '"-7T"': "-7T", '"1000k"': "1M", '"1000000"': "1M", "1000000": "1M", "128000000": "128M",
    '"128e6"': "128e6", '"1e3"': "1e3", '"1000e3"': "1e6", '"1E3"': "1E3", '"10e2"': "1e3", '"1e0"': "1e0", '"1e-3"': "1e-3", "1e3": "1e3",
    '"1E"': "1E", '"1000E"': "1", '"1n"': "1n", '"1u"': "1u", '"0.1n"': "1n", '"1.0000000001"': "1000000001n", '"-0.1n"': "-1n",
    '"8Ei"': "9223372036854775807", '"9223372036854775807"': "9223372036854775807", '"10000000000000000000"': "10E",
    '"100000000000000000000000"': "100", '"-1.5Gi"': "-1536Mi", '"m"': "0", '"P"': "0", '"0Ki"': "0",
}  # fmt: skip
NO_QUANTITIES = [
    '""', '"."', '"+"', '"-"', '"1 Gi"', '"1gi"', '"1ki"', '"1KI"', '"1K"', '"1e"', '"1e+"', '"1e1.5"', '"1.2.3"', '"--1"', '"1,5"', '"1%"',
    '"0x10"', '"NaN"', '"Inf"', '"１"', '"1e1000"', "true", "[]", "{}", '["1"]', '"' + "1" * 300 + '"',
]  # fmt: skip


@pytest.mark.parametrize("raw", [raw for raw, wanted in QUANTITIES.items() if wanted is not None])
def test_quantity_is_written_as_kubernetes_writes_it(raw):
    """Canonical, or verbatim where its fast path keeps the text."""
    assert quantity(raw.encode()) == QUANTITIES[raw]


@pytest.mark.parametrize("raw", NO_QUANTITIES)
def test_what_is_no_quantity_is_refused(raw):
    with pytest.raises(ValueError):
        quantity(raw.encode())


SUFFIXES = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "e-3", "E6", "e1"]
TEXTS = st.builds(
    lambda sign, whole, point, fraction, suffix: f"{sign}{whole}{point}{fraction if point else ''}{suffix}",
    st.sampled_from(["", "-", "+"]),
    st.text("0123456789", min_size=1, max_size=20),
    st.sampled_from(["", "."]),
    st.text("0123456789", max_size=10),
    st.sampled_from(SUFFIXES),
)


@given(TEXTS)
def test_writing_again_changes_nothing(text):
    """What Kubernetes wrote it reads and writes as it stands, but for values beyond its own largest suffix."""
    written = quantity(f'"{text}"'.encode())
    if abs(_value(text)) < 10**20:
        assert quantity(f'"{written}"'.encode()) == written


@given(TEXTS)
def test_value_stays(text):
    """Rounded away from zero to 10^-9; binary forms stop at the largest int64, and beyond E the suffix is lost."""
    value = _value(text)
    if 0 < abs(value) < 2**63:
        rounded = Fraction(-(-abs(value) * 10**9 // 1), 10**9)
        assert abs(_value(quantity(f'"{text}"'.encode()))) in (rounded, abs(value))


@given(st.text(max_size=10) | st.text("0123456789.eEmKi+-", max_size=10))
def test_any_text_is_a_quantity_or_a_value_error(text):
    """Nothing else comes out."""
    with contextlib.suppress(ValueError):
        assert quantity(json.dumps(text).encode()).isascii()


def _value(text):
    """The value that a quantity stands for, read in the plainest way."""
    scales = dict(zip(["n", "u", "m", "k", "M", "G", "T", "P", "E"], [-9, -6, -3, 3, 6, 9, 12, 15, 18], strict=True))
    for suffix, power in (("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)):
        if text.endswith(suffix):
            return Fraction(text.removesuffix(suffix)) * 2**power
    if text[-1] in scales:
        return Fraction(text[:-1]) * Fraction(10) ** scales[text[-1]]
    return Fraction(text)

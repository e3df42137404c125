"""Values with an encoding of their own: parameters, times, durations."""

import contextlib
import json

import pytest
from fakes import growth
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core.tekton import values

# JSON as it stands -> what Tekton makes of it (trusted-resources 1.5).
PARAMETERS = {
    '"text"': "text",
    '""': "",
    r'"\u003c\n"': "<\n",
    "null": "",
    '["a","b"]': ["a", "b"],
    "[]": [],
    '["a",null]': ["a", ""],
    '{"b":"1","a":"2"}': {"a": "2", "b": "1"},
    "{}": {},
    '{"a":null}': {"a": ""},
    "8080": "8080",
    "1.10": "1.10",
    "1e3": "1e3",
    "-0": "-0",
    "12345678901234567890123": "12345678901234567890123",
    "1e999": "1e999",
    "true": "true",
    '["a", 1]': '["a",1]',
    "[1e999]": "[1e999]",
    "[ [ ] ]": "[[]]",
    '{"k": "<v>", "n": 1.50}': '{"k":"<v>","n":1.50}',
    '{"a": {"b": "c d"} }': '{"a":{"b":"c d"}}',
    '[1, "a \\" , b\\\\", 2]': '[1,"a \\" , b\\\\",2]',
    '[\n1,\t"é \u2028",\r"x y"]': '[1,"é \u2028","x y"]',
}


@pytest.mark.parametrize("raw", PARAMETERS)
def test_parameter_is_text_list_map_or_the_text_of_its_json(raw):
    assert values.param_value(raw.encode()) == PARAMETERS[raw]


def test_map_is_in_the_order_in_which_go_writes_it():
    """Sorted; a member that was given twice counts once, the last time."""
    assert list(values.param_value(b'{"b":"1","a":"2","b":"3"}').items()) == [("a", "2"), ("b", "3")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from([None, 1, "\t", " \r\n"]), st.booleans())
def test_spaces_between_tokens_do_not_count(value, indent, ascii_only):
    """Inside texts they stay."""
    wide = json.dumps(value, indent=indent, separators=(" , ", " : "), ensure_ascii=ascii_only)
    compact = json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only)

    assert values.compact(wide) == compact
    assert values.compact(compact) == compact


@given(JSON)
def test_parameter_loses_nothing(value):
    """Text, lists and maps of text come back; of anything else the text says the same."""
    found = values.param_value(json.dumps(value).encode())

    assert isinstance(found, str | list | dict)
    if isinstance(found, str) and not isinstance(value, str) and value is not None:
        assert json.loads(found) == value


def test_large_parameter_takes_no_time():
    def make(count):
        return b"[1" + b"," + b'"\\"\\\\ \\"",' * count + b" 2]"

    assert growth.is_linear(values.param_value, make, 20_000)


# --- times --------------------------------------------------------------------------------------------------------------

TIMES = {
    "2026-01-31T12:00:00Z": ("2026-01-31T12:00:00", "000000000"),
    "2026-01-31T12:00:00.5Z": ("2026-01-31T12:00:00", "500000000"),
    "2026-01-31T12:00:00,5Z": ("2026-01-31T12:00:00", "500000000"),
    "2026-01-31T12:00:00.1234567899Z": ("2026-01-31T12:00:00", "123456789"),
    "2026-01-31T23:30:00-01:30": ("2026-02-01T01:00:00", "000000000"),
    "2026-01-01T00:00:00+14:00": ("2025-12-31T10:00:00", "000000000"),
    "0001-01-01T00:00:00Z": ("0001-01-01T00:00:00", "000000000"),
    "9999-12-31T23:59:59Z": ("9999-12-31T23:59:59", "000000000"),
    "2024-02-29T00:00:00Z": ("2024-02-29T00:00:00", "000000000"),
}
NO_TIMES = [
    "", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-01-31t12:00:00z", "2026-02-30T12:00:00Z", "2025-02-29T00:00:00Z",
    "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:60Z", "2026-01-31T12:00:00.Z", "2026-1-31T12:00:00Z",
    "26-01-31T12:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2026-01-31T12:00:00+25:00",
    "2026-01-31T12:00:00Z\n", "２０２６-01-31T12:00:00Z", "yesterday", "2026-01-31T12:00:00." + "0" * 100 + "Z",
]  # fmt: skip


@pytest.mark.parametrize("text", TIMES)
def test_time_is_read_in_utc_with_its_nanoseconds(text):
    assert values.instant(text) == TIMES[text]


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="wanted a time like 2026-01-31T12:00:00Z"):
        values.instant(text)


def test_kubernetes_writes_times_in_whole_seconds():
    """Go's zero time and no time are null."""
    assert values.time("2026-01-31T12:00:00.999+01:00") == "2026-01-31T11:00:00Z"
    assert values.time(None) is None
    assert values.time("0001-01-01T00:00:00Z") is None


@given(st.datetimes(), st.integers(-14 * 60, 14 * 60), st.integers(0, 999_999_999))
def test_every_time_is_read_and_read_again(moment, offset, nanoseconds):
    """What was read, written in UTC, is read as the same."""
    sign, (hours, minutes) = "-" if offset < 0 else "+", divmod(abs(offset), 60)
    text = f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}{sign}{hours:02d}:{minutes:02d}".rjust(35, "0")
    try:
        seconds, fraction = values.instant(text)
    except ValueError:
        assert moment.year in (1, 9999)
    else:
        assert values.instant(f"{seconds}.{fraction}Z") == (seconds, fraction)
        assert int(fraction) == nanoseconds


# --- durations ----------------------------------------------------------------------------------------------------------

DURATIONS = {
    "0": "0s", "-0": "0s", "0s": "0s", "-0h": "0s", "90m": "1h30m0s", "60m": "1h0m0s", "1h": "1h0m0s", "1h30m": "1h30m0s",
    "30s": "30s", "90s": "1m30s", "61s": "1m1s", "3600s": "1h0m0s", "1.5h": "1h30m0s", ".5m": "30s", "5.s": "5s", "+5s": "5s",
    "-1.5h": "-1h30m0s", "1.5ms": "1.5ms", "500ms": "500ms", "1000ms": "1s", "1500ms": "1.5s", "1us": "1µs", "1µs": "1µs", "1μs": "1µs",
    "1500ns": "1.5µs", "999ns": "999ns", "1h0.5s": "1h0m0.5s", "1m1m": "2m0s", "1s1h": "1h0m1s", "0.1ns": "0s", "100h": "100h0m0s",
    "1h2m3s4ms5us6ns": "1h2m3.004005006s", "2562047h47m16.854775807s": "2562047h47m16.854775807s",
}  # fmt: skip
NO_DURATIONS = [
    "", "-", "+", ".", "1", "1.5", "s", ".s", "1d", "1 s", " 1s", "1s ", "1e3s", "1H", "--1s", "1s-1s", "1,5s", "h1", "1h1", "１s",
    "2562047h47m16.854775808s", "9" * 30 + "h", "1s" * 200, "never",
]  # fmt: skip


@pytest.mark.parametrize("text", DURATIONS)
def test_duration_is_spelt_as_go_spells_it(text):
    assert values.duration(text) == DURATIONS[text]


@pytest.mark.parametrize("text", NO_DURATIONS)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="wanted a duration"):
        values.duration(text)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_every_duration_is_spelt_in_one_way(nanoseconds):
    """Go's spelling is read as itself."""
    spelt = values.duration(f"{nanoseconds}ns")
    assert values.duration(spelt) == spelt


@given(st.text(max_size=20) | st.text("0123456789.hmsnuµ+-", max_size=12))
def test_any_text_is_a_value_or_a_value_error(text):
    for read in (values.instant, values.duration):
        with contextlib.suppress(ValueError):
            read(text)

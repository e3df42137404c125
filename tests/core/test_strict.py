"""Reading bytes that somebody else wrote."""

import contextlib
import json

import pytest
from fakes import growth
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core import strict
from sealwright.core.errors import Permanent, Reason

DEEP = strict.DEPTH_LIMIT + 1
NOT_JSON = {
    "nothing": b"",
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "two values": b"{} {}",
    "a comment": b"{/* no */}",
    "a comma before the end": b'{"a":1,}',
    "single quotes": b"{'a':1}",
    "NaN": b'{"a":NaN}',
    "Infinity": b"[Infinity]",
    "minus Infinity": b"[-Infinity]",
    "a float that no double holds": b"1e400",
    "an integer that no double holds": b"1" + b"0" * 400,
    "an integer of 5,000 digits": b"9" * 5000,
    "a leading zero": b"01",
    "a plus sign": b"+1",
    "bytes that are not UTF-8": b'{"a":"\xff"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "half a surrogate pair": rb'{"a":"\ud83d"}',
    "the other half": rb'{"a":"\ude00 and more"}',
    "an unknown escape": rb'{"a":"\q"}',
    "a line end inside a string": b'{"a":"\n"}',
    "a string that never ends": b'{"a":"',
}
REPEATED = {
    "at the top": b'{"a":1,"b":2,"a":3}',
    "deep inside": b'{"x":[{"y":{"a":1,"a":1}}]}',
    "spelt with an escape": rb'{"a":1,"\u0061":2}',
    "empty": b'{"":1,"":2}',
}
FINE = {
    "a float that becomes zero": (b"1e-400", 0),
    "the largest double": (b"1.7976931348623157e308", 1.7976931348623157e308),
    "an integer of 308 digits": (b"9" * 308, int("9" * 308)),
    "a pair of surrogates": (rb'"\ud83d\ude00"', "\U0001f600"),
    "names of Python's own": (b'{"__proto__":1,"__class__":2}', {"__proto__": 1, "__class__": 2}),
    "keys that differ by case": (b'{"a":1,"A":2}', {"a": 1, "A": 2}),
    "the same key in two objects": (b'[{"a":1},{"a":1}]', [{"a": 1}, {"a": 1}]),
    "space around it": (b" \r\n\t1\n", 1),
    "NUL as an escape": (rb'"\u0000"', "\x00"),
}


@pytest.mark.parametrize("data", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_refused(data):
    """With a sentence that names the thing that was read."""
    with pytest.raises(Permanent, match="the file: not valid JSON") as caught:
        strict.loads(data, "the file")
    assert caught.value.reason is Reason.INVALID_INPUT


@pytest.mark.parametrize("data", REPEATED.values(), ids=REPEATED)
def test_repeated_key_is_refused(data):
    """Readers differ on which of the two counts."""
    with pytest.raises(Permanent, match="stands twice in one object") as caught:
        strict.loads(data, "x")
    assert caught.value.reason is Reason.REPEATED_KEY


@pytest.mark.parametrize(("data", "wanted"), FINE.values(), ids=FINE)
def test_odd_but_plain_json_is_read(data, wanted):
    assert strict.loads(data, "x") == wanted


def test_repeated_key_among_many_is_found_at_once():
    """A search that tries each key against all would take hours for this file of under 3 MiB."""

    def make(count):
        return b"{" + b",".join(b'"%d":1' % n for n in range(count)) + b',"%d":1}' % (count - 1)

    def search(data):
        with pytest.raises(Permanent, match="stands twice"):
            strict.loads(data, "x")

    assert growth.is_linear(search, make, 20_000)


def test_size_limit_is_exact():
    """The last byte that is read, and the first that is not."""
    strict.bound(b"1" * strict.SIZE_LIMIT, "x")
    with pytest.raises(Permanent, match=f"{strict.SIZE_LIMIT + 1} bytes, more than the {strict.SIZE_LIMIT}") as caught:
        strict.bound(b"1" * (strict.SIZE_LIMIT + 1), "x")
    assert caught.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_depth_limit_is_exact(pair):
    """Objects and lists count alike."""
    opened, closed = ('{"a":', "}") if pair == "{}" else ("[", "]")
    nested = [(opened * levels + "1" + closed * levels).encode() for levels in (DEEP - 1, DEEP)]
    strict.loads(nested[0], "x")
    with pytest.raises(Permanent, match="nested more than 200 levels") as caught:
        strict.loads(nested[1], "x")
    assert caught.value.reason is Reason.TOO_LARGE


def test_wide_is_not_deep():
    """Many brackets beside each other, and brackets inside texts, are no nesting."""
    wide = json.dumps([[], {}] * 500 + ["[" * 500, '"[\\"[{' * 100])
    assert strict.depth(wide.encode()) == 2
    assert strict.loads(wide.encode(), "x") == json.loads(wide)


HOSTILE = {
    "nothing but brackets": lambda n: b"[" * n,
    "quotes and backslashes": lambda n: b'"\\' * n + b"[" * 300,
    "escaped quotes without an end": lambda n: b'"' + b'\\"' * n + b"[" * 300,
    "open strings": lambda n: b'"a' * n + b"[" * 300,
    "one long string": lambda n: b'["' + b"a" * n + b'"]',
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_take_no_time(make):
    """Looking for nesting is linear, whatever the bytes are."""
    assert growth.is_linear(strict.depth, make, 200_000)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_every_json_value_is_read_back(value):
    """What Python's own writer writes."""
    data = json.dumps(value).encode()
    assert strict.loads(data, "x") == value


class Pairs(list):
    """An object as it may stand in a text: keys and values, in which a key may come again."""


TEXTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(st.tuples(st.text("ab\n\u00e9", max_size=1), inner), max_size=3).map(Pairs)
    ),
    max_leaves=12,
)


def _written(value, spaced, escaped):
    """The text, and whether a key in it comes again."""
    if not isinstance(value, list):
        return json.dumps(value, ensure_ascii=escaped), False
    members = [member if isinstance(value, Pairs) else ("", member) for member in value]
    inner = [(json.dumps(key, ensure_ascii=escaped), *_written(member, spaced, escaped)) for key, member in members]
    gap = " " if spaced else ""
    repeated = any(again for _, _, again in inner)
    if isinstance(value, Pairs):
        is_unique = len({key for key, _ in value}) == len(value)
        return "{" + f",{gap}".join(f"{key}:{gap}{text}" for key, text, _ in inner) + "}", repeated or not is_unique
    return "[" + f",{gap}".join(text for _, text, _ in inner) + "]", repeated


@given(TEXTS, st.booleans(), st.booleans())
def test_repeated_key_is_refused_however_it_is_written(value, spaced, escaped):
    """And nothing else is."""
    text, repeated = _written(value, spaced, escaped)
    if repeated:
        with pytest.raises(Permanent, match="stands twice"):
            strict.loads(text.encode(), "x")
    else:
        assert strict.loads(text.encode(), "x") == json.loads(text)


@given(VALUES)
def test_depth_is_the_true_depth(value):
    """Counted from bytes or from the value."""
    assert strict.depth(json.dumps(value, ensure_ascii=False).encode()) == _depth(value)


def _depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


@given(st.binary(max_size=60) | st.text(alphabet='{}[]:,"\\ -0123456789.eEtrufalsn', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data):
    """Nothing but a Permanent comes out, for JSON and for documents."""
    for read in (strict.loads, strict.documents):
        with contextlib.suppress(Permanent):
            read(data, "x")


def test_documents_are_json_or_yaml():
    """JSON by its first bracket; YAML may hold several."""
    assert strict.documents(b' {"a": 1}', "x") == [{"a": 1}]
    assert strict.documents(b"a: 1\n---\n---\nb: [y]\n", "x") == [{"a": 1}, {"b": [True]}]
    assert strict.documents(b"", "x") == []


def test_yaml_has_the_same_size_limit():
    with pytest.raises(Permanent, match="more than the") as caught:
        strict.documents(b"#" * (strict.SIZE_LIMIT + 1), "x")
    assert caught.value.reason is Reason.TOO_LARGE


def test_key_that_differs_from_a_known_one_by_case_is_refused():
    """Go's reader takes `predicatetype` for `predicateType`; a reader that does not would see another statement."""
    strict.refuse_lookalike_keys({"predicateType": 1, "other": 2}, ("predicateType",), "x")
    for key in ("predicatetype", "PREDICATETYPE", "predicateTYPE"):
        with pytest.raises(Permanent, match="could be read as 'predicateType'") as caught:
            strict.refuse_lookalike_keys({"predicateType": 1, key: 2}, ("predicateType",), "x")
        assert caught.value.reason is Reason.REPEATED_KEY

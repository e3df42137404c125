"""YAML as Kubernetes' own tools read it."""

import contextlib
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core import goyaml, strict
from sealwright.core.errors import Permanent, Reason


def load_each(text, repeats):
    return goyaml.load_each(text.encode(), "file.yaml", strict.DEPTH_LIMIT, repeats)


REPEATED = {
    "a key twice": ("{a: 1, a: 2}", {"last": {"a": 2}}),
    "a merge, then the key": ("{<<: {a: 1}, a: 2}", {"last": {"a": 2}, "merge": {"a": 2}}),
    "the key, then a merge": ("{a: 2, <<: {a: 1}}", {"last": {"a": 1}, "merge": {"a": 1}}),
    "two merges": ("{<<: [{a: 1}, {a: 2}]}", {"last": {"a": 1}, "merge": {"a": 1}}),
    "a merge, then the key twice": ("{<<: {a: 1}, a: 2, a: 3}", {"last": {"a": 3}}),
}


@pytest.mark.parametrize("repeats", ["refuse", "merge", "last"])
@pytest.mark.parametrize(("text", "wanted"), REPEATED.values(), ids=REPEATED)
def test_repeated_keys_are_as_the_caller_asks(text, wanted, repeats):
    """What Go's strict reader refuses, what its lenient one makes of it, and one between."""
    if repeats in wanted:
        assert load_each(text, repeats) == [wanted[repeats]]
        return
    with pytest.raises(Permanent) as caught:
        load_each(text, repeats)
    assert caught.value.reason is Reason.REPEATED_KEY


def test_empty_documents_can_be_asked_for():
    assert load_each("---\n---\na: 1\n---\n", "refuse") == [None, {"a": 1}, None]


def load(text, depth_limit=strict.DEPTH_LIMIT):
    data = text if isinstance(text, bytes) else text.encode()
    return goyaml.load_all(data, "file.yaml", depth_limit)


# What stands in the file -> what go-yaml v2 makes of it (trusted-resources, YAML reading).
SCALARS = {
    "y": True, "Y": True, "yes": True, "ON": True, "On": True, "true": True, "TRUE": True,
    "n": False, "No": False, "off": False, "OFF": False, "False": False,
    "yES": "yES", "tRUE": "tRUE",
    "~": None, "null": None, "NULL": None, "": None, "nULL": "nULL",
    "12": 12, "+12": 12, "-12": -12, "1_000": 1000, "0x1F": 31, "-0x1f": -31, "0b101": 5, "0o17": 15, "0644": 420, "-0644": -420,
    "089": 89.0, "0xG": "0xG", "_1": "_1", "1_": 1, "--1": "--1", "+": "+", "-x": "-x", ".": ".", "_": "_",
    "9223372036854775808": 9223372036854775808, "18446744073709551615": 18446744073709551615,
    "18446744073709551616": 18446744073709551616.0, "-9223372036854775809": -9223372036854775809.0,
    "1.5": 1.5, ".5": 0.5, "1.": 1.0, "1e3": 1000.0, "-1.5e-3": -0.0015, "1e400": "1e400", "1.2.3": "1.2.3",
    "1:30:00": "1:30:00", "2026-01-31": "2026-01-31", "2026-01-31T12:00:00Z": "2026-01-31T12:00:00Z", "=": "=",
    '"yes"': "yes", "'12'": "12", "!!str 12": "12", "! 12": "12", "|\n  12\n": "12\n", ">\n  a\n  b\n": "a b\n",
    r'"\U0001f600"': "\U0001f600", "!!binary aGk=": "hi", '"\\\\/"': "\\/", ".5_0": 0.5, "._5": "._5",
}  # fmt: skip


@pytest.mark.parametrize("text", SCALARS)
def test_scalar_means_what_go_yaml_says(text):
    (found,) = load(f"a: {text}\n")
    assert found == {"a": SCALARS[text]}
    assert type(found["a"]) is type(SCALARS[text])


COLLECTIONS = {
    "flow and block": ("a: [1, {b: c}]\nd:\n- e\n", {"a": [1, {"b": "c"}], "d": ["e"]}),
    "keys that are numbers and booleans": ("1: a\nyes: b\n0x10: c\n", {"1": "a", "true": "b", "16": "c"}),
    "a collection may say that it is one": ("!!map {a: !!seq [1]}", {"a": [1]}),
    "an anchor used twice": ("a: &x [1]\nb: *x\nc: *x\n", {"a": [1], "b": [1], "c": [1]}),
    "an anchor on a scalar": ("a: &x yes\nb: *x\n", {"a": True, "b": True}),
    "an anchor set again": ("a: &x 1\nb: &x 2\nc: *x\n", {"a": 1, "b": 2, "c": 2}),
    "merge": ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n", {"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}}),
    "merge after the key: the later counts": ("a: &x {q: 2}\nb: {q: 3, <<: *x}\n", {"a": {"q": 2}, "b": {"q": 2}}),
    "merge of several: the first wins": ("{<<: [{a: 1}, {a: 2, b: 3}]}", {"a": 1, "b": 3}),
    "a quoted << is a key": ('{"<<": 1}', {"<<": 1}),
    "empty": ("{}", {}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), COLLECTIONS.values(), ids=COLLECTIONS)
def test_collection_is_read(text, wanted):
    assert load(text) == [wanted]


def test_empty_documents_are_left_out():
    assert load("---\na: 1\n---\n# nothing\n---\n~\n---\n- b\n...\n") == [{"a": 1}, ["b"]]
    assert load("") == []


REFUSED = {
    "a repeated key": ("a: 1\nb: 2\na: 3\n", Reason.REPEATED_KEY, "the key 'a' stands twice (line 3)"),
    "a key repeated as another type": ("1: a\n'1': b\n", Reason.REPEATED_KEY, "the key '1' stands twice"),
    "infinity": ("a: .inf", Reason.INVALID_INPUT, ".inf has no JSON form (line 1)"),
    "no number": ("a:\n- .NaN", Reason.INVALID_INPUT, ".NaN has no JSON form (line 2)"),
    "an unknown tag": ("a: !thing b", Reason.INVALID_INPUT, "the tag '!thing' is not accepted"),
    "a tag of Python's": ("a: !!python/object/apply:os.system [x]", Reason.INVALID_INPUT, "python/object/apply:os.system"),
    "binary that is no text": ("a: !!binary /w==", Reason.INVALID_INPUT, "!!binary must be base64 of UTF-8 text"),
    "binary that is no base64": ("a: !!binary aGk", Reason.INVALID_INPUT, "!!binary must be base64 of UTF-8 text"),
    "a tag before a comma": ("a: [!!str, b]", Reason.INVALID_INPUT, "a tag before a comma is read differently by different readers"),
    "YAML 1.2": ("%YAML 1.2\n---\na: b\n", Reason.INVALID_INPUT, "only YAML 1.1 is read"),
    "an escape of JSON": (r'a: "\/"', Reason.INVALID_INPUT, "is an escape of JSON"),
    "a set": ("a: !!set {b}", Reason.INVALID_INPUT, "is not accepted"),
    "an alias before its anchor": ("a: *x\nb: &x 1\n", Reason.INVALID_INPUT, "the alias '*x' stands inside or before its anchor"),
    "an alias inside its anchor": ("a: &x [*x]", Reason.INVALID_INPUT, "stands inside or before its anchor"),
    "an anchor of another document": ("a: &x 1\n---\nb: *x\n", Reason.INVALID_INPUT, "stands inside or before its anchor"),
    "a merge of text": ("<<: a", Reason.INVALID_INPUT, "'<<' merges mappings only"),
    "a merge of a list of text": ("<<: [a]", Reason.INVALID_INPUT, "'<<' merges mappings only"),
    "a key that is a list": ("[a]: b", Reason.INVALID_INPUT, "a key must be text"),
    "a key that is null": ("~: b", Reason.INVALID_INPUT, "a key must be text"),
    "a key that is a fraction": ("1.5: b", Reason.INVALID_INPUT, "a key must be text"),
    "a key that is an alias": ("? &x a\n: b\n? *x\n: c\n", Reason.INVALID_INPUT, "a key must be text"),
    "a tab as indent": ("a:\n\tb: c", Reason.INVALID_INPUT, "not valid YAML"),
    "half a surrogate pair": (r'a: "\ud83d"', Reason.INVALID_INPUT, "not valid YAML"),
    "a bracket without end": ("a: [", Reason.INVALID_INPUT, "not valid YAML"),
    "NUL": ("a: \x00", Reason.INVALID_INPUT, "not valid YAML"),
    "not UTF-8": (b"a: \xff", Reason.INVALID_INPUT, "not UTF-8 text"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "reason", "message"), REFUSED.values(), ids=REFUSED)
def test_doubtful_yaml_is_refused(text, reason, message):
    """With the file's name, and the line where there is one."""
    with pytest.raises(Permanent) as caught:
        load(text)
    assert caught.value.reason is reason
    assert caught.value.message.startswith("file.yaml: ")
    assert message in caught.value.message
    assert "\n" not in caught.value.message


BOMBS = {
    "aliases of aliases": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)),
    "merges of merges": "a: &a {" + ",".join(f"k{n}: 1" for n in range(1000)) + "}\n"
    + "b: [" + ",".join(["{<<: *a}"] * 2000) + "]\n",
    "a long text again and again": f"a: &a {'x' * 100_000}\nb: [{','.join(['*a'] * 1000)}]\n",
}  # fmt: skip


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_small_file_cannot_become_a_large_value(text):
    """What aliases stand for is counted each time."""
    with pytest.raises(Permanent) as caught:
        load(text)
    assert caught.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("opened", ["[", "{a: ", "- "])
def test_depth_limit_is_exact(opened):
    """Below it nesting is read; 100,000 levels do not end the process."""
    closed = {"[": "]", "{a: ": "}", "- ": ""}[opened]
    load(opened * 10 + "x" + closed * 10, depth_limit=10)
    for levels in (11, 5_000 if opened == "- " else 100_000):
        with pytest.raises(Permanent) as caught:
            load(opened * levels + "x" + closed * levels, depth_limit=10)
        assert caught.value.reason is Reason.TOO_LARGE


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc<yn", min_size=1), inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@given(PLAIN.filter(lambda value: value is not None), st.booleans())
def test_value_that_another_writer_quoted_is_read_back(value, is_flow):
    """Whatever its texts look like: quoted text is text."""
    text = yaml.safe_dump(value, default_flow_style=is_flow, default_style='"', allow_unicode=True)
    (found,) = load(re.sub(r'!!(?:int|bool|null) "([^"]*)"', r"\1", text))  # it quotes these, and says so
    assert found == value


@given(st.binary(max_size=40) | st.text(alphabet="abyn01.:-?[]{}&*!<|>#,'\"\n ~_e+", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data):
    """Nothing but a Permanent comes out."""
    with contextlib.suppress(Permanent):
        load(data)

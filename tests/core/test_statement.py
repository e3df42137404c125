"""in-toto Statements as bytes, written and read."""

import contextlib
import json
import math

import msgspec
import pytest
from google.protobuf import json_format, struct_pb2
from hypothesis import example, given
from hypothesis import strategies as st

from sealwright.core import statement
from sealwright.core.errors import Fault, Permanent, Reason, Untrusted
from sealwright.core.model import Subject

APP = Subject(name="app", digest={"sha256": "ab" * 32})
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"


def encode(*subjects, type_=statement.V1, predicate_type=PREDICATE_TYPE, **predicate):
    return statement.encode(type_, subjects, predicate_type, predicate)


def test_members_stand_in_the_specifications_order_and_the_predicate_is_sorted():
    """Bytewise, at every depth, without spaces."""
    body = encode(APP, b={"z": 1, "Z": 2, "é": 3}, a=[{"y": None, "x": ""}])

    assert body.decode() == (
        '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"app","digest":{"sha256":"' + "ab" * 32 + '"}}],'
        '"predicateType":"https://slsa.dev/provenance/v1","predicate":{"a":[{"x":"","y":null}],"b":{"Z":2,"z":1,"é":3}}}'
    )


def test_statement_without_subject_has_no_such_member():
    """As Chains writes it; whoever needs a subject refuses it later."""
    assert b'"subject"' not in encode(a=1)


def test_digests_are_sorted_and_subjects_keep_their_order():
    """Which digest came first has no meaning; which subject came first is the run's order."""
    body = encode(Subject(name="b", digest={"sha512": "2", "sha256": "1"}), Subject(name="a", digest={"sha1": "3"}))

    assert b'[{"name":"b","digest":{"sha256":"1","sha512":"2"}},{"name":"a","digest":{"sha1":"3"}}]' in body


def test_text_is_written_as_it_is():
    """Only quotes, backslashes and control characters are escaped."""
    text = '<&> \u2028 \x7f \U0001f600 " \\ \n \x01'
    body = encode(a=text)

    assert '<&> \u2028 \x7f \U0001f600 \\" \\\\ \\n \\u0001'.encode() in body
    assert json.loads(body)["predicate"]["a"] == text


def test_go_json_escapes_what_go_escapes():
    """So that text cannot end a script element, and lines do not end in JavaScript."""
    assert (
        statement.go_json({"b": "<&>", "a": "\u2028\u2029é\x7f"})
        == rb'{"b":"\u003c\u0026\u003e","a":"\u2028\u2029' + "é\x7f".encode() + b'"}'
    )
    assert statement.go_json(["x", {}]) == b'["x",{}]'


# As protobuf's JSON writes doubles: chains.md 3.1, numbers.
NUMBERS = {
    "0": "0", "1.0": "1", "-1.5": "-1.5", "100": "100", "1e3": "1000", "0.1": "0.1", "-0.0": "-0",
    "9007199254740992": "9007199254740992", "9007199254740993": "9007199254740992", "-9007199254740993": "-9007199254740992",
    "18446744073709551616": "18446744073709552000", "123456789012345678901": "123456789012345680000",
    "1e20": "100000000000000000000", "1e21": "1e+21", "1000000000000000000000": "1e+21", "-1e21": "-1e+21", "1.5e300": "1.5e+300",
    "1e-6": "0.000001", "0.0001": "0.0001", "0.00001": "0.00001", "1.2345678901234567e-05": "0.000012345678901234568",
    "1e-7": "1e-7", "1.25e-7": "1.25e-7", "5e-324": "5e-324", "1.7976931348623157e308": "1.7976931348623157e+308",
}  # fmt: skip


@pytest.mark.parametrize("text", NUMBERS)
def test_number_is_written_as_a_double(text):
    """The nearest double in its shortest digits; an exponent only where the number is far from 1."""
    value = statement.doubles(msgspec.json.decode(text))
    written = msgspec.json.encode(value).decode()

    assert written == NUMBERS[text]


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**300), 10**300))
@example(1.2345678901234567e-05)
@example(-0.0)
def test_double_survives_being_written(number):
    """Nothing is lost but what a double cannot hold, and the sign of zero stays."""
    written = float(msgspec.json.encode(statement.doubles(number)))
    assert written == float(number)
    assert math.copysign(1, written) == math.copysign(1, number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_exponents_stand_where_protobuf_puts_them(number):
    """Its Python writer prints other digits, but reads the same number from ours."""
    written = msgspec.json.encode({"a": statement.doubles(number)})
    read = json_format.Parse(written, struct_pb2.Struct())

    assert read["a"] == number
    assert (b"e" in written) == (number != 0 and not 1e-6 <= abs(number) < 1e21)


def test_doubles_reach_every_depth_and_leave_the_rest():
    """Texts, booleans and null are no numbers."""
    given_ = {"a": [1.0, {"b": 2**60}], "t": True, "n": None, "s": "1.0"}
    assert msgspec.json.encode(statement.doubles(given_)) == b'{"a":[1,{"b":1152921504606847000}],"t":true,"n":null,"s":"1.0"}'


# --- reading ------------------------------------------------------------------------------------------------------------


def _body(**changes):
    found = {"_type": statement.V1, "subject": [{"name": "a", "digest": {"sha256": "1"}}], "predicateType": "t", "predicate": {}}
    return json.dumps({name: value for name, value in (found | changes).items() if value is not ...}).encode()


BAD = {
    "a list": b"[]",
    "a number": b"1",
    "another type": _body(_type="https://in-toto.io/Statement/v2"),
    "no type": _body(_type=...),
    "a type that is a list": _body(_type=[]),
    "no predicate type": _body(predicateType=...),
    "an empty predicate type": _body(predicateType=""),
    "a predicate type that is no text": _body(predicateType=1),
    "a predicate that is a list": _body(predicate=[]),
    "a predicate that is null": _body(predicate=None),
    "subjects that are an object": _body(subject={}),
    "a subject that is text": _body(subject=["a"]),
    "a subject without digest": _body(subject=[{"name": "a"}]),
    "a subject with an empty digest": _body(subject=[{"name": "a", "digest": {}}]),
    "a digest that is a list": _body(subject=[{"name": "a", "digest": ["sha256"]}]),
    "a digest that is empty text": _body(subject=[{"name": "a", "digest": {"sha256": ""}}]),
    "one digest of two that is no text": _body(subject=[{"name": "a", "digest": {"sha256": "1", "sha512": None}}]),
    "a name that is no text": _body(subject=[{"name": 1, "digest": {"sha256": "1"}}]),
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_what_is_no_statement_is_refused(body):
    with pytest.raises(Untrusted, match="not an in-toto Statement") as caught:
        statement.parse(body)
    assert caught.value.reason is Reason.BAD_STATEMENT


DOUBTFUL = {
    "predicatetype": _body(predicatetype="other"),
    "SUBJECT": _body(SUBJECT=[]),
    "Digest in a subject": _body(subject=[{"name": "a", "digest": {"sha256": "1"}, "Digest": {"sha256": "2"}}]),
    "a repeated key": _body()[:-1] + b',"_type":"x"}',
}


@pytest.mark.parametrize("body", DOUBTFUL.values(), ids=DOUBTFUL)
def test_statement_that_another_reader_could_read_otherwise_is_refused(body):
    with pytest.raises(Permanent) as caught:
        statement.parse(body)
    assert caught.value.reason is Reason.REPEATED_KEY


def test_statement_is_read():
    """Both versions; unknown members are allowed, a subject needs no name, a predicate need not be there."""
    for type_ in (statement.V1, statement.V01):
        payload, predicate = statement.parse(
            _body(_type=type_, predicate=..., other=1, subject=[{"digest": {"sha1": "1"}, "uri": "u"}])
        )
        assert payload.subjects == (Subject(name="", digest={"sha1": "1"}),)
        assert predicate == {}
    assert statement.parse(_body(subject=...))[0].subjects == ()
    assert statement.parse(_body(subject=None))[0].subjects == ()


def test_materials_are_read_from_both_versions_of_slsa():
    """v1's dependencies, v0.2's materials; whatever is not shaped like one is left out."""
    listed = [
        {"uri": "u", "digest": {"sha1": "1", "sha2": 2, "sha3": ""}},
        {"uri": "v"},
        {"uri": 3},
        {"digest": {"a": "b"}},
        "x",
        None,
    ]
    wanted = (Subject(name="u", digest={"sha1": "1"}), Subject(name="v", digest={}))

    assert statement.materials({"materials": listed}) == wanted
    assert statement.materials({"buildDefinition": {"resolvedDependencies": listed}, "materials": [{"uri": "other"}]}) == wanted
    for odd in (
        {},
        {"materials": {}},
        {"buildDefinition": {}},
        {"buildDefinition": []},
        {"buildDefinition": {"resolvedDependencies": 1}},
    ):
        assert statement.materials(odd) == ()


BUILDERS = {
    "v1": ({"runDetails": {"builder": {"id": "b"}}}, "b"),
    "v0.2": ({"builder": {"id": "b"}}, "b"),
    "v1 wins": ({"runDetails": {"builder": {"id": "b"}}, "builder": {"id": "c"}}, "b"),
    "nowhere": ({}, ""),
    "v1 without one": ({"runDetails": {}, "builder": {"id": "c"}}, ""),
    "not an object": ({"builder": "b"}, ""),
    "not text": ({"builder": {"id": 1}}, ""),
}


@pytest.mark.parametrize(("predicate", "wanted"), BUILDERS.values(), ids=BUILDERS)
def test_builder_is_read_from_both_versions_of_slsa(predicate, wanted):
    assert statement.builder_id(predicate) == wanted


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
DIGESTS = st.dictionaries(TEXT.filter(bool), TEXT.filter(bool), min_size=1, max_size=3)
SUBJECTS = st.lists(st.builds(Subject, name=TEXT, digest=DIGESTS), max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@given(SUBJECTS, st.dictionaries(TEXT, JSON, max_size=4))
def test_what_was_written_is_read(subjects, predicate):
    """Writing and reading are one pair: subjects, type and predicate come back."""
    body = statement.encode(statement.V1, subjects, "t", statement.doubles(predicate))
    payload, read = statement.parse(body)

    assert payload.subjects == tuple(subjects)
    assert (payload.body, payload.predicate_type, payload.media_type) == (body, "t", statement.MEDIA_TYPE)
    assert json.loads(body, parse_int=float)["predicate"] == json.loads(json.dumps(predicate), parse_int=float)
    assert list(read) == sorted(predicate)


@given(JSON, st.sampled_from(["_type", "subject", "predicateType", "predicate", "extra"]))
def test_any_json_is_read_or_refused(value, member):
    """Nothing but a Fault comes out, whatever stands in a member or in its place."""
    for body in (
        json.dumps(value).encode(),
        _body(**{member: value}),
        _body(subject=[value]),
        _body(predicate={"materials": [value]}),
    ):
        with contextlib.suppress(Fault):
            payload, predicate = statement.parse(body)
            statement.builder_id(predicate)
            assert all(subject.digest for subject in payload.subjects)

"""DSSE: what is sealed opens to the same content, and nothing that was changed still verifies."""

import base64
import json
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core import keys
from sealwright.core.envelope import dsse
from sealwright.core.envelope.dsse import Envelope
from sealwright.core.errors import Permanent, Reason, Untrusted
from sealwright.core.model import Signature
from sealwright.core.statement import MEDIA_TYPE

KEY = keys.private_key(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))

# DSSE protocol.md, "Test Vectors", and what its "LEN(s)" says of text that is not ASCII.
PAE_CASES = [
    ("http://example.com/HelloWorld", b"hello world", b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"),
    ("", b"", b"DSSEv1 0  0 "),
    ("a é", b"\xff\x00", b"DSSEv1 4 a \xc3\xa9 2 \xff\x00"),
]

# One row per envelope: the content, and its exact bytes as Chains writes them.
ENVELOPES = {
    "one signature": (
        Envelope(payload_type=MEDIA_TYPE, body=b"{}", signatures=(Signature(key_id="SHA256:abc", raw=b"\xfb\xff"),)),
        b'{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"SHA256:abc","sig":"+/8="}]}',
    ),
    "two signatures under one key id": (
        Envelope(
            payload_type="text/plain",
            body=b"a\x00b",
            signatures=(Signature(key_id="", raw=b"1"), Signature(key_id="", raw=b"2")),
        ),
        b'{"payloadType":"text/plain","payload":"YQBi","signatures":[{"keyid":"","sig":"MQ=="},{"keyid":"","sig":"Mg=="}]}',
    ),
    "an empty body": (
        Envelope(payload_type="é", body=b"", signatures=(Signature(key_id="k", raw=b""),)),
        '{"payloadType":"é","payload":"","signatures":[{"keyid":"k","sig":""}]}'.encode(),
    ),
}


def sealed(body: bytes = b'{"a":1}') -> bytes:
    raw = KEY.sign(dsse.pae(MEDIA_TYPE, body), "sha256")
    return dsse.seal(MEDIA_TYPE, body, [Signature(key_id=KEY.public.key_id, raw=raw)])


def proven(envelope: Envelope) -> tuple[str, bytes]:
    keys.verify(KEY.public, "sha256", dsse.pae(envelope.payload_type, envelope.body), envelope.signatures[0].raw)
    return envelope.payload_type, envelope.body


@pytest.mark.parametrize(("payload_type", "body", "encoded"), PAE_CASES)
def test_the_encoding_is_that_of_the_specification(payload_type, body, encoded):
    """Lengths count bytes, and nothing is escaped."""

    assert encoded == dsse.pae(payload_type, body)


@pytest.mark.parametrize("row", ENVELOPES)
def test_writer_and_reader_agree(row):
    """What is sealed has Chains' exact bytes and opens to the same content."""
    envelope, wire = ENVELOPES[row]

    assert wire == dsse.seal(envelope.payload_type, envelope.body, envelope.signatures)
    assert envelope == dsse.open_envelope(wire)


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
    st.lists(
        st.builds(Signature, key_id=st.text(st.characters(exclude_categories=["Cs"])), raw=st.binary()),
        min_size=1,
        max_size=3,
    ),
)
@settings(deadline=None, max_examples=50)
def test_any_content_survives(payload_type, body, signatures):
    """Every text, body and signature comes back."""

    assert Envelope(payload_type=payload_type, body=body, signatures=tuple(signatures)) == dsse.open_envelope(
        dsse.seal(payload_type, body, signatures)
    )


def test_no_changed_byte_is_believed():
    """Each byte of an envelope changed in each bit: refused, or the same type and body still proven."""
    original = sealed()
    believed = set()
    for index in range(len(original)):
        for bit in range(8):
            changed = bytearray(original)
            changed[index] ^= 1 << bit
            try:
                believed.add(proven(dsse.open_envelope(bytes(changed))))
            except (Permanent, Untrusted):
                continue

    assert {(MEDIA_TYPE, b'{"a":1}')} == believed  # the key id is a hint that nobody signed


def test_no_prefix_is_an_envelope():
    """An envelope that was cut off anywhere is refused."""
    original = sealed()
    for length in range(len(original)):
        with pytest.raises(Permanent):
            dsse.open_envelope(original[:length])


SIGNED = '"signatures":[{"sig":"MQ=="}]'
REFUSED = {
    "no signature": ('{"payloadType":"t","payload":"","signatures":[]}', Reason.BAD_ENVELOPE),
    "101 signatures": (
        '{"payloadType":"t","payload":"","signatures":[' + ",".join(['{"sig":"MQ=="}'] * 101) + "]}",
        Reason.BAD_ENVELOPE,
    ),
    "no list of signatures": ('{"payloadType":"t","payload":""}', Reason.BAD_ENVELOPE),
    "null for signatures": ('{"payloadType":"t","payload":"","signatures":null}', Reason.BAD_ENVELOPE),
    "a signature that is a text": ('{"payloadType":"t","payload":"","signatures":["MQ=="]}', Reason.BAD_ENVELOPE),
    "a signature without sig": ('{"payloadType":"t","payload":"","signatures":[{"keyid":"k"}]}', Reason.BAD_ENVELOPE),
    "a key id that is a number": (
        '{"payloadType":"t","payload":"","signatures":[{"keyid":1,"sig":"MQ=="}]}',
        Reason.BAD_ENVELOPE,
    ),
    "no payload": ('{"payloadType":"t",' + SIGNED + "}", Reason.BAD_ENVELOPE),
    "a payload that is an object": ('{"payloadType":"t","payload":{},' + SIGNED + "}", Reason.BAD_ENVELOPE),
    "no payload type": ('{"payload":"",' + SIGNED + "}", Reason.BAD_ENVELOPE),
    "a payload twice": ('{"payloadType":"t","payload":"","payload":"MQ==",' + SIGNED + "}", Reason.REPEATED_KEY),
    "a payload again in capitals": (
        '{"payloadType":"t","payload":"","PAYLOAD":"MQ==",' + SIGNED + "}",
        Reason.REPEATED_KEY,
    ),
    "a payload type again in capitals": (
        '{"payloadType":"t","PayloadType":"u","payload":"",' + SIGNED + "}",
        Reason.REPEATED_KEY,
    ),
    "signatures again in capitals": (
        '{"payloadType":"t","payload":"","Signatures":[],' + SIGNED + "}",
        Reason.REPEATED_KEY,
    ),
    "a key id again in capitals": (
        '{"payloadType":"t","payload":"","signatures":[{"sig":"MQ==","keyid":"k","keyID":"l"}]}',
        Reason.REPEATED_KEY,
    ),
    "a sig again in capitals": (
        '{"payloadType":"t","payload":"","signatures":[{"sig":"","Sig":""}]}',
        Reason.REPEATED_KEY,
    ),
    "a list": ("[]", Reason.BAD_ENVELOPE),
    "nothing": ("", Reason.INVALID_INPUT),
    "something after the end": ('{"payloadType":"t","payload":"",' + SIGNED + "}{}", Reason.INVALID_INPUT),
    "half a surrogate pair": ('{"payloadType":"\\ud800","payload":"",' + SIGNED + "}", Reason.INVALID_INPUT),
    "nested too deep": ('{"x":' + "[" * 300 + "]" * 300 + "}", Reason.TOO_LARGE),
    "more than 24 MiB": ('{"payload":"' + "A" * (24 << 20) + '"}', Reason.TOO_LARGE),
}


@pytest.mark.parametrize("row", REFUSED)
def test_a_broken_envelope_is_refused(row):
    """Each fault has its word."""
    wire, reason = REFUSED[row]
    with pytest.raises(Permanent) as refused:
        dsse.open_envelope(wire.encode())

    assert reason is refused.value.reason
    assert len(refused.value.message) < 500


ONE_LINE = "wanted padded base64 in one alphabet and without line breaks, found"
SENTENCES = {
    "[]": "DSSE envelope: wanted a JSON object with payloadType, payload, signatures",
    "{": "DSSE envelope: not valid JSON: ",
    '{"payloadType":"t"}': "DSSE envelope: Object missing ",
    '{"payload":"","PAYLOAD":""}': "DSSE envelope: the key 'PAYLOAD' could be read as 'payload'",
    '{"payloadType":"t","payload":"","signatures":[]}': "DSSE envelope: 0 signatures, wanted 1 to 100",
    '{"payloadType":"t","payload":"' + "!" * 41 + '",' + SIGNED + "}": f"DSSE payload: {ONE_LINE} '{'!' * 40}'",
    '{"payloadType":"t","payload":"","signatures":[{"sig":"MQ=="},{}]}': "DSSE signature 1: Object missing ",
    '{"payloadType":"t","payload":"","signatures":[{"Sig":""}]}': "DSSE signature 0: the key 'Sig' could be read as 'sig'",
    '{"payloadType":"t","payload":"","signatures":[{"sig":"!"}]}': f"DSSE signature 0: {ONE_LINE} '!'",
}


@pytest.mark.parametrize("wire", SENTENCES)
def test_a_refusal_says_where_and_what(wire):
    """A person sees which part is at fault, which signature, and the first 40 characters of what stood there."""
    with pytest.raises(Permanent) as refused:
        dsse.open_envelope(wire.encode())

    assert refused.value.message.startswith(SENTENCES[wire])


def test_an_envelope_may_be_larger_than_an_object_of_the_api_server():
    """It holds a statement of up to 16 MiB in base64."""
    body = b"a" * (4 << 20)

    assert body == dsse.open_envelope(dsse.seal("t", body, [Signature(key_id="", raw=b"1")])).body


def test_a_hundred_signatures_are_written_and_read():
    """The limit itself is allowed."""
    signatures = [Signature(key_id=str(n), raw=b"1") for n in range(100)]

    assert tuple(signatures) == dsse.open_envelope(dsse.seal("t", b"", signatures)).signatures


BASE64 = {
    "standard": ("+/8=", b"\xfb\xff"),
    "URL-safe": ("-_8=", b"\xfb\xff"),
    "URL-safe by its hyphens alone": ("----", b"\xfb\xef\xbe"),
    "URL-safe by its underscores alone": ("____", b"\xff\xff\xff"),
    "the two mixed": ("+_8=", None),
    "without padding": ("+/8", None),
    "too much padding": ("YWJj=", None),
    "padding within": ("YQ==YQ==", None),
    "a line break at the end": ("+/8=\\n", None),
    "a line break within": ("YW\\nJj", None),
    "a space": ("YW Jj", None),
    "foreign characters": ("YW!Jj", None),
    "letters that are not ASCII": ("YWé", None),
    "spare bits that are not zero": ("+/9=", None),
    "one letter": ("Y", None),
}


@pytest.mark.parametrize("row", BASE64)
@pytest.mark.parametrize("place", ["payload", "sig"])
def test_base64_has_one_reading(row, place):
    """Either alphabet of the specification, padded, on one line; whatever readers could read in two ways is refused."""
    text, meant = BASE64[row]
    fields = {"payload": "MQ==", "sig": "MQ==", place: text}
    wire = f'{{"payloadType":"t","payload":"{fields["payload"]}","signatures":[{{"sig":"{fields["sig"]}"}}]}}'.encode()
    if meant is None:
        with pytest.raises(Permanent, match="base64 in one alphabet") as refused:
            dsse.open_envelope(wire)
        assert refused.value.reason is Reason.BAD_ENVELOPE
        return
    envelope = dsse.open_envelope(wire)

    assert meant == (envelope.body if place == "payload" else envelope.signatures[0].raw)


def test_unknown_keys_are_ignored_and_a_key_id_may_be_missing():
    """envelope.md: consumers ignore fields they do not know; an unset key id is an empty one."""
    wire = b'{"x":1,"signatures":[{"sig":"MQ==","cert":"c"}],"payload":"","payloadType":"t"}'

    assert (Signature(key_id="", raw=b"1"),) == dsse.open_envelope(wire).signatures


@pytest.mark.parametrize("count", [0, 101])
def test_the_writer_refuses_what_the_reader_would(count):
    """No envelope without a signature or with more than 100 is written."""
    with pytest.raises(Permanent) as refused:
        dsse.seal(MEDIA_TYPE, b"{}", [Signature(key_id="k", raw=b"1")] * count)

    assert refused.value.reason is Reason.BAD_ENVELOPE


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["payloadType", "payload", "signatures", "sig", "keyid"]), inner, max_size=5)
        ),
        max_leaves=12,
    ).map(lambda loaded: json.dumps(loaded).encode())
)
@settings(deadline=None, max_examples=100)
def test_any_bytes_open_or_are_refused(data):
    """Hostile input ends in a fault with a reason, never in another exception."""
    with suppress(Permanent):
        dsse.open_envelope(data)


def test_a_signature_for_one_type_is_none_for_another():
    """The payload type is part of what is signed (threat T12)."""
    envelope = dsse.open_envelope(sealed().replace(MEDIA_TYPE.encode(), b"application/vnd.in-toto+jsom"))
    with pytest.raises(Untrusted):
        proven(envelope)


def test_the_payload_is_standard_base64_with_padding():
    """What others read with a strict standard decoder, they can."""
    wire = json.loads(dsse.seal("t", b"\xfb\xff", [Signature(key_id="k", raw=b"\xfb\xff")]))

    assert base64.b64decode(wire["payload"], validate=True) == b"\xfb\xff"
    assert "+/8=" == wire["payload"] == wire["signatures"][0]["sig"]

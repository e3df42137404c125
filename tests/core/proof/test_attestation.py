"""Is it true? What is proven, and everything that is not."""

import base64
import json

import pytest
from fakes import sealed, signers
from fakes.objects import DIGEST
from fakes.sealed import KEY, TRUSTED
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core import statement
from sealwright.core.envelope import dsse
from sealwright.core.errors import Permanent, Reason, Untrusted
from sealwright.core.model import Subject
from sealwright.core.proof import attestation
from sealwright.core.proof.attestation import TrustedKey

BODY = sealed.body()
OTHER = signers.key("ed25519", 2)
SAME_IN_BOTH_FORMS = ("ecdsa-p256", "rsa-2048")


def refusal(prove, *arguments) -> Permanent:
    with pytest.raises(Permanent) as refused:
        prove(*arguments)
    assert len(refused.value.message) < 1000
    return refused.value


def reason(envelope: bytes, trusted=TRUSTED) -> Reason:
    """Why it is not believed; it must be Untrusted, which commands answer with 1."""
    found = refusal(attestation.prove, envelope, trusted)
    assert isinstance(found, Untrusted)
    return found.reason


# --- the true case ---


@pytest.mark.parametrize("form", signers.FORMS)
@pytest.mark.parametrize("algorithm", signers.ALGORITHMS)
def test_what_a_trusted_key_signed_is_proven(algorithm, form):
    """Each algorithm in each form: the payload is the very bytes, and each step is said."""
    key = signers.key(algorithm)
    verified = attestation.prove(sealed.envelope(BODY, key, form=form), [TrustedKey(key=key.public, form=form)])

    assert verified.payload.body == BODY
    assert verified.payload.subjects == (sealed.APP,)
    assert verified.payload.predicate_type == sealed.SLSA_V02
    assert verified.payload.media_type == statement.MEDIA_TYPE
    assert verified.predicate["builder"]["id"] == sealed.BUILDER
    assert key.public.key_id == verified.key_id
    assert verified.steps == (
        "the envelope is DSSE with 1 signature(s)",
        "its payload type is application/vnd.in-toto+json",
        f"{algorithm} key {key.public.key_id} signed these {len(BODY)} bytes",
        f"they are an in-toto Statement with 1 subject(s) and predicate {sealed.SLSA_V02}",
    )


@pytest.mark.parametrize("form", signers.FORMS)
@pytest.mark.parametrize("algorithm", signers.ALGORITHMS)
def test_what_a_trusted_key_signed_for_an_image_is_proven(algorithm, form):
    """cosign's image signature, each algorithm in each form."""
    key, body = signers.key(algorithm), sealed.image_payload()
    verified = attestation.prove_image(body, key.sign(body, form), [TrustedKey(key=key.public, form=form)])

    assert body == verified.payload.body
    assert verified.payload.subjects == (sealed.APP,)
    assert (key.public.key_id, "", attestation.SIMPLESIGNING, {}) == (
        verified.key_id,
        verified.payload.media_type,
        verified.payload.predicate_type,
        verified.predicate,
    )
    assert verified.steps == (
        f"{algorithm} key {key.public.key_id} signed these {len(body)} bytes",
        f"they say that '{sealed.APP.name}' is the name of the image {DIGEST}",
    )


@pytest.mark.parametrize("algorithm", signers.ALGORITHMS)
def test_the_form_is_the_verifiers_word(algorithm):
    """A signature in the other form is refused, unless both forms are one (design D20)."""
    key = signers.key(algorithm)
    for made, trusted in (("sha256", "by-curve"), ("by-curve", "sha256")):
        envelope = sealed.envelope(BODY, key, form=made)
        if algorithm in SAME_IN_BOTH_FORMS:
            attestation.prove(envelope, [TrustedKey(key=key.public, form=trusted)])
            continue

        assert reason(envelope, [TrustedKey(key=key.public, form=trusted)]) is Reason.BAD_SIGNATURE


# --- nothing that was changed ---


def changes(original: bytes):
    """Each byte with each bit flipped, dropped, and doubled; and every prefix."""
    for index, byte in enumerate(original):
        for bit in range(8):
            yield original[:index] + bytes([byte ^ 1 << bit]) + original[index + 1 :]
        yield original[:index] + original[index + 1 :]
        yield original[: index + 1] + original[index:]
        yield original[:index]


def test_no_changed_byte_of_an_envelope_is_believed():
    """Whatever is changed: refused, or the same proven payload (a key id is a hint that nobody signed)."""
    body = statement.encode(statement.V1, [Subject(name="a", digest={"sha1": "b" * 40})], "p", {})
    original = sealed.envelope(body)
    wanted = attestation.prove(original, TRUSTED)
    believed, refused = 0, 0
    for changed in changes(original):
        try:
            assert wanted == attestation.prove(changed, TRUSTED)
            believed += 1
        except Untrusted:
            refused += 1

    assert refused > 4000
    assert believed < 10 * len(b'"keyid":""' + KEY.public.key_id.encode()) + 20


def test_no_changed_byte_of_an_image_payload_or_its_signature_is_believed():
    """Signed bare, every byte counts."""
    body = sealed.image_payload("r.test/a")
    raw = KEY.sign(body, "sha256")
    for changed in changes(body):
        assert refusal(attestation.prove_image, changed, raw, TRUSTED).reason is Reason.BAD_SIGNATURE
    for changed in changes(raw):
        assert refusal(attestation.prove_image, body, changed, TRUSTED).reason is Reason.BAD_SIGNATURE


# --- what proves nothing ---


@pytest.mark.parametrize("envelope", [b"", b"{}", b"null", b"[]", b" ", b"\xff"])
def test_an_empty_envelope_proves_nothing(envelope):
    """Refused as an envelope, or as JSON."""

    assert reason(envelope) in (Reason.BAD_ENVELOPE, Reason.INVALID_INPUT)


def test_without_a_key_nothing_is_proven():
    """No key is never "any key": it is the caller's mistake, told before anything is read."""
    for found in (
        refusal(attestation.prove, sealed.envelope(BODY), []),
        refusal(attestation.prove, b"", []),
        refusal(attestation.prove_image, sealed.image_payload(), KEY.sign(sealed.image_payload(), "sha256"), ()),
    ):
        assert found.reason is Reason.KEY_MISSING
        assert found.message == "no key to verify with: name at least one public key that you trust"
        assert not isinstance(found, Untrusted)


def test_an_envelope_without_a_signature_proves_nothing():
    """Neither no list, nor an empty one, nor an empty signature."""
    wire = json.loads(sealed.envelope(BODY))

    assert reason(json.dumps(wire | {"signatures": []}).encode()) is Reason.BAD_ENVELOPE
    assert reason(json.dumps(wire | {"signatures": [{"keyid": KEY.public.key_id, "sig": ""}]}).encode()) is Reason.BAD_SIGNATURE


def test_a_key_id_is_a_hint():
    """The right signature under a wrong key id is proven; a wrong signature under the right key id is not."""
    raw = KEY.sign(dsse.pae(statement.MEDIA_TYPE, BODY), "sha256")
    wire = json.loads(sealed.envelope(BODY))
    other = {"keyid": KEY.public.key_id, "sig": base64.b64encode(OTHER.sign(b"x", "sha256")).decode()}
    renamed = {"keyid": "somebody else", "sig": base64.b64encode(raw).decode()}

    assert KEY.public.key_id == attestation.prove(json.dumps(wire | {"signatures": [renamed]}).encode(), TRUSTED).key_id
    assert reason(json.dumps(wire | {"signatures": [other]}).encode()) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("order", [(KEY, OTHER), (OTHER, KEY)])
def test_one_good_signature_of_two_is_enough(order):
    """Whichever stands first, and whether one key or both are trusted; the first trusted key that signed is named."""
    envelope = sealed.envelope(BODY, *order)

    assert KEY.public.key_id == attestation.prove(envelope, TRUSTED).key_id
    for trusted in ([KEY, OTHER], [OTHER, KEY]):
        keys = [TrustedKey(key=key.public) for key in trusted]
        assert trusted[0].public.key_id == attestation.prove(envelope, keys).key_id


def test_a_signature_counts_once():
    """The same signature twice is one signer, and two keys that are trusted do not share one signature (threat T14)."""
    message = dsse.pae(statement.MEDIA_TYPE, BODY)
    twice = dsse.seal(statement.MEDIA_TYPE, BODY, [sealed.signature(message)] * 2)
    verified = attestation.prove(twice, [TrustedKey(key=OTHER.public), *TRUSTED, *TRUSTED])

    assert KEY.public.key_id == verified.key_id
    assert sum("signed these" in step for step in verified.steps) == 1
    assert reason(twice, [TrustedKey(key=OTHER.public)]) is Reason.BAD_SIGNATURE


def test_a_refusal_names_the_keys_that_were_tried():
    """A person sees which keys did not fit."""
    found = refusal(attestation.prove, sealed.envelope(BODY, OTHER), TRUSTED)

    assert KEY.public.key_id in found.message
    assert f"none of 1 signature(s) over these {len(dsse.pae(statement.MEDIA_TYPE, BODY))} bytes" in found.message

    third = signers.key("ed25519", 3).public
    found = refusal(attestation.prove, sealed.envelope(BODY, OTHER), [*TRUSTED, TrustedKey(key=third)])

    assert f"(tried: {KEY.public.key_id}, {third.key_id})" in found.message


# --- a good signature over something else (CVE-2022-35929, CVE-2026-39395, threat T12) ---


@pytest.mark.parametrize(
    "payload_type",
    [
        "",
        "text/plain",
        "application/vnd.in-toto+JSON",
        "application/vnd.in-toto+json ",
        "application/vnd.cncf.notary.payload.v1+json",
    ],
)
def test_a_good_signature_over_another_kind_of_payload_proves_nothing(payload_type):
    """The very same bytes, signed as something else."""

    found = refusal(attestation.prove, sealed.envelope(BODY, payload_type=payload_type), TRUSTED)

    assert isinstance(found, Untrusted)
    assert found.reason is Reason.WRONG_PAYLOAD_TYPE
    assert found.message == f"the envelope holds '{payload_type}', wanted application/vnd.in-toto+json"


def test_the_payload_type_cannot_be_swapped():
    """It is part of what was signed."""
    other = "application/vnd.example+json"
    wire = json.loads(sealed.envelope(BODY, payload_type=other))

    assert reason(json.dumps(wire | {"payloadType": statement.MEDIA_TYPE}).encode()) is Reason.BAD_SIGNATURE


def test_a_bare_signature_over_the_payload_proves_nothing():
    """What is signed is the encoding with the type, never the payload by itself."""
    envelope = dsse.seal(statement.MEDIA_TYPE, BODY, [sealed.signature(BODY)])

    assert reason(envelope) is Reason.BAD_SIGNATURE


MALFORMED = {
    "nothing": b"",
    "no JSON": b"no JSON",
    "half of it": BODY[:-1],
    "something behind it": BODY + b"{}",
    "a list": b"[" + BODY + b"]",
    "null": b"null",
    "an empty object": b"{}",
    "no _type": BODY.replace(b'"_type"', b'"type"'),
    "another _type": BODY.replace(b"Statement/v0.1", b"Statement/v0.2"),
    "a _type that is a list": BODY.replace(b'"https://in-toto.io/Statement/v0.1"', b'["https://in-toto.io/Statement/v0.1"]'),
    "no predicateType": BODY.replace(b'"predicateType"', b'"predicatetypes"'),
    "an empty predicateType": BODY.replace(sealed.SLSA_V02.encode(), b""),
    "a predicateType that is a number": BODY.replace(b'"https://slsa.dev/provenance/v0.2"', b"2"),
    "a predicate that is a list": BODY.replace(b'"predicate":{', b'"predicate":[{').replace(b"}}}", b"}}]}"),
    "a subject that is an object": BODY.replace(b'"subject":[', b'"subject":').replace(b'],"predicateType"', b',"predicateType"'),
    "a subject that is text": BODY.replace(b'"subject":[', b'"subject":["a",'),
    "a subject without a digest": BODY.replace(b'"digest"', b'"digests"'),
    "a subject whose name is a number": BODY.replace(b'"registry.test/app"', b"7"),
    "a digest that is a number": BODY.replace(f'"{"ab" * 32}"'.encode(), b"7"),
    "a repeated member": BODY.replace(b'{"_type"', b'{"predicateType":"x","_type"'),
    "a member repeated in capitals": BODY.replace(b'{"_type"', b'{"Subject":[],"_type"'),
    "nested too deep": BODY.replace(b'"predicate":{', b'"predicate":{"x":' + b"[" * 300 + b"]" * 300 + b","),
    "not UTF-8": BODY.replace(b"registry.test", b"registry\xff"),
}


@pytest.mark.parametrize("row", MALFORMED)
def test_a_malformed_statement_under_a_good_signature_is_refused(row):
    """A signature over rubbish makes it no better (CVE-2026-39395)."""
    assert MALFORMED[row] != BODY
    found = refusal(attestation.prove, sealed.envelope(MALFORMED[row]), TRUSTED)

    assert isinstance(found, Untrusted)
    assert found.reason in (Reason.BAD_STATEMENT, Reason.INVALID_INPUT, Reason.REPEATED_KEY, Reason.TOO_LARGE)


IMAGE = sealed.image_payload()
NO_IMAGE_PAYLOADS = {
    "nothing": b"",
    "a Statement": BODY,
    "an envelope": sealed.envelope(BODY),
    "an empty object": b"{}",
    "another type": IMAGE.replace(b"cosign container image signature", b"atomic container signature"),
    "no type": IMAGE.replace(b'"type"', b'"kind"'),
    "no identity": IMAGE.replace(b'"identity"', b'"id"'),
    "no digest": IMAGE.replace(b'"docker-manifest-digest"', b'"digest"'),
    "a digest that is null": IMAGE.replace(f'"{DIGEST}"'.encode(), b"null"),
    "a digest of another algorithm": IMAGE.replace(b"sha256:", b"sha512:"),
    "a repeated member": IMAGE.replace(b'{"critical"', b'{"critical":{},"critical"'),
    "something behind it": IMAGE + b"\n{}",
}


@pytest.mark.parametrize("row", NO_IMAGE_PAYLOADS)
def test_a_good_signature_over_no_image_payload_is_refused(row):
    """Whatever else the key signed bare says nothing about an image."""
    body = NO_IMAGE_PAYLOADS[row]
    assert body != IMAGE
    found = refusal(attestation.prove_image, body, KEY.sign(body, "sha256"), TRUSTED)

    assert isinstance(found, Untrusted)
    assert found.reason in (Reason.BAD_STATEMENT, Reason.INVALID_INPUT, Reason.REPEATED_KEY)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "the simplesigning payload: not valid JSON: "),
        (b"{}", "the signed bytes are not a simplesigning payload with type, identity and digest"),
    ],
)
def test_a_refused_image_payload_says_what_was_wanted(body, said):
    """Broken JSON, and JSON of another shape, are told apart."""
    assert refusal(attestation.prove_image, body, KEY.sign(body, "sha256"), TRUSTED).message.startswith(said)


def test_bytes_signed_for_an_envelope_are_no_image_payload():
    """One key signs both kinds: the pre-authentication encoding is refused before its signature is looked at."""
    message = dsse.pae(statement.MEDIA_TYPE, BODY)
    found = refusal(attestation.prove_image, message, KEY.sign(message, "sha256"), TRUSTED)

    assert found.reason is Reason.WRONG_PAYLOAD_TYPE
    assert found.message == "the signed bytes belong to a DSSE envelope, not to an image signature"
    assert isinstance(found, Untrusted)


def test_an_image_signature_is_no_envelopes_signature():
    """And the other way round: the bare signature of an image payload does not seal an envelope that holds it."""
    raw = sealed.signature(IMAGE)

    assert reason(dsse.seal(statement.MEDIA_TYPE, IMAGE, [raw])) is Reason.BAD_SIGNATURE


@given(
    st.binary(max_size=300)
    | st.builds(lambda at, more: sealed.envelope(BODY)[:at] + more, st.integers(0, 600), st.binary(max_size=40))
)
@settings(deadline=None, max_examples=150)
def test_any_bytes_are_proven_or_untrusted(data):
    """Hostile input ends in Untrusted, never in another exception, and never in a yes."""
    if data == sealed.envelope(BODY):
        return
    reason(data)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["critical", "identity", "image", "type", "docker-reference", "docker-manifest-digest"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
@settings(deadline=None, max_examples=150)
def test_any_signed_json_is_an_image_payload_or_untrusted(loaded):
    """Also under a good signature."""
    body = json.dumps(loaded).encode()

    assert isinstance(refusal(attestation.prove_image, body, KEY.sign(body, "sha256"), TRUSTED), Untrusted)

"""A receipt is believed only if a key of ours made it for this very object."""

import base64
import dataclasses

import pytest
from fakes import signers
from fakes.sealed import attestation, body
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sealwright.core.model import Artifact, Outcome, Receipt, SignRequest
from sealwright.core.tekton import receipt
from sealwright.core.tekton.receipt import Claims, RingKey, Stored

OLD, NEW = RingKey(id="k1", secret=bytes(range(32))), RingKey(id="k2", secret=b"n" * 32)
RING = (OLD, NEW)
UID = "5c3146e8-0a9c-2226-70bb-e4f4c5497765"


def outcome(key: str, *stores: str) -> Outcome:
    request = SignRequest(artifact=Artifact(sort="taskrun", key=key, name="n"), format="in-toto", signer="x509", stores=stores)
    return Outcome(request=request, receipts=tuple(Receipt(store=word, uri="u", digest=f"sha256:{word}") for word in stores))


OUTCOMES = (outcome(f"taskrun-{UID}", "tekton", "oci"), outcome("0123456789ab", "tekton"))
TEXT = receipt.issue(RING, "TaskRun", UID, OUTCOMES, "hash")


def test_what_was_issued_checks_and_says_what_was_stored_where():
    """Each store of each request, in order, with the digest of what was stored."""
    assert receipt.check(RING, TEXT, "TaskRun", UID) == Claims(
        kind="TaskRun",
        uid=UID,
        stored=[
            Stored(f"taskrun-{UID}", "in-toto", "tekton", "sha256:tekton"),
            Stored(f"taskrun-{UID}", "in-toto", "oci", "sha256:oci"),
            Stored("0123456789ab", "in-toto", "tekton", "sha256:tekton"),
        ],
        config="hash",
    )


def test_equal_work_has_equal_text():
    """So a repeated write changes nothing."""
    assert receipt.issue(RING, "TaskRun", UID, OUTCOMES, "hash") == TEXT


def test_the_newest_key_signs_and_every_key_of_the_ring_verifies():
    """A key that has left the ring does not."""
    older = receipt.issue([OLD], "TaskRun", UID, OUTCOMES, "hash")

    assert TEXT.startswith("v1.k2.")
    assert receipt.check(RING, older, "TaskRun", UID)
    assert receipt.check([OLD], older, "TaskRun", UID)
    assert receipt.check([NEW], older, "TaskRun", UID) is None
    assert receipt.check([], TEXT, "TaskRun", UID) is None


def test_a_receipt_that_was_copied_to_another_object_proves_nothing():
    """Another uid, as on a re-run, or another kind."""
    assert receipt.check(RING, TEXT, "TaskRun", "another") is None
    assert receipt.check(RING, TEXT, "PipelineRun", UID) is None


def test_a_key_of_the_same_name_with_another_secret_does_not_verify():
    """The name of a key is no secret."""
    assert receipt.check([dataclasses.replace(NEW, secret=b"m" * 32)], TEXT, "TaskRun", UID) is None


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.characters())
@example(at=6, character="\ud800")
def test_no_character_of_it_can_be_changed(at, character):
    """Not one, wherever it stands."""
    changed = TEXT[:at] + character + TEXT[at + 1 :]

    assert (receipt.check(RING, changed, "TaskRun", UID) is not None) == (changed == TEXT)


@settings(max_examples=200, deadline=None)
@given(st.text() | st.lists(st.text(), min_size=4, max_size=4).map(".".join) | st.text().map(lambda text: f"v1.k1.{text}.x"))
def test_no_text_is_too_strange_to_be_refused(text):
    """It stands in an annotation that every tenant can write."""
    assert receipt.check(RING, text, "TaskRun", UID) is None


@pytest.mark.parametrize("claims", [b"", b"{", b"[]", b'{"kind":1}', b"\xff", b'{"kind":"TaskRun","uid":"u"}'], ids=repr)
def test_claims_that_are_no_claims_are_refused_even_with_a_good_mac(claims):
    """Our own key signed them; another version of us may have."""
    text = base64.urlsafe_b64encode(claims).decode().rstrip("=")
    mac = base64.urlsafe_b64encode(receipt._mac(NEW, text)).decode().rstrip("=")

    assert receipt.check(RING, f"v1.k2.{text}.{mac}", "TaskRun", UID) is None


def test_a_text_that_is_too_long_is_refused_unread():
    """Ours stay below 64 KiB."""
    assert receipt.check(RING, TEXT + "." * (64 << 10), "TaskRun", UID) is None
    assert receipt.check(RING, "v1.k2." + "a" * (64 << 10) + ".b", "TaskRun", UID) is None


def test_a_secret_is_never_shown():
    """Not in a message, not in a traceback."""
    assert repr(NEW) == str(NEW) == "RingKey(id='k2')"


def test_a_signature_of_ours_is_no_receipt():
    """An envelope that our signing key made is another thing than a receipt that our ring made."""
    found = attestation(body(), signers.key())

    assert receipt.check(RING, found.envelope.decode(), "TaskRun", UID) is None

"""What is written on a run when its work is done."""

import pytest

from sealwright.core.errors import Reason
from sealwright.core.model import Artifact, Failure, Outcome, Receipt, SignRequest
from sealwright.core.tekton import marks

RUN = Artifact(sort="taskrun", key="taskrun-u", name="ns/a")
IMAGE = Artifact(sort="oci", key="abababababab", name="r/a", digest="sha256:ab")


def outcome(stores: str, receipts: str, *failures: Failure, artifact: Artifact = RUN, **annotations: str) -> Outcome:
    """Receipts of these stores for a request that asks for those, named by letters."""
    request = SignRequest(artifact=artifact, format="f", signer="x509", stores=tuple(stores))
    given = tuple(Receipt(store=word, uri="u", digest="d", annotations=annotations) for word in receipts)
    return Outcome(request=request, receipts=given, failures=failures)


FAILURE = Failure(stage="store", reason=Reason.STORE_FAILED, message="m", transient=False)

DONE = {
    "one store": [outcome("a", "a")],
    "two stores": [outcome("ab", "ba")],
    "a store more than asked for": [outcome("a", "ab")],
    "two artifacts": [outcome("a", "a"), outcome("b", "b", artifact=IMAGE)],
}
NOT_DONE = {
    "nothing was done": [],
    "no receipt": [outcome("a", "")],
    "a receipt of one store of two": [outcome("ab", "a")],
    "a receipt of another store": [outcome("a", "b")],
    "the same store twice for two": [outcome("ab", "aa")],
    "a failure beside all receipts": [outcome("a", "a", FAILURE)],
    "the second artifact": [outcome("a", "a"), outcome("b", "", artifact=IMAGE)],
    "the first artifact": [outcome("a", "", FAILURE), outcome("b", "b", artifact=IMAGE)],
}


@pytest.mark.parametrize("row", DONE)
def test_signed_needs_a_receipt_from_every_store_of_every_artifact(row):
    """Chains' word, for whoever waits for it."""

    assert marks.after(DONE[row], "") == {"chains.tekton.dev/signed": "true"}


@pytest.mark.parametrize("row", NOT_DONE)
def test_without_all_receipts_nothing_is_written(row):
    """The absence of an error proves nothing (design D2, threat T27)."""

    assert marks.after(NOT_DONE[row], "") is None


def test_what_belongs_on_the_object_is_written_with_the_mark():
    """The parts of every artifact, in one write."""
    found = marks.after([outcome("a", "a", x="1"), outcome("a", "a", artifact=IMAGE, y="2")], "")

    assert found == {"x": "1", "y": "2", "chains.tekton.dev/signed": "true"}


def test_a_part_cannot_replace_the_mark():
    """Only this file says "signed"."""

    assert marks.after([outcome("a", "a", **{marks.SIGNED: "false"})], "") == {marks.SIGNED: "true"}


def test_nothing_to_sign_is_skipped_with_its_reason():
    """Users of Chains who wait for the annotation go on, and Chains reads it as not handled."""

    assert marks.after([], "Disabled: why") == {
        "chains.tekton.dev/signed": "skipped",
        "sealwright.dev/reason": "Disabled: why",
    }

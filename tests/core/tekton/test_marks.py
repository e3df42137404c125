"""What is written on a run when its work is done."""

from dataclasses import replace

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


def large(size, *others, artifact=RUN):
    """An attestation of so many bytes on the object, kept by other stores too."""
    stores = ("tekton", *(each.store for each in others))
    request = SignRequest(artifact=artifact, format="f", signer="x509", stores=stores)
    on_object = Receipt(store="tekton", uri="u", digest="d", annotations={f"payload-{artifact.key}": "x" * size})
    return Outcome(request=request, receipts=(on_object, *others))


GCS = Receipt(store="gcs", uri="gs://b/x.signature", digest="sha256:ab")


@pytest.mark.parametrize("size", [1 << 10, 100 << 10, (192 << 10) - 100])
def test_what_has_room_on_the_object_is_there_whole(size):
    """As Chains' readers look for it, kept elsewhere or not."""
    assert len(marks.after([large(size, GCS)], "")["payload-taskrun-u"]) == size


@pytest.mark.parametrize("size", [193 << 10, 1400 << 10])
def test_what_has_no_room_there_is_named_with_its_digest_and_place(size):
    """T21: a result may have 1.4 MiB, and annotations have 256 KiB together."""
    assert marks.after([large(size, GCS)], "") == {
        "sealwright.dev/elsewhere-taskrun-u": "sha256:ab gcs: gs://b/x.signature",
        "chains.tekton.dev/signed": "true",
    }


def test_only_as_much_gives_way_as_must():
    """The largest first; the image's signature stays where it was."""
    found = marks.after([large(300 << 10, GCS), large(1 << 10, GCS, artifact=IMAGE)], "")

    assert set(found) == {"sealwright.dev/elsewhere-taskrun-u", f"payload-{IMAGE.key}", "chains.tekton.dev/signed"}


def test_what_is_kept_nowhere_else_never_gives_way():
    """A registry that had no place for it gave a receipt, too; that is no other place."""
    nowhere = Receipt(store="oci", uri="no image subject", digest="sha256:cd", is_kept=False)
    for outcomes in ([large(300 << 10)], [large(300 << 10, nowhere)]):
        assert len(marks.after(outcomes, "")["payload-taskrun-u"]) == 300 << 10


def test_where_it_is_logged_stays_and_a_log_is_no_other_place():
    """A log has its digest only."""
    logged = Receipt(
        store="log", uri="https://log/1", digest="sha256:cd", annotations={"chains.tekton.dev/transparency": "https://log/1"}
    )
    kept = large(300 << 10, GCS)
    found = marks.after([replace(kept, receipts=(logged, *kept.receipts))], "")
    alone = large(300 << 10)

    assert found == {
        "chains.tekton.dev/transparency": "https://log/1",
        "sealwright.dev/elsewhere-taskrun-u": "sha256:ab gcs: gs://b/x.signature",
        "chains.tekton.dev/signed": "true",
    }
    assert "payload-taskrun-u" in marks.after([replace(alone, receipts=(*alone.receipts, replace(logged, annotations={})))], "")

"""What is owed of a run that goes comes back as it was, byte for byte; and nothing else is taken for it."""

import zlib

import pytest
from fakes import sealed
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core import outbox
from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Artifact, Attestation, InclusionProof, LogEntry, Outcome, Payload, Receipt, SignRequest, Subject
from sealwright.core.outbox import EXPANDED_LIMIT, Owed

ARTIFACT = Artifact(sort="taskrun", key="taskrun-u", name="team/build")
REQUEST = SignRequest(artifact=ARTIFACT, format="in-toto", signer="x509", stores=("oci", "tekton", "gcs"))
BODY = sealed.body()
PAYLOAD = Payload(media_type="application/vnd.in-toto+json", body=BODY, predicate_type="p", subjects=(sealed.APP,))
PROOF = InclusionProof(index=1, size=2, root=b"r" * 32, hashes=(b"h" * 32,), checkpoint="log\n2\n")
MADE = Attestation(
    artifact=ARTIFACT,
    format="in-toto",
    payload=PAYLOAD,
    signature=sealed.signature(BODY),
    envelope=sealed.envelope(BODY),
    entries=(LogEntry(log_id=b"l" * 32, index=7, kind="dsse", version="0.0.1", body=b"{}", proof=PROOF),),
)
AT_OCI = Receipt(store="oci", uri="somewhere", digest="sha256:00")


def outcome(*receipts, payload=PAYLOAD, attestation=None, request=REQUEST):
    return Outcome(request=request, payload=payload, attestation=attestation, receipts=receipts)


# --- what is owed ---


def test_what_has_a_receipt_and_what_was_inside_the_run_is_not_owed():
    """The run is gone, and with it its annotations."""
    (found,) = outbox.owed([outcome(AT_OCI, attestation=MADE)])

    assert found.request.stores == ("gcs",)
    assert (found.attestation, found.payload) == (MADE, None)


def test_what_could_not_be_signed_is_owed_as_the_bytes_that_are_to_be_signed():
    """The signer was down."""
    (found,) = outbox.owed([outcome()])

    assert (found.attestation, found.payload) == (None, PAYLOAD)
    assert found.request.stores == ("oci", "gcs")


@pytest.mark.parametrize(
    "done",
    [
        outcome(AT_OCI, Receipt(store="gcs", uri="", digest="")),
        outcome(request=SignRequest(artifact=ARTIFACT, format="in-toto", signer="x509", stores=("tekton",))),
        outcome(payload=None),
    ],
    ids=["stored everywhere", "only inside the run", "never built"],
)
def test_nothing_is_owed_where_nothing_could_be_done_later(done):
    """Such a run is let go."""
    assert outbox.owed([done]) == ()


# --- bytes and back ---

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
OWED = st.builds(
    Owed,
    request=st.builds(
        SignRequest,
        artifact=st.builds(Artifact, sort=st.sampled_from(["taskrun", "pipelinerun", "oci"]), key=TEXT, name=TEXT, digest=TEXT),
        format=TEXT,
        signer=TEXT,
        stores=st.lists(TEXT, max_size=3).map(tuple),
    ),
    payload=st.none()
    | st.builds(
        Payload,
        media_type=TEXT,
        body=st.binary(max_size=200),
        predicate_type=TEXT,
        subjects=st.lists(st.builds(Subject, name=TEXT, digest=st.dictionaries(TEXT, TEXT, max_size=2)), max_size=2).map(tuple),
        materials=st.just(()),
    ),
    attestation=st.sampled_from([None, MADE]),
)


@given(st.lists(OWED, max_size=3).map(tuple))
def test_what_is_packed_is_unpacked(found):
    """Whatever it holds; equal input, equal bytes."""
    blob = outbox.pack(found)

    assert outbox.unpack(blob) == found
    assert outbox.pack(found) == blob


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(blob):
    """With a reason, whatever they are."""
    with pytest.raises(Permanent, match=Reason.INVALID_INPUT):
        outbox.unpack(blob)


@given(st.binary(max_size=200).filter(lambda text: text.strip() != b"[]").map(zlib.compress))
def test_other_bytes_in_the_same_wrapping_are_refused(blob):
    """Compressed, but not ours."""
    with pytest.raises(Permanent, match=Reason.INVALID_INPUT):
        outbox.unpack(blob)


def test_a_bomb_is_not_let_off():
    """17 MiB of nothing in 17 KiB."""
    with pytest.raises(Permanent, match=Reason.TOO_LARGE):
        outbox.unpack(zlib.compress(bytes(EXPANDED_LIMIT + 1)))

"""Things that claim to be signed: what is found in a file, and what becomes of it."""

import json
from contextlib import suppress
from itertools import chain, combinations

import pytest
from fakes import objects, sealed, signers
from fakes.equipment import config
from fakes.sealed import APP, KEY, TRUSTED
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright import plugins
from sealwright.core import keys, oci
from sealwright.core.errors import Permanent, Reason, Transient, Untrusted
from sealwright.core.model import Artifact, Attestation, Signature
from sealwright.core.policy import evidence, verdict
from sealwright.core.policy.evidence import Evidence
from sealwright.core.policy.verdict import State
from sealwright.core.policy.wanted import Wanted
from sealwright.core.proof.attestation import TrustedKey
from sealwright.core.provenance import simplesigning
from sealwright.core.tekton import annotations, runs

FORMATS = plugins.members("sealwright.core.provenance")
STRANGER = TrustedKey(key=signers.key("ed25519", 9).public)
ANYTHING = Wanted()
SIGNATURE, PAYLOAD = f"{annotations.PREFIX}signature-", f"{annotations.PREFIX}payload-"


def sealed_statement(found: objects.Object, word: str, key: keys.PrivateKey) -> Attestation:
    """The run's provenance, as the flow makes it."""
    run = runs.read(objects.body(found))
    payload = FORMATS[word].build(run, word, config()).payload
    artifact = Artifact(sort=run.kind.lower(), key=f"{run.kind.lower()}-{run.metadata.uid}", name="")
    envelope = sealed.envelope(payload.body, key)
    return Attestation(
        artifact=artifact, format=word, payload=payload, signature=Signature(key_id="", raw=b""), envelope=envelope
    )


def signed_image(name: str, digest: str, key: keys.PrivateKey) -> Attestation:
    payload = simplesigning.build(oci.image(f"{name}@{digest}"))
    artifact = Artifact(sort="oci", key=digest[7:19], name=name, digest=digest)
    raw = key.sign(payload.body, "sha256")
    return Attestation(artifact=artifact, format="simplesigning", payload=payload, signature=Signature(key_id="", raw=raw))


def annotated(found: objects.Object, *kept: Attestation) -> bytes:
    """The run with these attestations, as JSON."""
    return annotations.annotate(
        objects.body(found), {name: text for each in kept for name, text in annotations.write(each).items()}
    )


def without(document: bytes, *names: str) -> bytes:
    loaded = json.loads(document)
    for name in names:
        loaded["metadata"]["annotations"].pop(name, None)
    return json.dumps(loaded).encode()


BUILD = objects.task_run(results=objects.image())
OWN = sealed_statement(BUILD, "slsa/v2alpha4", KEY)
SIGNED_IMAGE = signed_image(APP.name, objects.DIGEST, KEY)
SIGNED = annotated(BUILD, OWN, SIGNED_IMAGE)
OWN_KEY, IMAGE_KEY = OWN.artifact.key, SIGNED_IMAGE.artifact.key


def judged(document: bytes, trusted=TRUSTED, wanted: Wanted = ANYTHING, envelope: bytes = b""):
    return [evidence.judge(piece, trusted, wanted) for piece in evidence.of_document(document, "file", envelope)]


def overall(document: bytes, trusted=TRUSTED, wanted: Wanted = ANYTHING) -> State:
    return verdict.all_of([found.verdict for found in judged(document, trusted, wanted)]).state


def reason(found: evidence.Judged) -> str:
    """The word of the first thing that is wrong."""
    assert not found.verdict.is_pass
    return evidence.summary(found).split(":")[0]


# --- runs ---


@pytest.mark.parametrize("word", [word for word in FORMATS if word not in ("simplesigning", "cosign/sign/v1")])
@pytest.mark.parametrize("found", [BUILD, objects.pipeline_run(results=objects.image())], ids=lambda each: each["kind"])
def test_what_was_signed_is_verified_where_it_was_put(found, word):
    """Each format, on both kinds of run: signature, payload, place."""
    (piece,) = judged(annotated(found, sealed_statement(found, word, KEY)))

    assert piece.verdict.is_pass
    assert piece.evidence.what == str(objects.key(found))
    assert piece.evidence.where.startswith("annotation")
    assert evidence.summary(piece) == f"it was made for this {found['kind']}, and names what its results name"
    # A link has each result among its subjects, too.
    assert [name for name in evidence.subjects(piece) if not name.startswith("results/")] == [f"{APP.name}@{objects.DIGEST}"]


def test_an_image_signature_on_a_run_is_verified_with_it():
    """Both pieces pass, each with its own place."""
    own, image = judged(SIGNED)

    assert (own.verdict.state, image.verdict.state) == (State.PASS, State.PASS)
    assert image.evidence.where == f"annotation {IMAGE_KEY}"
    assert evidence.summary(image) == "a result of this run names the image"
    assert len(own.verdict.reasons) == 5


def test_a_list_of_runs_is_as_many_pieces():
    """What `kubectl get -o json` prints; unfinished runs that claim nothing are passed over."""
    unfinished = json.dumps(objects.running(objects.task_run("other"))).encode()
    found = judged(b'{"kind":"List","items":[' + SIGNED + b"," + unfinished + b"]}")

    assert [piece.evidence.what for piece in found] == ["taskrun team/build"] * 2


def test_runs_in_yaml_are_found():
    """The same run, written as YAML (JSON is YAML behind a document mark)."""

    assert overall(b"---\n" + SIGNED) is State.PASS


def test_a_finished_run_that_is_not_signed_fails():
    """Silence is not a pass, and the message names the annotation that is missing."""
    (piece,) = judged(objects.body(BUILD))

    assert reason(piece) == Reason.NO_ATTESTATION
    assert "chains.tekton.dev/signature-taskrun-uid-of-build" in piece.verdict.reasons[0]
    assert piece.verified is None
    assert evidence.subjects(piece) == []


TAMPERED = {
    "the payload beside the envelope": (lambda text: text.replace(_text(PAYLOAD + OWN_KEY), "e30="), Reason.WRONG_OBJECT),
    "the payload that is no base64": (lambda text: text.replace(_text(PAYLOAD + OWN_KEY), "e30"), Reason.BAD_SIGNATURE),
    "the envelope": (lambda text: text.replace(_text(SIGNATURE + OWN_KEY), "e30="), Reason.BAD_ENVELOPE),
    "the envelope, emptied": (lambda text: text.replace(_text(SIGNATURE + OWN_KEY), ""), Reason.BAD_SIGNATURE),
    "the image's signature": (lambda text: text.replace(_text(SIGNATURE + IMAGE_KEY), "e30="), Reason.BAD_SIGNATURE),
    "the image's payload": (lambda text: text.replace(_text(PAYLOAD + IMAGE_KEY), "e30="), Reason.BAD_SIGNATURE),
    "the uid": (lambda text: text.replace('"uid":"uid-of-build"', '"uid":"another"'), Reason.NO_ATTESTATION),
    "the image in the results": (lambda text: text.replace('"registry.test/app"', '"registry.test/evil"'), Reason.WRONG_OBJECT),
    "the time of its end": (lambda text: text.replace("12:05:00Z", "12:05:01Z"), Reason.WRONG_OBJECT),
}


def _text(name: str) -> str:
    text = json.loads(SIGNED)["metadata"]["annotations"][name]
    assert text
    return text


@pytest.mark.parametrize("row", TAMPERED)
def test_a_run_that_was_tampered_with_fails(row):
    """Whatever was changed, and with the reason that says what."""
    tamper, wanted = TAMPERED[row]
    changed = tamper(json.dumps(json.loads(SIGNED), separators=(",", ":")))
    assert json.loads(changed) != json.loads(SIGNED)
    found = judged(changed.encode())

    assert wanted in [reason(piece) for piece in found if not piece.verdict.is_pass]


def test_an_attestation_of_another_run_does_not_stand_for_this_one():
    """Beside the run's own it fails, and in its place too."""
    other = sealed_statement(objects.task_run("other"), "slsa/v2alpha4", KEY)
    moved = annotated(BUILD, OWN, other)
    renamed = annotated(
        BUILD,
        Attestation(
            **{name: getattr(other, name) for name in ("format", "payload", "signature", "envelope")}, artifact=OWN.artifact
        ),
    )

    assert [piece.verdict.state for piece in judged(moved)] == [State.PASS, State.FAIL]
    assert [reason(piece) for piece in judged(renamed)] == [Reason.WRONG_OBJECT]
    assert [reason(piece) for piece in judged(annotated(BUILD, other))] == [Reason.NO_ATTESTATION, Reason.WRONG_OBJECT]


def test_a_run_that_cannot_be_read_fails():
    """It is told as a piece that failed: hostile status, good head."""
    (piece,) = judged(b'{"apiVersion":"tekton.dev/v1","kind":"TaskRun","metadata":{"name":"a"},"status":7}')

    assert reason(piece) == Reason.INVALID_RUN


# --- envelopes and Statements in files ---


def test_an_envelope_is_judged_by_itself():
    """It has no place, so its signature and payload are the proof."""
    (piece,) = judged(OWN.envelope)

    assert piece.verdict.is_pass
    assert piece.evidence.where == "envelope"


def test_a_statement_is_judged_with_the_envelope_that_holds_it():
    """The same bytes, but for a line end that an editor adds."""
    (piece,) = judged(OWN.payload.body + b"\n", envelope=OWN.envelope)

    assert piece.verdict.is_pass


STATEMENTS = {
    "without an envelope": (b"", Reason.NO_ATTESTATION),
    "with the envelope of another one": (sealed.envelope(sealed.body()), Reason.WRONG_OBJECT),
    "with something that is no envelope": (b"{}", Reason.BAD_ENVELOPE),
    "with an envelope of another key": (sealed.envelope(OWN.payload.body, signers.key("ed25519", 9)), Reason.BAD_SIGNATURE),
}


@pytest.mark.parametrize("row", STATEMENTS)
def test_a_statement_alone_proves_nothing(row):
    """Neither without a signature nor with that of something else."""
    envelope, wanted = STATEMENTS[row]
    (piece,) = judged(OWN.payload.body, envelope=envelope)

    assert reason(piece) == wanted


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b'{"kind":"ConfigMap","apiVersion":"v1"}',
        b'{"kind":"List","items":[]}',
        b"---\n",
        objects.body(objects.running(BUILD)),
    ],
)
def test_a_file_with_nothing_in_it_is_no_pass(data):
    """It is the caller's mistake, told with what was wanted."""
    with pytest.raises(Permanent) as refused:
        judged(data)

    assert refused.value.reason in (Reason.INVALID_INPUT, Reason.INVALID_RUN)


def test_a_file_whose_keys_stand_twice_is_refused():
    """Two readers would see two files."""
    with pytest.raises(Permanent) as refused:
        judged(OWN.envelope.replace(b'{"payloadType"', b'{"payload":"","payloadType"'))

    assert refused.value.reason is Reason.REPEATED_KEY


# --- what no evidence can do ---


@pytest.mark.parametrize("piece", [Evidence(what="x", where="y"), Evidence(what="x", where="y", attestation=OWN)])
def test_without_a_key_nothing_is_judged(piece):
    """Not even to say no: the caller has to name a key."""
    with pytest.raises(Permanent) as refused:
        evidence.judge(piece, (), ANYTHING)

    assert refused.value.reason is Reason.KEY_MISSING


def test_evidence_of_nothing_is_a_no():
    """No attestation, no fault: still nothing that was proven."""
    found = evidence.judge(Evidence(what="x", where="y"), TRUSTED, ANYTHING)

    assert reason(found) == Reason.NO_ATTESTATION


def test_what_could_not_be_read_for_now_is_unknown():
    """A disk or a network that fails says neither yes nor no."""
    fault = Transient(Reason.UNAVAILABLE, "later")

    assert evidence.judge(Evidence(what="x", where="y", fault=fault), TRUSTED, ANYTHING).verdict.state is State.UNKNOWN


def test_a_fault_is_not_outvoted_by_an_attestation():
    """Where reading failed, what else was found does not count."""
    piece = Evidence(what="x", where="y", fault=Untrusted(Reason.WRONG_DIGEST, "no"), attestation=OWN)

    assert reason(evidence.judge(piece, TRUSTED, ANYTHING)) == Reason.WRONG_DIGEST


@pytest.mark.parametrize(("digest", "wanted"), [(objects.DIGEST, State.PASS), (f"sha256:{'0' * 64}", State.FAIL)])
@pytest.mark.parametrize("found", [OWN, SIGNED_IMAGE], ids=["attestation", "signature"])
def test_what_is_kept_with_an_image_must_speak_of_it(found, digest, wanted):
    """A good signature below another image's tag says nothing about that image."""
    piece = Evidence(what="image", where="tag", attestation=found, digest=digest)

    assert evidence.judge(piece, TRUSTED, ANYTHING).verdict.state is wanted


def test_what_was_proven_is_kept_beside_a_wish_that_failed():
    """A report can say both: it is signed, and it is not what was asked for."""
    found = evidence.judge(Evidence(what="x", where="y", attestation=OWN), TRUSTED, Wanted(builder_id="nobody"))

    assert found.verified is not None
    assert reason(found) == Reason.WRONG_BUILDER
    assert evidence.summary(found).startswith("WrongBuilder: the builder is ")


# --- metamorphic: what may not make a yes ---

MANGLED = {name: tamper(json.dumps(json.loads(SIGNED), separators=(",", ":"))).encode() for name, (tamper, _) in TAMPERED.items()}
DOCUMENTS = {"signed": SIGNED, "not signed": objects.body(BUILD), "an envelope": OWN.envelope} | MANGLED
WISHES = (ANYTHING, Wanted(predicate_type=sealed.SLSA_V1), Wanted(subject=objects.DIGEST), Wanted(builder_id="x"))


@pytest.mark.parametrize("wanted", WISHES, ids=repr)
@pytest.mark.parametrize("row", DOCUMENTS)
def test_an_unrelated_key_never_turns_a_no_into_a_yes(row, wanted):
    """Alone it proves nothing; beside the right one, before or after, it changes no verdict."""
    document = DOCUMENTS[row]
    plain = [found.verdict.state for found in judged(document, TRUSTED, wanted)]

    assert State.PASS not in [found.verdict.state for found in judged(document, [STRANGER], wanted)]
    assert plain == [found.verdict.state for found in judged(document, [STRANGER, *TRUSTED], wanted)]
    assert plain == [found.verdict.state for found in judged(document, [*TRUSTED, STRANGER], wanted)]


def subsets(names):
    return chain.from_iterable(combinations(names, size) for size in range(len(names) + 1))


NAMES = [f"{part}{key}" for part in (SIGNATURE, PAYLOAD) for key in (OWN_KEY, IMAGE_KEY)]


@pytest.mark.parametrize("row", [row for row in MANGLED if "image's" not in row])
def test_removing_annotations_never_turns_a_no_into_a_yes(row):
    """Any of them, or all: a run whose own attestation fails or is missing is not verified by what is left."""
    assert overall(MANGLED[row]) is State.FAIL
    for names in subsets(NAMES):
        assert overall(without(MANGLED[row], *names)) is State.FAIL


def test_a_runs_own_attestation_cannot_be_left_out():
    """Whatever else stands on the run; what may be left out is what the run's own attestation does not need."""
    for names in subsets(NAMES):
        left = overall(without(SIGNED, *names))

        assert left is State.PASS or names
        if SIGNATURE + OWN_KEY in names:
            assert left is State.FAIL


@given(
    st.binary(max_size=200)
    | st.builds(
        lambda at, more: SIGNED[:at] + more + SIGNED[at + len(more) :],
        st.integers(0, len(SIGNED)),
        st.binary(min_size=1, max_size=8),
    )
)
@settings(deadline=None, max_examples=150)
def test_any_bytes_are_judged_or_refused(data):
    """Hostile files end in a verdict or a Permanent; a yes only where the run's own attestation still is what it was."""
    with suppress(Permanent):
        found = judged(data)

        assert found
        assert all(piece.verified or not piece.verdict.is_pass for piece in found)

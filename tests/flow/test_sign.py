"""One request: what is built, sealed and stored, and what becomes of an error."""

import asyncio
import json

import pytest
from fakes import objects, signers
from fakes.equipment import config, equipment, work
from fakes.signers import MemorySigner
from fakes.stepping import cancel_at, finish
from fakes.stores import OUTAGE, REFUSAL, MemoryStore

from sealwright.core import keys
from sealwright.core import plan as planning
from sealwright.core.envelope import dsse
from sealwright.core.errors import Fault, Permanent, Reason, Transient
from sealwright.core.model import Artifact, Outcome, Payload, SignRequest
from sealwright.core.proof import attestation
from sealwright.core.proof.attestation import TrustedKey
from sealwright.core.tekton import runs
from sealwright.flow import sign as flow
from sealwright.ports import Equipment

RUN = runs.read(objects.body(objects.task_run(results=objects.image())))
TRUSTED = [TrustedKey(key=signers.key().public)]
BUG = KeyError("what nobody foresaw")


def no_bug(error: Exception) -> None:
    raise AssertionError("no bug was expected") from error


async def signed(tools: Equipment, on_bug=no_bug, run=RUN) -> tuple[Outcome, ...]:
    return await flow.sign(run, planning.plan(run, tools.config).requests, work(run, tools, on_bug))


# --- the true case ---


@pytest.mark.parametrize("word", ["in-toto", "slsa/v2alpha3", "slsa/v2alpha4"])
async def test_what_is_stored_is_what_verifies(word):
    """The statement in an envelope, the image's payload bare, each with a receipt and the same signature everywhere."""
    store = MemoryStore("memory")
    run, image = await signed(equipment({"memory": store}, artifacts_taskrun_format=word))

    assert run.complete
    assert image.complete
    assert [each.artifact.sort for each in store.kept.values()] == ["taskrun", "oci"]
    assert [run.attestation, image.attestation] == list(store.kept.values())
    proven = attestation.prove(run.attestation.envelope, TRUSTED)
    assert proven.payload.body == run.attestation.payload.body
    assert proven.payload.subjects == run.attestation.payload.subjects
    assert image.attestation.envelope == b""
    assert attestation.prove_image(image.attestation.payload.body, image.attestation.signature.raw, TRUSTED)


async def test_a_request_is_kept_in_each_of_its_stores():
    """One signature, as many receipts as stores."""
    stores = {"a": MemoryStore("a"), "b": MemoryStore("b")}
    signer = MemorySigner()
    outcomes = await signed(equipment(stores, signer))

    assert [[receipt.store for receipt in outcome.receipts] for outcome in outcomes] == [["a", "b"]] * 2
    assert stores["a"].kept == stores["b"].kept
    assert signer.signed == 2


async def test_signing_again_gives_the_same_bytes():
    """Same run, same bytes: a retry publishes nothing new (design D11)."""
    store = MemoryStore("memory")
    tools = equipment({"memory": store})

    assert await signed(tools) == await signed(tools)
    assert (store.puts, len(store.bodies)) == (4, 2)


async def test_findings_of_the_maker_are_kept():
    """A step whose image is not known is left out of the materials, and said."""
    run = runs.read(objects.body(objects.task_run(steps=[""])))
    (outcome,) = await signed(equipment({"memory": MemoryStore()}), run=run)

    assert outcome.complete
    assert len(outcome.findings) == 1


async def test_an_envelope_can_be_had_without_a_store():
    """What `sealwright sign` prints is what the controller stores."""
    store = MemoryStore("memory")
    run, _ = await signed(equipment({"memory": store}))

    assert await flow.seal(run.attestation.payload, MemorySigner()) == run.attestation.envelope


# --- errors are values, and stop nothing else ---

FAULTS = [OUTAGE, REFUSAL, BUG, RecursionError("too deep"), MemoryError()]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
@pytest.mark.parametrize("first", ["a", "b"])
async def test_a_store_that_fails_never_stops_the_others(first, fault):
    """Whichever it is and however it fails, foreseen or not: the others have everything, and nothing is complete."""
    stores = {"a": MemoryStore("a"), "b": MemoryStore("b")}
    stores[first].fault = fault
    bugs: list[Exception] = []
    outcomes = await signed(equipment(stores), bugs.append)
    (other,) = {"a", "b"} - {first}

    assert [[receipt.store for receipt in outcome.receipts] for outcome in outcomes] == [[other]] * 2
    assert len(stores[other].kept) == 2
    assert not any(outcome.complete for outcome in outcomes)
    assert [failure.stage for outcome in outcomes for failure in outcome.failures] == ["store"] * 2
    assert bugs == ([] if isinstance(fault, Fault) else [fault] * 2)


@pytest.mark.parametrize("fault", [signers.OUTAGE, BUG], ids=repr)
async def test_a_signer_that_fails_never_stops_the_next_artifact(fault):
    """The statement could not be signed, the image was; nothing unsigned is stored."""
    store, signer = MemoryStore("memory"), MemorySigner(failures=1)
    signer.fault = fault
    bugs: list[Exception] = []
    run, image = await signed(equipment({"memory": store}, signer), bugs.append)

    assert (run.attestation, run.receipts, run.complete) == (None, (), False)
    assert [failure.stage for failure in run.failures] == ["sign"]
    assert image.complete
    assert [each.artifact.sort for each in store.kept.values()] == ["oci"]


async def test_a_run_that_no_statement_can_be_made_of_never_stops_its_images():
    """Times that are no times: the statement fails in words, the image is signed."""
    run = runs.read(objects.body(objects.task_run(finished="yesterday", results=objects.image())))
    statement, image = await signed(equipment({"memory": MemoryStore()}), run=run)

    assert [(failure.stage, failure.reason) for failure in statement.failures] == [("build", Reason.INVALID_RUN)]
    assert image.complete


WORDS = {
    "a format": (SignRequest(artifact=Artifact(sort="taskrun", key="taskrun-u", name="n"), format="in-toot", signer="x509", stores=("memory",)), "build", Reason.UNKNOWN_FORMAT, "in-toto"),
    "a signer": (SignRequest(artifact=Artifact(sort="taskrun", key="taskrun-u", name="n"), format="in-toto", signer="kms", stores=("memory",)), "sign", Reason.INVALID_CONFIG, "no signer 'kms' is open (there are: x509)"),
    "a store": (SignRequest(artifact=Artifact(sort="taskrun", key="taskrun-u", name="n"), format="in-toto", signer="x509", stores=("gcs",)), "store", Reason.INVALID_CONFIG, "no store 'gcs' is open (there are: memory)"),
}  # fmt: skip


@pytest.mark.parametrize("row", WORDS)
async def test_a_word_that_nothing_answers_to_fails_its_request(row):
    """It is named, with what there is; the run is not complete (threat T27)."""
    request, stage, reason, said = WORDS[row]
    (outcome,) = await flow.sign(RUN, [request], work(RUN, equipment({"memory": MemoryStore()}), no_bug))

    assert not outcome.complete
    (failure,) = outcome.failures
    assert (failure.stage, failure.reason, failure.transient) == (stage, reason, False)
    assert said in failure.message


async def test_without_any_tool_the_message_says_none():
    """Nothing is open at all."""
    tools = Equipment(config=config(), signers={}, stores={})
    (outcome, _) = await signed(tools)

    assert outcome.failures[0].message == "no signer 'x509' is open (there are: none)"


ERRORS = {
    "an outage": (OUTAGE, Reason.UNAVAILABLE, "the store does not answer", True, None),
    "an outage with a wish": (Transient(Reason.UNAVAILABLE, "busy", after_s=7.5), Reason.UNAVAILABLE, "busy", True, 7.5),
    "a refusal": (REFUSAL, Reason.STORE_FAILED, "the store refuses this", False, None),
    "a bug": (ValueError("line 1\nline 2"), Reason.INTERNAL_ERROR, r"ValueError: 'line 1\nline 2'", False, None),
}


@pytest.mark.parametrize("row", ERRORS)
def test_an_error_becomes_a_value(row):
    """Reason, sentence, whether waiting helps and how long; what nobody foresaw is one line, and told as a bug."""
    error, reason, message, transient, after_s = ERRORS[row]
    bugs: list[Exception] = []
    found = flow.failure("mark", error, bugs.append)

    assert (found.stage, found.reason, found.message, found.transient, found.after_s) == (
        "mark",
        reason,
        message,
        transient,
        after_s,
    )
    assert bugs == ([] if isinstance(error, Fault) else [error])


def test_a_bugs_text_is_cut():
    """It may hold what a tenant wrote."""
    assert len(flow.failure("store", ValueError("x" * 10**6), lambda _: None).message) < 400


# --- what is never signed ---


async def test_bytes_that_could_pass_as_a_statements_encoding_are_never_signed_bare():
    """One key signs both kinds: such a signature would seal an envelope (threat T12)."""
    signer = MemorySigner()
    body = dsse.pae("application/vnd.in-toto+json", b"{}")
    with pytest.raises(Permanent) as refused:
        await flow._sign_image(Payload(media_type="", body=body), signer)

    assert refused.value.reason is Reason.INTERNAL_ERROR
    assert signer.signed == 0


@pytest.mark.parametrize("count", [1, 3])
async def test_a_statement_is_signed_over_its_encoding_and_an_image_over_its_payload(count):
    """The same signatures that cosign and Chains would make over these bytes."""
    run, image = await signed(equipment({"memory": MemoryStore()}, MemorySigner(signers.key("ecdsa-p384", count))))
    key = signers.key("ecdsa-p384", count).public
    wire = json.loads(run.attestation.envelope)

    keys.verify(key, "sha256", dsse.pae(wire["payloadType"], run.attestation.payload.body), run.attestation.signature.raw)
    keys.verify(key, "sha256", image.attestation.payload.body, image.attestation.signature.raw)


# --- cancellation ---


def test_cancellation_is_never_taken_for_a_failure():
    """At each await it goes through, and nothing further is begun."""
    _, steps = finish(signed(equipment({"a": MemoryStore("a"), "b": MemoryStore("b")})))
    for step in range(1, steps + 1):
        stores = {"a": MemoryStore("a"), "b": MemoryStore("b")}
        cancel_at(signed(equipment(stores)), step)

        assert stores["a"].puts + stores["b"].puts <= step


async def test_a_store_that_hangs_is_waited_for():
    """Deadlines belong to the store; the story goes on when it answers."""
    store = MemoryStore("memory")
    store.hang()
    task = asyncio.ensure_future(signed(equipment({"memory": store})))
    for _ in range(10):
        await asyncio.sleep(0)
    waited = not task.done() and store.kept == {}
    store.release()

    assert waited
    assert all(outcome.complete for outcome in await task)

"""Logged before it is stored: what is kept carries its proof, and what could not be logged waits (design D3)."""

from dataclasses import replace

import pytest
from fakes import objects, signers
from fakes.equipment import equipment, work
from fakes.logs import OUTAGE, MemoryLog
from fakes.signers import MemorySigner
from fakes.stepping import cancel_at, finish
from fakes.stores import OUTAGE as STORE_OUTAGE
from fakes.stores import MemoryStore

from sealwright.core import plan as planning
from sealwright.core.errors import Permanent, Reason, Untrusted
from sealwright.core.proof import author, logentry
from sealwright.core.tekton import marks, runs
from sealwright.flow import sign as flow

RUN = runs.read(objects.body(objects.task_run(results=objects.image())))
REFUSED = Untrusted(Reason.WRONG_ENTRY, "the log entry speaks of something else")
TRANSPARENCY = "chains.tekton.dev/transparency"
BEST_EFFORT = {"transparency_on-failure": "best-effort"}


def no_bug(error: Exception) -> None:
    raise AssertionError("no bug was expected") from error


async def signed(tools, on_bug=no_bug):
    return await flow.sign(RUN, planning.plan(RUN, tools.config).requests, work(RUN, tools, on_bug))


@pytest.mark.parametrize("kind", ["v1", "v2"])
async def test_what_is_stored_carries_the_proof_of_its_entry(kind):
    """Statement and image, each its own entry; the mark names the last one."""
    store, log = MemoryStore("memory"), MemoryLog(kind)
    run, image = outcomes = await signed(equipment({"memory": store}, log=log))

    assert run.complete
    assert image.complete
    assert list(store.kept.values()) == [run.attestation, image.attestation]
    for number, outcome in enumerate(outcomes):
        [entry] = outcome.attestation.entries
        assert logentry.prove(entry, [log.rekor.tree.key]).is_included
        assert [receipt.store for receipt in outcome.receipts] == ["transparency", "memory"]
        assert entry.index == number
    assert marks.after(outcomes, "")[TRANSPARENCY] == "memory:1"


@pytest.mark.parametrize("fault", [OUTAGE, REFUSED, KeyError("nobody foresaw it")], ids=repr)
async def test_what_could_not_be_logged_is_not_stored(fault):
    """The run waits, and says at which stage; then it is logged once and stored once, with the same bytes."""
    store, log, bugs = MemoryStore("memory"), MemoryLog(), []
    tools = equipment({"memory": store}, log=log)
    log.fault = fault
    outcomes = await signed(tools, bugs.append)

    assert store.kept == {}
    assert [failure.stage for outcome in outcomes for failure in outcome.failures] == ["log", "log"]
    assert not any(outcome.complete for outcome in outcomes)
    assert marks.after(outcomes, "") is None
    log.fault = None
    again = await signed(tools)
    assert all(outcome.complete for outcome in again)
    assert [found.attestation.envelope for found in again] == [found.attestation.envelope for found in outcomes]


async def test_best_effort_goes_on_without_the_log_and_says_so():
    """A finding that names what is missing; no annotation claims an entry."""
    store, log = MemoryStore("memory"), MemoryLog()
    log.fault = OUTAGE
    outcomes = await signed(equipment({"memory": store}, log=log, **BEST_EFFORT))

    assert all(outcome.complete for outcome in outcomes)
    assert len(store.kept) == 2
    assert all("transparency: missing" in str(outcome.findings[0]) for outcome in outcomes)
    assert TRANSPARENCY not in marks.after(outcomes, "")


async def test_best_effort_forgives_no_bug():
    """What nobody foresaw is told, whatever is asked for."""
    store, log, bugs = MemoryStore("memory"), MemoryLog(), []
    log.fault = KeyError("nobody foresaw it")
    outcomes = await signed(equipment({"memory": store}, log=log, **BEST_EFFORT), bugs.append)

    assert not any(outcome.complete for outcome in outcomes)
    assert len(bugs) == 2


async def test_a_log_that_is_asked_for_and_not_open_is_a_failure():
    """Never a silent pass."""
    tools = equipment({"memory": MemoryStore("memory")}, transparency_enabled="true")
    (run, _) = await signed(tools)

    assert [(failure.stage, failure.reason) for failure in run.failures] == [("log", Reason.INVALID_CONFIG)]


async def test_a_store_that_fails_makes_no_second_entry():
    """F7: after the log's answer and before the store's; the retry finds the entry that is there."""
    store, log = MemoryStore("memory", STORE_OUTAGE, STORE_OUTAGE), MemoryLog()
    tools = equipment({"memory": store}, log=log)
    first, second = await signed(tools), await signed(tools)

    assert not any(outcome.complete for outcome in first)
    assert all(outcome.complete for outcome in second)
    assert (log.appended, len(log.rekor.tree.leaves)) == (4, 2)


def test_a_kill_at_any_moment_leaves_nothing_stored_without_its_proof():
    """And the next try makes no second entry."""
    steps = finish(signed(equipment({"memory": MemoryStore("memory")}, log=MemoryLog())))[1]
    for moment in range(steps):
        store, log = MemoryStore("memory"), MemoryLog()
        tools = equipment({"memory": store}, log=log)
        cancel_at(signed(tools), moment)
        assert all(kept.entries for kept in store.kept.values())
        outcomes = finish(signed(tools))[0]
        assert all(outcome.complete for outcome in outcomes)
        assert len(log.rekor.tree.leaves) == 2


async def test_a_signature_by_a_key_that_is_not_ours_is_not_logged():
    """The key was replaced between signing and logging: the next try signs with the new one."""
    tools = equipment({"memory": MemoryStore("memory")}, log=MemoryLog())
    (outcome, _) = await signed(tools)
    with pytest.raises(Permanent) as caught:
        author.of(outcome.attestation, equipment({}, MemorySigner(signers.key("ecdsa-p384"))).trusted)

    assert caught.value.reason is Reason.KEY_MISSING


# --- timestamps ---


class MemoryClock:
    """`ports.Timestamper`: says what it saw. `fault` is raised as long as it is set."""

    def __init__(self):
        self.fault = None
        self.seen = []

    async def stamp(self, signature):
        if self.fault:
            raise self.fault
        self.seen.append(signature)
        return b"seen " + signature


async def test_what_is_stored_carries_the_time_of_its_signature():
    """Seen before it is logged, with a log and without one."""
    for log in (MemoryLog(), None):
        store, clock = MemoryStore("memory"), MemoryClock()
        outcomes = await signed(replace(equipment({"memory": store}, log=log), timestamper=clock))

        assert all(outcome.complete for outcome in outcomes)
        assert [kept.timestamps for kept in store.kept.values()] == [(b"seen " + raw,) for raw in clock.seen]
        assert clock.seen == [kept.signature.raw for kept in store.kept.values()]


async def test_what_no_clock_saw_is_neither_logged_nor_stored():
    """The run waits; best effort is for the log alone."""
    store, log, clock = MemoryStore("memory"), MemoryLog(), MemoryClock()
    clock.fault = OUTAGE
    tools = replace(equipment({"memory": store}, log=log, **BEST_EFFORT), timestamper=clock)
    outcomes = await signed(tools)

    assert (store.kept, log.appended) == ({}, 0)
    assert [failure.stage for outcome in outcomes for failure in outcome.failures] == ["log", "log"]


async def test_what_was_logged_and_not_stored_is_settled_with_its_one_entry():
    """The outbox takes it up where it stopped, and has it behind itself then."""
    store, log = MemoryStore("memory", STORE_OUTAGE, STORE_OUTAGE), MemoryLog()
    tools = equipment({"memory": store}, log=log)
    first = await signed(tools)
    taken_up = [
        replace(each, receipts=tuple(found for found in each.receipts if found.store != "transparency"), failures=())
        for each in first
    ]
    assert not any(outcome.complete for outcome in taken_up)
    kept = [await store.put(each.attestation, None) for each in first]
    settled = [replace(each, receipts=(receipt,)) for each, receipt in zip(taken_up, kept, strict=True)]

    assert all(outcome.complete for outcome in settled)
    assert not any(replace(each, attestation=replace(each.attestation, entries=())).complete for each in settled)

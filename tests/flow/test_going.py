"""Runs that are being deleted: signed if they can be, let go in time if not, and what is owed of them is kept."""

import pytest
from fakes import objects
from fakes.equipment import equipment
from fakes.outbox import MemoryOutbox
from fakes.runs import MemoryRuns
from fakes.signers import MemorySigner
from fakes.stepping import finish
from fakes.stores import OUTAGE, REFUSAL, MemoryStore

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.core.outbox import Pending
from sealwright.core.tekton import marks
from sealwright.flow.outbox import settle_one
from sealwright.flow.reconcile import KEEP_AFTER_S, LET_GO_S, Circumstances, State, reconcile

GOING = {"deletionTimestamp": "2026-01-31T12:06:00Z", "deletionGracePeriodSeconds": 0}
BUILD = objects.task_run(results=objects.image())
KEY = objects.key(BUILD)
LATE = Circumstances(failing_s=KEEP_AFTER_S, going_s=KEEP_AFTER_S)
FULL = Transient(Reason.OUTBOX_FULL, "no room")


def going(found: objects.Object) -> objects.Object:
    return found | {"metadata": found["metadata"] | GOING}


def place(*found: objects.Object) -> MemoryRuns:
    """A source in which these are held by us, and are being deleted."""
    source = MemoryRuns(*map(going, found))
    source.held = {(objects.key(each), each["metadata"]["uid"]) for each in found}
    return source


def down(*, signer: MemorySigner | None = None, **stores: MemoryStore):
    return equipment(stores, signer)


def look(source, tools, at=LATE, key=KEY):
    return finish(reconcile(key, source, tools, at))[0]


def test_a_run_that_is_being_deleted_is_signed_like_any_other():
    """Its mark takes the finalizer off."""
    source = place(BUILD)

    assert look(source, down(memory=MemoryStore()), Circumstances()).state is State.SIGNED


@pytest.mark.parametrize("going_s", [0.0, KEEP_AFTER_S - 1])
def test_it_is_held_for_a_minute_by_what_fails(going_s):
    """What is down for a moment costs nothing but that moment."""
    source, store = place(BUILD), MemoryStore()
    store.fault = OUTAGE
    report = look(source, down(memory=store), Circumstances(failing_s=3600, going_s=going_s))

    assert (report.state, report.is_going) == (State.FAILED, True)
    assert source.held
    assert not source.kept


def test_after_a_minute_what_is_owed_is_kept_and_the_run_goes():
    """First kept, then let go."""
    source, store, other = place(BUILD), MemoryStore(), MemoryStore("other")
    store.fault = OUTAGE
    report = look(source, down(memory=store, other=other))

    assert report.state is State.KEPT
    assert [verb for verb, _ in source.order if verb in ("keep", "release")] == ["keep", "release"]
    assert not source.held
    assert [owed.request.stores for owed in source.kept[KEY].owed] == [("memory",), ("memory",)]


def test_a_run_of_which_nothing_is_owed_outside_is_let_go():
    """Only its own annotations were wanted, and the signer is down: there is nowhere to keep them."""
    source = place(BUILD)
    report = look(source, down(signer=MemorySigner(failures=99), tekton=MemoryStore("tekton", in_object=True)))

    assert report.state is State.RELEASED
    assert report.failures
    assert not source.held


def test_without_room_it_is_held_and_after_ten_minutes_let_go():
    """Deletion never hangs (I5)."""
    source, store = place(BUILD), MemoryStore()
    store.fault, source.keep_fault = OUTAGE, FULL
    tools = down(memory=store)
    held = look(source, tools)
    still = bool(source.held)
    gone = look(source, tools, Circumstances(failing_s=LET_GO_S, going_s=LET_GO_S))

    assert (held.state, still) == (State.FAILED, True)
    assert gone.state is State.RELEASED
    assert Reason.OUTBOX_FULL in {failure.reason for failure in gone.failures}
    assert not source.held


def test_a_long_failure_before_the_deletion_does_not_shorten_the_time_to_keep_it():
    """A run that failed for a day is not dropped in the moment in which it is deleted."""
    source, store = place(BUILD), MemoryStore()
    store.fault, source.keep_fault = OUTAGE, FULL
    report = look(source, down(memory=store), Circumstances(failing_s=86_400, going_s=KEEP_AFTER_S))

    assert report.state is State.FAILED
    assert source.held


def test_what_cannot_be_read_is_let_go_too():
    """Nobody can sign it, and it must not keep a namespace from going."""
    source = place(BUILD)
    source.put(KEY, b'{"kind": "TaskRun", "metadata": 7}')
    report = look(source, down(memory=MemoryStore()), Circumstances(failing_s=LET_GO_S))

    assert report.state is State.FAILED
    assert not source.held


def test_a_pipeline_that_is_being_deleted_does_not_wait_for_children_for_ever():
    """After a minute it is signed without the one that does not end, and that is said."""
    release = objects.pipeline_run(tasks=["clone", "build"])
    clone, compiling = objects.child(release, "clone"), objects.running(objects.child(release, "build"))
    source = MemoryRuns(going(release), clone, compiling)
    tools, key = down(memory=MemoryStore()), objects.key(release)
    waiting = look(source, tools, Circumstances(), key)
    signed = look(source, tools, LATE, key)

    assert (waiting.state, waiting.is_going) == (State.WAITING, True)
    assert signed.state is State.SIGNED
    assert [finding.where for finding in signed.findings if str(Reason.NOT_FINISHED) in finding.message] == ["release-build"]


# --- the outbox ---


def kept(tools, source=None) -> Pending:
    source = source or place(BUILD)
    assert look(source, tools).state is State.KEPT
    return source.kept[KEY]


def settle(box, tools):
    (key,) = box.kept
    return finish(settle_one(key, box, tools))[0]


def test_what_is_owed_is_stored_when_the_store_is_back_and_forgotten():
    """The envelope that was signed then; nothing is signed again."""
    store = MemoryStore()
    store.fault = OUTAGE
    box = MemoryOutbox(kept(down(memory=store)))
    store.fault = None
    report = settle(box, down(memory=store, signer=MemorySigner(failures=99)))

    assert (report.state, report.key, report.uid) == (State.SIGNED, KEY, "uid-of-build")
    assert len(store.kept) == 2
    assert not box.kept


def test_what_could_not_be_signed_is_signed_when_the_signer_is_back():
    """The same payload."""
    store = MemoryStore()
    pending = kept(down(memory=store, signer=MemorySigner(failures=99)))
    box = MemoryOutbox(pending)
    report = settle(box, down(memory=store))

    assert report.state is State.SIGNED
    assert {found.payload.body for found in store.kept.values()} == {owed.payload.body for owed in pending.owed}
    assert not box.kept


def test_it_stays_until_everything_is_stored():
    """And fails visibly meanwhile."""
    store = MemoryStore()
    store.fault = OUTAGE
    box = MemoryOutbox(kept(down(memory=store)))
    report = settle(box, down(memory=store))

    assert report.state is State.FAILED
    assert box.kept


def test_what_another_replica_settles_is_left_to_it():
    """Both see it."""
    store = MemoryStore()
    store.fault = OUTAGE
    box = MemoryOutbox(kept(down(memory=store)))
    box.elsewhere = True
    puts = store.puts

    assert settle(box, down(memory=store)).state is State.ELSEWHERE
    assert store.puts == puts


def test_an_entry_that_cannot_be_read_fails_and_stays():
    """For a person to look at."""
    store = MemoryStore()
    store.fault = OUTAGE
    box = MemoryOutbox(kept(down(memory=store)))
    box.fault = Permanent(Reason.INVALID_INPUT, "what is kept of a run cannot be read")

    assert settle(box, down(memory=store)).state is State.FAILED
    assert box.kept


# --- the mark that says failed ---


def test_a_run_that_fails_for_minutes_says_so_and_is_signed_in_the_end():
    """Chains' words, and the reason; then they are replaced."""
    source, store = MemoryRuns(BUILD), MemoryStore("tekton", in_object=True)
    store.fault = REFUSAL
    tools = equipment({"tekton": store})
    early = look(source, tools, Circumstances(failing_s=299.0))
    unsaid = source.annotations(KEY)
    look(source, tools, Circumstances(failing_s=300.0))
    said = source.annotations(KEY)
    store.fault = None

    assert early.state is State.FAILED
    assert marks.SIGNED not in unsaid
    assert (said[marks.SIGNED], said[marks.RETRIES]) == ("failed", "3")
    assert "the store refuses this" in said[marks.REASON]
    assert look(source, tools, Circumstances(failing_s=360.0)).state is State.SIGNED
    assert source.annotations(KEY)[marks.SIGNED] == "true"


# --- what another replica holds ---


def test_a_run_of_another_replica_is_left_alone():
    """Not held, not signed, not marked."""
    source, store = MemoryRuns(BUILD), MemoryStore()
    source.elsewhere.add("uid-of-build")
    report = look(source, down(memory=store))

    assert report.state is State.ELSEWHERE
    assert (store.puts, source.marks) == (0, {})


def test_who_loses_its_shard_while_it_acts_writes_nothing_more():
    """Each effect asks first."""
    source, store = MemoryRuns(BUILD), MemoryStore()
    source.lost.add("uid-of-build")
    report = look(source, down(memory=store))

    assert report.state is State.FAILED
    assert {failure.reason for failure in report.failures} == {Reason.NOT_HELD}
    assert (store.puts, source.marks) == (0, {})

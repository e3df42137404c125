"""One look at one run: what it comes to, and that it can be stopped anywhere."""

import json
from dataclasses import replace

import pytest
from fakes import objects, signers
from fakes.equipment import equipment
from fakes.runs import MemoryRuns
from fakes.signers import MemorySigner
from fakes.stepping import cancel_at, finish
from fakes.stores import OUTAGE, REFUSAL, MemoryStore
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core.config import signing_hash
from sealwright.core.errors import Reason, Transient
from sealwright.core.policy import evidence
from sealwright.core.policy.wanted import Wanted
from sealwright.core.proof.attestation import TrustedKey
from sealwright.core.tekton import marks, runs
from sealwright.core.tekton.documents import RunDocument
from sealwright.flow.reconcile import Circumstances, Report, State, reconcile
from sealwright.ports import Equipment

BUILD = objects.task_run(results=objects.image())
RELEASE = objects.pipeline_run(tasks=["clone", "build"])
CLONE, COMPILE = objects.child(RELEASE, "clone"), objects.child(RELEASE, "build", results=objects.image())
KEY, RELEASE_KEY = objects.key(BUILD), objects.key(RELEASE)
BUG = ZeroDivisionError("what nobody foresaw")
TRUSTED = (TrustedKey(key=signers.key().public),)


def tools(**stores: MemoryStore) -> Equipment:
    """Every artifact in each of these stores; one, with its part on the run, if none is given."""
    return equipment(stores or {"tekton": MemoryStore("tekton", in_object=True)})


def look(source: MemoryRuns, key=KEY, equipped: Equipment | None = None, *, patient: bool = False) -> Report:
    report, _ = finish(reconcile(key, source, equipped or tools(), Circumstances(patient=patient)))
    return report


# --- what a look comes to ---


def test_a_finished_run_is_signed_stored_and_marked():
    """And what is on it verifies as it stands."""
    source = MemoryRuns(BUILD)
    report = look(source)

    assert (report.state, report.uid, report.failures, report.bug) == (State.SIGNED, "uid-of-build", (), None)
    assert [outcome.complete for outcome in report.outcomes] == [True, True]
    assert source.annotations(KEY)[marks.SIGNED] == "true"
    assert source.marks[KEY].outcomes == report.outcomes
    judged = [evidence.judge(piece, TRUSTED, Wanted()) for piece in evidence.of_run(document(source))]
    assert [found.verdict.is_pass for found in judged] == [True, True]


def document(source: MemoryRuns, key=KEY) -> RunDocument:
    body = source._objects[key]
    return RunDocument(key=key, uid=runs.read(body).metadata.uid, position=0, body=body)


def test_the_mark_names_the_configuration_it_was_made_under():
    """A hash, for information."""
    source, equipped = MemoryRuns(BUILD), tools()
    look(source, equipped=equipped)

    assert source.marks[KEY].plan == signing_hash(equipped.config)


def test_the_order_of_the_story():
    """It is known before it is signed, and marked last; an object is read once."""
    source = MemoryRuns(BUILD)
    look(source)

    assert [verb for verb, _ in source.order] == ["fetch", "standing", "mark"]


def test_a_second_look_changes_nothing():
    """The run is known: nothing is built, signed, stored or marked."""
    source, store, signer = MemoryRuns(BUILD), MemoryStore("memory"), MemorySigner()
    equipped = equipment({"memory": store}, signer)
    look(source, equipped=equipped)
    before = (store.puts, signer.signed, source._objects[KEY], len(source.order))
    report = look(source, equipped=equipped)

    assert report == Report(key=KEY, state=State.KNOWN, uid="uid-of-build")
    assert (store.puts, signer.signed, source._objects[KEY]) == before[:3]
    assert [verb for verb, _ in source.order[before[3] :]] == ["fetch", "standing"]


def test_signing_again_after_the_record_was_lost_gives_identical_bytes():
    """On the run and in the stores, though the run now bears the first mark (design D11)."""
    source, store = MemoryRuns(BUILD), MemoryStore("memory")
    # Without trusted keys, so that the signature on it is not taken over.
    equipped = replace(equipment({"memory": store, "tekton": MemoryStore("tekton", in_object=True)}), trusted=())
    look(source, equipped=equipped)
    first = source._objects[KEY]
    source._done.clear()
    report = look(source, equipped=equipped)

    assert report.state is State.SIGNED
    assert source._objects[KEY] == first
    assert len(store.bodies) == len(store.kept) == 2


def test_a_run_that_is_gone_is_done():
    """Deleted before it was looked at."""

    assert look(MemoryRuns()) == Report(key=KEY, state=State.GONE)


@pytest.mark.parametrize("found", [objects.running(BUILD), objects.task_run(status="Unknown"), {**BUILD, "status": {}}])
def test_a_run_that_has_not_ended_waits(found):
    """Nothing is signed, and there is nothing else to wait for than its own change."""
    source = MemoryRuns(found)
    report = look(source)

    assert (report.state, report.waits_for, source.marks) == (State.WAITING, (), {})
    assert [str(finding) for finding in report.findings] == ["build: NotFinished: waiting for its end"]


def test_nothing_to_sign_is_skipped_with_its_reason():
    """It is marked so, once; the next look knows it (design D2)."""
    source = MemoryRuns(BUILD)
    equipped = equipment({"memory": MemoryStore()}, artifacts_taskrun_storage="", artifacts_oci_storage="")
    report = look(source, equipped=equipped)

    assert (report.state, report.outcomes) == (State.SKIPPED, ())
    assert source.annotations(KEY)[marks.SIGNED] == "skipped"
    assert source.annotations(KEY)[marks.REASON].startswith("Disabled: artifacts.taskrun.storage is empty")
    assert look(source, equipped=equipped).state is State.KNOWN


def test_a_mark_that_a_tenant_wrote_stops_nothing():
    """`signed: "true"` without our record is signed over (design D5)."""
    source = MemoryRuns(
        objects.task_run(annotations={marks.SIGNED: "true", "chains.tekton.dev/signature-taskrun-uid-of-build": "x"})
    )
    report = look(source)

    assert report.state is State.SIGNED
    assert all(evidence.judge(piece, TRUSTED, Wanted()).verdict.is_pass for piece in evidence.of_run(document(source)))


# --- what is never marked ---

FAULTS = {"an outage": OUTAGE, "a refusal": REFUSAL, "a bug": BUG, "a recursion": RecursionError(), "no memory": MemoryError()}


@pytest.mark.parametrize("row", FAULTS)
@pytest.mark.parametrize("broken", ["a", "b"])
def test_a_run_is_never_marked_before_each_store_gave_its_receipt(broken, row):
    """One of two fails: no mark, no record, and the next look finishes the work without a second signature."""
    source, stores = MemoryRuns(BUILD), {"a": MemoryStore("a"), "b": MemoryStore("b")}
    stores[broken].fault = FAULTS[row]
    report = look(source, equipped=tools(**stores))

    assert report.state is State.FAILED
    assert (source.marks, source._done, marks.SIGNED in source.annotations(KEY)) == ({}, set(), False)
    assert [failure.stage for failure in report.failures] == ["store", "store"]
    assert report.bug == (None if row in ("an outage", "a refusal") else FAULTS[row])
    stores[broken].fault = None
    assert look(source, equipped=tools(**stores)).state is State.SIGNED
    assert stores["a"].kept == stores["b"].kept
    assert len(stores["a"].bodies) == len(stores["b"].bodies) == 2


@pytest.mark.parametrize("row", FAULTS)
def test_a_mark_that_fails_leaves_the_run_unmarked(row):
    """What was stored is reported; the next look stores the same bytes and marks."""
    source, store = MemoryRuns(BUILD), MemoryStore("memory")
    source.mark_fault = FAULTS[row]
    report = look(source, equipped=tools(memory=store))

    assert (report.state, source.marks, source._done) == (State.FAILED, {}, set())
    assert [outcome.complete for outcome in report.outcomes] == [True, True]
    assert [failure.stage for failure in report.failures] == ["mark"]
    source.mark_fault = None
    assert look(source, equipped=tools(memory=store)).state is State.SIGNED
    assert len(store.bodies) == 2


def test_a_receipt_of_another_store_marks_nothing():
    """A store that says the wrong name has not said that it has the attestation."""
    source = MemoryRuns(BUILD)

    assert look(source, equipped=equipment({"a": MemoryStore("b")})).state is State.FAILED
    assert source.marks == {}


def test_a_signer_that_fails_leaves_the_run_unmarked():
    """Nothing unsigned is stored."""
    source, store, signer = MemoryRuns(BUILD), MemoryStore("memory"), MemorySigner(failures=2)

    assert look(source, equipped=equipment({"memory": store}, signer)).state is State.FAILED
    assert (store.kept, source.marks) == ({}, {})
    assert look(source, equipped=equipment({"memory": store}, signer)).state is State.SIGNED


def test_a_run_that_was_made_anew_while_it_was_signed_gets_no_mark():
    """The mark is for the uid that was signed."""
    source, store = MemoryRuns(BUILD), MemoryStore("memory")
    story = reconcile(KEY, source, tools(memory=store))
    while not store.kept:
        story.send(None)
    source.add(objects.task_run(uid="second"))
    report, _ = finish(story)

    assert report.uid == "uid-of-build"
    assert (source.marks, source._done) == ({}, set())
    assert look(source, equipped=tools(memory=store)).uid == "second"


# --- poison ---

HOSTILE = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "another kind": b'{"kind":"Pod","apiVersion":"v1"}',
    "another version": objects.body(BUILD).replace(b"tekton.dev/v1", b"tekton.dev/v9"),
    "brackets": b"[" * 100_000,
    "objects in objects": b'{"a":' * 5000,
    "deep results": objects.body(BUILD).replace(b'"results": [', b'"results": [' + b"[" * 190 + b"]" * 190 + b","),
    "a status that is text": objects.body(BUILD | {"status": "x"}),
    "a condition that is null": objects.body(BUILD | {"status": {"conditions": [None]}}),
    "a name that is a number": objects.body(BUILD).replace(b'"name": "build"', b'"name": 7'),
    "a huge number": objects.body(BUILD).replace(b'"spec": {', b'"spec": {"params": [{"name": "n", "value": 1e999999}], '),
    "half a surrogate pair": objects.body(BUILD).replace(b'"value": "registry.test/app"', rb'"value": "\ud800"'),
    "not UTF-8": objects.body(BUILD).replace(b"registry.test/app", b"\xff\xfe"),
    "a time that is none": objects.body(BUILD).replace(b"2026-01-31T12:05:00Z", b"0000-99-99T99:99:99Z"),
}


@pytest.mark.parametrize("row", HOSTILE)
def test_a_poisonous_object_ends_in_a_report(row):
    """Whatever stands there: no exception, and nothing that is not complete is marked (threat T25)."""
    source = MemoryRuns()
    source.put(KEY, HOSTILE[row])
    report = look(source)

    assert report.key == KEY
    assert report.state in (State.FAILED, State.WAITING) or all(outcome.complete for outcome in report.outcomes)
    assert report.state is State.SIGNED or source.marks == {}
    assert report.bug is None


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_a_mangled_object_ends_in_a_report(data):
    """Any byte of a good one replaced or cut."""
    body = bytearray(objects.body(BUILD))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    source = MemoryRuns()
    source.put(KEY, bytes(body))
    report = look(source)

    assert report.bug is None
    assert (report.state is State.SIGNED) == (KEY in source.marks)


@pytest.mark.parametrize("row", FAULTS)
def test_a_source_that_fails_is_a_report(row):
    """Which names the failure, whether waiting helps, and keeps the traceback of a bug."""
    source = MemoryRuns(BUILD)
    source.fetch_faults[KEY] = FAULTS[row]
    report = look(source)

    assert (report.state, report.failures[0].stage) == (State.FAILED, "read")
    assert report.failures[0].transient == isinstance(FAULTS[row], Transient)
    assert report.bug == (None if row in ("an outage", "a refusal") else FAULTS[row])
    assert (report.failures[0].reason is Reason.INTERNAL_ERROR) == (report.bug is not None)


# --- children ---


def statement(store: MemoryStore, key: str) -> dict:
    (found,) = (each for each in store.kept.values() if each.artifact.key == key)
    return json.loads(found.payload.body)


def children_in(store: MemoryStore) -> list[str]:
    tasks = statement(store, "pipelinerun-uid-of-release")["predicate"]["buildConfig"]["tasks"] or []
    return [task["name"] for task in tasks]


# The statement lists a child whose steps match its spec; these have no steps and no spec, so they are given both here.
def whole(child: objects.Object) -> objects.Object:
    return child | {"status": child["status"] | {"taskSpec": {"steps": []}}}


def test_a_pipeline_is_signed_with_its_children():
    """Each is read once, in the order of its tasks."""
    source, store = MemoryRuns(RELEASE, whole(CLONE), whole(COMPILE)), MemoryStore("memory")
    report = look(source, RELEASE_KEY, tools(memory=store))

    assert (report.state, report.findings) == (State.SIGNED, ())
    assert children_in(store) == ["clone", "build"]
    assert [verb for verb, _ in source.order] == ["fetch", "standing", "fetch", "fetch", "mark"]


@pytest.mark.parametrize("patient", [False, True])
def test_a_pipeline_waits_for_children_that_still_run(patient):
    """It says for which, and is signed with them when they have ended."""
    source, store = MemoryRuns(RELEASE, objects.running(CLONE), whole(COMPILE)), MemoryStore("memory")
    report = look(source, RELEASE_KEY, tools(memory=store), patient=patient)

    assert (report.state, report.waits_for, store.puts, source.marks) == (State.WAITING, (objects.key(CLONE),), 0, {})
    assert [str(finding) for finding in report.findings] == ["release-clone: NotFinished: waiting for its end"]
    source.add(whole(CLONE))
    assert look(source, RELEASE_KEY, tools(memory=store), patient=patient).state is State.SIGNED
    assert children_in(store) == ["clone", "build"]


def test_a_pipeline_whose_own_end_is_not_there_asks_for_no_child():
    """It waits for itself."""
    source = MemoryRuns(objects.running(RELEASE), CLONE)
    report = look(source, RELEASE_KEY)

    assert (report.state, report.waits_for) == (State.WAITING, ())
    assert [verb for verb, _ in source.order] == ["fetch"]


def test_missing_children_are_waited_for_only_by_the_patient():
    """The patient names them; the others sign without them and say so."""
    source, store = MemoryRuns(RELEASE, whole(COMPILE)), MemoryStore("memory")
    patient = look(source, RELEASE_KEY, tools(memory=store), patient=True)
    report = look(source, RELEASE_KEY, tools(memory=store))

    assert (patient.state, patient.waits_for) == (State.WAITING, (objects.key(CLONE),))
    assert report.state is State.SIGNED
    assert [str(finding) for finding in report.findings] == [
        "status.childReferences[0]: ChildMissing: TaskRun 'release-clone' cannot be found; the statement is made without it"
    ]
    assert children_in(store) == ["build"]


def test_the_impatient_still_wait_for_children_that_run():
    """A missing one does not hide an unfinished one, and is not waited for."""
    report = look(MemoryRuns(RELEASE, objects.running(COMPILE)), RELEASE_KEY)

    assert (report.state, report.waits_for) == (State.WAITING, (objects.key(COMPILE),))


FORGED = {
    "has no owner": lambda child: child["metadata"].pop("ownerReferences"),
    "is owned by another uid": lambda child: child["metadata"]["ownerReferences"][0].update(uid="other"),
    "is owned, but not controlled": lambda child: child["metadata"]["ownerReferences"][0].update(controller=False),
    "has two controllers": lambda child: child["metadata"]["ownerReferences"].append({"uid": "other", "controller": True}),
    "ran another task": lambda child: child["metadata"]["labels"].update({"tekton.dev/pipelineTask": "build"}),
    "ran no task": lambda child: child["metadata"].pop("labels"),
}


@pytest.mark.parametrize("state", ["finished", "running"])
@pytest.mark.parametrize("row", FORGED)
def test_a_forged_child_is_left_out_with_a_finding(row, state):
    """An object that took a child's name is neither believed nor waited for (CVE-2023-37264)."""
    forged = json.loads(json.dumps(whole(CLONE)))
    forged["status"]["results"] = [{"name": "IMAGES", "type": "string", "value": f"evil.test/app@{objects.DIGEST}"}]
    FORGED[row](forged)
    source, store = (
        MemoryRuns(RELEASE, forged if state == "finished" else objects.running(forged), whole(COMPILE)),
        MemoryStore("memory"),
    )
    equipped = equipment({"memory": store}, **{"artifacts_pipelinerun_enable-deep-inspection": "true"})
    report = look(source, RELEASE_KEY, equipped, patient=True)

    assert report.state is State.SIGNED
    assert [str(finding).split(": ")[:2] for finding in report.findings] == [["status.childReferences[0]", "ChildForged"]]
    assert children_in(store) == ["build"]
    assert "evil.test" not in json.dumps(statement(store, "pipelinerun-uid-of-release"))


def test_children_that_are_no_task_runs_are_not_asked_for():
    """CustomRuns and nested PipelineRuns have no part in the statement; a finding says so."""
    run = json.loads(objects.body(RELEASE))
    run["status"]["childReferences"][0]["kind"] = "CustomRun"
    source = MemoryRuns(run, CLONE, whole(COMPILE))
    report = look(source, RELEASE_KEY, patient=True)

    assert report.state is State.SIGNED
    assert ("fetch", objects.key(CLONE)) not in source.order
    assert "'release-clone' is a CustomRun, not a TaskRun" in str(report.findings[0])


def test_what_stands_under_a_childs_name_may_be_anything():
    """A source that gives another kind there gives no child."""
    source = MemoryRuns(RELEASE, whole(COMPILE))
    source.put(objects.key(CLONE), objects.body(objects.pipeline_run("release-clone")))
    report = look(source, RELEASE_KEY)

    assert report.state is State.SIGNED
    assert [str(finding).split(": ")[1] for finding in report.findings] == ["ChildMissing"]


@pytest.mark.parametrize("fault", [OUTAGE, BUG], ids=repr)
def test_a_child_that_cannot_be_read_now_makes_the_pipeline_wait(fault):
    """An outage is not an absence: nothing is signed without it."""
    source = MemoryRuns(RELEASE, CLONE, COMPILE)
    source.fetch_faults[objects.key(CLONE)] = fault
    report = look(source, RELEASE_KEY)

    assert report.state is State.FAILED
    assert source.marks == {}


# --- cancellation ---

CASES = {
    "a TaskRun": (KEY, (BUILD,)),
    "a PipelineRun": (RELEASE_KEY, (RELEASE, whole(CLONE), whole(COMPILE))),
}


@pytest.mark.parametrize("row", CASES)
def test_a_look_that_is_cancelled_anywhere_is_finished_by_the_next(row):
    """At each await: never marked without everything stored, never recorded without a mark, and no second content."""
    key, found = CASES[row]
    wanted = MemoryRuns(*found)
    stores = {"memory": MemoryStore("memory"), "tekton": MemoryStore("tekton", in_object=True)}
    _, steps = finish(reconcile(key, wanted, equipment(stores)))
    assert steps >= 8
    for step in range(1, steps + 1):
        source = MemoryRuns(*found)
        stores = {"memory": MemoryStore("memory"), "tekton": MemoryStore("tekton", in_object=True)}
        cancel_at(reconcile(key, source, equipment(stores)), step)

        assert (key in source.marks) == bool(source._done) == (source.annotations(key).get(marks.SIGNED) == "true")
        if key in source.marks:
            assert stores["memory"].kept.keys() == {
                (o.request.artifact.key, o.request.artifact.name, o.request.format) for o in source.marks[key].outcomes
            }
        report = look(source, key, equipment(stores))
        assert report.state is (State.KNOWN if step == steps else State.SIGNED)
        assert source._objects[key] == wanted._objects[key]
        assert len(stores["memory"].bodies) == len(stores["memory"].kept)

"""The checker of hack/_cluster says nothing of what is right, and finds each fault that is planted, by its name."""

import asyncio
import base64
import copy
import json
import sys
from datetime import UTC, datetime

import pytest
from fakes import equipment, signers
from fakes.equipment import work
from fakes.manifests import ROOT

sys.path.insert(0, str(ROOT / "hack/_cluster"))
import runs as bodies
from checker import Checker, Expected, image_key, images
from history import Version

from sealwright.core import plan as planning
from sealwright.core.tekton import marks, runs
from sealwright.edge.stores import tekton as tekton_store
from sealwright.flow.sign import sign

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
SIGNED, HELD = "chains.tekton.dev/signed", "chains.tekton.dev/taskrun"
FORMATS = ("in-toto", "slsa/v1", "slsa/v2alpha3", "slsa/v2alpha4")


def task_run(name="build", *, uid="", count=2):
    """As the driver makes it, and as the API server keeps it, before anybody signed it."""
    run = bodies.task_run(name, "team")
    run["metadata"]["uid"] = uid or f"uid-of-{name}"
    return run | {"status": bodies.running_task(name, AT) | bodies.finished_task(name, AT, count)}


def pipeline_run(name="release"):
    run = bodies.pipeline_run(name, "team")
    run["metadata"]["uid"] = f"uid-of-{name}"
    status = bodies.running_pipeline([f"{name}-0"], AT) | bodies.finished_pipeline(1, AT)
    return run | {"status": status}


def signed(run, number=0, **settings):
    """With the marks and attestations that the product puts on it."""
    tools = equipment.equipment(
        {"tekton": tekton_store.AnnotationStore()}, signers.MemorySigner(signers.key(number=number)), **settings
    )
    found = runs.read(json.dumps(run).encode())
    plan = planning.plan(found, tools.config)
    outcomes = asyncio.run(sign(found, plan.requests, work(found, tools)))
    return annotated(run, marks.after(outcomes, plan.skipped))


def annotated(run, added):
    """A copy with these annotations; None takes one off."""
    made = copy.deepcopy(run)
    kept = {**made["metadata"].get("annotations", {}), **added}
    made["metadata"]["annotations"] = {name: text for name, text in kept.items() if text is not None}
    return made


def held(run, *finalizers, **more):
    made = copy.deepcopy(run)
    made["metadata"] |= {"finalizers": list(finalizers)} | more
    return made


def unfinished(run):
    made = copy.deepcopy(run)
    made["status"] = bodies.running_task("x", AT)
    return made


def life(*states):
    """The versions of one run."""
    uid, name = next((state["metadata"]["uid"], state["metadata"]["name"]) for state in states if state)
    return [
        Version(number, state["metadata"]["uid"] if state else uid, "team", name, state)
        for number, state in enumerate(states, start=1)
    ]


def judge(*states, **expected):
    checker = Checker(signers.key().public.pem, Expected(**expected))
    return sorted({violation.what for violation in checker.judge(life(*states))})


RUN = task_run()
DONE = signed(RUN)
OWN = f"taskrun-{RUN['metadata']['uid']}"
IMAGE = image_key(next(iter(images(RUN))))


@pytest.mark.parametrize("name", FORMATS)
def test_a_run_that_is_signed_in_any_format_is_right(name):
    """From its start to its end, with the finalizer on and off."""
    done = signed(RUN, artifacts_taskrun_format=name)
    assert judge(unfinished(RUN), held(unfinished(RUN), HELD), held(RUN, HELD), done) == []


@pytest.mark.parametrize("count", [0, 1, 5])
def test_any_number_of_images_is_right(count):
    assert judge(signed(task_run(count=count))) == []


def test_a_pipeline_is_right():
    assert judge(signed(pipeline_run())) == []
    assert judge(pipeline_run()) == ["LOST"]


def test_what_has_not_finished_or_was_deleted_before_its_end_lacks_nothing():
    assert judge(unfinished(RUN)) == []
    assert judge(unfinished(RUN), None) == []


def test_a_run_that_went_after_it_was_signed_is_right():
    assert judge(RUN, held(DONE, deletionTimestamp="now"), None, deleted=["uid-of-build"]) == []


def test_a_run_whose_envelope_is_kept_elsewhere_is_not_lost():
    envelope = base64.b64decode(DONE["metadata"]["annotations"][f"chains.tekton.dev/signature-{OWN}"])
    of_another = base64.b64decode(
        signed(task_run("other"))["metadata"]["annotations"]["chains.tekton.dev/signature-taskrun-uid-of-other"]
    )

    assert judge(RUN, None, kept={"uid-of-build": [envelope]}) == []
    assert judge(RUN, None, kept={"uid-of-build": [of_another]}) == ["LOST"]


# --- planted faults -----------------------------------------------------------------------------------------------------


def broken(text, position=-9):
    """Base64 of the same bytes but for one bit."""
    data = bytearray(base64.b64decode(text))
    data[position] ^= 1
    return base64.b64encode(data).decode()


def changed(part, key=OWN):
    name = f"chains.tekton.dev/{part}-{key}"
    return annotated(DONE, {name: broken(DONE["metadata"]["annotations"][name])})


def dropped(part, key=OWN):
    return annotated(DONE, {f"chains.tekton.dev/{part}-{key}": None})


def moved():
    """The attestations of another run, put where this one's belong."""
    other = signed(task_run("other"))["metadata"]["annotations"]
    renamed = {name.replace("uid-of-other", "uid-of-build"): text for name, text in other.items()}
    return annotated(RUN, renamed)


def with_status(change):
    made = copy.deepcopy(DONE)
    made["status"] |= change
    return made


OTHER_RESULTS = task_run("build", count=3)["status"]["results"]

PLANTED = [
    ("a run that nobody signed", [RUN], ["LOST"]),
    ("a run marked and not signed", [annotated(RUN, {SIGNED: "true"})], ["FALSE", "LOST"]),
    ("marked before its end", [annotated(unfinished(DONE), {SIGNED: "true"}), DONE], ["FALSE"]),
    ("its record dropped", [DONE, dropped("signature")], ["FALSE", "LOST"]),
    ("its payload dropped", [DONE, dropped("payload")], ["FALSE", "LOST"]),
    ("an image's record dropped", [dropped("signature", IMAGE)], ["FALSE", "LOST"]),
    ("a payload altered", [changed("payload")], ["FALSE", "LOST"]),
    ("an image's payload altered", [changed("payload", IMAGE)], ["FALSE", "LOST"]),
    ("a signature altered", [changed("signature")], ["FALSE", "LOST"]),
    ("an image's signature altered", [changed("signature", IMAGE)], ["FALSE", "LOST"]),
    ("signed by another key", [signed(RUN, number=1)], ["FALSE", "LOST"]),
    ("another run's record", [moved()], ["FALSE", "LOST"]),
    ("signed twice", [DONE, signed(RUN, artifacts_taskrun_format="slsa/v2alpha4")], ["DOUBLED"]),
    ("results changed afterwards", [with_status({"results": OTHER_RESULTS})], ["FALSE", "LOST"]),
    ("times changed afterwards", [with_status({"completionTime": "2026-11-20T10:00:00Z"})], ["FALSE", "LOST"]),
    ("signed, and the mark forgotten", [annotated(DONE, {SIGNED: None})], ["LOST"]),
    ("signed, and marked as failed", [annotated(DONE, {SIGNED: "failed"})], ["LOST"]),
    ("still held", [held(DONE, HELD)], ["STUCK"]),
    ("held by what old Chains left", [held(DONE, "example.com/x", "chains.tekton.dev")], ["STUCK"]),
    ("deleted before it was signed", [RUN, None], ["LOST"]),
    ("deleted while it ran, and held", [held(unfinished(RUN), HELD, deletionTimestamp="now")], ["STUCK"]),
    ("gone and written again", [DONE, None, DONE], ["RECREATED"]),
]


@pytest.mark.parametrize(("states", "expected"), [row[1:] for row in PLANTED], ids=[row[0] for row in PLANTED])
def test_a_planted_fault_is_found(states, expected):
    assert judge(*states) == expected


def test_what_is_held_by_others_is_no_concern_of_ours():
    assert judge(held(DONE, "example.com/x")) == []


def test_an_object_that_nobody_asked_for_is_found():
    """As a write that creates would leave: same name, another UID."""
    again = signed(task_run(uid="another"))

    assert judge(DONE, uids=["uid-of-build"]) == []
    assert judge(again, uids=["uid-of-build"]) == ["RECREATED"]


def test_a_run_that_was_deleted_and_stays_is_found():
    assert judge(DONE, deleted=["uid-of-build"]) == ["STUCK"]


def test_marks_that_were_planted_count_from_the_first_proof_on():
    """A tenant's own words are no lie of the signer's; what it says itself is."""
    spoof = annotated(RUN, {SIGNED: "true"})

    assert judge(spoof, DONE, spoofed=["uid-of-build"]) == []
    assert judge(spoof, DONE) == ["FALSE"]
    assert judge(spoof, spoofed=["uid-of-build"]) == ["LOST"]
    assert judge(spoof, DONE, dropped("signature"), spoofed=["uid-of-build"]) == ["FALSE", "LOST"]


@pytest.mark.parametrize("part", ["signature", "payload"])
@pytest.mark.parametrize("position", range(0, 400, 29))
def test_no_changed_bit_is_taken(part, position):
    name = f"chains.tekton.dev/{part}-{OWN}"
    forged = annotated(DONE, {name: broken(DONE["metadata"]["annotations"][name], position)})
    assert "LOST" in judge(forged)

"""A run that says it is signed is believed only if its own signature, by a key of ours, proves it."""

import json

import pytest
from fakes import objects, signers
from fakes.equipment import equipment, work
from fakes.stores import MemoryStore

from sealwright.core import plan as planning
from sealwright.core.policy import takeover
from sealwright.core.proof.attestation import TrustedKey
from sealwright.core.tekton import marks, runs
from sealwright.flow.sign import sign

TRUSTED = (TrustedKey(key=signers.key().public),)
BUILD = objects.task_run("build", results=objects.image())
RELEASE = objects.pipeline_run("release")
SIGNED = f"{marks.SIGNED}"


async def signed(found, number=0, **settings):
    """The object with what our signing, or that of somebody else's key, leaves on it."""
    tools = equipment(
        {"tekton": MemoryStore("tekton", in_object=True)}, signers.MemorySigner(signers.key(number=number)), **settings
    )
    run = runs.read(objects.body(found))
    outcomes = await sign(run, planning.plan(run, tools.config).requests, work(run, tools))
    return marked(found, marks.after(outcomes, ""))


def marked(found, annotations):
    metadata = found["metadata"]
    return found | {"metadata": metadata | {"annotations": metadata.get("annotations", {}) | annotations}}


def proven(found, trusted=TRUSTED):
    return takeover.is_proven(runs.read(objects.body(found)), trusted)


@pytest.mark.parametrize("found", [BUILD, RELEASE], ids=["TaskRun", "PipelineRun"])
@pytest.mark.parametrize("format_", ["in-toto", "slsa/v2alpha4"])
async def test_a_run_that_was_signed_by_our_key_is_proven(found, format_):
    """In each format, for each kind."""
    ready = await signed(found, artifacts_taskrun_format=format_, artifacts_pipelinerun_format=format_)

    assert proven(ready)
    assert takeover.says_signed(runs.read(objects.body(ready)))


async def test_a_run_that_somebody_elses_key_signed_is_not_proven():
    """A tenant has keys too."""
    assert not proven(await signed(BUILD, number=7))


async def test_without_a_key_nothing_is_proven():
    """A configuration that signs nothing trusts nothing."""
    assert not proven(await signed(BUILD), trusted=())


async def test_marks_of_one_run_prove_nothing_on_another():
    """Annotations propagate from runs to their children, and are copied to re-runs."""
    ready = await signed(BUILD)
    other = objects.task_run("other", annotations=ready["metadata"]["annotations"])

    assert not proven(other)


async def test_the_statement_of_a_taskrun_proves_nothing_on_its_pipelinerun():
    """Under the right annotation, and with the same times: the statement itself says which kind it is about."""
    ready = await signed(objects.task_run("only"))
    uids = ready["metadata"]["uid"], RELEASE["metadata"]["uid"]
    moved = {
        name.replace(f"taskrun-{uids[0]}", f"pipelinerun-{uids[1]}"): text
        for name, text in ready["metadata"]["annotations"].items()
    }

    assert not proven(marked(RELEASE, moved))


async def test_a_run_that_changed_after_it_was_signed_is_not_proven():
    """The statement names another time of ending than the run has now."""
    ready = await signed(BUILD)
    ready["status"] = ready["status"] | {"completionTime": "2026-01-31T13:00:00Z"}

    assert not proven(ready)


@pytest.mark.parametrize("key", ["payload", "signature"])
async def test_half_of_the_marks_proves_nothing(key):
    """Without the payload or without the signature."""
    ready = await signed(BUILD)
    kept = {name: text for name, text in ready["metadata"]["annotations"].items() if f"/{key}-taskrun-" not in name}
    ready["metadata"]["annotations"] = kept

    assert not proven(ready)


@pytest.mark.parametrize("text", ["", "true", "e30=", "%%%", "AAAA"])
async def test_strange_signatures_prove_nothing(text):
    """Every text that a tenant can write, and no exception."""
    ready = await signed(BUILD)
    names = [name for name in ready["metadata"]["annotations"] if "/signature-" in name]

    assert not proven(marked(ready, dict.fromkeys(names, text)))


def test_the_mark_alone_proves_nothing():
    """That is what a spoofed mark looks like."""
    found = objects.task_run("build", annotations={SIGNED: "true"})

    assert takeover.says_signed(runs.read(objects.body(found)))
    assert not proven(found)


@pytest.mark.parametrize("annotations", [None, {}, {SIGNED: "failed"}, {SIGNED: "True"}, {"signed": "true"}])
def test_only_the_word_true_says_signed(annotations):
    """Chains writes `failed` too, and such a run is to be signed."""
    assert not takeover.says_signed(runs.read(objects.body(objects.task_run("build", annotations=annotations))))


def test_a_run_that_did_not_end_is_not_proven_by_nothing():
    """There is nothing to judge, and nothing is no proof."""
    assert not proven(objects.running(BUILD))


def test_a_run_that_cannot_be_judged_is_not_proven():
    """Its stored bytes are refused by the strict reader: one key twice."""
    run = runs.read(json.dumps(BUILD).encode())
    twice = runs.read(json.dumps(BUILD).encode().replace(b'"spec": {', b'"spec": {"a": 1, "a": 2, '))

    assert not takeover.is_proven(run, TRUSTED)
    assert not takeover.is_proven(twice, TRUSTED)

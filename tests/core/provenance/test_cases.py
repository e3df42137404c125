"""400 runs, and the statements that Tekton Chains signs for them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import google.protobuf.json_format
import pytest
from fakes import cases, tekton_runs
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from sigstore import dsse

from sealwright.core import statement
from sealwright.core.provenance import simplesigning
from sealwright.core.tekton import hints

# Chains fails on these: a step has no imageID (it never started), or a child has no start time. Sealwright signs what is there.
WITHOUT_IMAGE_ID = ("v006", "v025", "v027", "v124", "v137", "v183", "v266")
WITHOUT_START = "v136"


def _wanted(word):
    return [case for case in cases.load() if case.request.format == word and "statement" in case.expected]


@pytest.mark.parametrize("word", [word for word in tekton_runs.FORMATS if word != "link"])
def test_statement_says_what_chains_says(word):
    """For every recorded run of this format, but for the order of what has none."""
    found = {case.id: json.loads(case.build().payload.body) for case in _wanted(word)}
    wanted = {case.id: case.expected["statement"] for case in _wanted(word)}

    assert len(found) > 80
    assert [name for name in wanted if cases.comparable(found[name]) != cases.comparable(wanted[name])] == []


def test_images_and_their_payloads_are_those_that_chains_signs():
    """As a set, and the payload of each."""
    task_runs = [case for case in cases.load() if case.request.taskrun]
    differing = []
    for case in task_runs:
        images = hints.read(case.run.status.results).images
        payloads = [json.loads(simplesigning.build(image).body) for image in images]
        same_images = {image.reference for image in images} == set(case.expected["images"])
        if not same_images or cases.multiset(payloads) != cases.multiset(case.expected["simplesigning"]):
            differing.append(case.id)

    assert len(task_runs) > 150
    assert differing == []


def test_chains_fails_on_these_cases_and_on_no_others():
    """The list above is the whole list of recorded differences."""
    assert {*WITHOUT_IMAGE_ID, WITHOUT_START} == {case.id for case in cases.load() if "error" in case.expected}


@pytest.mark.parametrize("name", WITHOUT_IMAGE_ID)
def test_step_without_image_id_is_left_out_and_told(name):
    """Chains signs nothing for such a run; here the statement stands without this material, and a finding names the step."""
    built = cases.named(name).build()

    assert any(found.where.endswith(".imageID") and found.message.endswith("found ''") for found in built.findings)
    assert all(found.name.startswith("oci://") or found.digest for found in built.payload.materials)
    assert statement.parse(built.payload.body)[0].body == built.payload.body


def test_child_that_never_started_has_no_start_time():
    """Chains crashes; here the child's entry says when it finished and leaves out when it started."""
    built = cases.named(WITHOUT_START).build()
    tasks = json.loads(built.payload.body)["predicate"]["buildConfig"]["tasks"]

    assert [("startedOn" in task, "finishedOn" in task) for task in tasks if "startedOn" not in task] == [(False, True)]


def test_same_run_gives_same_bytes_whatever_the_seed_of_hashing():
    """Another process with another PYTHONHASHSEED makes the same statements, byte for byte."""
    tests = Path(cases.FILE).parents[1]
    environment = os.environ | {"PYTHONHASHSEED": "4711", "PYTHONPATH": str(tests)}
    command = [sys.executable, "-c", "from fakes import cases; print(cases.fingerprint(step=8))"]
    other = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    assert other.stdout.strip() == cases.fingerprint(step=8)


def test_verifier_reads_what_the_builder_said():
    """Subjects and materials of the payload are those of its bytes, so nobody has to parse them again."""
    for case in cases.load():
        payload = case.build().payload
        assert statement.parse(payload.body)[0] == payload, case.id


def test_statement_v1_is_valid_for_the_in_toto_attestation_package():
    """Every statement v1 that has a subject."""
    bodies = _v1_bodies()
    for body in bodies:
        Statement.copy_from_pb(google.protobuf.json_format.Parse(body, statement_pb2.Statement())).validate()

    assert len(bodies) > 80


def test_statement_v1_is_read_by_sigstore():
    """Its reader takes SHA-2 digests only, so statements about git commits or `SHA256:` are not asked here."""
    bodies = [body for body in _v1_bodies() if _algorithms(body) <= {"sha256", "sha384", "sha512"}]
    for body in bodies:
        assert dsse.Statement(body)._contents == body

    assert len(bodies) > 60


def _v1_bodies():
    built = [case.build().payload for case in cases.load() if case.request.format in ("slsa/v2alpha3", "slsa/v2alpha4")]
    return [payload.body for payload in built if payload.subjects]


def _algorithms(body):
    return {algorithm for subject in json.loads(body)["subject"] for algorithm in subject["digest"]}

"""in-toto links of runs: what went in and came out, by name, and the same as classic links that in-toto reads."""

import json

from fakes import guarded, tekton_runs
from in_toto.models.link import Link

from sealwright.core.layout import links as classic_links
from sealwright.core.model import Payload
from sealwright.core.provenance import link
from sealwright.core.tekton import links


def built(found: tekton_runs.Json) -> Payload:
    return link.build(tekton_runs.read(found), "link", tekton_runs.config()).payload


def test_a_link_names_what_came_out_and_each_result() -> None:
    names = [subject.name for subject in built(tekton_runs.task_run()).subjects]

    assert names == ["registry.test/team/app", "results/IMAGE_URL", "results/IMAGE_DIGEST"]


def test_a_link_names_what_went_in_and_each_parameter() -> None:
    predicate = json.loads(built(tekton_runs.task_run()).body)["predicate"]
    names = [entry["name"] for entry in predicate["materials"]]

    assert names == [
        "git+https://git.test/catalog",
        "oci://registry.test/team/app",
        "git+https://git.test/app.git",
        "params/CHAINS-GIT_URL",
        "params/CHAINS-GIT_COMMIT",
    ]
    assert predicate["byproducts"] == {"return-value": 0}


def test_a_link_says_which_run_it_is_of() -> None:
    environment = json.loads(built(tekton_runs.task_run()).body)["predicate"]["environment"]

    assert environment["uid"] == "uid-build"
    assert environment["pipelineTask"] == "build"
    assert environment["serviceAccount"] == "builder"
    assert environment["definitions"] == [f"sha1:{tekton_runs.COMMIT}"]


def test_a_run_that_failed_has_a_link_that_says_so() -> None:
    found = tekton_runs.task_run(conditions=[{"type": "Succeeded", "status": "False"}])

    assert json.loads(built(found).body)["predicate"]["byproducts"] == {"return-value": 1}


def test_two_artifacts_of_one_name_have_two_names() -> None:
    """A statement's subjects are told apart by name."""
    results = [
        tekton_runs.result(f"{marker}IMAGE_{kind}", text)
        for marker, digits in (("a-", tekton_runs.HEX), ("b-", tekton_runs.OTHER_HEX))
        for kind, text in (("URL", "registry.test/app"), ("DIGEST", f"sha256:{digits}"))
    ]
    names = [subject.name for subject in built(tekton_runs.task_run(results=results)).subjects]

    assert names[:2] == ["registry.test/app", f"registry.test/app@sha256:{tekton_runs.OTHER_HEX}"]
    assert len(set(names)) == len(names)


def test_a_task_cannot_name_an_artifact_like_a_result() -> None:
    results = [
        tekton_runs.result("x-ARTIFACT_URI", "results/verdict"),
        tekton_runs.result("x-ARTIFACT_DIGEST", tekton_runs.DIGEST),
        tekton_runs.result("verdict", "passed"),
    ]
    found = {subject.name: subject.digest for subject in built(tekton_runs.task_run(results=results)).subjects}

    assert found["results/verdict"] == {"sha256": links.value_digest("passed")}


def test_a_pipelines_link_has_the_materials_of_its_tasks() -> None:
    run = tekton_runs.read_pipeline(tekton_runs.pipeline_run(), tekton_runs.child("build"))

    assert "oci://registry.test/team/app" in [subject.name for subject in links.used(run)]


def test_a_link_as_in_toto_reads_it() -> None:
    """The same name, materials and products."""
    payload = built(tekton_runs.task_run())
    name, classic = classic_links.classic(payload)
    read = Link.read(json.loads(classic.body))

    assert (name, read.name) == ("build", "build")
    assert read.products == {subject.name: dict(subject.digest) for subject in payload.subjects}
    assert set(read.materials) == {entry["name"] for entry in json.loads(payload.body)["predicate"]["materials"]}


def test_a_chain_of_links_keeps_a_layout() -> None:
    """Where each task is signed as a link, results and parameters are compared by their digests."""
    found = guarded.ended("clone", "test", "build", word="link")
    good = guarded.before(found, "deploy")
    found.children["build"]["status"]["results"][2]["value"] = "v2"

    assert good.is_pass
    assert ("build", "results.tag", "WrongResult") in guarded.kinds(guarded.before(found, "deploy").breaches)

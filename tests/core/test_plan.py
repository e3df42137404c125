"""What is signed for one run, in which format, by whom, and where it is kept."""

import pytest
from fakes import objects
from fakes.equipment import config

from sealwright.core import plan as planning
from sealwright.core.model import Artifact, SignRequest
from sealwright.core.plan import Plan
from sealwright.core.tekton import runs
from sealwright.core.tekton.runs import Run

OTHER_DIGEST = f"sha256:{'cd' * 32}"
TWO_IMAGES = objects.image() | {"B_IMAGE_URL": "registry.test/other", "B_IMAGE_DIGEST": OTHER_DIGEST}
DEEP = {"artifacts_pipelinerun_enable-deep-inspection": "true"}

PROVENANCE = Artifact(sort="taskrun", key="taskrun-uid-of-build", name="team/build")
APP = Artifact(sort="oci", key="abababababab", name="registry.test/app", digest=objects.DIGEST)
OTHER = Artifact(sort="oci", key="cdcdcdcdcdcd", name="registry.test/other", digest=OTHER_DIGEST)


def read(found: objects.Object) -> Run:
    return runs.read(objects.body(found))


def planned(found: objects.Object, **settings: str) -> Plan:
    return planning.plan(read(found), config(**settings))


def test_a_task_run_is_signed_and_then_each_image_it_names():
    """Chains' order and defaults: provenance on the run, images in the registry."""
    found = planned(objects.task_run(results=TWO_IMAGES))

    assert found == Plan(
        requests=(
            SignRequest(artifact=PROVENANCE, format="in-toto", signer="x509", stores=("tekton",)),
            SignRequest(artifact=APP, format="simplesigning", signer="x509", stores=("oci",)),
            SignRequest(artifact=OTHER, format="simplesigning", signer="x509", stores=("oci",)),
        )
    )


def test_a_pipeline_run_is_signed_and_its_images_are_not():
    """As in Chains; deep inspection puts them into the statement, and signs none."""
    run = objects.pipeline_run(results=objects.image())
    artifact = Artifact(sort="pipelinerun", key="pipelinerun-uid-of-release", name="team/release")
    wanted = (SignRequest(artifact=artifact, format="in-toto", signer="x509", stores=("tekton",)),)

    assert planned(run).requests == planned(run, **DEEP).requests == wanted


def test_each_sort_of_artifact_has_its_own_settings():
    """Format, signer and stores."""
    settings = {
        "artifacts_taskrun_format": "slsa/v2alpha4",
        "artifacts_taskrun_storage": "oci, tekton",
        "artifacts_taskrun_signer": "kms",
        "artifacts_oci_storage": "tekton",
    }
    run, image = planned(objects.task_run(results=objects.image()), **settings).requests

    assert (run.format, run.signer, run.stores) == ("slsa/v2alpha4", "kms", ("oci", "tekton"))
    assert (image.format, image.signer, image.stores) == ("simplesigning", "x509", ("tekton",))


def test_a_namespace_with_a_key_of_its_own_signs_everything_with_it():
    """Provenance and images; other namespaces are as before."""
    own = {
        signed.signer for signed in planned(objects.task_run(results=TWO_IMAGES), **{"keys.by-namespace": "te* file:k"}).requests
    }
    others = {signed.signer for signed in planned(objects.task_run(), **{"keys.by-namespace": "tea file:k"}).requests}

    assert (own, others) == ({"file:k"}, {"x509"})


def test_an_image_that_two_results_name_is_signed_once():
    """Equal references are one artifact."""
    results = objects.image() | {"IMAGES": f"registry.test/app@{objects.DIGEST},registry.test/other@{OTHER_DIGEST}"}
    found = planned(objects.task_run(results=results))

    assert [request.artifact for request in found.requests] == [PROVENANCE, APP, OTHER]


def test_one_digest_in_two_repositories_is_two_images():
    """They share Chains' short key, and both are signed."""
    results = objects.image() | {"B_IMAGE_URL": "registry.test/mirror", "B_IMAGE_DIGEST": objects.DIGEST}
    _, first, second = planned(objects.task_run(results=results)).requests

    assert first.artifact.key == second.artifact.key
    assert (first.artifact.name, second.artifact.name) == ("registry.test/app", "registry.test/mirror")


SKIPPED = {
    "TaskRuns without a store": (
        objects.task_run(),
        {"artifacts_taskrun_storage": ""},
        "Disabled: artifacts.taskrun.storage is empty, so nothing is signed for TaskRuns",
    ),
    "TaskRuns without a signer": (
        objects.task_run(),
        {"artifacts_taskrun_signer": "none"},
        "Disabled: artifacts.taskrun.signer is none, so nothing is signed for TaskRuns",
    ),
    "PipelineRuns without a store": (
        objects.pipeline_run(),
        {"artifacts_pipelinerun_storage": ""},
        "Disabled: artifacts.pipelinerun.storage is empty, so nothing is signed for PipelineRuns",
    ),
    "PipelineRuns without a signer": (
        objects.pipeline_run(results=objects.image()),
        {"artifacts_pipelinerun_signer": "none"},
        "Disabled: artifacts.pipelinerun.signer is none, so nothing is signed for PipelineRuns",
    ),
    "TaskRuns and images": (
        objects.task_run(results=objects.image()),
        {"artifacts_taskrun_signer": "none", "artifacts_oci_storage": ""},
        "Disabled: artifacts.taskrun.signer is none, so nothing is signed for TaskRuns",
    ),
}


@pytest.mark.parametrize("row", SKIPPED)
def test_nothing_to_sign_is_an_answer_with_a_reason(row):
    """It names the setting (design D2)."""
    run, settings, reason = SKIPPED[row]

    assert planned(run, **settings) == Plan(requests=(), skipped=reason)


def test_images_are_signed_where_task_runs_are_not():
    """One sort being off does not turn off the other, and nothing is skipped then."""
    found = planned(objects.task_run(results=objects.image()), artifacts_taskrun_storage="")

    assert [request.artifact for request in found.requests] == [APP]
    assert found.skipped == ""
    assert [
        request.artifact for request in planned(objects.task_run(results=objects.image()), artifacts_oci_signer="none").requests
    ] == [PROVENANCE]


@pytest.mark.parametrize(
    ("profile", "status", "signed"),
    [("chains", "True", True), ("chains", "False", True), ("strict", "True", True), ("strict", "False", False)],
)
def test_images_of_a_run_that_failed_are_signed_unless_strict(profile, status, signed):
    """Chains signs them; `profile: strict` does not, and says so. The provenance is signed in each case (threat T9)."""
    found = planned(objects.task_run(status=status, results=objects.image()), profile=profile)

    assert [request.artifact for request in found.requests] == ([PROVENANCE, APP] if signed else [PROVENANCE])
    assert [str(finding) for finding in found.findings] == (
        [] if signed else ["profile: strict: the run did not succeed, so its images are not signed"]
    )


def test_a_strict_failure_without_images_needs_no_word():
    """There is nothing that was held back."""

    assert planned(objects.task_run(status="False"), profile="strict").findings == ()


def test_a_hint_that_cannot_be_used_is_told():
    """Findings of the results are part of the plan."""
    found = planned(objects.task_run(results={"IMAGE_URL": "registry.test/app"}))

    assert [request.artifact for request in found.requests] == [PROVENANCE]
    assert "IMAGE_DIGEST" in str(found.findings[0])


# --- the transparency log ---

LOG, MANUAL = {"transparency_enabled": "true"}, {"transparency_enabled": "manual"}
CHAINS, OURS = "chains.tekton.dev/transparency-upload", "sealwright.dev/transparency-upload"
WISHES = {
    "a wish in Chains' words": ({CHAINS: "true"}, "needed"),
    "a wish in a word that Tekton's webhook leaves": ({OURS: "true"}, "needed"),
    "a wish in both": ({CHAINS: "true", OURS: "true"}, "needed"),
    "no wish": ({}, ""),
    "something else than true": ({CHAINS: "yes", OURS: "True"}, ""),
    "a wish, and an entry that somebody wrote on the run": (
        {CHAINS: "true", "chains.tekton.dev/transparency": "https://x"},
        "needed",
    ),
    "such an entry alone": ({"chains.tekton.dev/transparency": "https://x"}, ""),
}


def logged(found: objects.Object, **settings: str) -> list[str]:
    return [request.log for request in planned(found, **settings).requests]


@pytest.mark.parametrize("row", WISHES)
def test_a_manual_log_is_asked_for_by_the_run(row):
    """T3: what says that it is logged already is not believed, so nobody can skip the log with it."""
    annotations, wanted = WISHES[row]
    run = objects.task_run(results=objects.image(), annotations=annotations)

    assert logged(run, **MANUAL) == [wanted, wanted]
    assert logged(run, **LOG) == ["needed", "needed"]
    assert logged(run) == ["", ""]


def test_a_log_that_may_be_missing_is_wished_for():
    """Where the configuration says best-effort."""
    run = objects.pipeline_run()

    assert logged(run, **LOG, **{"transparency_on-failure": "best-effort"}) == ["wished"]


def test_bundles_of_images_hold_another_payload_than_other_stores():
    """One request for the registry, one for the rest; none that would store nothing."""
    run = runs.read(objects.body(objects.task_run(results=objects.image())))
    bundled = {"storage_oci_encoding-format": "sigstore-bundle", "artifacts_taskrun_storage": "tekton"}
    both = planning.plan(run, config(**bundled, artifacts_oci_storage="tekton,oci")).requests
    alone = planning.plan(run, config(**bundled, artifacts_oci_storage="oci")).requests
    tekton = planning.plan(run, config(**bundled, artifacts_oci_storage="tekton")).requests

    assert [(each.format, each.stores) for each in both[1:]] == [("simplesigning", ("tekton",)), ("cosign/sign/v1", ("oci",))]
    assert [(each.format, each.stores) for each in alone[1:]] == [("cosign/sign/v1", ("oci",))]
    assert [(each.format, each.stores) for each in tekton[1:]] == [("simplesigning", ("tekton",))]

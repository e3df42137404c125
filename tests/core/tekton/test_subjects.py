"""What a run made."""

from fakes.tekton_runs import (
    DIGEST,
    HEX,
    OTHER_HEX,
    build,
    child,
    pipeline_run,
    pipeline_task,
    read_pipeline,
    read_task,
    result,
    step,
    task_run,
)
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core.model import Subject
from sealwright.core.tekton import subjects

OTHER = f"sha256:{OTHER_HEX}"
OUTPUT = {"uri": "docker.io/team/app:v1", "digest": DIGEST}


def image(name, digest=DIGEST, marker=""):
    return [result(f"{marker}IMAGE_URL", name), result(f"{marker}IMAGE_DIGEST", digest)]


def names(found):
    return [subject.name for subject in found]


def test_outputs_are_images_then_uris_then_objects():
    """In v0.2 and v2alpha3; objects whether or not they are flagged."""
    results = [
        result("ARTIFACT_OUTPUTS", {"uri": "pkg:a", "digest": OTHER}),
        result("ARTIFACT_URI", "pkg:b"),
        result("ARTIFACT_DIGEST", f"SHA512:{'0' * 128}"),
        *image("r.io/cc"),
    ]
    assert subjects.of_outputs(read_task(task_run(results=results)), deep=False) == (
        Subject(name="r.io/cc", digest={"sha256": HEX}),
        Subject(name="pkg:b", digest={"SHA512": "0" * 128}),
        Subject(name="pkg:a", digest={"sha256": OTHER_HEX}),
    )


def test_build_artifacts_are_flagged_objects_then_images():
    """In v2alpha4; URI pairs are none, and results of steps come first."""
    results = [
        *image("r.io/cc", OTHER),
        result("ARTIFACT_URI", "pkg:b"),
        result("ARTIFACT_DIGEST", DIGEST),
        result("a-ARTIFACT_OUTPUTS", {"uri": "PKG/a", "digest": DIGEST, "isBuildArtifact": "true"}),
        result("b-ARTIFACT_OUTPUTS", {"uri": "pkg:x", "digest": DIGEST, "isBuildArtifact": "yes"}),
    ]
    run = read_task(task_run(steps=[step("a"), step("b", results=image("r.io/dd"))], results=results))

    assert names(subjects.of_build_artifacts(run, deep=False)) == ["r.io/dd", "PKG/a", "r.io/cc"]


def test_results_of_steps_are_no_outputs():
    run = read_task(task_run(steps=[step("b", results=image("r.io/dd"))], results=[]))
    assert subjects.of_outputs(run, deep=True) == ()


def test_flagged_object_and_its_image_are_two_subjects_where_names_differ():
    """Chains' quirk: the uri as it stood, and the image as it is called in full."""
    run = read_task(task_run(results=[result("ARTIFACT_OUTPUTS", OUTPUT | {"isBuildArtifact": "true"})]))
    wanted = ["docker.io/team/app:v1", "index.docker.io/team/app"]

    assert names(subjects.of_build_artifacts(run, deep=False)) == wanted
    assert names(subjects.of_outputs(run, deep=False)) == wanted[::-1]


def test_pipeline_speaks_of_its_own_results():
    """Children speak for themselves unless deep inspection is on."""
    made = pipeline_run(results=image("r.io/own"))
    run = read_pipeline(made, child("build", results=image("r.io/child")))

    for of in (subjects.of_outputs, subjects.of_build_artifacts):
        assert names(of(run, deep=False)) == ["r.io/own"]
    assert names(subjects.of_outputs(run, deep=True)) == ["r.io/child", "r.io/own"]
    assert names(subjects.of_build_artifacts(run, deep=True)) == ["r.io/own", "r.io/child"]


def test_children_speak_in_the_order_of_the_pipelines_tasks():
    """Only those that completed."""
    made = pipeline_run(tasks=[pipeline_task(name) for name in "abc"], results=[])
    children = [child(name, results=image(f"r.io/{name * 2}")) for name in "cab"]
    children[1]["status"]["completionTime"] = None
    run = read_pipeline(made, *children)

    for of in (subjects.of_outputs, subjects.of_build_artifacts):
        assert names(of(run, deep=True)) == ["r.io/bb", "r.io/cc"]


def test_same_image_of_parent_and_child_is_one_subject():
    made = pipeline_run(results=image("r.io/aa", marker="x"))
    run = read_pipeline(made, child("build", results=image("r.io/aa:v1")))
    assert names(subjects.of_outputs(run, deep=True)) == ["r.io/aa"]


PAIRS = [
    *image("r.io/aa", marker="a-"),
    *image("r.io/bb", OTHER, marker="b-"),
    result("u-ARTIFACT_URI", "pkg:u"),
    result("u-ARTIFACT_DIGEST", DIGEST),
    result("o-ARTIFACT_OUTPUTS", OUTPUT | {"isBuildArtifact": "true"}),
    result("IMAGES", f"r.io/cc@{DIGEST}"),
    result("note", "x"),
]


@given(st.permutations(PAIRS), st.sampled_from(["in-toto", "slsa/v2alpha3", "slsa/v2alpha4"]))
def test_order_of_results_changes_the_order_of_subjects_alone(results, word):
    """Each order gives the same set, and the same order the same bytes."""
    found, wanted = (build(read_task(task_run(results=each)), word).payload for each in (results, PAIRS))

    assert sorted(found.subjects, key=repr) == sorted(wanted.subjects, key=repr)
    assert build(read_task(task_run(results=results)), word).payload == found
    if [each["name"] for each in results if "-" in each["name"]] == [each["name"] for each in PAIRS if "-" in each["name"]]:
        assert found.subjects == wanted.subjects


@given(st.permutations([*image("r.io/aa"), result("ARTIFACT_URI", "pkg:u"), result("ARTIFACT_DIGEST", DIGEST)]))
def test_order_within_single_pairs_has_no_meaning(results):
    """One image and one artifact: the same subjects in the same order, however the results stand."""
    assert names(subjects.of_outputs(read_task(task_run(results=results)), deep=False)) == ["r.io/aa", "pkg:u"]

"""Does it belong here? An attestation that was moved, and a run that was changed after it was signed."""

import json
import re
from typing import Any

import pytest
from fakes import objects, sealed
from fakes.equipment import config
from fakes.sealed import APP, KEY, TRUSTED

from sealwright import plugins
from sealwright.core.errors import Reason, Untrusted
from sealwright.core.model import Subject, Verified
from sealwright.core.proof import attestation, place
from sealwright.core.tekton import runs
from sealwright.core.tekton.runs import Run

FORMATS = plugins.members("sealwright.core.provenance")
STATEMENTS = [word for word in FORMATS if word not in ("cosign/sign/v1", "simplesigning")]
OTHER_DIGEST = f"sha256:{'cd' * 32}"
FLAGGED = {"uri": "pkg:generic/tool@1", "digest": OTHER_DIGEST, "isBuildArtifact": "true"}


def read(found: objects.Object) -> Run:
    return runs.read(objects.body(found))


def proven(found: objects.Object, word: str, **settings: str) -> Verified:
    """The statement that this format makes of this object, signed and proven."""
    built = FORMATS[word].build(read(found), word, config(**settings))
    return attestation.prove(sealed.envelope(built.payload.body), TRUSTED)


def proven_body(body: bytes) -> Verified:
    return attestation.prove(sealed.envelope(body), TRUSTED)


def moved(check, *arguments) -> str:
    """The sentence that says so."""
    with pytest.raises(Untrusted) as refused:
        check(*arguments)
    assert refused.value.reason is Reason.WRONG_OBJECT
    return refused.value.message


RUNS: dict[str, objects.Object] = {
    "a TaskRun that built nothing": objects.task_run(),
    "a TaskRun that built an image": objects.task_run(results=objects.image()),
    "a TaskRun that built an image and a file": objects.task_run(results=objects.image() | {"TOOL_ARTIFACT_OUTPUTS": FLAGGED}),
    "a TaskRun that failed": objects.task_run(status="False", results=objects.image()),
    "a PipelineRun": objects.pipeline_run(results=objects.image()),
    "a run with parts of seconds": objects.task_run(finished="2026-01-31T12:05:00.25Z"),
    "a run with times in another zone": objects.task_run(finished="2026-01-31T14:05:00+02:00"),
    "a run without times": objects.task_run(started="", finished=""),
}


@pytest.mark.parametrize("word", STATEMENTS)
@pytest.mark.parametrize("row", RUNS)
def test_a_statement_belongs_to_the_run_it_was_made_of(row, word):
    """Each format, read again from the object as it stands."""
    run = read(RUNS[row])

    assert place.of_run(run, proven(RUNS[row], word)) == f"it was made for this {run.kind}, and names what its results name"


MOVES: dict[str, tuple[dict[str, Any], str]] = {
    "another end": (
        {"finished": "2026-01-31T12:05:01Z"},
        "finished at '2026-01-31T12:05:00Z', this one at '2026-01-31T12:05:01Z'",
    ),
    "another start": (
        {"started": "2026-01-31T11:59:59Z"},
        "started at '2026-01-31T12:00:00Z', this one at '2026-01-31T11:59:59Z'",
    ),
    "no end": ({"finished": ""}, "this one at ''"),
    "another image": (
        {"results": objects.image(digest=OTHER_DIGEST)},
        "the run's results name 'registry.test/app' cdcdcdcd...cdcdcdcd",
    ),
    "another repository": ({"results": objects.image("registry.test/evil")}, "the run's results name 'registry.test/evil'"),
    "one image more": (
        {"results": objects.image() | {"X_IMAGE_URL": "registry.test/more", "X_IMAGE_DIGEST": OTHER_DIGEST}},
        "'registry.test/more'",
    ),
    "no image": ({"results": {}}, "the run's results name nothing"),
    "a flagged file more": ({"results": objects.image() | {"TOOL_ARTIFACT_OUTPUTS": FLAGGED}}, "pkg:generic/tool@1"),
}


@pytest.mark.parametrize("word", STATEMENTS)
@pytest.mark.parametrize("row", MOVES)
def test_a_statement_does_not_belong_to_a_run_that_differs(row, word):
    """Moved from another run, or the run's status was changed after it was signed; the message says what differs."""
    changes, said = MOVES[row]
    signed = proven(objects.task_run(results=objects.image()), word)

    assert said in moved(place.of_run, read(objects.task_run(**{"results": objects.image()} | changes)), signed)


@pytest.mark.parametrize("word", ["slsa/v2alpha3", "slsa/v2alpha4", "link"])
def test_a_v1_statement_does_not_belong_to_a_run_with_another_uid(word):
    """Same name, same times, same results: the uid is in the statement."""
    message = moved(place.of_run, read(objects.task_run(uid="other")), proven(objects.task_run(uid="first"), word))

    assert "the statement is about the run with uid 'first', this one has 'other'" in message


@pytest.mark.parametrize(
    ("row", "made", "word"), [("p", objects.task_run(), "TaskRun"), ("t", objects.pipeline_run(), "PipelineRun")]
)
def test_a_v02_statement_does_not_belong_to_a_run_of_the_other_kind(row, made, word):
    """A PipelineRun often begins and ends in the same seconds as its only TaskRun, and this format names no uid."""
    other = {"p": objects.pipeline_run, "t": objects.task_run}[row](results={})
    made["status"]["results"] = []

    assert f"'tekton.dev/v1/{word}'" in moved(place.of_run, read(other), proven(made, "in-toto"))


def test_a_link_signs_every_result_by_its_value():
    """Also one that names no artifact."""
    signed = proven(objects.task_run(results={"verdict": "passed"}), "link")

    assert place.of_run(read(objects.task_run(results={"verdict": "passed"})), signed)
    for results in ({"verdict": "failed"}, {}, {"verdict": "passed", "more": "x"}):
        assert "results/verdict" in moved(place.of_run, read(objects.task_run(results=results)), signed)


def test_a_v1_statement_without_a_uid_belongs_nowhere():
    """What does not say of whom it speaks cannot be placed."""
    predicate = sealed.v1("")
    del predicate["runDetails"]["metadata"]["invocationId"]

    assert "uid 'None'" in moved(place.of_run, read(objects.task_run()), proven_body(sealed.body(predicate, (), sealed.SLSA_V1)))


@pytest.mark.parametrize("word", STATEMENTS)
def test_an_output_that_is_not_flagged_counts_where_the_format_lists_it(word):
    """`in-toto` lists it, so one that was added later is seen; of a v1 statement nobody can say whether it should be there."""
    signed = proven(objects.task_run(results=objects.image()), word)
    added = objects.task_run(results=objects.image() | {"T_ARTIFACT_OUTPUTS": {"uri": "pkg:x/y@1", "digest": OTHER_DIGEST}})
    if word in ("in-toto", "slsa/v1", "link"):
        assert "pkg:x/y@1" in moved(place.of_run, read(added), signed)
        return

    assert place.of_run(read(added), signed)


def test_a_pipelines_statement_may_name_more_than_its_own_results():
    """Its children's results are not at hand: what the run names must be in the statement, and the rest may be."""
    more = Subject(name="registry.test/child", digest={"sha256": "cd" * 32})
    signed = proven_body(sealed.body(subjects=(APP, more)))

    assert place.of_run(read(objects.pipeline_run(results=objects.image())), signed)
    assert place.of_run(read(objects.pipeline_run()), signed)
    assert "registry.test/child" in moved(place.of_run, read(objects.task_run(results=objects.image())), signed)


def test_a_pipelines_statement_names_at_least_its_own_results():
    """A result that was added after signing is seen."""
    results = objects.image() | {"X_IMAGE_URL": "registry.test/more", "X_IMAGE_DIGEST": OTHER_DIGEST}

    assert "'registry.test/more'" in moved(place.of_run, read(objects.pipeline_run(results=results)), proven_body(sealed.body()))


@pytest.mark.parametrize(
    "predicate",
    [
        {"metadata": []},
        {"runDetails": {"metadata": 7}, "buildDefinition": {"a": 1}},
        {"runDetails": 7, "buildDefinition": {"a": 1}},
        {"metadata": {"buildFinishedOn": ["x"]}},
        {"x": 1},
    ],
)
def test_a_predicate_of_another_shape_belongs_to_no_run(predicate):
    """Signed by a trusted key, but not provenance of this run; hostile shapes are refused, not stumbled over."""
    moved(place.of_run, read(objects.task_run()), proven_body(sealed.body(predicate, ())))


def test_many_subjects_make_a_short_message():
    """Three are named, the others counted."""
    subjects = [Subject(name=f"registry.test/{n}", digest={"sha256": "cd" * 32}) for n in range(50)]
    message = moved(place.of_run, read(objects.task_run()), proven_body(sealed.body(subjects=subjects)))

    assert "'registry.test/2' cdcdcdcd...cdcdcdcd and 47 more, the run's results name nothing" in message
    assert re.search("the attestation was moved here, or the run was changed after it was signed$", message)


@pytest.mark.parametrize(("count", "end"), [(1, "/0' abcd"), (3, "/2' abcd"), (4, "/2' abcd and 1 more")])
def test_up_to_three_subjects_are_all_named(count, end):
    """Nothing is said to be missing where nothing is."""
    subjects = [Subject(name=f"r.test/{n}", digest={"sha256": "abcd"}) for n in range(count)]
    message = moved(place.of_run, read(objects.task_run()), proven_body(sealed.body(subjects=subjects)))
    first = ", ".join(f"'r.test/{n}' abcd" for n in range(min(count, 3)))

    assert f"the statement names {first}" in message
    assert f"{end}, the run's results name nothing" in message


@pytest.mark.parametrize(
    ("digits", "shown"), [("0123456789abcdef0123", "0123456789abcdef0123"), ("0" * 13 + "a" * 8, "00000000...aaaaaaaa")]
)
def test_a_digest_is_cut_only_where_that_makes_it_shorter(digits, shown):
    """Up to 20 digits are shown whole; of more, both ends."""
    signed = proven_body(sealed.body(subjects=[Subject(name="a", digest={"x": digits})]))

    assert f"the statement names 'a' {shown}, the" in moved(place.of_run, read(objects.task_run()), signed)


def test_a_statement_without_a_time_says_so():
    """An absent time is shown as nothing, not as a word."""
    predicate = {"builder": {"id": sealed.BUILDER}, "metadata": {}}

    assert "run started at '', this one at '2026" in moved(
        place.of_run, read(objects.task_run()), proven_body(sealed.body(predicate))
    )


def test_a_pipelines_statement_is_held_against_its_own_results_also_where_children_are_known():
    """The same answer whoever asks: a child's image is neither demanded nor named."""
    made = objects.pipeline_run(tasks=["build"], results=objects.image())
    child = objects.child(made, "build", results=objects.image("registry.test/child"))
    run = runs.with_children(read(made), [read(child)])
    other = Subject(name="registry.test/other", digest=APP.digest)

    assert place.of_run(run, proven_body(sealed.body()))
    message = moved(place.of_run, run, proven_body(sealed.body(subjects=[other])))
    assert "the run's results name 'registry.test/app' abababab...abababab;" in message


# --- images ---


def proven_image(name: str = APP.name, digest: str = objects.DIGEST) -> Verified:
    body = sealed.image_payload(name, digest)
    return attestation.prove_image(body, KEY.sign(body, "sha256"), TRUSTED)


def test_an_image_signature_belongs_to_a_run_whose_results_name_the_image():
    """Name and digest, both."""
    run = read(objects.task_run(results=objects.image()))

    assert place.of_image_in_run(run, proven_image()) == "a result of this run names the image"
    assert "'registry.test/evil' abababab...abababab" in moved(place.of_image_in_run, run, proven_image("registry.test/evil"))
    moved(place.of_image_in_run, run, proven_image(digest=OTHER_DIGEST))
    moved(place.of_image_in_run, read(objects.task_run()), proven_image())


@pytest.mark.parametrize("verified", [proven_image(), proven_body(sealed.body())], ids=["signature", "attestation"])
def test_what_is_found_under_an_images_digest_speaks_of_it(verified):
    """The digest decides; names of repositories differ between mirrors."""
    assert place.of_image(objects.DIGEST, verified) == f"a subject of it is {objects.DIGEST}"
    for digest in (OTHER_DIGEST, f"sha512:{'ab' * 32}", "sha256:", "sha256"):
        with pytest.raises(Untrusted) as refused:
            place.of_image(digest, verified)
        assert refused.value.reason is Reason.WRONG_SUBJECT
        assert "it speaks of 'registry.test/app' abababab...abababab" in refused.value.message


def test_the_algorithm_of_a_digest_ends_at_the_first_colon():
    """Another cut would let a made-up algorithm stand for a digest."""
    signed = proven_body(sealed.body(subjects=[Subject(name="a", digest={"sha256:ab": "cd"})]))
    with pytest.raises(Untrusted) as refused:
        place.of_image("sha256:ab:cd", signed)

    assert refused.value.reason is Reason.WRONG_SUBJECT


def test_an_attestation_without_subjects_speaks_of_no_image():
    """Nothing is never anything."""
    with pytest.raises(Untrusted) as refused:
        place.of_image(objects.DIGEST, proven_body(sealed.body(subjects=())))

    assert refused.value.reason is Reason.WRONG_SUBJECT
    assert "it speaks of nothing" in refused.value.message


def test_the_annotations_that_signing_adds_change_nothing():
    """The signed copy of a run still is the run that was signed."""
    found = objects.task_run(results=objects.image())
    signed = json.loads(objects.body(found))
    signed["metadata"]["annotations"] = {"chains.tekton.dev/signed": "true", "sealwright.dev/reason": "x"}

    for word in STATEMENTS:
        assert place.of_run(read(signed), proven(found, word))

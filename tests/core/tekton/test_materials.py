"""What went into a run."""

import pytest
from fakes import growth
from fakes.tekton_runs import COMMIT, DIGEST, HEX, named, pipeline_run, read, read_task, result, step, task_run
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core.model import Subject
from sealwright.core.tekton import hints, materials

IMAGE_IDS = {
    "a digest": (f"r.io/aa@{DIGEST}", Subject(name="oci://r.io/aa", digest={"sha256": HEX})),
    "Docker's prefix": (f"docker-pullable://r.io/aa@{DIGEST}", Subject(name="oci://r.io/aa", digest={"sha256": HEX})),
    "a tag too": (f"r.io/aa:v1@{DIGEST}", Subject(name="oci://r.io/aa:v1", digest={"sha256": HEX})),
    "a name that is no reference": (f"R .io@{DIGEST}", Subject(name="oci://R .io", digest={"sha256": HEX})),
    "a digest that is not judged": ("r.io/aa@md5:x", Subject(name="oci://r.io/aa", digest={"md5": "x"})),
    "empty": ("", None),
    "no digest": ("r.io/aa:v1", None),
    "a digest alone": (DIGEST, None),
    "two at signs": (f"r.io/aa@{DIGEST}@{DIGEST}", None),
    "two colons": (f"r.io/aa@sha256:{DIGEST}", None),
    "no colon": (f"r.io/aa@{HEX}", None),
}


@pytest.mark.parametrize(("image_id", "wanted"), IMAGE_IDS.values(), ids=IMAGE_IDS)
def test_image_of_a_step(image_id, wanted):
    """One without a digest is left out, and a finding names the step and what was found."""
    found, findings = materials.images(read_task(task_run(steps=[step("s", image_id)])))

    assert found == ([wanted] if wanted else [])
    assert [(each.where, each.message.endswith(f"found '{image_id}'")) for each in findings] == (
        [] if wanted else [("status.steps['s'].imageID", True)]
    )


def test_images_of_sidecars_come_after_those_of_steps():
    run = read_task(task_run(steps=[step("a", f"r.io/aa@{DIGEST}")], sidecars=[step("b", f"r.io/bb@{DIGEST}"), step("c", "")]))
    found, findings = materials.images(run)

    assert [each.name for each in found] == ["oci://r.io/aa", "oci://r.io/bb"]
    assert [each.where for each in findings] == ["status.sidecars['c'].imageID"]


@pytest.mark.parametrize(("url", "commit", "of_task", "of_pipeline"), [
    ("https://g/x", COMMIT, "git+https://g/x.git", "git+https://g/x.git"),
    ("", COMMIT, "git+.git", None),
    ("https://g/x", "", None, None),
    ("", "", None, None),
])  # fmt: skip
def test_git_source_needs_a_commit_and_of_a_pipeline_a_url(url, commit, of_task, of_pipeline):
    """Chains' quirk: of a TaskRun a commit alone counts."""
    results = [result(hints.GIT_URL, url), result(hints.GIT_COMMIT, commit)]
    task = task_run(results=results)
    task["spec"]["params"] = []
    for made, wanted in ((task, of_task), (pipeline_run(results=results), of_pipeline)):
        assert materials.git_source(read(made)) == ([Subject(name=wanted, digest={"sha1": commit})] if wanted else [])


def test_sources_of_steps_come_before_their_declared_inputs():
    """For every step the git source, then every step's inputs, their digests normalised."""
    given_ = {"uri": "u", "digest": f"SHA256: {HEX}"}
    steps = [
        step("a", results=[result("x-ARTIFACT_INPUTS", given_), result(hints.GIT_COMMIT, "1"), result(hints.GIT_URL, "g")]),
        step("b", results=[result(hints.GIT_COMMIT, "2")]),
        step("c", results=[result(hints.GIT_URL, "g")]),
    ]
    run = read_task(task_run(steps=steps))

    assert materials.step_sources(run) == [
        Subject(name="git+g.git", digest={"sha1": "1"}),
        Subject(name="git+.git", digest={"sha1": "2"}),
        Subject(name="u", digest={"sha256": HEX}),
    ]


def test_declared_inputs_are_written_normalised():
    read_ = hints.read([named("ARTIFACT_INPUTS", {"uri": " u ", "digest": f"Sha256:{HEX} "})])
    assert materials.declared(read_) == [Subject(name=" u ", digest={"sha256": HEX})]


# --- the rule that merges -----------------------------------------------------------------------------------------------


def entry(name, **digest):
    return Subject(name=name, digest=digest)


MERGED = {
    "nothing": ([], []),
    "equal entries are one": ([entry("a", x="1"), entry("a", x="1")], [entry("a", x="1")]),
    "another name": ([entry("a", x="1"), entry("b", x="1")], [entry("a", x="1"), entry("b", x="1")]),
    "another digest": ([entry("a", x="1"), entry("a", x="2")], [entry("a", x="1"), entry("a", x="2")]),
    "another algorithm": ([entry("a", x="1"), entry("a", y="1")], [entry("a", x="1"), entry("a", y="1")]),
    "one digest in common brings the others": ([entry("a", x="1"), entry("a", x="1", y="2")], [entry("a", x="1", y="2")]),
    "a digest that differs is replaced": ([entry("a", x="1", y="2"), entry("a", x="1", y="3")], [entry("a", x="1", y="3")]),
    "a replaced digest is no longer there": (
        [entry("a", x="1", y="2"), entry("a", x="1", y="3"), entry("a", y="2")],
        [entry("a", x="1", y="3"), entry("a", y="2")],
    ),
    "what was added counts": ([entry("a", x="1"), entry("a", x="1", y="2"), entry("a", y="2", z="3")], [entry("a", x="1", y="2", z="3")]),
    "the first that matches takes it": (
        [entry("a", x="1"), entry("a", y="2"), entry("a", x="1", y="2")],
        [entry("a", x="1", y="2"), entry("a", y="2")],
    ),
    "no digest, no match": ([entry("a"), entry("a")], [entry("a"), entry("a")]),
}  # fmt: skip


@pytest.mark.parametrize(("given_", "wanted"), MERGED.values(), ids=MERGED)
def test_entries_of_one_name_and_digest_are_merged(given_, wanted):
    assert list(materials.merge(given_)) == wanted
    assert _naive(given_) == wanted


ENTRIES = st.lists(
    st.builds(
        Subject,
        name=st.sampled_from("ab"),
        digest=st.dictionaries(st.sampled_from(["x", "y", "z"]), st.sampled_from("123"), max_size=3),
    ),
    max_size=9,
)


@given(ENTRIES)
def test_merging_follows_chains_rule(entries):
    """The rule in its plainest form compares each entry with all that are there; ours looks them up."""
    assert list(materials.merge(entries)) == _naive(entries)


def _naive(entries):
    found = []
    for new in entries:
        for there in found:
            if there.name == new.name and set(there.digest.items()) & set(new.digest.items()):
                there.digest.update(new.digest)
                break
        else:
            found.append(Subject(name=new.name, digest=dict(new.digest)))
    return found


def test_merging_leaves_what_it_was_given():
    given_ = [entry("a", x="1"), entry("a", x="1", y="2")]
    materials.merge(given_)
    assert given_ == [entry("a", x="1"), entry("a", x="1", y="2")]


def test_many_entries_are_merged_in_time_linear_in_their_number():
    def make(count):
        return [entry("a", x=str(n), y=str(n % 7)) for n in range(count)]

    assert growth.is_linear(materials.merge, make, 10_000)

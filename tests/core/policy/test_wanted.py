"""Is it enough? A proven thing beside what its verifier's user asked for."""

import pytest
from fakes import sealed
from fakes.objects import DIGEST
from fakes.sealed import APP, KEY, TRUSTED
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core.errors import Reason
from sealwright.core.model import Subject, Verified
from sealwright.core.policy import wanted
from sealwright.core.policy.verdict import State
from sealwright.core.policy.wanted import Wanted
from sealwright.core.proof import attestation

TOOL = Subject(name="pkg:generic/tool@1", digest={"sha1": "cd" * 20, "sha512": "ef" * 64})


def proven(**members) -> Verified:
    return attestation.prove(sealed.envelope(sealed.body(**members)), TRUSTED)


IMAGE = attestation.prove_image(sealed.image_payload(), KEY.sign(sealed.image_payload(), "sha256"), TRUSTED)
V02 = proven(subjects=(APP, TOOL))
V1 = proven(subjects=(APP, TOOL), predicate=sealed.v1("u"), type_=sealed.SLSA_V1)
BARE = proven(subjects=(), predicate={"x": 1})


MET = {
    "nothing was asked for": (V02, Wanted()),
    "the predicate type": (V02, Wanted(predicate_type=sealed.SLSA_V02)),
    "the predicate type by its short name": (V1, Wanted(predicate_type="slsaprovenance1")),
    "the older one by its short name": (V02, Wanted(predicate_type="slsaprovenance02")),
    "that it is an image signature": (IMAGE, Wanted(predicate_type=attestation.SIMPLESIGNING)),
    "a subject's name": (V02, Wanted(subject=APP.name)),
    "a subject's digest": (V02, Wanted(subject=DIGEST)),
    "a subject's name and digest": (V02, Wanted(subject=f"{APP.name}@{DIGEST}")),
    "a name with an @ in it": (V02, Wanted(subject=TOOL.name)),
    "a name with an @ in it, and its digest": (V02, Wanted(subject=f"{TOOL.name}@sha1:{'cd' * 20}")),
    "the second of its digests": (V02, Wanted(subject=f"sha512:{'ef' * 64}")),
    "the image of a signature": (IMAGE, Wanted(subject=f"{APP.name}@{DIGEST}")),
    "the builder, in SLSA v0.2": (V02, Wanted(builder_id=sealed.BUILDER)),
    "the builder, in SLSA v1": (V1, Wanted(builder_id=sealed.BUILDER)),
    "everything": (V1, Wanted(predicate_type=sealed.SLSA_V1, subject=APP.name, builder_id=sealed.BUILDER)),
}

# What was asked for, the reason, and what is said.
MISSED = {
    "another predicate type (CVE-2022-35929)": (
        V02,
        Wanted(predicate_type=sealed.SLSA_V1),
        f"WrongPredicate: the predicate type is '{sealed.SLSA_V02}', wanted '{sealed.SLSA_V1}'",
    ),
    "another predicate type, by its short name": (
        V02,
        Wanted(predicate_type="slsaprovenance1"),
        f"WrongPredicate: the predicate type is '{sealed.SLSA_V02}', wanted '{sealed.SLSA_V1}'",
    ),
    "a short name that is none": (
        V02,
        Wanted(predicate_type="slsaprovenance"),
        f"WrongPredicate: the predicate type is '{sealed.SLSA_V02}', wanted 'slsaprovenance'",
    ),
    "provenance, of an image signature": (
        IMAGE,
        Wanted(predicate_type=sealed.SLSA_V02),
        f"WrongPredicate: the predicate type is 'cosign container image signature', wanted '{sealed.SLSA_V02}'",
    ),
    "another name": (
        V02,
        Wanted(subject="registry.test/ap"),
        "WrongSubject: the subjects are 'registry.test/app', 'pkg:generic/tool@1', wanted 'registry.test/ap'",
    ),
    "another digest": (
        IMAGE,
        Wanted(subject=f"sha256:{'0' * 64}"),
        f"WrongSubject: the subjects are 'registry.test/app', wanted 'sha256:{'0' * 64}'",
    ),
    "one subject's name with another's digest": (
        V02,
        Wanted(subject=f"{TOOL.name}@{DIGEST}"),
        f"WrongSubject: the subjects are 'registry.test/app', 'pkg:generic/tool@1', wanted '{TOOL.name}@{DIGEST}'",
    ),
    "the right hex under another algorithm": (
        IMAGE,
        Wanted(subject=f"sha512:{'ab' * 32}"),
        f"WrongSubject: the subjects are 'registry.test/app', wanted 'sha512:{'ab' * 32}'",
    ),
    "the beginning of a digest": (
        IMAGE,
        Wanted(subject="sha256:abab"),
        "WrongSubject: the subjects are 'registry.test/app', wanted 'sha256:abab'",
    ),
    "a digest in capitals": (
        IMAGE,
        Wanted(subject=f"sha256:{'AB' * 32}"),
        f"WrongSubject: the subjects are 'registry.test/app', wanted 'sha256:{'AB' * 32}'",
    ),
    "a subject where there is none": (
        BARE,
        Wanted(subject=DIGEST),
        f"WrongSubject: the subjects are none, wanted '{DIGEST}'",
    ),
    "another builder": (
        V1,
        Wanted(builder_id="https://builder.test"),
        f"WrongBuilder: the builder is '{sealed.BUILDER}', wanted 'https://builder.test'",
    ),
    "a builder where none is named": (
        BARE,
        Wanted(builder_id=sealed.BUILDER),
        f"WrongBuilder: the builder is '', wanted '{sealed.BUILDER}'",
    ),
    "a builder, of an image signature": (
        IMAGE,
        Wanted(builder_id=sealed.BUILDER),
        f"WrongBuilder: the builder is '', wanted '{sealed.BUILDER}'",
    ),
}


@pytest.mark.parametrize("row", MET)
def test_what_is_there_passes(row):
    """The proof's steps come first, then a sentence for each wish."""
    verified, wishes = MET[row]
    found = wanted.judge(verified, wishes)

    assert found.state is State.PASS
    assert found.reasons[: len(verified.steps)] == verified.steps
    asked = [wish for wish in (wishes.predicate_type, wishes.subject, wishes.builder_id) if wish]
    assert len(found.reasons) == len(verified.steps) + len(asked)


@pytest.mark.parametrize("row", MISSED)
def test_what_is_not_there_fails(row):
    """It says what was found and what was wanted; what was proven stays proven."""
    verified, wishes, reason = MISSED[row]
    found = wanted.judge(verified, wishes)

    assert found.state is State.FAIL
    assert found.reasons == (*verified.steps, reason)


def test_one_wish_that_fails_fails_all():
    """The others pass, and it is still no."""
    found = wanted.judge(V1, Wanted(predicate_type=sealed.SLSA_V1, subject=APP.name, builder_id="x"))

    assert found.state is State.FAIL
    assert sum(reason.startswith("Wrong") for reason in found.reasons) == 1


WORDS = st.sampled_from(["", APP.name, DIGEST, f"{APP.name}@{DIGEST}", sealed.SLSA_V02, sealed.BUILDER, "x", "@", "x@"])


@given(st.builds(Wanted, predicate_type=WORDS, subject=WORDS, builder_id=WORDS))
@settings(deadline=None, max_examples=100)
def test_asking_for_more_never_turns_a_no_into_a_yes(wishes):
    """Each wish that is met alone, and only those together, pass."""
    alone = [
        Wanted(predicate_type=wishes.predicate_type),
        Wanted(subject=wishes.subject),
        Wanted(builder_id=wishes.builder_id),
    ]

    assert wanted.judge(V02, wishes).is_pass == all(wanted.judge(V02, each).is_pass for each in alone)


def test_foreign_text_is_cut():
    """A hostile name cannot fill a report."""
    found = wanted.judge(proven(subjects=(Subject(name="n" * 10**5, digest=APP.digest),)), Wanted(subject="x"))

    assert len(found.reasons[-1]) < 1000
    assert found.reasons[-1].startswith(Reason.WRONG_SUBJECT)

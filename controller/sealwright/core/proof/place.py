"""Does an attestation belong where it was found? A good signature beside the wrong thing proves nothing about that thing."""

from collections.abc import Collection, Iterable
from typing import Any

from sealwright.core.errors import Reason, Untrusted, quote
from sealwright.core.model import Subject, Verified
from sealwright.core.tekton import links, subjects
from sealwright.core.tekton.runs import Run, TaskRun
from sealwright.core.tekton.values import instant


def of_run(run: Run, verified: Verified) -> str:
    """Prove that a statement found on this run speaks of it: its identity, its times, and what its results name.

    Returns the step in words. Raises Untrusted(WRONG_OBJECT): the attestation was moved, or the run was changed after it was
    signed. Children are not at hand, so for a PipelineRun the statement may name more than the run's own results do.
    """
    if verified.payload.predicate_type == links.PREDICATE_TYPE:
        return _of_link(run, verified)
    definition = _at(verified.predicate, "buildDefinition")
    kept = _at(verified.predicate, "runDetails", "metadata") if definition else _at(verified.predicate, "metadata")
    # SLSA v0.2 names no uid, and a PipelineRun often begins and ends in the same seconds as its only TaskRun.
    built = verified.predicate.get("buildType")
    if isinstance(built, str) and built and ("pipelinerun" in built.lower()) != (run.kind == "PipelineRun"):
        raise _moved(f"the statement is about a {quote(built)}, this is a {run.kind}")
    uid = kept.get("invocationId")
    if definition and uid != run.metadata.uid:
        raise _moved(f"the statement is about the run with uid {quote(uid)}, this one has {quote(run.metadata.uid)}")
    started, finished = ("startedOn", "finishedOn") if definition else ("buildStartedOn", "buildFinishedOn")
    _times_agree("started", kept.get(started), run.status.start_time)
    _times_agree("finished", kept.get(finished), run.status.completion_time)
    _subjects_agree(run, verified, may_be_v4=bool(definition))
    return f"it was made for this {run.kind}, and names what its results name"


def _of_link(run: Run, verified: Verified) -> str:
    """A link names its run in its environment, and has every result among its products, beside what the results name."""
    kept = _at(verified.predicate, "environment")
    if kept.get("uid") != run.metadata.uid:
        uid, own = quote(kept.get("uid")), quote(run.metadata.uid)
        raise _moved(f"the statement is about the run with uid {uid}, this one has {own}")
    _times_agree("started", kept.get("startedOn"), run.status.start_time)
    _times_agree("finished", kept.get("finishedOn"), run.status.completion_time)
    made, signed = links.products(run), verified.payload.subjects
    for is_result in (False, True):
        listed = [each for each in made if links.is_result(each) is is_result]
        said = _digests(each for each in signed if links.is_result(each) is is_result)
        if not (_digests(listed) == said if isinstance(run, TaskRun) else _digests(listed) <= said):
            raise _moved(f"the statement names {_spoken(signed)}, the run's results name {_spoken(listed)}")
    return f"it was made for this {run.kind}, and names what its results name"


def of_image_in_run(run: Run, verified: Verified) -> str:
    """Prove that an image signature found on this run signs an image that its results name. Raises Untrusted(WRONG_OBJECT)."""
    named = {(image.name, image.digest.removeprefix("sha256:")) for image in run.hints.images}
    signed = {(subject.name, subject.digest["sha256"]) for subject in verified.payload.subjects}
    if not signed <= named:
        raise _moved(f"the signature is for {_spoken(verified.payload.subjects)}, which no result of this {run.kind} names")
    return "a result of this run names the image"


def of_image(digest: str, verified: Verified) -> str:
    """Prove that what was found under an image's digest (`sha256:<hex>`) has it as a subject. Raises Untrusted(WRONG_SUBJECT)."""
    algorithm, _, digits = digest.partition(":")
    if not any(subject.digest.get(algorithm) == digits for subject in verified.payload.subjects):
        raise Untrusted(Reason.WRONG_SUBJECT, f"it speaks of {_spoken(verified.payload.subjects)}, not of {digest}")
    return f"a subject of it is {digest}"


def _times_agree(what: str, said: Any, own: str) -> None:
    if _seconds(said) != _seconds(own):
        raise _moved(f"the statement's run {what} at {quote(said or '')}, this one at {quote(own)}")


def _subjects_agree(run: Run, verified: Verified, *, may_be_v4: bool) -> None:
    signed = _digests(verified.payload.subjects)
    # SLSA v0.2 has one rule; a v1 statement does not say which of the two formats made it, so either rule may hold.
    rules = (subjects.of_outputs, subjects.of_build_artifacts) if may_be_v4 else (subjects.of_outputs,)
    candidates = [_digests(rule(run, deep=False)) for rule in rules]
    agree = [found == signed if isinstance(run, TaskRun) else found <= signed for found in candidates]
    if not any(agree):
        own = _spoken(subjects.of_outputs(run, deep=False))
        raise _moved(f"the statement names {_spoken(verified.payload.subjects)}, the run's results name {own}")


def _digests(found: Iterable[Subject]) -> set[tuple[str, str, str]]:
    return {(subject.name, algorithm, digits) for subject in found for algorithm, digits in subject.digest.items()}


def _spoken(found: Collection[Subject]) -> str:
    """The first few subjects, for a message."""
    names = [f"{quote(subject.name)} {_brief(next(iter(subject.digest.values()), ''))}" for subject in found]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (", ".join(names[:3]) + more) or "nothing"


def _brief(digits: str) -> str:
    """Both ends: two digests that differ by one digit must not look alike more often than they need to."""
    return f"{digits[:8]}...{digits[-8:]}" if len(digits) > 20 else digits


def _seconds(text: Any) -> str:
    try:
        return instant(text)[0] if isinstance(text, str) else ""
    except ValueError:
        return ""


def _at(found: Any, *path: str) -> dict[str, Any]:
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _moved(why: str) -> Untrusted:
    return Untrusted(Reason.WRONG_OBJECT, f"{why}; the attestation was moved here, or the run was changed after it was signed")

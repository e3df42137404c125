"""What a PipelineRun and its tasks claim, put together: a task without evidence is evidence against the whole."""

from collections.abc import Iterator, Sequence

from sealwright.core.errors import Permanent, Reason, Untrusted, quote
from sealwright.core.policy import evidence
from sealwright.core.policy.evidence import Evidence
from sealwright.core.tekton import family, runs
from sealwright.core.tekton.documents import RunDocument
from sealwright.core.tekton.runs import PipelineRun, TaskRun


def evidence_of(documents: Sequence[RunDocument]) -> Iterator[Evidence]:
    """For each PipelineRun its own evidence, then that of each task its status names; a fault for what is missing.

    NO_ATTESTATION where there is no PipelineRun at all.
    """
    pipelines = [document for document in documents if document.key.kind == "PipelineRun"]
    if not pipelines:
        message = "no PipelineRun is among these objects; name the file that holds it"
        yield Evidence(what="pipeline", where="files", fault=Untrusted(Reason.NO_ATTESTATION, message))
    for document in pipelines:
        yield from evidence.of_run(document)
        try:
            run = runs.read(document.body)
        except Permanent:
            continue  # told by the line above
        if isinstance(run, PipelineRun):
            yield from _children(run, str(document.key), [each for each in documents if each.key.kind == "TaskRun"])


def _children(run: PipelineRun, what: str, documents: Sequence[RunDocument]) -> Iterator[Evidence]:
    near = {each.key.name: each for each in documents if each.key.namespace == run.metadata.namespace}
    found, unreadable = _read(run, near)
    gathered = family.gather(run, found)
    for finding in gathered.findings:
        yield _missing(what, finding.message)
    for name in gathered.unfinished:
        yield Evidence(what=what, where="status", fault=Untrusted(Reason.NOT_FINISHED, f"TaskRun {quote(name)} has not finished"))
    for name in [*unreadable, *(child.metadata.name for child in gathered.children)]:
        yield from evidence.of_run(near[name])


def _read(run: PipelineRun, near: dict[str, RunDocument]) -> tuple[dict[str, TaskRun], list[str]]:
    """The tasks that its status names and that are there; and the names of those that cannot be read."""
    found: dict[str, TaskRun] = {}
    unreadable = []
    for name in dict.fromkeys(reference.name for reference in run.status.child_references):
        try:
            child = runs.read(near[name].body) if name in near else None
        except Permanent:
            unreadable.append(name)
            continue
        if isinstance(child, TaskRun):
            found[name] = child
    return found, unreadable


def _missing(what: str, message: str) -> Evidence:
    """A finding of `family`: its first word is the reason, but for children that are no TaskRuns, which nothing signs."""
    word, _, rest = message.partition(": ")
    reasons = {str(reason): reason for reason in (Reason.CHILD_MISSING, Reason.CHILD_FORGED)}
    reason = reasons.get(word, Reason.NO_ATTESTATION)
    fault = Untrusted(reason, rest.partition(";")[0] if word in reasons else f"{message}, and nothing signs it")
    return Evidence(what=what, where="status", fault=fault)

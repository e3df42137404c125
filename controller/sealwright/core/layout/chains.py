"""PipelineRuns and statements as they were found in files, put together: what a layout is judged over."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from sealwright.core.errors import Fault
from sealwright.core.layout import claims
from sealwright.core.layout.acceptance import Chain
from sealwright.core.layout.pipeline import Layout
from sealwright.core.model import Verified
from sealwright.core.policy import evidence
from sealwright.core.proof import attestation as proof
from sealwright.core.tekton import family, runs
from sealwright.core.tekton.documents import RunDocument
from sealwright.core.tekton.runs import PipelineRun, Run, TaskRun


def gather(layout: Layout, documents: Iterable[RunDocument], envelopes: Iterable[bytes], now: datetime) -> Iterator[Chain]:
    """One chain for each PipelineRun, with its own TaskRuns and what their annotations and the envelopes say of them.

    An envelope that proves nothing counts for nothing. Raises Permanent for a run that cannot be read.
    """
    found = [(runs.read(document.body), document) for document in documents]
    annotated = (envelope for _, document in found for envelope in _annotated(document))
    statements = _by_uid(layout, [*annotated, *envelopes])
    tasks = {(run.metadata.namespace, run.metadata.name): run for run, _ in found if isinstance(run, TaskRun)}
    for run, _ in found:
        if isinstance(run, PipelineRun):
            yield Chain(run=runs.with_children(run, _children(run, tasks)), statements=statements, now=now)


def _children(run: PipelineRun, tasks: Mapping[tuple[str, str], TaskRun]) -> tuple[TaskRun, ...]:
    names = [reference.name for reference in run.status.child_references]
    there = {name: tasks[run.metadata.namespace, name] for name in names if (run.metadata.namespace, name) in tasks}
    return family.gather(run, there).children


def _annotated(document: RunDocument) -> Iterator[bytes]:
    yield from (found.attestation.envelope for found in evidence.of_run(document) if found.attestation)


def _by_uid(layout: Layout, envelopes: Iterable[bytes]) -> dict[str, list[Verified]]:
    found: dict[str, list[Verified]] = {}
    for envelope in envelopes:
        try:
            verified = proof.prove(envelope, layout.trusted)
        except Fault:
            continue
        claim = claims.read(verified)
        if claim is not None:
            found.setdefault(claim.uid, []).append(verified)
    return found


def name(run: Run) -> str:
    return str(runs.key_of(run))

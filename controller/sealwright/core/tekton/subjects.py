"""What a run made: the subjects of its statement. Names and digests are Chains', quirks included."""

from collections.abc import Iterator

from sealwright.core import oci
from sealwright.core.model import Subject
from sealwright.core.tekton import pipelines
from sealwright.core.tekton.hints import Hints
from sealwright.core.tekton.materials import merge
from sealwright.core.tekton.runs import PipelineRun, Run, TaskRun


def of_outputs(run: Run, *, deep: bool) -> tuple[Subject, ...]:
    """`in-toto`, `slsa/v1`, `slsa/v2alpha3`: images, `*ARTIFACT_URI` pairs, then every valid `*ARTIFACT_OUTPUTS`."""
    return merge(found for read in _sources(run, deep=deep) for found in _outputs(read))


def of_build_artifacts(run: Run, *, deep: bool) -> tuple[Subject, ...]:
    """`slsa/v2alpha4`: only outputs flagged `isBuildArtifact`, and images; of each step's results first."""
    if isinstance(run, TaskRun):
        return merge(_of_task(run))
    children = pipelines.executed(run) if deep else []
    of_children = (found for child in children for found in _of_task(child))
    return merge([*_build_artifacts(run.hints), *of_children])


def _sources(run: Run, *, deep: bool) -> Iterator[Hints]:
    if deep and isinstance(run, PipelineRun):
        yield from (child.hints for child in pipelines.executed(run))
    yield run.hints


def _outputs(read: Hints) -> Iterator[Subject]:
    yield from map(of_image, read.images)
    yield from (found.subject for found in (*read.uris, *read.outputs))


def _of_task(run: TaskRun) -> Iterator[Subject]:
    for read in (*run.step_hints, run.hints):
        yield from _build_artifacts(read)


def _build_artifacts(read: Hints) -> Iterator[Subject]:
    yield from (found.subject for found in read.build_artifacts)
    yield from map(of_image, read.images)


def of_image(image: oci.Image) -> Subject:
    algorithm, _, digits = image.digest.partition(":")
    return Subject(name=image.name, digest={algorithm: digits})

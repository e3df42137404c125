"""A run as an in-toto link: what went in, what came out, and of which run it is the link.

Parameters and results are artifacts beside the others, `params/NAME` and `results/NAME`, with SHA-256 over their value's JSON: so
rules can say that what one task puts out is what the next one gets. What a task itself calls by such a name is left out.
Names are unique, as links want them; a second artifact of a name is called `name@algorithm:hex`.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from sealwright.core import statement
from sealwright.core.model import Subject
from sealwright.core.tekton import materials, pipelines, subjects
from sealwright.core.tekton.results import Named
from sealwright.core.tekton.runs import PIPELINE_TASK_LABEL, PipelineRun, RefSource, Run, TaskRun, has_succeeded

PREDICATE_TYPE = "https://in-toto.io/attestation/link/v0.3"
PARAMS, RESULTS = "params/", "results/"
PIPELINE_RUN_UID_LABEL = "tekton.dev/pipelineRunUID"


def value_digest(found: Any) -> str:
    """SHA-256 over the JSON of a parameter's or result's value, as Go writes it; objects have their keys sorted."""
    return hashlib.sha256(statement.go_json(dict(sorted(found.items())) if isinstance(found, dict) else found)).hexdigest()


def products(run: Run, *, deep: bool = False) -> tuple[Subject, ...]:
    """What it made, by its results' hints, then each result."""
    return _named(subjects.of_outputs(run, deep=deep), RESULTS, run.status.results)


def is_result(product: Subject) -> bool:
    return product.name.startswith(RESULTS)


def used(run: Run) -> tuple[Subject, ...]:
    """Definition, images and sources, then each parameter."""
    children = pipelines.executed(run) if isinstance(run, PipelineRun) else [run]
    found = [Subject(name=source.uri, digest=source.digest or {}) for source in _definitions(run) if source.uri]
    for child in children:
        found += [*materials.images(child)[0], *materials.step_sources(child), *materials.declared(child.hints)]
    return _named([*found, *materials.git_source(run)], PARAMS, run.spec.params)


def environment(run: Run) -> dict[str, Any]:
    """Which run it is, in which pipeline, and under which ServiceAccount; members that do not apply are left out."""
    labels = run.metadata.labels or {}
    is_task = isinstance(run, TaskRun)
    account = run.spec.service_account_name if isinstance(run, TaskRun) else run.spec.task_run_template.service_account_name
    found = {
        "kind": run.kind,
        "namespace": run.metadata.namespace,
        "run": run.metadata.name,
        "uid": run.metadata.uid,
        "task" if is_task else "pipeline": run.reference.name if run.reference else "",
        "pipelineTask": labels.get(PIPELINE_TASK_LABEL, ""),
        "pipelineRunUid": labels.get(PIPELINE_RUN_UID_LABEL, ""),
        "serviceAccount": account,
        "definitions": [f"{name}:{text}" for source in _definitions(run) for name, text in (source.digest or {}).items()],
        "startedOn": run.status.start_time,
        "finishedOn": run.status.completion_time,
    }
    return {name: member for name, member in found.items() if member not in ("", [])}


def step_name(run: Run) -> str:
    """The step that a layout speaks of: the task's name in its pipeline, else the run's own."""
    return (run.metadata.labels or {}).get(PIPELINE_TASK_LABEL, "") or run.metadata.name


def code(run: Run) -> int:
    """As a command would end."""
    return 0 if has_succeeded(run) else 1


def full_name(name: str, digests: Mapping[str, str]) -> str:
    return "@".join([name, *(f"{algorithm}:{digits}" for algorithm, digits in sorted(digests.items()))])


def _named(entries: Iterable[Subject], prefix: str, values: Iterable[Named]) -> tuple[Subject, ...]:
    found: dict[str, Mapping[str, str]] = {}
    for entry in entries:
        # Hints keep the digest as a result spelled it.
        digests = {algorithm.strip().lower(): digits.strip() for algorithm, digits in entry.digest.items()}
        if digests and not entry.name.startswith(prefix):
            name = entry.name if found.get(entry.name, digests) == digests else full_name(entry.name, digests)
            found[name] = digests
    found |= {f"{prefix}{each.name}": {"sha256": value_digest(each.read)} for each in values}
    return tuple(Subject(name=name, digest=digests) for name, digests in found.items())


def _definitions(run: Run) -> list[RefSource]:
    source = run.status.provenance.ref_source if run.status.provenance else None
    return [source] if source else []

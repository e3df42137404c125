"""Which TaskRuns belong to a PipelineRun. Its status names children by name alone, and names can be taken by others.

Same root as CVE-2023-37264: whoever may create TaskRuns can create one with a child's name, labels and results.
"""

from collections.abc import Mapping

from sealwright.core.errors import Reason, quote
from sealwright.core.model import Finding, value
from sealwright.core.tekton.runs import PIPELINE_TASK_LABEL, ChildReference, PipelineRun, TaskRun, is_done


@value
class Family:
    """The children that count, why others do not, and the names of those that are still running or were not found."""

    children: tuple[TaskRun, ...]
    findings: tuple[Finding, ...]
    unfinished: tuple[str, ...]
    missing: tuple[str, ...]


def gather(run: PipelineRun, found: Mapping[str, TaskRun]) -> Family:
    """Judge what was found under the names in `status.childReferences`, keeping their order.

    A child that is gone (pruned) or forged is left out with a Finding, and the PipelineRun is signed with the others. Children
    that are no TaskRuns (CustomRuns, nested PipelineRuns) have no part in Chains' statements.
    """
    children, findings, unfinished, missing = [], [], [], []
    for n, reference in enumerate(run.status.child_references):
        where = f"status.childReferences[{n}]"
        if reference.kind not in ("TaskRun", ""):
            findings.append(Finding(where=where, message=f"{quote(reference.name)} is a {reference.kind}, not a TaskRun"))
            continue
        child = found.get(reference.name)
        if child is None:
            missing.append(reference.name)
            message = f"{Reason.CHILD_MISSING}: TaskRun {quote(reference.name)} cannot be found; the statement is made without it"
            findings.append(Finding(where=where, message=message))
        elif problem := _forgery(run, reference, child):
            findings.append(Finding(where=where, message=problem))
        elif not is_done(child):
            unfinished.append(reference.name)
        else:
            children.append(child)
    return Family(children=tuple(children), findings=tuple(findings), unfinished=tuple(unfinished), missing=tuple(missing))


def _forgery(run: PipelineRun, reference: ChildReference, child: TaskRun) -> str:
    """Why this object does not count as that child; "" if it does."""
    name = quote(reference.name)
    owners = [owner for owner in child.metadata.owner_references if owner.controller]
    if [owner.uid for owner in owners] != [run.metadata.uid]:
        return f"{Reason.CHILD_FORGED}: TaskRun {name} is not controlled by this PipelineRun (uid {quote(run.metadata.uid)})"
    task = (child.metadata.labels or {}).get(PIPELINE_TASK_LABEL, "")
    if reference.pipeline_task_name and task != reference.pipeline_task_name:
        wanted = quote(reference.pipeline_task_name)
        return f"{Reason.CHILD_FORGED}: TaskRun {name} has the label {PIPELINE_TASK_LABEL}={quote(task)}, wanted {wanted}"
    return ""

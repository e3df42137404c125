"""A first Layout from a Pipeline: what its text already says about order, results and parameters, for a person to complete.

Drafted are one step for each task, in the order that runAfter and result references give; parameters that are exactly one result
of another task, and that each result which another uses was put out; tasks with `when` as optional; finally tasks by name. Left
to the author: who else may sign, which ServiceAccounts, which definitions, and rules for artifacts that no result carries.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from sealwright.core import strict
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.layout.pipeline import API_VERSION, KIND
from sealwright.core.tekton import pipelines
from sealwright.core.tekton.results import Named
from sealwright.core.tekton.runs import PipelineSpec, PipelineTask

Object = dict[str, Any]


class _Metadata(msgspec.Struct, frozen=True):
    name: str = ""


class _Pipeline(msgspec.Struct, frozen=True, rename="camel"):
    kind: str
    spec: msgspec.Raw
    metadata: _Metadata = _Metadata()
    api_version: str = ""


def draft(data: bytes, what: str, functionary: str, expires: str) -> Object:
    """The Layout as a plain object; `functionary` is the PEM of the key that signs every step, `expires` as layouts write it.

    Raises Permanent: INVALID_INPUT for what is not one Pipeline, INVALID_RUN for a task that Tekton would not read either.
    """
    pipeline, spec = _read(data, what)
    used = [pair for task in (*spec.tasks, *spec.finally_) for pair in pipelines.consumed(task)]
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": pipeline.metadata.name},
        "spec": {
            "expires": expires,
            "pipeline": {"name": pipeline.metadata.name},
            "functionaries": {"controller": {"key": functionary}},
            "steps": [_step(task, used) for task in spec.tasks],
            "finally": {"mode": "verify", "allow": [task.name for task in spec.finally_]},
        },
    }


def _read(data: bytes, what: str) -> tuple[_Pipeline, PipelineSpec]:
    documents = [each for each in strict.documents(data, what) if isinstance(each, dict) and each.get("kind") == "Pipeline"]
    if len(documents) != 1:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: wanted one Pipeline, found {len(documents)}")
    try:
        pipeline = msgspec.json.decode(msgspec.json.encode(documents[0]), type=_Pipeline)
        return pipeline, msgspec.json.decode(pipeline.spec, type=PipelineSpec)
    except (msgspec.MsgspecError, TypeError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: not a Pipeline: {quote(error)}") from error


def _step(task: PipelineTask, used: Sequence[tuple[str, str]]) -> Object:
    reference = msgspec.json.decode(task.task_ref) if task.task_ref else None
    name = reference.get("name") if isinstance(reference, dict) else None
    found = {
        "name": task.name,
        "functionaries": ["controller"],
        "task": {"name": name} if isinstance(name, str) else {},
        "after": pipelines.after(task),
        "optional": bool(task.when),
        "params": list(_params(task)),
        # What another task uses must have been put out and signed.
        "products": [f"REQUIRE results/{result}" for result in dict.fromkeys(r for source, r in used if source == task.name)],
    }
    return {member: value for member, value in found.items() if value not in ([], {}, False)}


def _params(task: PipelineTask) -> Iterator[Object]:
    """Parameters that are one result of another task, whole."""
    listed = msgspec.json.decode(task.params, type=list[Named] | None) if task.params else None
    for param in listed or []:
        match = pipelines.result_reference(param.text)
        if match:
            yield {"name": param.name, "from": ".".join(match)}

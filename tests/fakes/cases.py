"""The recorded cases of `vectors/provenance.jsonl.gz`: each as a run that was read, and what Tekton Chains made of it."""

import functools
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
from fakes import tekton_runs

from sealwright.core.config import Config
from sealwright.core.model import Built
from sealwright.core.tekton import runs

FILE = Path(__file__).parents[1] / "vectors" / "provenance.jsonl.gz"


class Request(msgspec.Struct):
    """The runs stay bytes: how a number is written can end up in a statement."""

    format: str
    deep: bool
    builder: str
    buildtype: str
    taskrun: msgspec.Raw = msgspec.Raw(b"")
    pipelinerun: msgspec.Raw = msgspec.Raw(b"")
    taskruns: list[msgspec.Raw] = []

    @property
    def config(self) -> Config:
        return tekton_runs.config(
            deep_inspection=self.deep, builder_id=self.builder, build_type=self.buildtype, metadata="chains"
        )


class Case(msgspec.Struct, dict=True):
    id: str
    request: Request
    expected: dict[str, Any]

    @functools.cached_property
    def run(self) -> runs.Run:
        """The run; of a PipelineRun, children by name and in the order of its references, as Chains collects them."""
        if self.request.taskrun:
            return runs.read(bytes(self.request.taskrun))
        run = runs.read(bytes(self.request.pipelinerun))
        assert isinstance(run, runs.PipelineRun)
        found = [runs.read(bytes(child)) for child in self.request.taskruns]
        by_name = {child.metadata.name: child for child in found if isinstance(child, runs.TaskRun)}
        names = [reference.name for reference in run.status.child_references]
        return runs.with_children(run, [by_name[name] for name in names if name in by_name])

    def build(self) -> Built:
        return tekton_runs.FORMATS[self.request.format].build(self.run, self.request.format, self.request.config)


@functools.cache
def load() -> tuple[Case, ...]:
    lines = gzip.decompress(FILE.read_bytes()).split(b"\n")
    return tuple(msgspec.json.decode(line, type=Case) for line in lines if line)


def named(name: str) -> Case:
    return next(case for case in load() if case.id == name)


def fingerprint(step: int) -> str:
    """One hash over the statements of every `step`th case."""
    bodies = [case.build().payload.body for case in load()[::step]]
    return hashlib.sha256(b"\n".join(bodies)).hexdigest()


def comparable(statement: dict[str, Any]) -> dict[str, Any]:
    """A copy in which the lists whose order has no meaning are sorted."""
    found: dict[str, Any] = json.loads(json.dumps(statement))
    predicate = found["predicate"]
    definition = predicate.get("buildDefinition", {})
    for parent, name in ((found, "subject"), (predicate, "materials"), (definition, "resolvedDependencies")):
        if name in parent:
            parent[name].sort(key=_text)
    return found


def multiset(values: list[Any]) -> list[str]:
    return sorted(map(_text, values))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)

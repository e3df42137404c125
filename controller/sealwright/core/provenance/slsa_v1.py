"""SLSA provenance v1 in a Statement v1: `slsa/v2alpha3` and `slsa/v2alpha4`.

Sources: slsa.dev/provenance/v1; Chains for what goes where, tested against 400 runs of it.
"""

import base64
from typing import Any

import msgspec

from sealwright.core import statement
from sealwright.core.config import Config
from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Built, Finding, Subject
from sealwright.core.tekton import gostruct, hints, materials, metadata, pipelines, subjects
from sealwright.core.tekton.results import RAW_ABSENT, Named
from sealwright.core.tekton.runs import PipelineRun, RefSource, Run, TaskRun
from sealwright.core.tekton.values import instant

NAMES = ("slsa/v2alpha3", "slsa/v2alpha4")
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
WITH_OBJECTS = "https://tekton.dev/chains/v2/slsa-tekton"

Object = dict[str, Any]


def build(run: Run, word: str, config: Config) -> Built:
    """The Statement for one run. Raises Permanent(INVALID_RUN) for values that Go's reader would refuse."""
    deep = config.deep_inspection
    is_v4 = word == "slsa/v2alpha4"
    made = subjects.of_build_artifacts(run, deep=deep) if is_v4 else subjects.of_outputs(run, deep=deep)
    dependencies, findings = _Dependencies(run, config, is_v4=is_v4).collect()
    predicate = {
        "buildDefinition": _definition(run, config) | _present(resolvedDependencies=dependencies),
        "runDetails": {"builder": _present(id=config.builder_id), "metadata": _metadata(run)}
        | _present(byproducts=_byproducts(run, is_v4=is_v4, deep=deep)),
    }
    payload = statement.payload(statement.V1, made, PREDICATE_TYPE, predicate)
    return Built(payload=payload, findings=tuple(findings))


# --- build definition ---------------------------------------------------------------------------------------------------


def _definition(run: Run, config: Config) -> Object:
    spec = gostruct.normal(f"v1.{run.kind}Spec", run.raw_spec, f"{run.kind}: spec")
    external = _config_source(run) | {"runSpec": _doubles(spec, f"{run.kind}: spec")}
    return {
        "buildType": config.build_type,
        "externalParameters": external,
        "internalParameters": _internal(run, config),
    }


def _doubles(spec: Object, where: str) -> Any:
    try:
        return statement.doubles(msgspec.json.decode(msgspec.json.encode(spec)))
    except (msgspec.MsgspecError, OverflowError) as error:
        raise Permanent(Reason.INVALID_RUN, f"{where}: holds a number that no double can: {error}") from error


def _config_source(run: Run) -> Object:
    source = _ref_source(run)
    is_remote = run.reference is not None and run.reference.resolver not in ("", "Cluster")
    if source is None or not is_remote:
        return {}
    digest = min((source.digest or {}).items(), default=None)  # Chains takes any one; the least is the same each time
    ref = ":".join(digest) if digest else ""
    return {"buildConfigSource": {"ref": ref, "repository": source.uri, "path": source.entry_point}}


def _internal(run: Run, config: Config) -> Object:
    flags = run.status.provenance.feature_flags if run.status.provenance else RAW_ABSENT
    found: Object = {}
    if flags not in (RAW_ABSENT, msgspec.Raw(b"null")):
        found["tekton-pipelines-feature-flags"] = gostruct.normal("config.FeatureFlags", flags, "status.provenance.featureFlags")
    if config.build_type != WITH_OBJECTS:
        return found
    return found | {
        "labels": _visible(run.metadata.labels, config),
        "annotations": _visible(run.metadata.annotations, config),
    }


def _visible(found: dict[str, str] | None, config: Config) -> dict[str, str] | None:
    return metadata.without(found or {}, metadata.MUTABLE) or None if config.metadata == "stable" else found


# --- resolved dependencies ----------------------------------------------------------------------------------------------


class _Dependencies:
    """Collects what went in, in Chains' order; an entry with the same uri, digest and content is taken once."""

    def __init__(self, run: Run, config: Config, *, is_v4: bool) -> None:
        self.run = run
        self.config = config
        self.is_v4 = is_v4
        self.entries: list[Object] = []
        self.seen: set[bytes] = set()
        self.findings: list[Finding] = []

    def collect(self) -> tuple[list[Object], list[Finding]]:
        if isinstance(self.run, TaskRun):
            self.of_task(self.run)
        else:
            self.of_pipeline(self.run)
        return self.entries, self.findings

    def of_task(self, run: TaskRun) -> None:
        self.keep("task", _ref_source(run))
        self.images(run)
        if self.is_v4:
            self.inputs(materials.step_sources(run))
            self.step_actions(run)
        self.inputs([*materials.git_source(run), *materials.declared(run.hints)])

    def of_pipeline(self, run: PipelineRun) -> None:
        self.keep("pipeline", _ref_source(run))
        children = pipelines.executed(run)
        for child in children:
            self.child(child)
            if self.is_v4:
                self.step_actions(child)
            self.images(child)
        deep = children if self.config.deep_inspection else []
        for child in deep if self.is_v4 else []:
            self.inputs(materials.step_sources(child))
        self.inputs(materials.declared(run.hints))
        for child in deep:
            self.inputs([*materials.git_source(child), *materials.declared(child.hints)])
        self.inputs(materials.git_source(run))

    def keep(self, name: str, source: RefSource | None) -> None:
        """Entries that are never taken for a repeat of another."""
        if source is not None:
            self.entries.append({"name": name} | _located(source))

    def add(self, name: str, members: Object) -> None:
        identity = msgspec.json.encode(members, order="sorted")
        if identity not in self.seen:
            self.seen.add(identity)
            self.entries.append(_present(name=name) | members)

    def child(self, child: TaskRun) -> None:
        source = _ref_source(child)
        located = _located(source) if source else {}
        if self.config.build_type == WITH_OBJECTS:
            self.add("pipelineTask", {"content": _object(child, self.config)} | located)
        elif source:
            self.add("pipelineTask", located)

    def step_actions(self, run: TaskRun) -> None:
        for step in run.status.steps:
            if step.provenance and step.provenance.ref_source:
                self.keep(f"stepAction/{step.name}", step.provenance.ref_source)

    def images(self, run: TaskRun) -> None:
        found, missing = materials.images(run)
        self.findings += missing
        for image in found:
            self.add("", {"uri": image.name, "digest": dict(image.digest)})

    def inputs(self, found: list[Subject]) -> None:
        for entry in found:
            self.add("inputs/result", {"uri": entry.name, "digest": dict(entry.digest)})


def _located(source: RefSource) -> Object:
    return _present(uri=source.uri, digest=source.digest or {})


def _object(child: TaskRun, config: Config) -> str:
    """The whole TaskRun as base64 of Go's JSON, without kind and apiVersion, which Chains' cache does not hold."""
    found = gostruct.normal("v1.TaskRun", child.raw, f"TaskRun {child.metadata.name}")
    members = {name: member for name, member in found.items() if name not in ("kind", "apiVersion")}
    if config.metadata == "stable":
        members["metadata"] = metadata.settled(members["metadata"])
    return _content(members)


def _ref_source(run: Run) -> RefSource | None:
    return run.status.provenance.ref_source if run.status.provenance else None


# --- run details --------------------------------------------------------------------------------------------------------


def _metadata(run: Run) -> Object:
    times = {"startedOn": run.status.start_time, "finishedOn": run.status.completion_time}
    found = {name: _timestamp(text, name) for name, text in times.items() if text}
    return _present(invocationId=run.metadata.uid) | found


def _timestamp(text: str, name: str) -> str:
    """UTC with 0, 3, 6 or 9 decimals, protobuf's JSON form."""
    seconds, fraction = gostruct.checked(instant, text, f"status: {name}")
    digits = fraction.rstrip("0")
    return f"{seconds}.{fraction[: -(-len(digits) // 3) * 3]}Z" if digits else f"{seconds}Z"


def _byproducts(run: Run, *, is_v4: bool, deep: bool) -> list[Object]:
    if not is_v4:
        prefix = "taskRunResults" if isinstance(run, TaskRun) else "pipelineRunResults"
        return [_byproduct(f"{prefix}/{result.name}", result) for result in run.status.results]
    if isinstance(run, TaskRun):
        return _task_byproducts(run)
    name = run.metadata.name
    listed = [result for result in run.status.results if hints.is_byproduct(result)]
    own = [_byproduct(f"pipelineRunResults/{name}/{result.name}", result) for result in listed]
    children = pipelines.executed(run) if deep else []
    return own + [entry for child in children for entry in _task_byproducts(child)]


def _task_byproducts(run: TaskRun) -> list[Object]:
    name = run.metadata.name
    of_steps = [result for step in run.status.steps for result in step.results]
    return [
        _byproduct(f"{prefix}/{name}/{result.name}", result)
        for prefix, results in (("taskRunResults", run.status.results), ("stepResults", of_steps))
        for result in results
        if hints.is_byproduct(result)
    ]


def _byproduct(name: str, result: Named) -> Object:
    return {"name": name, "content": _content(result.read), "mediaType": "application/json"}


def _content(value: Any) -> str:
    return base64.b64encode(statement.go_json(value)).decode()


def _present(**members: Any) -> Object:
    """The members that protobuf's JSON would write."""
    return {name: found for name, found in members.items() if found not in ("", None, [], {})}

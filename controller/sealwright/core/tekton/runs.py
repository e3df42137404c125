"""TaskRun and PipelineRun JSON -> what a finished run says.

Decoded once, from bytes, into just the members that provenance needs; what is copied whole (`spec`, a result's value) stays
raw bytes until a format asks for it. Members that are null count as absent, as Go reads them. Source of the shapes: Tekton
Pipelines' v1 API; `v1beta1.py` brings the older one here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Final

import msgspec

from sealwright.core import strict
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import Key, Kind, Origin
from sealwright.core.tekton import gostruct, hints, v1beta1
from sealwright.core.tekton.hints import Hints
from sealwright.core.tekton.results import RAW_ABSENT, Named

# A statement holds parts of the run a few levels deeper, and must stay within what its readers take.
DEPTH_LIMIT: Final = strict.DEPTH_LIMIT - 10
# Tekton's own ceiling for a result, by way of sidecar logs (design D21).
RESULT_LIMIT: Final = 3 << 19
PIPELINE_TASK_LABEL: Final = "tekton.dev/pipelineTask"


class _Part(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Part of an object, as it stood."""


class OwnerReference(_Part, frozen=True):
    kind: str = ""
    uid: str = ""
    controller: bool = False


class Metadata(_Part, frozen=True):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    deletion_timestamp: str = ""
    owner_references: tuple[OwnerReference, ...] = ()


class ParamSpec(_Part, frozen=True):
    name: str = ""
    default: msgspec.Raw = RAW_ABSENT

    @property
    def has_default(self) -> bool:
        return self.default not in (RAW_ABSENT, msgspec.Raw(b"null"))


class RefSource(_Part, frozen=True):
    """Where a resolver found a definition."""

    uri: str = ""
    digest: dict[str, str] | None = None
    entry_point: str = ""


class Provenance(_Part, frozen=True):
    ref_source: RefSource | None = None
    feature_flags: msgspec.Raw = RAW_ABSENT


class StepSpec(_Part, frozen=True):
    name: str = ""
    script: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()


class TaskSpec(_Part, frozen=True):
    params: tuple[ParamSpec, ...] = ()
    steps: tuple[StepSpec, ...] = ()


class Container(_Part, frozen=True):
    """State of a step or sidecar. `image_id` is what the kubelet pulled, digest included."""

    name: str = ""
    image_id: str = msgspec.field(default="", name="imageID")
    results: tuple[Named, ...] = ()
    provenance: Provenance | None = None


class Condition(_Part, frozen=True):
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


class TaskRunStatus(_Part, frozen=True):
    conditions: tuple[Condition, ...] = ()
    start_time: str = ""
    completion_time: str = ""
    task_spec: TaskSpec | None = None
    steps: tuple[Container, ...] = ()
    sidecars: tuple[Container, ...] = ()
    results: tuple[Named, ...] = ()
    provenance: Provenance | None = None


class PipelineTask(_Part, frozen=True):
    name: str = ""
    run_after: tuple[str, ...] = ()
    task_ref: msgspec.Raw = RAW_ABSENT
    params: msgspec.Raw = RAW_ABSENT
    matrix: msgspec.Raw = RAW_ABSENT
    when: msgspec.Raw = RAW_ABSENT
    task_spec: msgspec.Raw = RAW_ABSENT


class PipelineSpec(_Part, frozen=True):
    params: tuple[ParamSpec, ...] = ()
    tasks: tuple[PipelineTask, ...] = ()
    finally_: tuple[PipelineTask, ...] = msgspec.field(default=(), name="finally")


class ChildReference(_Part, frozen=True):
    kind: str = ""
    name: str = ""
    pipeline_task_name: str = ""


class SkippedTask(_Part, frozen=True):
    name: str = ""


class PipelineRunStatus(_Part, frozen=True):
    conditions: tuple[Condition, ...] = ()
    start_time: str = ""
    completion_time: str = ""
    pipeline_spec: PipelineSpec | None = None
    results: tuple[Named, ...] = ()
    child_references: tuple[ChildReference, ...] = ()
    skipped_tasks: tuple[SkippedTask, ...] = ()
    provenance: Provenance | None = None


class Reference(_Part, frozen=True):
    name: str = ""
    resolver: str = ""


class TaskRunSpec(_Part, frozen=True):
    params: tuple[Named, ...] = ()
    task_ref: Reference | None = None
    service_account_name: str = ""
    managed_by: str = ""


class _Template(_Part, frozen=True):
    service_account_name: str = ""


class PipelineRunSpec(_Part, frozen=True):
    params: tuple[Named, ...] = ()
    pipeline_ref: Reference | None = None
    task_run_template: _Template = _Template()
    managed_by: str = ""


class _TaskRun(_Part, frozen=True):
    metadata: Metadata = Metadata()
    spec: msgspec.Raw = msgspec.Raw(b"{}")
    status: TaskRunStatus = TaskRunStatus()


class _PipelineRun(_Part, frozen=True):
    metadata: Metadata = Metadata()
    spec: msgspec.Raw = msgspec.Raw(b"{}")
    status: PipelineRunStatus = PipelineRunStatus()


@dataclass(frozen=True, kw_only=True)
class TaskRun:
    """A TaskRun. `raw` and `raw_spec` are JSON as it came, for formats that copy them whole."""

    raw: bytes
    raw_spec: bytes
    metadata: Metadata
    spec: TaskRunSpec
    status: TaskRunStatus
    kind: ClassVar[Kind] = "TaskRun"

    @cached_property
    def hints(self) -> Hints:
        """What its own results say was built, and from what."""
        return hints.read(self.status.results)

    @cached_property
    def step_hints(self) -> tuple[Hints, ...]:
        """The same of each step's own results (StepActions), in step order."""
        steps = enumerate(self.status.steps)
        return tuple(hints.read(step.results, f"status.steps[{n}].results") for n, step in steps)

    @property
    def reference(self) -> Reference | None:
        return self.spec.task_ref

    @property
    def param_specs(self) -> tuple[ParamSpec, ...]:
        return self.status.task_spec.params if self.status.task_spec else ()

    @property
    def service_account(self) -> str:
        return self.spec.service_account_name

    @property
    def is_completed(self) -> bool:
        return bool(self.status.completion_time)


@dataclass(frozen=True, kw_only=True)
class PipelineRun:
    """A PipelineRun, with those of its child TaskRuns that were found, in `status.childReferences` order."""

    raw: bytes
    raw_spec: bytes
    metadata: Metadata
    spec: PipelineRunSpec
    status: PipelineRunStatus
    children: tuple[TaskRun, ...] = ()
    kind: ClassVar[Kind] = "PipelineRun"

    @cached_property
    def hints(self) -> Hints:
        """What its own results say was built, and from what."""
        return hints.read(self.status.results)

    @property
    def reference(self) -> Reference | None:
        return self.spec.pipeline_ref

    @property
    def param_specs(self) -> tuple[ParamSpec, ...]:
        return self.status.pipeline_spec.params if self.status.pipeline_spec else ()

    @property
    def service_account(self) -> str:
        return self.spec.task_run_template.service_account_name


Run = TaskRun | PipelineRun


class _Head(msgspec.Struct, gc=False, rename="camel"):
    kind: str = ""
    api_version: str = ""


_head = msgspec.json.Decoder(_Head)
_task_run = msgspec.json.Decoder(_TaskRun)
_pipeline_run = msgspec.json.Decoder(_PipelineRun)
_task_run_spec = msgspec.json.Decoder(TaskRunSpec)
_pipeline_run_spec = msgspec.json.Decoder(PipelineRunSpec)


def read(data: bytes) -> Run:
    """The run in `data`, one JSON object, v1 or v1beta1.

    The caller refuses repeated keys first where the bytes do not come from the API server (`strict`, design D21).
    Raises Permanent: TOO_LARGE; INVALID_RUN for another kind or version, and for what Go's reader would refuse.
    """
    strict.bound(data, "the run", depth_limit=DEPTH_LIMIT)
    data = utf8(data)
    head = _kind(data)
    if head.kind not in ("TaskRun", "PipelineRun"):
        raise Permanent(Reason.INVALID_RUN, f"wanted kind TaskRun or PipelineRun, found {quote(head.kind)}")
    if head.api_version == "tekton.dev/v1beta1":
        data = v1beta1.to_v1(data)
    elif head.api_version != "tekton.dev/v1":
        raise Permanent(Reason.INVALID_RUN, f"wanted apiVersion tekton.dev/v1, found {quote(head.api_version)}")
    return _task(data) if head.kind == "TaskRun" else _pipeline(data)


def _task(data: bytes) -> TaskRun:
    found: _TaskRun = _decode(_task_run, data, "v1.TaskRun", "TaskRun")
    _bound_results(found.status.results)
    spec = _decode(_task_run_spec, found.spec, "v1.TaskRunSpec", "TaskRun: spec")
    return TaskRun(raw=data, raw_spec=bytes(found.spec), metadata=found.metadata, spec=spec, status=found.status)


def _pipeline(data: bytes) -> PipelineRun:
    found: _PipelineRun = _decode(_pipeline_run, data, "v1.PipelineRun", "PipelineRun")
    _bound_results(found.status.results)
    spec = _decode(_pipeline_run_spec, found.spec, "v1.PipelineRunSpec", "PipelineRun: spec")
    return PipelineRun(raw=data, raw_spec=bytes(found.spec), metadata=found.metadata, spec=spec, status=found.status)


def _bound_results(results: Iterable[Named]) -> None:
    large = next((result for result in results if len(result.value) > RESULT_LIMIT), None)
    if large is not None:
        raise Permanent(Reason.TOO_LARGE, f"the result {quote(large.name)} has more than {RESULT_LIMIT} bytes")


def with_children(run: PipelineRun, children: Iterable[TaskRun]) -> PipelineRun:
    """The same PipelineRun, knowing its children."""
    return replace(run, children=tuple(children))


def _kind(data: bytes) -> _Head:
    try:
        return _head.decode(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Permanent(Reason.INVALID_RUN, f"wanted a TaskRun or PipelineRun: {error}") from error


def _decode(decoder: Any, data: bytes | msgspec.Raw, struct: str, where: str) -> Any:
    """Decode; where a member is null, read it as Go does and try again."""
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError):
        normal = gostruct.normal(struct, data, where)
    return decoder.decode(msgspec.json.encode(normal))


def utf8(data: bytes) -> bytes:
    """Bytes that are not UTF-8 become U+FFFD each, as Go's JSON reader does."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return _ESCAPED.sub("\ufffd", data.decode("utf-8", errors="surrogateescape")).encode()
    return data


_ESCAPED = re.compile("[\ud800-\udfff]")


def condition(run: Run) -> Condition | None:
    """The condition named Succeeded: whether and how the run has ended."""
    return next((found for found in run.status.conditions if found.type == "Succeeded"), None)


def is_done(run: Run) -> bool:
    """Ended, however: Succeeded is True or False. No condition means not done."""
    found = condition(run)
    return found is not None and found.status in ("True", "False")


def has_succeeded(run: Run) -> bool:
    found = condition(run)
    return found is not None and found.status == "True"


def anchor(run: Run) -> str:
    """The uid under which runs belong together: that of the PipelineRun which controls this one, or its own (design D10)."""
    owners = (owner.uid for owner in run.metadata.owner_references if owner.controller and owner.kind == "PipelineRun")
    return next(owners, run.metadata.uid)


def key_of(run: Run) -> Key:
    return Key(kind=run.kind, namespace=run.metadata.namespace, name=run.metadata.name)


def origin_of(run: Run) -> Origin:
    return Origin(key=key_of(run), uid=run.metadata.uid, service_account=run.service_account)

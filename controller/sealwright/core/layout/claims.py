"""What a verified statement says of the run of one task: read from SLSA provenance v1 and from in-toto links v0.3.

Only what is signed counts. SLSA v0.2 (`in-toto`, `slsa/v1`) names no run and no results, so it binds nothing to a step.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from sealwright.core.layout.rules import Artifacts, Digests, Side
from sealwright.core.model import Subject, Verified, value
from sealwright.core.tekton import links
from sealwright.core.tekton.links import PARAMS, PIPELINE_RUN_UID_LABEL, RESULTS, full_name, value_digest
from sealwright.core.tekton.runs import PIPELINE_TASK_LABEL

SLSA_V1 = "https://slsa.dev/provenance/v1"
PREDICATE_TYPES = (SLSA_V1, links.PREDICATE_TYPE)


@value
class Claim:
    """`uid` is the TaskRun's; `task`, `pipeline_run_uid`, `service_account` are "" and `succeeded` None where it does not say.

    `params` and `results` map a name to the digest of its value. `definitions` are `algorithm:hex`.
    """

    verified: Verified
    uid: str
    task: str
    pipeline_run_uid: str
    service_account: str
    task_name: str
    definitions: tuple[str, ...]
    params: Mapping[str, str]
    results: Mapping[str, str]
    artifacts: Artifacts
    succeeded: bool | None


def read(verified: Verified) -> Claim | None:
    """The claim, or None where the statement is no claim about one TaskRun."""
    match verified.payload.predicate_type:
        case "https://slsa.dev/provenance/v1":
            return _of_slsa(verified)
        case "https://in-toto.io/attestation/link/v0.3":
            return _of_link(verified)
    return None


# --- SLSA v1 ------------------------------------------------------------------------------------------------------------


def _of_slsa(verified: Verified) -> Claim:
    definition = _object(verified.predicate.get("buildDefinition"))
    details = _object(verified.predicate.get("runDetails"))
    spec = _object(_object(definition.get("externalParameters")).get("runSpec"))
    labels = _object(_object(definition.get("internalParameters")).get("labels"))
    params = {name: value_digest(item.get("value")) for item in _objects(spec.get("params")) if (name := _text(item.get("name")))}
    results = dict(_byproducts(details))
    return Claim(
        verified=verified,
        uid=_text(_object(details.get("metadata")).get("invocationId")),
        task=_text(labels.get(PIPELINE_TASK_LABEL)),
        pipeline_run_uid=_text(labels.get(PIPELINE_RUN_UID_LABEL)),
        service_account=_text(spec.get("serviceAccountName")),
        task_name=_text(_object(spec.get("taskRef")).get("name")),
        definitions=tuple(_definitions(definition)),
        params=params,
        results=results,
        artifacts=_artifacts(verified.payload.materials, verified.payload.subjects, params, results),
        succeeded=None,
    )


def _byproducts(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """`taskRunResults/NAME` (v2alpha3) or `taskRunResults/RUN/NAME` (v2alpha4); the content is the value's JSON in base64."""
    for entry in _objects(details.get("byproducts")):
        kind, _, rest = _text(entry.get("name")).partition("/")
        found = _decoded(entry.get("content"))
        if kind == "taskRunResults" and rest and found is not None:
            yield rest.rpartition("/")[2], value_digest(found)


def _definitions(definition: Mapping[str, Any]) -> Iterator[str]:
    for entry in _objects(definition.get("resolvedDependencies")):
        if entry.get("name") == "task":
            yield from (f"{algorithm}:{digits}" for algorithm, digits in _object(entry.get("digest")).items())


def _decoded(content: Any) -> Any:
    try:
        return msgspec.json.decode(base64.b64decode(content, validate=True)) if isinstance(content, str) else None
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None


# --- links --------------------------------------------------------------------------------------------------------------


def _of_link(verified: Verified) -> Claim:
    """As `core/provenance/link` writes them: results and parameters are artifacts, the run is in the environment.

    The name of the step counts only if it is a pipeline task's: a run outside a pipeline has its own.
    """
    environment = _object(verified.predicate.get("environment"))
    listed = [_descriptor(entry) for entry in _objects(verified.predicate.get("materials"))]
    materials, products = _named(listed), _named(verified.payload.subjects)
    code = _object(verified.predicate.get("byproducts")).get("return-value")
    named = environment.get("definitions")
    return Claim(
        verified=verified,
        uid=_text(environment.get("uid")),
        task=_text(environment.get("pipelineTask")),
        pipeline_run_uid=_text(environment.get("pipelineRunUid")),
        service_account=_text(environment.get("serviceAccount")),
        task_name=_text(environment.get("task")),
        definitions=tuple(text for text in named if isinstance(text, str)) if isinstance(named, list) else (),
        params=_values(materials, PARAMS),
        results=_values(products, RESULTS),
        artifacts=Artifacts(materials=materials, products=products),
        succeeded=code == 0 if isinstance(code, int | float) else None,
    )


def _descriptor(entry: Mapping[str, Any]) -> Subject:
    digests = {name: text for name, text in _object(entry.get("digest")).items() if isinstance(text, str)}
    return Subject(name=_text(entry.get("name")) or _text(entry.get("uri")), digest=digests)


def _values(artifacts: Mapping[str, Digests], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): found.get("sha256", "") for name, found in artifacts.items() if name.startswith(prefix)}


# --- shared -------------------------------------------------------------------------------------------------------------


def _artifacts(
    materials: tuple[Subject, ...], subjects: tuple[Subject, ...], params: Mapping[str, str], results: Mapping[str, str]
) -> Artifacts:
    """By name; what a task calls `params/...` or `results/...` itself never stands for a parameter or result."""
    used = _named(entry for entry in materials if not entry.name.startswith(PARAMS))
    made = _named(entry for entry in subjects if not entry.name.startswith(RESULTS))
    return Artifacts(
        materials=used | {f"{PARAMS}{name}": {"sha256": found} for name, found in params.items()},
        products=made | {f"{RESULTS}{name}": {"sha256": found} for name, found in results.items()},
    )


def _named(entries: Iterable[Subject]) -> dict[str, Digests]:
    """By name. A second artifact of a name keeps its place under `name@algorithm:hex`: no rule may overlook it."""
    found: dict[str, Digests] = {}
    for entry in entries:
        name = entry.name if found.get(entry.name, entry.digest) == entry.digest else full_name(entry.name, entry.digest)
        found[name] = entry.digest
    return found


def has(artifacts: Artifacts, side: Side, name: str, digests: Digests) -> bool:
    """Whether this artifact is on that side, under its name or as a second of its name."""
    listed = artifacts.materials if side == "materials" else artifacts.products
    return listed.get(name) == digests or listed.get(full_name(name, digests)) == digests


def _object(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _objects(found: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _text(found: Any) -> str:
    return found if isinstance(found, str) else ""

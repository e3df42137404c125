"""What a verified statement says, by kind: provenance, test results, scans, bills of materials. Odd parts say nothing.

Sources: slsa.dev/provenance/v0.2 and v1; in-toto attestation predicates test-result v0.1, vulns v0.1 and v0.2; SPDX 2 JSON;
CycloneDX JSON.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from sealwright.core import statement
from sealwright.core.model import Verified, value
from sealwright.core.policy.language import SEVERITIES, Severity
from sealwright.core.tekton.values import instant

SLSA_V02, SLSA_V1 = "https://slsa.dev/provenance/v0.2", "https://slsa.dev/provenance/v1"
TEST = "https://in-toto.io/attestation/test-result/v0.1"
VULNS = ("https://in-toto.io/attestation/vulns/v0.1", "https://in-toto.io/attestation/vulns/v0.2")
SPDX, CYCLONEDX = "https://spdx.dev/Document", "https://cyclonedx.org/bom"
_EXECUTION_MODE = "experimental.tekton.dev/execution-mode"
_BRANCH_PARAMETERS = ("branch", "git-branch", "gitBranch", "revision", "git-revision")
_PIPELINE_TASK = "tekton.dev/pipelineTask"
# CVSS 3.1, qualitative severity rating scale.
_SCORES: tuple[tuple[float, Severity], ...] = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.0, "low"))


@value
class Provenance:
    """What SLSA provenance says. `service_account` "" and `is_single_use` None where it does not say.

    `is_single_use`: no workspace outlives the run. `tasks` are those of a pipeline, and whether they succeeded.
    """

    builder: str
    materials: tuple[str, ...]
    parameters: Mapping[str, str]
    branches: tuple[str, ...]
    service_account: str
    is_hermetic: bool
    is_single_use: bool | None
    finished: datetime | None
    tasks: Mapping[str, bool]

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(name for name in self.materials if name.startswith("git+"))


def provenance(verified: Verified) -> Provenance | None:
    if verified.payload.predicate_type == SLSA_V1:
        return _v1(verified)
    return _v02(verified) if verified.payload.predicate_type == SLSA_V02 else None


def _v1(verified: Verified) -> Provenance:
    definition = _object(verified.predicate.get("buildDefinition"))
    spec = _object(_object(definition.get("externalParameters")).get("runSpec"))
    notes = _object(_object(definition.get("internalParameters")).get("annotations"))
    parameters = {_text(item.get("name")): _shown(item.get("value")) for item in _objects(spec.get("params"))}
    times = _object(_object(verified.predicate.get("runDetails")).get("metadata"))
    template = _object(spec.get("taskRunTemplate"))
    return Provenance(
        builder=statement.builder_id(verified.predicate),
        materials=tuple(entry.name for entry in verified.payload.materials),
        parameters=parameters,
        branches=_branches(verified, parameters),
        service_account=_text(spec.get("serviceAccountName")) or _text(template.get("serviceAccountName")),
        is_hermetic=notes.get(_EXECUTION_MODE) == "hermetic",
        is_single_use=_is_single_use(spec.get("workspaces")) if spec else None,
        finished=_moment(times.get("finishedOn")),
        tasks=dict(_embedded_tasks(definition)),
    )


def _v02(verified: Verified) -> Provenance:
    invocation = _object(verified.predicate.get("invocation"))
    notes = _object(_object(invocation.get("environment")).get("annotations"))
    parameters = {name: _shown(found) for name, found in _object(invocation.get("parameters")).items()}
    listed = _objects(_object(verified.predicate.get("buildConfig")).get("tasks"))
    return Provenance(
        builder=statement.builder_id(verified.predicate),
        materials=tuple(entry.name for entry in verified.payload.materials),
        parameters=parameters,
        branches=_branches(verified, parameters),
        service_account="",
        is_hermetic=notes.get(_EXECUTION_MODE) == "hermetic",
        is_single_use=None,
        finished=_moment(_object(verified.predicate.get("metadata")).get("buildFinishedOn")),
        tasks=_all_of((_text(task.get("name")), task.get("status") == "Succeeded") for task in listed),
    )


def _branches(verified: Verified, parameters: Mapping[str, str]) -> tuple[str, ...]:
    """Named by a git material (`...@refs/heads/NAME`), else by the first parameter that usually does."""
    named = [entry.name.partition("@refs/heads/")[2] for entry in verified.payload.materials if entry.name.startswith("git+")]
    given = [parameters[name] for name in _BRANCH_PARAMETERS if name in parameters]
    return tuple(name for name in named if name) or tuple(given[:1])


def _is_single_use(workspaces: Any) -> bool:
    """A claim made for the run, memory and Kubernetes' own objects do not outlive it; a named volume claim does."""
    mild = {"emptyDir", "volumeClaimTemplate", "secret", "configMap", "projected"}
    return all(any(name in mild for name in each) and "persistentVolumeClaim" not in each for each in _objects(workspaces))


def _embedded_tasks(definition: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Build type slsa-tekton: each TaskRun of a PipelineRun as base64 JSON."""
    entries = [entry for entry in _objects(definition.get("resolvedDependencies")) if entry.get("name") == "pipelineTask"]
    runs = [_object(_decoded(entry.get("content"))) for entry in entries]
    yield from _all_of(
        (_text(_object(_object(run.get("metadata")).get("labels")).get(_PIPELINE_TASK)), _has_succeeded(run)) for run in runs
    ).items()


def _has_succeeded(run: Mapping[str, Any]) -> bool:
    conditions = _objects(_object(run.get("status")).get("conditions"))
    return any(found.get("type") == "Succeeded" and found.get("status") == "True" for found in conditions)


def _all_of(pairs: Iterable[tuple[str, bool]]) -> dict[str, bool]:
    """A task of a matrix ran several times: it passed if each did."""
    found: dict[str, bool] = {}
    for name, passed in pairs:
        if name:
            found[name] = found.get(name, True) and passed
    return found


# --- checks -------------------------------------------------------------------------------------------------------------


@value
class TestResult:
    """`finished` is when the test says it ended, by a member that not every tester writes."""

    result: str
    finished: datetime | None


def test_result(verified: Verified) -> TestResult | None:
    if verified.payload.predicate_type != TEST:
        return None
    found = verified.predicate
    return TestResult(result=_text(found.get("result")), finished=_moment(found.get("finishedOn") or found.get("timestamp")))


@value
class Scan:
    """`found` maps each vulnerability's id to its worst severity; None where one is given without."""

    found: Mapping[str, Severity | None]
    finished: datetime | None


def scan(verified: Verified) -> Scan | None:
    if verified.payload.predicate_type not in VULNS:
        return None
    results = _object(verified.predicate.get("scanner")).get("result")
    times = _object(verified.predicate.get("metadata"))
    if not isinstance(results, list):
        return None  # no list of results is not an empty one
    found: dict[str, list[Severity | None]] = {}
    for each in _objects(results):
        found.setdefault(_text(each.get("id")) or "(no id)", []).append(_severity(each))
    return Scan(found={name: _worst(rated) for name, rated in found.items()}, finished=_moment(times.get("scanFinishedOn")))


def _worst(rated: list[Severity | None]) -> Severity | None:
    return None if None in rated else max((each for each in rated if each), key=SEVERITIES.index)


def _severity(entry: Mapping[str, Any]) -> Severity | None:
    rated = [_rated(_text(each.get("score")) or _shown(each.get("score"))) for each in _objects(entry.get("severity"))]
    known = [SEVERITIES.index(each) for each in rated if each]
    return SEVERITIES[max(known)] if known else None


def _rated(score: str) -> Severity | None:
    word = next((each for each in SEVERITIES if each == score.lower()), None)
    if word is None and re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,3})?", score, re.ASCII):
        return next(each for least, each in _SCORES if float(score) >= least)
    return word


@value
class Bill:
    """A bill of materials. `licenses` maps each package to what it says of its license; "" where it says nothing."""

    format: str
    licenses: Mapping[str, str]


def bill(verified: Verified) -> Bill | None:
    type_ = verified.payload.predicate_type
    if type_ == SPDX or type_.startswith(f"{SPDX}/"):
        packages = verified.predicate.get("packages")
        read = {_package(n, each): _spdx_license(each) for n, each in enumerate(_objects(packages))}
        return Bill(format="spdx", licenses=read) if isinstance(packages, list) else None
    if type_ == CYCLONEDX or type_.startswith(f"{CYCLONEDX}/"):
        components = verified.predicate.get("components")
        read = {_package(n, each): _cyclonedx_license(each) for n, each in enumerate(_objects(components))}
        return Bill(format="cyclonedx", licenses=read) if isinstance(components, list) else None
    return None


def _package(n: int, entry: Mapping[str, Any]) -> str:
    """Names repeat; the place does not."""
    return f"{_text(entry.get('name'))} ({n})"


def _spdx_license(entry: Mapping[str, Any]) -> str:
    said = [_text(entry.get(name)) for name in ("licenseConcluded", "licenseDeclared")]
    return next((text for text in said if text not in ("", "NOASSERTION", "NONE")), "")


def _cyclonedx_license(entry: Mapping[str, Any]) -> str:
    said = [
        _text(each.get("expression"))
        or _text(_object(each.get("license")).get("id"))
        or _text(_object(each.get("license")).get("name"))
        for each in _objects(entry.get("licenses"))
    ]
    return " AND ".join(said) if all(said) else ""


# --- shared -------------------------------------------------------------------------------------------------------------


def _moment(found: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(instant(found)[0]).replace(tzinfo=UTC) if isinstance(found, str) else None
    except ValueError:
        return None


def _decoded(content: Any) -> Any:
    try:
        return msgspec.json.decode(base64.b64decode(content, validate=True)) if isinstance(content, str) else None
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None


def _shown(found: Any) -> str:
    return found if isinstance(found, str) else msgspec.json.encode(found).decode()


def _object(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _objects(found: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _text(found: Any) -> str:
    return found if isinstance(found, str) else ""

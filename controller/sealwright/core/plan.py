"""(Run, Config) -> what to sign and where to keep it: the whole decision, before anything is awaited.

`sealwright why` prints it. Nothing to sign is an answer with a reason, never silence (design D2).
"""

from dataclasses import replace
from typing import Literal

from sealwright.core import oci
from sealwright.core.config import ArtifactConfig, Config
from sealwright.core.errors import Reason
from sealwright.core.model import Artifact, Finding, SignRequest, value
from sealwright.core.tekton import hints
from sealwright.core.tekton.runs import Run, TaskRun, has_succeeded

# A run's wish to be logged, where the log is `manual`. Tekton's webhook strips Chains' own from new runs, so it can only be added
# later; ours stays, and Tasks and Pipelines hand it to their runs.
UPLOAD = ("chains.tekton.dev/transparency-upload", "sealwright.dev/transparency-upload")
# The store that speaks to registries, and the format of image signatures in the bundles there.
REGISTRY, BUNDLED = "oci", "cosign/sign/v1"


@value
class Plan:
    """What to do for one run. `skipped` says why there is nothing, and is empty where there is something."""

    requests: tuple[SignRequest, ...]
    findings: tuple[Finding, ...] = ()
    skipped: str = ""


def plan(run: Run, config: Config) -> Plan:
    """The run's provenance first, then each image that a TaskRun names, as Chains does; images of PipelineRuns are not signed."""
    settings = config.taskrun if isinstance(run, TaskRun) else config.pipelinerun
    log = _log(run, config)
    requests = [_request(_provenance(run), settings, config, run, log)] if settings.enabled else []
    read = run.hints if isinstance(run, TaskRun) else hints.Hints()
    findings = list(read.findings)
    if read.images and config.profile == "strict" and not has_succeeded(run):
        findings.append(Finding(where="profile: strict", message="the run did not succeed, so its images are not signed"))
    elif config.oci.enabled:
        wanted = [_request(_image(image), config.oci, config, run, log) for image in read.images]
        requests += [request for whole in wanted for request in _of_image(whole, config)]
    skipped = "" if requests else f"{Reason.DISABLED}: {_disabled(run, settings)}"
    return Plan(requests=tuple(requests), findings=tuple(findings), skipped=skipped)


def _request(
    artifact: Artifact, settings: ArtifactConfig, config: Config, run: Run, log: Literal["", "needed", "wished"]
) -> SignRequest:
    signer = config.signer(run.metadata.namespace, settings)
    return SignRequest(artifact=artifact, format=settings.format, signer=signer, stores=settings.storage, log=log)


def _log(run: Run, config: Config) -> Literal["", "needed", "wished"]:
    """What stands on the run about a log entry is never believed: a tenant could skip the log with it (threat T3)."""
    if not config.transparency.enabled:
        return ""
    if config.transparency.manual and not any((run.metadata.annotations or {}).get(key) == "true" for key in UPLOAD):
        return ""
    return "wished" if config.transparency.best_effort else "needed"


def _of_image(whole: SignRequest, config: Config) -> list[SignRequest]:
    """One, or two where registries get bundles: those hold another payload than the other stores."""
    if not (config.has_bundles and REGISTRY in whole.stores):
        return [whole]
    others = tuple(store for store in whole.stores if store != REGISTRY)
    bundled = replace(whole, format=BUNDLED, stores=(REGISTRY,))
    return [replace(whole, stores=others), bundled] if others else [bundled]


def _provenance(run: Run) -> Artifact:
    name = f"{run.metadata.namespace}/{run.metadata.name}"
    if isinstance(run, TaskRun):
        return Artifact(sort="taskrun", key=f"taskrun-{run.metadata.uid}", name=name)
    return Artifact(sort="pipelinerun", key=f"pipelinerun-{run.metadata.uid}", name=name)


def _image(image: oci.Image) -> Artifact:
    # Chains' short key: the first 12 hex digits, so equal digests in two repositories share one.
    return Artifact(sort="oci", key=image.digest.removeprefix("sha256:")[:12], name=image.name, digest=image.digest)


def _disabled(run: Run, settings: ArtifactConfig) -> str:
    key = f"artifacts.{run.kind.lower()}"
    if not settings.storage:
        return f"{key}.storage is empty, so nothing is signed for {run.kind}s"
    return f"{key}.signer is none, so nothing is signed for {run.kind}s"

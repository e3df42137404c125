"""Looks at runs, as the story reports them: the real value, with as much in it as a test needs."""

from sealwright.core.errors import Reason
from sealwright.core.model import (
    Artifact,
    Attestation,
    Failure,
    Finding,
    Key,
    Kind,
    Outcome,
    Payload,
    Receipt,
    Signature,
    SignRequest,
)
from sealwright.flow.reconcile import Report, State


def key(kind: Kind = "TaskRun", name: str = "build", namespace: str = "team-a") -> Key:
    return Key(kind=kind, namespace=namespace, name=name)


def failure(stage: str = "store", reason: Reason = Reason.STORE_FAILED, message: str = "oci: no answer") -> Failure:
    return Failure(stage=stage, reason=reason, message=message, transient=True)


def outcome(
    *kept: str, wanted: tuple[str, ...] = ("tekton", "oci"), failures: tuple[Failure, ...] = (), image: bool = False
) -> Outcome:
    """A payload that was signed, and kept by these stores."""
    artifact = Artifact(sort="oci" if image else "taskrun", key="taskrun-u1", name="team-a/build")
    return Outcome(
        request=SignRequest(artifact=artifact, format="in-toto", signer="x509", stores=wanted),
        attestation=Attestation(
            artifact=artifact,
            format="in-toto",
            payload=Payload(media_type="application/json", body=b"{}"),
            signature=Signature(key_id="SHA256:key", raw=b"raw"),
            envelope=b"{}",
        ),
        receipts=tuple(Receipt(store=store, uri=f"{store}://place", digest="sha256:" + "ab" * 32) for store in kept),
        failures=failures,
    )


def unsigned(*failures: Failure) -> Outcome:
    """A payload that could not be built or signed."""
    artifact = Artifact(sort="taskrun", key="taskrun-u1", name="team-a/build")
    request = SignRequest(artifact=artifact, format="in-toto", signer="x509", stores=("tekton",))
    return Outcome(request=request, failures=failures)


def look(
    state: State,
    *outcomes: Outcome,
    about: Key | None = None,
    uid: str = "u1",
    failures: tuple[Failure, ...] = (),
    findings: tuple[Finding, ...] = (),
) -> Report:
    """What the story reports; failures of outcomes are in it too, as there."""
    all_failures = (*(each for found in outcomes for each in found.failures), *failures)
    return Report(key=about or key(), state=state, uid=uid, outcomes=outcomes, findings=findings, failures=all_failures)


def signed(about: Key | None = None, uid: str = "u1") -> Report:
    """One attestation, in two stores."""
    return look(State.SIGNED, outcome("tekton", "oci"), about=about, uid=uid)

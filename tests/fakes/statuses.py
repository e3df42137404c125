"""A controller's status at one moment: one that is well, and one with everything that can be wrong."""

from sealwright.core.errors import Reason
from sealwright.core.model import Finding, Key
from sealwright.edge.status import FailedLook, Status, Waiting

AT_S = 1_790_000_000.0
KEY_ID = "SHA256:p5hKq0xv7wVdGZ0X4mO3b6QmT5zvE0cCkq3v1nJgY2I"

WELL = Status(
    version="0.1.0",
    at_s=AT_S,
    started_s=AT_S - 3 * 86400 - 4 * 3600,
    generation="3f9c1e07",
    keys={"x509": KEY_ID},
    looks={("TaskRun", "signed"): 12_480, ("PipelineRun", "signed"): 3_120, ("TaskRun", "skipped"): 7, ("TaskRun", "known"): 900},
    waiting=[
        Waiting(kind="TaskRun", lane="live", count=2, oldest_s=0.4),
        Waiting(kind="TaskRun", lane="backlog", count=0),
        Waiting(kind="PipelineRun", lane="live", count=0),
    ],
)


def failed(
    name: str = "build", message: str = "store: oci: no answer", *, at_s: float = AT_S, namespace: str = "team-a"
) -> FailedLook:
    key = Key(kind="TaskRun", namespace=namespace, name=name)
    return FailedLook(at_s=at_s, key=key, reason=Reason.STORE_FAILED, message=message)


ILL = Status(
    version="0.1.0",
    at_s=AT_S,
    started_s=AT_S - 75,
    generation="a41b22c9",
    unmet=[
        Finding(
            where="signer x509", message="KeyMissing: wanted cosign.key or x509.pem in the Secret signing-secrets; found nothing"
        ),
        Finding(where="watch TaskRun", message="Unavailable: the API server answered 503"),
    ],
    warnings=[Finding(where="artifacts.taskrun.storag", message="no such setting; did you mean artifacts.taskrun.storage?")],
    keys={},
    looks={("TaskRun", "signed"): 3, ("TaskRun", "failed"): 41},
    waiting=[
        Waiting(kind="TaskRun", lane="live", count=41, oldest_s=74.2),
        Waiting(kind="PipelineRun", lane="backlog", count=2, oldest_s=31.0),
    ],
    failures=[
        failed(f"build-and-push-{at}", "store: registry.example.com/team-a/app: the server answered 503", at_s=AT_S - 3 * at)
        for at in range(6)
    ],
)

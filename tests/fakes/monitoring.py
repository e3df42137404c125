"""The rules, alerts and dashboards below deploy/monitoring, and metrics with every family that the code can write."""

import json

import yaml
from fakes.manifests import DEPLOY

from sealwright.edge.metrics import Metrics
from sealwright.edge.status import Waiting

MONITORING = DEPLOY / "monitoring"
RULES = [rule for group in yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
BOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((MONITORING / "dashboards").glob("*.json"))}
PANELS = [
    (f"{name}: {panel['title']}", panel) for name, board in BOARDS.items() for panel in board["panels"] if panel["type"] != "row"
]
QUERIES = [(title, target["expr"]) for title, panel in PANELS for target in panel["targets"]]


def busy() -> Metrics:
    """Chains' counters appear at their first increment; here all have had theirs."""
    metrics = Metrics("1", lambda: [Waiting(kind="TaskRun", lane="live", count=1)])
    metrics.watch_signers(lambda: {"x509": 1_790_000_000.0})
    for kind in ("TaskRun", "PipelineRun"):
        for what in ("sign_created", "payload_uploaded", "payload_stored", "marked_signed"):
            metrics.chains.counter(kind, what).inc()
        metrics.chains._failure(kind, "signing").inc()
    return metrics

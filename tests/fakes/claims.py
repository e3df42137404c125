"""Statements of each kind that policies ask for, signed for real by one of a few signers."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from fakes import guarded
from fakes.objects import DIGEST

from sealwright.core import statement
from sealwright.core.keys import PrivateKey
from sealwright.core.model import Subject, Verified
from sealwright.core.policy import facts, judging, language
from sealwright.core.policy.language import Policy

Json = dict[str, Any]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
RECENTLY, LONG_AGO = "2026-05-31T00:00:00Z", "2020-01-01T00:00:00Z"
CONTROLLER, SECURITY, STRANGER = guarded.CONTROLLER, guarded.SECOND, guarded.STRANGER
BUILDER, OTHER_BUILDER = "https://tekton.test/builder", "https://tekton.test/rebuilder"
APP = Subject(name="registry.test/app", digest={"sha256": DIGEST.removeprefix("sha256:")})
TEST, VULNS, CYCLONEDX = facts.TEST, facts.VULNS[0], facts.CYCLONEDX


def said(type_: str, predicate: Json, by: PrivateKey = CONTROLLER, subject: Subject = APP) -> Verified:
    return guarded.prove(statement.encode(statement.V1, (subject,), type_, predicate), by)


def provenance(by: PrivateKey = CONTROLLER, subject: Subject = APP, builder: str = BUILDER, **changes: Any) -> Verified:
    """SLSA v1 of a PipelineRun with two tasks. Keywords: finished, sources, params, workspaces, annotations, account, tasks."""
    found = {
        "finished": RECENTLY,
        "sources": ["git+https://git.test/team/app.git"],
        "params": {"revision": "main", "target": "prod"},
        "workspaces": [{"name": "w", "emptyDir": {}}],
        "annotations": {"experimental.tekton.dev/execution-mode": "hermetic"},
        "account": "builder",
        "tasks": {"unit-test": "True", "vuln-scan": "True"},
    } | changes
    dependencies: list[Json] = [{"uri": uri, "digest": {"sha1": "0" * 40}} for uri in found["sources"]]
    dependencies += [_task(name, status) for name, status in found["tasks"].items()]
    spec = {
        "params": [{"name": name, "value": value} for name, value in found["params"].items()],
        "serviceAccountName": found["account"],
        "workspaces": found["workspaces"],
    }
    predicate = {
        "buildDefinition": {
            "externalParameters": {"runSpec": spec},
            "internalParameters": {"annotations": found["annotations"]},
            "resolvedDependencies": dependencies,
        },
        "runDetails": {"builder": {"id": builder}, "metadata": {"finishedOn": found["finished"]}},
    }
    return said(facts.SLSA_V1, predicate, by, subject)


def _task(name: str, status: str) -> Json:
    run = {
        "metadata": {"labels": {"tekton.dev/pipelineTask": name}},
        "status": {"conditions": [{"type": "Succeeded", "status": status}]},
    }
    return {"name": "pipelineTask", "content": base64.b64encode(json.dumps(run).encode()).decode()}


def checks(result: str = "PASSED", by: PrivateKey = SECURITY, **more: Any) -> Verified:
    return said(TEST, {"result": result, "timestamp": RECENTLY} | more, by)


def scan(*found: tuple[str, str], by: PrivateKey = SECURITY, finished: str = RECENTLY) -> Verified:
    results = [{"id": name, "severity": [{"method": "cvss", "score": score}]} for name, score in found]
    return said(VULNS, {"scanner": {"result": results}, "metadata": {"scanFinishedOn": finished}}, by)


def bill(*licenses: str, by: PrivateKey = SECURITY) -> Verified:
    components = [{"name": "part", "licenses": [{"expression": each}] if each else []} for each in licenses]
    return said(CYCLONEDX, {"components": components}, by)


def policy(*rules: Json) -> Policy:
    """A policy with these rules; its signers are controller and security."""
    return language.read(policy_object(*rules), "policy", "00" * 32)


def policy_object(*rules: Json) -> Json:
    known = {"controller": {"key": guarded.pem(CONTROLLER)}, "security": {"key": guarded.pem(SECURITY)}}
    named = [{"name": f"rule {number}"} | rule for number, rule in enumerate(rules, 1)]
    spec = {"signers": known, "rules": named}
    return {"apiVersion": "sealwright.dev/v1alpha1", "kind": "Policy", "metadata": {"name": "release"}, "spec": spec}


__all__ = ["DIGEST", "judging", "language"]

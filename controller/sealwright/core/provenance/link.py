"""in-toto link attestations: `link`. Source: in-toto attestation framework, predicate link v0.3."""

from typing import Any

from sealwright.core import statement
from sealwright.core.config import Config
from sealwright.core.model import Built
from sealwright.core.tekton import links, materials
from sealwright.core.tekton.runs import Run, TaskRun

NAMES = ("link",)


def build(run: Run, word: str, config: Config) -> Built:  # noqa: ARG001  it has one word
    """The Statement for one run; its subjects are what it made, results among them."""
    made = links.products(run, deep=config.deep_inspection)
    used = links.used(run)
    predicate: dict[str, Any] = {
        "name": links.step_name(run),
        "command": [],
        "materials": [{"name": entry.name, "digest": dict(entry.digest)} for entry in used],
        "byproducts": {"return-value": links.code(run)},
        "environment": links.environment(run),
    }
    payload = statement.payload(statement.V1, made, links.PREDICATE_TYPE, predicate)
    findings = materials.images(run)[1] if isinstance(run, TaskRun) else []
    return Built(payload=payload, findings=tuple(findings))

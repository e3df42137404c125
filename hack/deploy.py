"""Writes the generated files below deploy/, or with --check says which are out of date (exit 1)."""

import sys
from collections.abc import Iterator
from pathlib import Path

import dashboards
import yaml

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
INSTALL_HEAD = (
    "# Written by hack/deploy from deploy/base; edit the files there instead.\n"
    "# kubectl apply -f install.yaml does what kubectl apply -k deploy/ does.\n"
)
RULE_HEAD = "# Written by hack/deploy from rules.yaml; edit that instead.\n"


def resources(folder: Path) -> Iterator[Path]:
    """The files of a kustomization that is nothing but a list, in its order."""
    for name in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]:
        found = folder / name
        yield from resources(found) if found.is_dir() else [found]


def install() -> str:
    """As text, so that the comments come along."""
    parts = [f"# {path.relative_to(DEPLOY)}\n{path.read_text()}" for path in resources(DEPLOY)]
    return INSTALL_HEAD + "---\n".join(parts)


def prometheus_rule() -> str:
    """The rules in the wrapping that the Prometheus operator reads."""
    metadata = {"name": "sealwright", "namespace": "tekton-chains", "labels": {"app.kubernetes.io/part-of": "tekton-chains"}}
    head = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata}
    rules = (DEPLOY / "monitoring/rules.yaml").read_text()
    inner = "".join(f"  {line}" if line.strip() else line for line in rules.splitlines(keepends=True))
    return f"{RULE_HEAD}{yaml.safe_dump(head, sort_keys=False)}spec:\n{inner}"


def generated() -> dict[str, str]:
    """File below deploy/ -> its text."""
    boards = {f"monitoring/dashboards/{name}.json": text for name, text in dashboards.rendered().items()}
    return {"install.yaml": install(), "monitoring/prometheusrule.yaml": prometheus_rule(), **boards}


def main(check: bool) -> int:
    stale = {name: text for name, text in generated().items() if not is_same(DEPLOY / name, text)}
    if check:
        if stale:
            print(f"out of date below deploy/: {', '.join(stale)}; run hack/deploy")
        return 1 if stale else 0
    for name, text in stale.items():
        (DEPLOY / name).write_text(text)
    return 0


def is_same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))

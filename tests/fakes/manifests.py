"""What lies below deploy/, as the API server would read it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"

Json = dict[str, Any]


def documents(path: Path) -> list[Json]:
    return list(yaml.safe_load_all(path.read_text()))


def base() -> list[Json]:
    """The objects that `kubectl apply -k deploy/` makes, from the files that its kustomization lists."""
    return [found for path in listed(DEPLOY) for found in documents(path)]


def listed(folder: Path) -> Iterator[Path]:
    for name in documents(folder / "kustomization.yaml")[0]["resources"]:
        found = folder / name
        yield from listed(found) if found.is_dir() else [found]


def named(objects: list[Json], kind: str, name: str) -> Json:
    found = [thing for thing in objects if (thing["kind"], thing["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, f"{kind}/{name}: {len(found)} objects"
    return found[0]

"""Recorded definitions, what Tekton makes of them, and each of them changed in every place."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fakes import signers
from fakes.mutation import Place, places

from sealwright.core.errors import Permanent
from sealwright.core.proof import resource as proof
from sealwright.core.proof.resource import ResourceKey
from sealwright.core.tekton import resources

FILE = Path(__file__).parents[1] / "vectors" / "resources.jsonl.gz"
RECORDED: list[dict[str, Any]] = [json.loads(line) for line in gzip.decompress(FILE.read_bytes()).splitlines()]
# Written as Tekton writes it, each text means itself: any other text means something else.
CANONICAL: list[str] = [case["controller"] for case in RECORDED if case["controller"] is not None]

KEY = signers.key()
_TRUSTED = ResourceKey(key=KEY.public)
_GONE = object()
# What Tekton puts back where it is taken away: defaults.
_DEFAULTS = ("type", "kind", "divisor")


def accepted_changes(text: str, count: int) -> list[Any]:
    """The changes of a signed definition, `count` of all that there are, that are accepted; the unchanged one must be."""
    document = _signed(text)
    assert _is_accepted(document)
    listed = list(_changes(document))
    return [change for change in listed[:: max(1, len(listed) // count)] if _is_accepted_with(document, *change)]


def _signed(text: str) -> Any:
    signature = proof.annotation(KEY.sign(resources.read(text.encode(), "f").digest, "sha256"))
    return json.loads(resources.signed(text.encode(), "f", "controller", signature))


def _changes(document: Any) -> Iterator[tuple[Place, Any]]:
    """Each place changed, taken away, doubled and turned round; but not where Tekton would put the same thing back."""
    for place in places(document):
        if place[-1] in ("metadata", "spec", "tekton.dev/signature") or place == ("metadata", "annotations"):
            continue
        found = _at(document, place)
        yield from ((place, other) for other in _others(found))
        if place[-1] not in _DEFAULTS and _is_something(found):
            yield place, _GONE


def _others(found: Any) -> list[Any]:
    if isinstance(found, bool):
        return [not found]
    if isinstance(found, int):
        return [found + 1, -found - 1, str(found)]
    if isinstance(found, str):
        swapped = found.swapcase()
        shorter = found[:-1] if found and found != "0s" else "y"  # "0" is as long as "0s"
        return [f"{found}x", shorter, swapped if swapped != found else "z", 7]
    if isinstance(found, list) and found:
        return [[*found, found[0]], *([found[::-1]] if found[::-1] != found else [])]
    return []


def _is_something(found: Any) -> bool:
    """What leaves a trace: neither empty nor a struct of nothing."""
    return any(map(_is_something, found.values())) if isinstance(found, dict) else found not in ("", [], None, False, 0)


def _at(document: Any, place: Place) -> Any:
    for key in place:
        document = document[key]
    return document


def _is_accepted_with(document: Any, place: Place, new: Any) -> bool:
    parent, key = _at(document, place[:-1]), place[-1]
    old = parent[key]
    if new is _GONE:
        del parent[key]
    else:
        parent[key] = new
    try:
        return _is_accepted(document)
    finally:
        if new is _GONE and isinstance(parent, list):
            parent.insert(key, old)
        else:
            parent[key] = old


def _is_accepted(document: Any) -> bool:
    try:
        proof.prove(resources.read(json.dumps(document).encode(), "f"), _TRUSTED)
    except Permanent:
        return False
    return True

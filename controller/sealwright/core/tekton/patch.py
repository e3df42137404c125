"""The writes on a run, as JSON patches (RFC 6902) that fail instead of guessing when the object has moved on (design D6).

Each begins with a test of the uid, so it can never touch, or re-create, another object of the same name; each finalizer
that goes is tested at the place it is removed from. A failed test is answered 422: the caller reads once and builds anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sealwright.core.model import Kind, value
from sealwright.core.tekton.annotations import PREFIX

MEDIA_TYPE = "application/json-patch+json"

Operation = dict[str, Any]


@value
class Seen:
    """The part of an object's metadata that a patch depends on, as it was last seen."""

    uid: str
    finalizers: tuple[str, ...] = ()
    has_annotations: bool = False
    passing: tuple[str, ...] = ()  # those of `marks.PASSING` that stand on it


def finalizer(kind: Kind) -> str:
    """Chains' own, so that either program can remove what the other put there."""
    return f"{PREFIX}{kind.lower()}"


def is_ours(name: str) -> bool:
    """Ours, and those of every Chains since 0.24: `chains.tekton.dev`, `chains.tekton.dev/taskrun`, `.../pipelinerun`."""
    return name in ("chains.tekton.dev", finalizer("TaskRun"), finalizer("PipelineRun"))


def hold(kind: Kind, seen: Seen) -> bytes | None:
    """Add our finalizer; None if one that keeps the object is there already."""
    if any(map(is_ours, seen.finalizers)):
        return None
    add: Operation = (
        {"op": "add", "path": "/metadata/finalizers/-", "value": finalizer(kind)}
        if seen.finalizers
        else {"op": "add", "path": "/metadata/finalizers", "value": [finalizer(kind)]}
    )
    # With a list there, "-" appends whatever it holds by then; without one, `add` would replace a list made meanwhile.
    absent = [] if seen.finalizers else [_absent("/metadata/finalizers")]
    return msgspec.json.encode([_same_object(seen), *absent, add])


def settle(seen: Seen, annotations: Mapping[str, str]) -> bytes | None:
    """Put the marks on and take every finalizer of ours off, in one write; None if there is nothing to write."""
    added = _add(seen, annotations) if annotations else []
    passed = [_gone(name) for name in seen.passing if annotations and name not in annotations]
    removed = _remove(seen.finalizers)
    return msgspec.json.encode([_same_object(seen), *added, *passed, *removed]) if added or removed else None


def note(seen: Seen, annotations: Mapping[str, str]) -> bytes:
    """Put annotations on, and leave the finalizers."""
    return msgspec.json.encode([_same_object(seen), *_add(seen, annotations)])


def _add(seen: Seen, annotations: Mapping[str, str]) -> list[Operation]:
    if not seen.has_annotations:
        return [_absent("/metadata/annotations"), {"op": "add", "path": "/metadata/annotations", "value": dict(annotations)}]
    return [{"op": "add", "path": f"/metadata/annotations/{_escaped(key)}", "value": annotations[key]} for key in annotations]


def _gone(name: str) -> Operation:
    return {"op": "remove", "path": f"/metadata/annotations/{_escaped(name)}"}


def _remove(finalizers: Sequence[str]) -> list[Operation]:
    """From the last to the first, so that places do not move; every copy."""
    operations: list[Operation] = []
    for n in range(len(finalizers) - 1, -1, -1):
        if is_ours(finalizers[n]):
            path = f"/metadata/finalizers/{n}"
            operations += [{"op": "test", "path": path, "value": finalizers[n]}, {"op": "remove", "path": path}]
    return operations


def _same_object(seen: Seen) -> Operation:
    return {"op": "test", "path": "/metadata/uid", "value": seen.uid}


def _absent(path: str) -> Operation:
    """Nothing is there: the API server's patch library takes null for what does not exist (tried on 1.34)."""
    return {"op": "test", "path": path, "value": None}


def _escaped(key: str) -> str:
    """A JSON pointer token (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")

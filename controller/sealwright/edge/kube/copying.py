"""Copies what Chains is configured with from one namespace to another: the Secret with its keys, and its ConfigMap."""

from typing import Any

import msgspec

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.core.model import value
from sealwright.edge.kube.client import Api

# What is copied. The operator that Chains was installed with deletes both when Chains is switched off there.
OBJECTS = (("Secret", "signing-secrets"), ("ConfigMap", "chains-config"))
_CONTENT = ("data", "binaryData")


@value
class Copied:
    """What became of one object: `state` is copied, there (equal already), absent, or different."""

    kind: str
    name: str
    state: str
    entries: tuple[str, ...] = ()


async def copy(api: Api, kind: str, name: str, source: str, target: str, *, writes: bool) -> Copied:
    """Make the same object in `target`, without its owners: whoever deletes those must not delete the copy.

    What is there and different is never replaced. Without `writes` it says what it would do.
    """
    there = await _read(api, kind, name, source)
    before = await _read(api, kind, name, target)
    if there is None or not _content(there):
        return Copied(kind=kind, name=name, state="absent")
    entries = tuple(sorted(entry for part in _content(there).values() for entry in part))
    if before is not None and _content(before):
        state = "there" if _content(before) == _content(there) else "different"
        return Copied(kind=kind, name=name, state=state, entries=entries)
    if writes:
        made = before or {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": target}}
        sort = {"type": there["type"]} if "type" in there else {}
        await _write(api, made | _content(there) | sort, is_new=before is None)
    return Copied(kind=kind, name=name, state="copied", entries=entries)


async def make_namespace(api: Api, name: str) -> None:
    """There already is a success."""
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await _send(api, "POST", "/api/v1/namespaces", body, also=409)


async def _read(api: Api, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
    body = await api.get(f"{_path(kind, namespace)}/{name}")
    found: dict[str, Any] | None = msgspec.json.decode(body) if body is not None else None
    return found


async def _write(api: Api, made: dict[str, Any], *, is_new: bool) -> None:
    """An empty object of that name, which an installation made, is filled, and keeps its own metadata."""
    path = _path(made["kind"], made["metadata"]["namespace"])
    method, where = ("POST", path) if is_new else ("PUT", f"{path}/{made['metadata']['name']}")
    await _send(api, method, where, made)


async def _send(api: Api, method: str, path: str, body: dict[str, Any], also: int = 0) -> None:
    status, answer = await api.send(method, path, msgspec.json.encode(body))
    if status == 409 != also:
        raise Transient(Reason.UNAVAILABLE, f"{path}: somebody else changed it at the same time; try again")
    if status >= 300 and status != also:
        raise Permanent(Reason.INVALID_INPUT, f"{method} {path}: the API server answered {status}: {answer[:256]!r}")


def _content(found: dict[str, Any]) -> dict[str, Any]:
    return {part: found[part] for part in _CONTENT if found.get(part)}


def _path(kind: str, namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/{kind.lower()}s"

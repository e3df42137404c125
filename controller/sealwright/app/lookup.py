"""What a cluster says of one run, for a person who asks: the run with its children, the configuration, and its Events."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from sealwright.core.errors import Fault, Permanent, Reason, quote
from sealwright.core.model import Key, Kind, value
from sealwright.core.tekton import family, runs
from sealwright.core.tekton.runs import PipelineRun, Run
from sealwright.edge.kube import login
from sealwright.edge.kube.client import Api
from sealwright.edge.kube.runs import RunReader
from sealwright.edge.kube.settings import CONFIG
from sealwright.flow import reconcile

# The last ones are what matters, and a run that fails for a day has one for each reason.
EVENTS_SHOWN = "50"


@value
class Seen:
    """`config` is the data of the ConfigMap `chains-config`; None where there is none, or the asker may not read it."""

    run: Run
    config: Mapping[str, str] | None
    events: tuple[str, ...]


class _Event(msgspec.Struct):
    type: str = ""
    reason: str = ""
    message: str = ""


class _Events(msgspec.Struct):
    items: list[_Event] | None = None


class _ConfigMap(msgspec.Struct):
    data: dict[str, str] | None = None


async def look(kubeconfig: Path | None, kind: Kind, namespace: str, name: str) -> Seen:
    """Reads and changes nothing. An empty `namespace` is that of the kubeconfig's context, else `default`.

    Raises Permanent(NOT_FOUND) where there is no such run, Transient where the API server refuses or cannot be reached.
    """
    found = login.find(kubeconfig)
    key = Key(kind=kind, namespace=namespace or found.namespace or "default", name=name)
    async with Api(found) as api:
        source = RunReader(api)
        body = await source.fetch(key) if key.namespace.isprintable() and "/" not in key.namespace else None
        if body is None:
            raise Permanent(Reason.NOT_FOUND, f"{found.server}: no {kind} {quote(name)} in the namespace {quote(key.namespace)}")
        run = runs.read(body)
        if isinstance(run, PipelineRun):
            run = runs.with_children(run, family.gather(run, await reconcile.children(run, source)).children)
        return Seen(run=run, config=await _config(api), events=await _events(api, key.namespace, run.metadata.uid))


async def read_config(api: Api) -> Mapping[str, str] | None:
    """The data of the ConfigMap `chains-config`; None where there is none. Raises like `Api.get`."""
    system = os.environ.get("SYSTEM_NAMESPACE", "tekton-chains")
    body = await api.get(f"/api/v1/namespaces/{system}/configmaps/{CONFIG}")
    return msgspec.json.decode(body, type=_ConfigMap).data or {} if body is not None else None


async def _config(api: Api) -> Mapping[str, str] | None:
    try:
        return await read_config(api)
    except Fault:
        return None


async def _events(api: Api, namespace: str, uid: str) -> tuple[str, ...]:
    """Tekton writes on runs too; a person who asks why wants both."""
    try:
        selector = {"fieldSelector": f"involvedObject.uid={uid}", "limit": EVENTS_SHOWN}
        body = await api.get(f"/api/v1/namespaces/{namespace}/events", **selector)
    except Fault:
        return ()
    items = msgspec.json.decode(body or b"{}", type=_Events).items or ()
    return tuple(f"{item.type} {item.reason}: {item.message}" for item in items)

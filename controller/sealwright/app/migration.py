"""Before Chains is switched off in the operator that installed it: its key and its configuration, copied out of its reach."""

from pathlib import Path

from sealwright.core.errors import Permanent, Reason, quote
from sealwright.edge.kube import login
from sealwright.edge.kube.client import Api
from sealwright.edge.kube.copying import OBJECTS, Copied, copy, make_namespace


async def migrate(kubeconfig: Path | None, source: str, target: str, *, writes: bool) -> tuple[Copied, ...]:
    """Copy Secret and ConfigMap. Nothing is written where one of them is there and different: the user decides which counts.

    Raises Permanent(INVALID_INPUT) for a target that is the source, Transient where the API server cannot be asked.
    """
    if source == target:
        raise Permanent(Reason.INVALID_INPUT, f"{quote(source)} is where it comes from and where it goes to; name two namespaces")
    async with Api(login.find(kubeconfig)) as api:
        planned = tuple([await copy(api, kind, name, source, target, writes=False) for kind, name in OBJECTS])
        if not writes or any(found.state == "different" for found in planned):
            return planned
        if any(found.state == "copied" for found in planned):
            await make_namespace(api, target)
        return tuple([await copy(api, kind, name, source, target, writes=True) for kind, name in OBJECTS])

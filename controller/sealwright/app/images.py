"""Asks a registry what it keeps about an image, for the person at the terminal."""

import os
from pathlib import Path

from sealwright.core.errors import Reason, Transient
from sealwright.core.oci import Image
from sealwright.core.policy.evidence import Evidence
from sealwright.edge.clock import SystemClock
from sealwright.edge.registry import found
from sealwright.edge.registry.access import Access
from sealwright.edge.registry.dockerlogins import DockerLogins
from sealwright.edge.registry.reach import Reach
from sealwright.edge.registry.repository import Repository
from sealwright.edge.registry.transport import Transport


async def evidence(image: Image, *, insecure: bool = False) -> list[Evidence]:
    """All that is found, unproven. Raises Transient: UNAVAILABLE, LOGIN_REFUSED; and as `Repository`."""
    # Who names the image names its registry, wherever that is; where the registry sends us on is judged as always.
    reach = Reach(vouched=frozenset({image.registry}), insecure=insecure)
    folder = Path(os.environ.get("DOCKER_CONFIG", "") or Path.home() / ".docker")
    clock = SystemClock()
    async with Transport(reach, clock) as transport:
        access = Access(transport, DockerLogins(folder / "config.json"), clock)
        repository = Repository(transport, access, image, None, "pull")
        try:
            return [piece async for piece in found.evidence(repository, image)]
        except Transient as fault:
            if fault.reason is not Reason.LOGIN_REFUSED:
                raise
            message = f"{image.registry} wants a login, and {folder / 'config.json'} has none that it accepts: use docker login"
            raise Transient(Reason.LOGIN_REFUSED, message) from fault

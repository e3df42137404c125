"""Where attestations are kept: one file for each word that `artifacts.*.storage` may name.

A member has `NAMES` and `open(settings, tools)`, an asynchronous context manager that gives a `ports.Store`. `settings` are
those below its own prefix (`storage.<word>.`); it reads them itself and raises Permanent(INVALID_CONFIG) with the key's name
where one is missing or wrong. Libraries of services are imported inside `open`, so that a missing one is felt by those
alone who asked for it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sealwright.core.model import value
from sealwright.edge.clock import SystemClock, chance
from sealwright.edge.output import Output
from sealwright.ports import Clock

if TYPE_CHECKING:  # a folder needs no network, and does not load what speaks over it
    from sealwright.edge.kube.client import Api


@value
class Tools:
    """What a store may use beside its own settings.

    `output` is the folder of results; None in a cluster. `api` is the cluster's server, where logins of runs are found. `strict`
    is `profile: strict`.
    """

    output: Output | None = None
    api: "Api | None" = None
    clock: Clock = SystemClock()
    chance: Callable[[], float] = chance
    strict: bool = False

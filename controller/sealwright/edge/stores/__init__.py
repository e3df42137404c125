"""Where attestations are kept: one file for each word that `artifacts.*.storage` may name.

A member has `NAMES` and `open(settings, tools)`, an asynchronous context manager that gives a `ports.Store`. `settings` are
those below its own prefix (`storage.<word>.`); it reads them itself and raises Permanent(INVALID_CONFIG) with the key's name
where one is missing or wrong. `IS_FAR = True` stands where it waits for hosts that may never answer. Libraries of services are
imported inside `open`, so that a missing one is felt by those alone who asked for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from sealwright.core.config import Settings
from sealwright.core.errors import Permanent, Reason
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
    is `profile: strict`. `environment` are the process's variables: they hold passwords. `key_reference` is the URI of the key
    service's key, empty without one.
    """

    output: Output | None = None
    api: "Api | None" = None
    clock: Clock = SystemClock()
    chance: Callable[[], float] = chance
    strict: bool = False
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    key_reference: str = ""


def needed(settings: Settings, key: str) -> str:
    """The setting that the store cannot work without; `key` is its whole name. Raises Permanent(INVALID_CONFIG)."""
    _, store, name = key.split(".", 2)
    found = str(settings.get(name, "")).strip()
    if not found:
        raise Permanent(Reason.INVALID_CONFIG, f"{key} is not set, and the store {store} cannot work without it")
    return found

"""The controller in a cluster: the same flow as over a folder, with the API server as its source and mark."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sealwright import plugins
from sealwright.app.configuration import parse_config
from sealwright.app.running import refresh_keys, until_signal
from sealwright.core.config import Config
from sealwright.core.errors import Fault, Permanent, Reason
from sealwright.core.model import value
from sealwright.core.proof.attestation import TrustedKey
from sealwright.edge.clock import SystemClock, chance, wall_now
from sealwright.edge.kube import login, notices, settings
from sealwright.edge.kube.client import Api
from sealwright.edge.kube.notices import Notice
from sealwright.edge.kube.runs import ClusterRuns
from sealwright.edge.kube.watch import Watch
from sealwright.edge.reports import Log
from sealwright.edge.signers import x509
from sealwright.flow.controller import Controller
from sealwright.ports import Equipment, Signer

KEYS = Path("/etc/signing-secrets")
# Runs that finished longer ago than this before the start are left alone (design D8).
HISTORY = timedelta(days=7)
# Stores that need nothing but the run itself; registries and the like follow.
_STORES = ("tekton",)


@value
class ClusterOptions:
    """`namespaces` empty means all."""

    kubeconfig: Path | None
    namespaces: Sequence[str]
    keys: Path
    all_history: bool = False

    @property
    def system(self) -> str:
        """Where our ConfigMap and Secrets are."""
        return os.environ.get("SYSTEM_NAMESPACE", "tekton-chains")


async def run_cluster(options: ClusterOptions, log: Log) -> None:
    """Until SIGTERM. Raises Fault where it cannot begin: no API server to be found, no usable configuration or key."""
    clock = SystemClock()
    async with Api(login.find(options.kubeconfig)) as api:
        ring = await settings.receipt_ring(api, options.system)
        async with _equipment(api, options, log) as current:
            since = wall_now() - HISTORY
            watch = Watch(api, clock, options.namespaces, log.problem)
            accepts = _accepts(current, since, all_history=options.all_history)
            source = ClusterRuns(api, watch, lambda: ring, accepts)
            controller = Controller(source, current, log.run, clock, chance)
            log.note("started", namespaces=list(options.namespaces) or "all")
            await until_signal(controller.run())


def _accepts(current: Callable[[], Equipment], since: datetime, *, all_history: bool) -> Callable[[Notice], bool]:
    """Ours to sign: Tekton's own or added by `filter.managed-by`, and not finished long before the start."""

    def accepts(found: Notice) -> bool:
        if not notices.is_tektons(found, current().config.managed_by):
            return False
        return all_history or not found.completed or datetime.fromisoformat(found.completed) >= since

    return accepts


@asynccontextmanager
async def _equipment(api: Api, options: ClusterOptions, log: Log) -> AsyncIterator[Callable[[], Equipment]]:
    """The equipment in force; a changed ConfigMap or key swaps it as a whole, a bad one leaves the last good one."""
    clock = SystemClock()
    cell: list[Equipment] = []
    changes = settings.follow_config(api, clock, options.system, log.problem)
    _, data = await anext(changes)
    cell.append(await _equip(data, options))

    async def follow() -> None:
        async for version, changed in changes:
            try:
                cell[0] = await _equip(changed, options)
                log.note("took a new configuration", version=version)
            except Fault as fault:
                log.problem("ConfigMap chains-config", fault)

    def signers() -> Iterable[Signer]:
        return cell[0].signers.values()

    follower = asyncio.ensure_future(follow())
    refresher = asyncio.ensure_future(refresh_keys(signers, clock, log))
    try:
        yield lambda: cell[0]
    finally:
        follower.cancel()
        refresher.cancel()


async def _equip(data: Mapping[str, str], options: ClusterOptions) -> Equipment:
    config = parse_config(data).config
    _refuse_unbuilt_stores(config)
    signers: dict[str, Signer] = {}
    trusted: list[TrustedKey] = []
    if config.signers_in_use:
        signer = await x509.open(options.keys, config.x509_hash)
        signers["x509"] = signer
        trusted.append(TrustedKey(key=signer.public, form=config.x509_hash))
    rooms = plugins.members("sealwright.edge.stores")
    stores = {word: rooms[word].open(None) for word in _STORES}
    return Equipment(config=config, signers=signers, stores=stores, trusted=tuple(trusted))


def _refuse_unbuilt_stores(config: Config) -> None:
    missing = sorted(config.stores_in_use - set(_STORES))
    if missing:
        asking = [sort for sort, found in config.artifacts.items() if set(found.storage) & set(missing)]
        keys = ", ".join(f"artifacts.{sort}.storage" for sort in asking)
        message = f"in a cluster this version stores in the run itself only, not in {', '.join(missing)}: set {keys} to tekton"
        raise Permanent(Reason.INVALID_CONFIG, message)

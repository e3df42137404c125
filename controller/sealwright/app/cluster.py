"""The controller in a cluster: the same flow as over a folder, with the API server as its source and mark."""

import asyncio
import contextlib
import os
import zlib
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sealwright import __version__
from sealwright.app import stores
from sealwright.app.configuration import parse_config
from sealwright.app.gear import Gear
from sealwright.app.logs import open_log
from sealwright.app.running import REFRESH_S, refresh_keys, together, until_signal
from sealwright.app.signers import Signers, expiries, trusted
from sealwright.app.timestamps import open_timestamper
from sealwright.core.errors import Fault
from sealwright.core.model import Finding, Key, value
from sealwright.core.shards import SHARDS
from sealwright.core.tekton.receipt import RingKey
from sealwright.edge import signing
from sealwright.edge.audit import Audit
from sealwright.edge.clock import SystemClock, chance, wall_now
from sealwright.edge.kube import login, notices, settings
from sealwright.edge.kube.client import Api
from sealwright.edge.kube.definitions import ClusterDefinitions
from sealwright.edge.kube.events import Events
from sealwright.edge.kube.leases import Leases
from sealwright.edge.kube.notices import Notice
from sealwright.edge.kube.outbox import KubeOutbox
from sealwright.edge.kube.runs import ClusterRuns
from sealwright.edge.kube.shards import Shards
from sealwright.edge.kube.watch import Watch
from sealwright.edge.metrics import Metrics
from sealwright.edge.reports import Log
from sealwright.edge.signing import CheckedSigner
from sealwright.edge.status import History, Status, Waiting
from sealwright.edge.stores import Tools
from sealwright.edge.web import Address, Web
from sealwright.flow.controller import Controller
from sealwright.flow.outbox import settle_one
from sealwright.flow.reconcile import Circumstances, Report, reconcile
from sealwright.ports import Equipment

# What has begun may take this long to end after SIGTERM; the kubelet kills after 40 s.
STOP_S = 25.0
KEYS = Path("/etc/signing-secrets")
# Runs that finished longer ago than this before the start are left alone (design D8).
HISTORY = timedelta(days=7)
# Keys of changed runs that may wait: a quarter of a kilobyte each, and more than one tenant's burst.
LIVE_ROOM = 20_000


@value
class ClusterOptions:
    """`namespaces` empty means all."""

    kubeconfig: Path | None
    namespaces: Sequence[str]
    keys: Path
    address: Address
    all_history: bool = False
    audit_log: Path | None = None

    @property
    def system(self) -> str:
        """Where our ConfigMap and Secrets are."""
        return os.environ.get("SYSTEM_NAMESPACE", "tekton-chains")


async def run_cluster(options: ClusterOptions, log: Log) -> None:
    """Until SIGTERM or SIGINT. What is missing (a key, a configuration, the API server) is waited for, and said at /readiness.

    Raises Permanent where it cannot even begin: no API server is named, or the ports are taken.
    """
    audit = Audit(options.audit_log) if options.audit_log else None
    try:
        async with Api(login.find(options.kubeconfig)) as api:
            cluster = _Cluster(api, options, log, audit)
            await until_signal(cluster.run(), cluster.wind_down)
    finally:
        if audit:
            audit.close()


class _Cluster:
    """One controller with everything that is plugged into it."""

    def __init__(self, api: Api, options: ClusterOptions, log: Log, audit: Audit | None) -> None:
        self._api, self._options, self._log, self._audit = api, options, log, audit
        self._clock = SystemClock()
        self._started = wall_now()
        self._history = History()
        self._controllers: list[Controller] = []
        self._is_stopping = False
        self._receipt_keys: Sequence[RingKey] = ()
        self._metrics = Metrics(__version__, self._waiting)
        self._events = Events(api, self._clock, _unix_s, self._metrics.event, instance=os.environ.get("HOSTNAME", "sealwright"))
        tools = signing.Tools(keys=options.keys, clock=self._clock, unix_s=_unix_s, environment=os.environ)
        self._opened = Signers(tools)
        self._gear = Gear(self._equip, self._clock, self._taken, self._refused)
        self._metrics.watch_signers(lambda: expiries(self._signers()))
        self._watch = Watch(api, self._clock, options.namespaces, log.problem)
        name, start = _replica()
        self._shards = Shards(
            Leases(api, options.system, _scope(options.namespaces), wall_now), self._clock, name, start, log.problem
        )
        self._outbox = KubeOutbox(
            api,
            self._clock,
            options.system,
            scope=options.namespaces,
            claims=self._shards.claim,
            on_problem=log.problem,
        )

    async def run(self) -> None:
        """Until it is cancelled; then what is open is closed."""
        try:
            await self._run()
        finally:
            await self._gear.close()
            await self._opened.close()

    async def _run(self) -> None:
        async with Web(self._options.address, self._status, self._metrics.render, self._clock), asyncio.TaskGroup() as group:
            changes = settings.follow_config(self._api, self._clock, self._options.system, self._log.problem)
            group.create_task(self._gear.follow(changes))
            group.create_task(refresh_keys(lambda: self._signers().values(), self._clock, self._log))
            group.create_task(self._events.send())
            await self._gear.ready()
            self._receipt_keys = await self._ring()
            group.create_task(self._follow_ring())
            group.create_task(self._shards.run())
            self._log.note("started", namespaces=list(self._options.namespaces) or "all", replica=self._shards.replica)
            self._controllers = [self._runs_controller(), self._outbox_controller()]
            for controller in self._controllers:
                group.create_task(controller.run())

    async def wind_down(self) -> None:
        """Begin nothing new, finish what has begun, and hand over each shard as soon as it is idle."""
        self._is_stopping = True
        self._shards.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await asyncio.gather(*(controller.stop() for controller in self._controllers))
        await self._shards.leave()

    def _runs_controller(self) -> Controller:
        source = ClusterRuns(
            self._api,
            self._watch,
            shards=self._shards,
            outbox=self._outbox,
            ring=lambda: self._receipt_keys,
            accepts=self._accepts,
        )

        def look(key: Key, at: Circumstances) -> Awaitable[Report]:
            return reconcile(key, source, self._current(), at)

        return Controller(source, look, self._report, self._clock, chance, live_room=LIVE_ROOM)

    def _outbox_controller(self) -> Controller:
        def look(key: Key, _at: Circumstances) -> Awaitable[Report]:
            return settle_one(key, self._outbox, self._current())

        return Controller(self._outbox, look, self._report, self._clock, chance)

    async def _ring(self) -> Sequence[RingKey]:
        while True:
            try:
                return await settings.receipt_ring(self._api, self._options.system)
            except Fault as fault:
                self._log.problem(f"Secret {settings.RING}", fault)
                await self._clock.sleep(settings.RETRY_S)

    async def _follow_ring(self) -> None:
        """Replicas that do not know each other's keys would replace each other's receipts for ever."""
        while True:
            await self._clock.sleep(REFRESH_S)
            self._receipt_keys = await self._ring()

    def _report(self, found: Report) -> None:
        self._log.run(found)
        now_s = _unix_s()
        completed = _seconds(found.completed)
        self._metrics.run(found, now_s, completed if completed and completed >= self._started.timestamp() else None)
        self._history.run(found, now_s)
        self._events.run(found)
        self._write_audit(found, now_s)

    def _write_audit(self, found: Report, now_s: float) -> None:
        """A full disk does not stop signing; it is said each time."""
        try:
            if self._audit and self._audit.run(found, now_s):
                self._metrics.audited()
        except Fault as fault:
            self._log.problem("audit log", fault)

    def _status(self) -> Status:
        unmet = [self._gear.obstacle] if self._gear.obstacle else []
        if not self._watch.synced.is_set():
            unmet.append(Finding(where="watch", message="the API server has not answered yet"))
        if self._shards.obstacle:
            unmet.append(Finding(where="leases", message=self._shards.obstacle))
        return Status(
            version=__version__,
            at_s=_unix_s(),
            started_s=self._started.timestamp(),
            generation=self._gear.version,
            unmet=unmet,
            is_stopping=self._is_stopping,
            warnings=self._gear.warnings,
            keys=self._key_ids(),
            looks=self._history.looks,
            waiting=self._waiting(),
            failures=self._history.failures,
        )

    def _waiting(self) -> list[Waiting]:
        self._metrics.shards(len(self._shards.held), SHARDS)
        self._metrics.outbox(self._outbox.load.count, self._outbox.load.size)
        return [
            Waiting(kind=found.kind, lane=found.lane, count=found.count, oldest_s=found.oldest_s)
            for controller in self._controllers
            for found in controller.waiting()
        ]

    def _current(self) -> Equipment:
        """With the keys that sign now."""
        return replace(self._gear.current(), trusted=trusted(self._signers()))

    def _signers(self) -> Mapping[str, CheckedSigner]:
        signers = {} if self._gear.obstacle else self._gear.current().signers
        return {word: signer for word, signer in signers.items() if isinstance(signer, CheckedSigner)}

    def _key_ids(self) -> Mapping[str, str]:
        return {word: signer.key_id for word, signer in self._signers().items()}

    def _accepts(self, found: Notice) -> bool:
        """Ours to sign: Tekton's own or added by `filter.managed-by`, and not finished long before the start."""
        if not notices.is_tektons(found, self._gear.current().config.managed_by):
            return False
        completed = _seconds(found.completed)
        return self._options.all_history or not completed or completed >= (self._started - HISTORY).timestamp()

    def _taken(self, version: str) -> None:
        self._metrics.config_taken(version, _unix_s())
        self._log.note("took a configuration", version=version)

    def _refused(self, fault: Fault) -> None:
        self._metrics.config_refused()
        self._log.problem("ConfigMap chains-config", fault)

    async def _equip(self, data: Mapping[str, str]) -> tuple[Equipment, tuple[Finding, ...]]:
        parsed = parse_config(data)
        config = parsed.config
        own_log, own_clock = open_log(config, _unix_s), open_timestamper(config, _unix_s)
        given = Tools(api=self._api, clock=self._clock, strict=config.profile == "strict", environment=os.environ)
        opened = stores.OwnStores(config, given)
        # Before the stores, whose faults stop nothing: once the signers of the configuration before are given up, nothing may.
        signers = await self._opened.equip(config, config.signers_in_use)
        faults = await opened.open()
        shut = tuple(Finding(where=f"store {word}", message=str(fault)) for word, fault in faults.items())
        close = together(opened.close, own_log.close, own_clock.close)
        judging = ClusterDefinitions(self._api, self._options.system, config.verdicts) if config.verdicts else None
        tools = Equipment(
            config=config,
            signers=signers,
            stores=opened.by_word,
            log=own_log.log,
            timestamper=own_clock.timestamper,
            close=close,
            definitions=judging,
        )
        return tools, (*parsed.warnings, *shut)


def _scope(namespaces: Sequence[str]) -> str:
    """A word for the part of the cluster that we and our replicas look after."""
    return f"{zlib.crc32(','.join(sorted(namespaces)).encode()):08x}" if namespaces else "all"


def _replica() -> tuple[str, str]:
    """Our name among replicas, and a word for this start. A pod's name is its own: what died under it is taken over at once."""
    start = f"{int(chance() * 16**8):08x}"
    pod = os.environ.get("POD_NAME", "")
    return (pod, start) if pod else (f"{os.environ.get('HOSTNAME', 'sealwright').lower()[:63]}-{start}", start)


def _unix_s() -> float:
    return wall_now().timestamp()


def _seconds(text: str) -> float:
    """Seconds after 1970 of a time in an object; 0 for none, or one that cannot be read."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else 0.0
    except ValueError:
        return 0.0

"""Reports -> Prometheus metrics. Labels hold words of our own only: never a run, a namespace or an image.

Names: Chains' own in `chainsmetrics`, ours begin with `sealwright_`. Nothing else in the program counts.
"""

from collections import Counter as Counter_
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric

from sealwright.core.errors import Reason
from sealwright.core.model import Kind, Outcome
from sealwright.edge import status
from sealwright.edge.chainsmetrics import ChainsMetrics, queue_depths
from sealwright.edge.reports import Look
from sealwright.edge.status import Waiting

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# From what a hot path takes to what an outage takes; 60 s is the promise that alerts watch.
BUCKETS_S = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600)

_KINDS: tuple[Kind, ...] = ("TaskRun", "PipelineRun")


class Spoof(StrEnum):
    """What somebody pretended."""

    MARK = "mark"  # a run says that it is signed, and our record says otherwise
    RECEIPT = "receipt"  # a receipt that we did not issue
    CHILD = "child"  # an object that calls itself the child of a PipelineRun


# What was found of a run's remote definition -> its word in the metric; the others were accepted.
_VERDICTS: dict[Reason | None, str] = {
    Reason.DEFINITION_REFUSED: "fail",
    Reason.DEFINITION_DOUBTED: "warn",
    Reason.DEFINITION_UNKNOWN: "unknown",
}
_SPOOFS: dict[Reason | None, Spoof] = {Reason.CHILD_FORGED: Spoof.CHILD, Reason.SPOOFED_MARK: Spoof.MARK}


class _Bound(dict[tuple[str, ...], Counter]):
    """Label values -> their counter, bound when first counted: finding it by label values costs as much as counting."""

    def __init__(self, family: Counter) -> None:
        super().__init__()
        self._family = family

    def __missing__(self, values: tuple[str, ...]) -> Counter:
        made = self[values] = self._family.labels(*values)
        return made


class Metrics:
    """All metrics of one program, in a registry of their own. `waiting` is asked at each scrape."""

    def __init__(self, version: str, waiting: Callable[[], Iterable[Waiting]]) -> None:
        # A second series for each counter, which this text format has no word for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        registry.register(_Queue(waiting))
        self.chains = ChainsMetrics(registry)

        def counters(name: str, text: str, *labels: str) -> _Bound:
            return _Bound(Counter(f"sealwright_{name}_total", text, labels, registry=registry))

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"sealwright_{name}", text, labels, registry=registry)

        self._observed = counters("runs_observed", "Looks at runs, by what they came to", "kind", "outcome")
        self._attempts = counters("sign_attempts", "Attempts to sign a run, by the first failure", "kind", "result", "reason")
        self._stored = counters("store", "Attestations given to a store", "backend", "result")
        self._skipped = counters("skipped", "Runs that were marked, but not signed", "reason")
        self._spoofed = counters("spoof_attempts", "Marks, receipts and children that are not what they say", "type")
        self._definitions = counters("definitions_judged", "Remote definitions of finished runs, judged again", "kind", "result")
        self._events = counters("events", "Kubernetes Events, written and dropped", "result")
        self._audited = Counter("sealwright_audit_records_total", "Lines written to the audit log", registry=registry)
        self._signed_after = Histogram(
            "sealwright_time_to_signed_seconds",
            "From a run's completion to its mark, for runs that finished while we watched",
            ["kind"],
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._signed_after_kind = {kind: self._signed_after.labels(kind) for kind in _KINDS}
        self._dependency = gauge("dependency_up", "Whether something that signing needs answered last time", "dependency")
        self._is_up: dict[str, Gauge] = {}  # bound once: this is asked for with each signature
        self._config = gauge("config_info", "The configuration in force", "generation")
        self._reload_good = gauge("config_last_reload_successful", "Whether the newest configuration is in force")
        self._reload_at = gauge("config_last_reload_success_timestamp_seconds", "When the configuration was taken")
        self._leader = gauge("leader", "Whether this replica holds a shard")
        self._shards = gauge("shards", "Shards, by whether this replica holds them", "state")
        self._outbox_count = gauge("outbox_runs", "Runs that are gone and of which something is still owed")
        self._outbox_size = gauge("outbox_bytes", "What the outbox takes, in bytes")
        gauge("build_info", "The program", "version").labels(version).set(1)
        for kind in Spoof:
            _ = self._spoofed[kind,]  # shown from the start, so that the first one is an increase

    def run(self, found: Look, now_s: float, completed_s: float | None) -> None:
        """Count one look. Both times are seconds after 1970; `completed_s` is None for a run found finished (history)."""
        kind, state = found.key.kind, str(found.state)
        self._observed[kind, state].inc()
        self.chains.run(found)
        for outcome in found.outcomes:
            self._store(outcome)
            self._answers(outcome)
        for finding in found.findings:
            if finding.where == "definition":
                self._definitions[kind, _VERDICTS.get(status.reason(finding), "accepted")].inc()
            if spoof := _SPOOFS.get(status.reason(finding)):
                self.spoofed(spoof)
        if state == "signed":
            self._attempts[kind, "success", ""].inc()
            if completed_s is not None:
                self._signed_after_kind[kind].observe(max(0.0, now_s - completed_s))
        elif state in ("failed", "kept", "released"):
            self._attempts[kind, "failure", str(found.failures[0].reason) if found.failures else ""].inc()
        elif state == "skipped":
            self.skipped(Reason.DISABLED)

    def _store(self, outcome: Outcome) -> None:
        for receipt in outcome.receipts:
            self._stored[receipt.store, "success"].inc()
        if any(failure.stage == "store" for failure in outcome.failures):
            # A failure does not name its store; the one that gave no receipt does.
            for word in set(outcome.request.stores).difference(receipt.store for receipt in outcome.receipts):
                self._stored[word, "failure"].inc()

    def _answers(self, outcome: Outcome) -> None:
        """Whether the signer and the stores that this outcome needed did their part."""
        stages = {failure.stage for failure in outcome.failures if failure.transient}
        if outcome.attestation or "sign" in stages:
            self.dependency(f"signer:{outcome.request.signer}", is_up=outcome.attestation is not None)
        there = {receipt.store for receipt in outcome.receipts}
        for word in outcome.request.stores if outcome.attestation else ():
            if word in there or "store" in stages:
                self.dependency(f"store:{word}", is_up=word in there)

    def skipped(self, reason: Reason) -> None:
        """A run that will not be signed, also one that was never looked at."""
        self._skipped[str(reason),].inc()

    def spoofed(self, what: Spoof) -> None:
        """Somebody pretended something, and was found out."""
        self._spoofed[what,].inc()

    def event(self, result: str) -> None:
        """A Kubernetes Event was `written` or `dropped`."""
        self._events[result,].inc()

    def audited(self) -> None:
        """A line was written to the audit log."""
        self._audited.inc()

    def dependency(self, word: str, *, is_up: bool) -> None:
        """Whether it answered. `word` is ours: `apiserver`, `store:oci`, `signer:x509`."""
        if word not in self._is_up:
            self._is_up[word] = self._dependency.labels(word)
        self._is_up[word].set(is_up)

    def watch_signers(self, expiries: Callable[[], Mapping[str, float]]) -> None:
        """Show when keys and certificates expire: word of ours -> seconds after 1970, asked at each scrape."""
        self._registry.register(_Expiries(expiries))

    def config_taken(self, generation: str, at_s: float) -> None:
        """This configuration is in force since `at_s`, seconds after 1970; the series of the one before ends."""
        self._config.clear()
        self._config.labels(generation).set(1)
        self._reload_good.set(1)
        self._reload_at.set(at_s)

    def config_refused(self) -> None:
        """The newest configuration is bad, and the one before stays."""
        self._reload_good.set(0)

    def shards(self, held: int, total: int) -> None:
        """How many shards this replica holds."""
        self._leader.set(held > 0)
        self._shards.labels("held").set(held)
        self._shards.labels("elsewhere").set(total - held)

    def outbox(self, count: int, size: int) -> None:
        """How much is owed of runs that are gone."""
        self._outbox_count.set(count)
        self._outbox_size.set(size)

    def render(self) -> bytes:
        """Prometheus' text format, 0.0.4."""
        return generate_latest(self._registry)


class _Expiries:
    """When what signs expires. A certificate of minutes is renewed long before; a series that nears the present is not."""

    def __init__(self, expiries: Callable[[], Mapping[str, float]]) -> None:
        self._expiries = expiries

    def collect(self) -> Iterator[Metric]:
        text = "When the key or certificate of a signer expires"
        family = GaugeMetricFamily("sealwright_signer_expires_timestamp_seconds", text, labels=["signer"])
        for word, at_s in self._expiries().items():
            family.add_metric([word], at_s)
        yield family


class _Queue:
    """Gauges that are asked for, not kept: what waits, and for how long."""

    def __init__(self, waiting: Callable[[], Iterable[Waiting]]) -> None:
        self._waiting = waiting

    def collect(self) -> Iterator[Metric]:
        waiting = list(self._waiting())
        pending = GaugeMetricFamily("sealwright_runs_pending", "Runs that wait", labels=["kind", "lane"])
        counts: Counter_[tuple[str, str]] = Counter_()
        for found in waiting:
            counts[found.kind, found.lane] += found.count
        for labels, count in counts.items():
            pending.add_metric(labels, count)
        yield pending
        oldest = GaugeMetricFamily("sealwright_oldest_pending_age_seconds", "Wait of the oldest run that waits", labels=["kind"])
        for kind in _KINDS:
            oldest.add_metric([kind], max((found.oldest_s for found in waiting if found.kind == kind), default=0.0))
        yield oldest
        yield from queue_depths(waiting)

"""Tekton Chains' counters, under their names and with their meaning: its users' dashboards and alerts go on.

As in Chains, a counter appears at its first increment. Unlike there, failures to sign an image are counted too, as its
signatures always were.
"""

import collections
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric

from sealwright.core.model import LOG, Kind
from sealwright.edge.reports import Look
from sealwright.edge.status import Waiting

# Chains stores with its own writes; our mark carries what the `tekton` store keeps, so a failed mark is a failed store.
# Reading a run is no part of signing it there, and encoding (`marshal_payload`) is a part of building it here.
ERROR_TYPES = {"build": "payload_creation", "sign": "signing", "log": "tlog", "store": "storage", "mark": "storage"}

_COUNTED = {
    "sign_created": "Total number of signed messages for {0}s",
    "payload_uploaded": "Total number of payloads that the transparency log took for {0}s",
    "payload_stored": "Total number of stored payloads for {0}s",
    "marked_signed": "Total number of objects marked as signed for {0}s",
    "signing_failures": "Total number of signing failures of {0}s",
}
# The lanes of Knative's queue, whose depth Chains shows: what is resynchronised is in the slow one.
_SLOW = "past"


class ChainsMetrics:
    """The ten counters of a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._counters: dict[tuple[Kind, str], Counter] = {}
        self._failures: dict[tuple[Kind, str], Counter] = {}

    def run(self, found: Look) -> None:
        """Count what one look at a run came to."""
        kind = found.key.kind
        for outcome in found.outcomes:
            if outcome.attestation:
                self.counter(kind, "sign_created").inc()
            stored = sum(receipt.store != LOG for receipt in outcome.receipts)
            if stored:
                self.counter(kind, "payload_stored").inc(stored)
            if stored < len(outcome.receipts):
                self.counter(kind, "payload_uploaded").inc()
        if found.state == "signed":
            self.counter(kind, "marked_signed").inc()
        for failure in found.failures:
            if failure.stage in ERROR_TYPES:
                self._failure(kind, ERROR_TYPES[failure.stage]).inc()

    def counter(self, kind: Kind, what: str) -> Counter:
        """One of the counters without labels, made when it is first counted."""
        made = self._counters.get((kind, what))
        if made is None:
            made = self._counters[kind, what] = self._make(kind, what)
        return made

    def _failure(self, kind: Kind, error_type: str) -> Counter:
        bound = self._failures.get((kind, error_type))
        if bound is None:
            family = self._counters.get((kind, "signing_failures")) or self._make(kind, "signing_failures", "error_type")
            self._counters[kind, "signing_failures"] = family
            bound = self._failures[kind, error_type] = family.labels(error_type)
        return bound

    def _make(self, kind: Kind, what: str, *labels: str) -> Counter:
        word = kind.lower()
        return Counter(f"watcher_{word}_{what}_total", _COUNTED[what].format(word), labels, registry=self._registry)


def queue_depths(waiting: Iterable[Waiting]) -> Iterator[Metric]:
    """The depth of the queue under its two names: before Chains' move to OpenTelemetry, and since."""
    depths: collections.Counter[str] = collections.Counter()
    for found in waiting:
        lane = "slow" if found.lane == _SLOW else "fast"
        depths[f"github.com.tektoncd.chains.pkg.reconciler.{found.kind.lower()}.Reconciler-{lane}"] += found.count
    for prefix in ("watcher", "kn"):
        family = GaugeMetricFamily(f"{prefix}_workqueue_depth", "Runs that wait in the queue", labels=["name"])
        for name, depth in depths.items():
            family.add_metric([name], depth)
        yield family

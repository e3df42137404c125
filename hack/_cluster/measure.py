"""What one controller costs and how fast it is, on a cluster of its own: `Bench(...).everything()` gives figures by name.

Times and calls are taken from the API server's audit log, processor time and memory from /proc, so that nothing that measures
loads what is measured. Every rate stands beside the same number of bare writes to the same server in the same run.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import bulk
from history import Etcd
from rig import SIGNED, Cluster, Controller, pause, until
from tekton import Tekton
from traces import Traces, percentile

AT_ONCE = 8  # bare writes under way, as many as a controller has workers
QUIET_S = 10.0  # without a write, a controller that has not done all will not do it
REST_S = 5.0
FLOOR = Path(__file__).with_name("floor.py")

Figures = dict[str, float]


@dataclass(frozen=True)
class Sizes:
    """How many runs each part takes."""

    drained: int = 1500
    rates: Sequence[int] = (10, 20)
    live_s: int = 25
    history: int = 10_000
    old: int = 0
    bursts: Sequence[int] = (2500,)


class Bench:
    """`say` is told what is under way."""

    def __init__(self, cluster: Cluster, sizes: Sizes, say: Callable[[str], None], peer: Path | None = None) -> None:
        self.cluster, self.sizes, self.say, self.peer = cluster, sizes, say, peer
        self.figures: Figures = {}

    def everything(self) -> Figures:
        for part in (self.start, self.drain_and_live, self.history, self.old, self.burst):
            part()
        return {name: round(figure, 4) for name, figure in self.figures.items()}

    def controller(self, *options: str) -> Controller:
        return Controller(self.cluster, *options, peer=self.peer)

    def place(self, name: str, age: timedelta = timedelta()) -> Tekton:
        return Tekton(self.cluster.kubeconfig, self.cluster.namespace(name), age=age)

    def start(self) -> None:
        """Best of three: others use the machine too."""
        if self.peer:
            return
        self.say("start to ready")
        best = float("inf")
        for _ in range(3):
            with self.controller() as started:
                best = min(best, started.until_ready())
        self.figures["ready_s"] = best

    def floor(self, size: int) -> None:
        """Bare writes to finished runs, as many as are drained later; they are gone again before that."""
        self.say(f"floor: {self.sizes.drained} bare writes")
        tekton = self.place("floor")
        uids = bulk.finished(self.cluster.folder, tekton, numbered("floor", self.sizes.drained))
        asked = {
            "server": f"https://127.0.0.1:{self.cluster.port}",
            "ca": str(self.cluster.folder / "ca.crt"),
            "token": self.cluster.token,
            "namespace": "floor",
            "at_once": AT_ONCE,
            "size": size,
            "uids": uids,
        }
        before = self.cluster.processor_s()
        done = subprocess.run([sys.executable, FLOOR], input=json.dumps(asked), capture_output=True, text=True, check=True)
        said, count = json.loads(done.stdout), len(uids)
        self.figures |= {
            "floor_rate": count / said["seconds"],
            "floor_ms": said["processor_s"] / count * 1e3,
            "floor_server_ms": (self.cluster.processor_s() - before) / count * 1e3,
        }
        self.forget("floor")

    def forget(self, namespace: str) -> None:
        """All runs there, at once."""
        Etcd(self.cluster.folder).remove(f"{bulk.PREFIX}taskruns/{namespace}/")

    def drain_and_live(self) -> None:
        """One process from its start on: it drains, then signs what ends, then rests."""
        with self.controller() as warm:
            size = self.signed_size(warm)
        self.floor(size)
        for rate in self.sizes.rates:
            self.plain(rate)
        tekton = self.place("drain")
        names = list(bulk.finished(self.cluster.folder, tekton, numbered("run", self.sizes.drained)))
        self.say(f"draining {len(names)} runs")
        traces, server = Traces(self.cluster.audit, "drain"), self.cluster.processor_s()
        with self.controller() as running:
            running.until_ready()
            own = running.processor_s
            own_end, server_end = self.watched(running, traces, names)
            drained = len(traces.signed_after_end(names)) or sum(bool(traces.runs[name].written) for name in names)
            span = traces.span_s(names)
            self.figures |= {
                "drained": drained,
                "drain_rate": drained / span,
                "drain_ms": (own_end - own) / drained * 1e3,
                "drain_server_ms": (server_end - server) / drained * 1e3,
                **calls("drain", traces, names),
            }
            if "floor_rate" in self.figures:
                self.figures["drain_ratio"] = self.figures["drain_rate"] / self.figures["floor_rate"]
            pause(REST_S)
            self.figures["memory_1500"] = running.memory_mib()
            for rate in self.sizes.rates:
                self.live(running, rate)
            pause(REST_S)
            self.figures |= {"memory_2000": running.memory_mib(), "memory_peak": running.memory_mib("VmHWM")}
            if not self.peer:
                self.figures["stop_s"] = running.stop()
        for namespace in ("drain", *(f"{sort}-{rate}" for sort in ("live", "plain") for rate in self.sizes.rates)):
            self.forget(namespace)

    def signed_size(self, running: Controller) -> int:
        """Bytes that a signature leaves on a run."""
        tekton = self.place("warm")
        running.until_ready()
        tekton.create_task_runs(["one"])
        tekton.finish_task_runs(["one"])
        kept = until(lambda: self.marked("warm", "one"), 60, f"one run signed; it said {running.said()[-2000:]}")
        self.forget("warm")
        return sum(len(name) + len(text) for name, text in kept.items())

    def marked(self, namespace: str, name: str) -> dict[str, str]:
        """Its annotations once they say that it is signed; a peer may leave its finalizer on."""
        found: dict[str, str] = self.cluster.runs(namespace)[name].get("annotations", {})
        return found if SIGNED in found else {}

    def plain(self, rate: int) -> None:
        """Tekton's own writes alone: what the server would do without any controller."""
        count = rate * self.sizes.live_s
        self.say(f"{count} runs at {rate}/s with no controller")
        tekton, names = self.place(f"plain-{rate}"), numbered("run", count)
        pause(REST_S)  # what was done before costs the server some more afterwards
        before = self.cluster.processor_s()
        tekton.create_task_runs(names)
        tekton.finish_task_runs(names, rate=rate)
        self.figures[f"plain_{rate}_server_ms"] = (self.cluster.processor_s() - before) / count * 1e3
        self.forget(f"plain-{rate}")

    def live(self, running: Controller, rate: int) -> None:
        count = rate * self.sizes.live_s
        self.say(f"{count} runs at {rate}/s")
        tekton, names = self.place(f"live-{rate}"), numbered("run", count)
        pause(REST_S)
        traces, server, own = Traces(self.cluster.audit, tekton.namespace), self.cluster.processor_s(), running.processor_s
        tekton.create_task_runs(names)
        quiet(traces, lambda: all(traces.runs[name].written for name in names))
        tekton.finish_task_runs(names, rate=rate)
        own_end, server_end = self.watched(running, traces, names)
        waited = [traces.runs[name].waited_ms for name in traces.signed_after_end(names)]
        self.figures |= {
            f"live_{rate}_signed": len(waited) / count,
            f"live_{rate}_p50": percentile(waited, 0.50),
            f"live_{rate}_p99": percentile(waited, 0.99),
            f"live_{rate}_ms": (own_end - own) / count * 1e3,
            f"live_{rate}_server_ms": (server_end - server) / count * 1e3 - self.figures[f"plain_{rate}_server_ms"],
            **calls(f"live_{rate}", traces, names),
        }

    def watched(self, running: Controller, traces: Traces, names: Sequence[str]) -> tuple[float, float]:
        """Processor time of controller and server at the last write: when all is done, or nothing is written any more.

        How many writes make a run done is known of ours alone; a peer is waited for until it is still.
        """
        done = 0
        usage = running.processor_s, self.cluster.processor_s()

        def is_done() -> bool:
            nonlocal done, usage
            writes = sum(run.calls.total() for run in traces.runs.values())
            if writes > done:
                done, usage = writes, (running.processor_s, self.cluster.processor_s())
            return not self.peer and sum(run.written > run.finished for run in traces.runs.values()) >= len(names)

        quiet(traces, is_done)
        return usage

    def history(self) -> None:
        """Restarted beside unsigned runs of yesterday, while new ones end."""
        if not self.sizes.history:
            return
        self.say(f"restart beside {self.sizes.history} runs of yesterday")
        past = self.place("past", timedelta(days=1))
        bulk.finished(self.cluster.folder, past, numbered("old", self.sizes.history))
        tekton = self.place("fresh")
        names = numbered("new", 20)
        tekton.create_task_runs(names)
        new, old = Traces(self.cluster.audit, "fresh"), Traces(self.cluster.audit, "past")
        with self.controller() as running:
            begun, past_begun = running.started_at, time.monotonic()
            tekton.finish_task_runs(names[:1])
            running.until_ready(60)
            tekton.finish_task_runs(names[1:], rate=2)
            quiet(new, lambda: len(new.signed_after_end(names)) == len(names), 120.0)
            signed = new.signed_after_end(names)
            if signed:
                self.figures["restart_first_s"] = min(new.runs[name].written for name in signed) - begun
                waited = [new.runs[name].waited_ms for name in signed if name != names[0]]
                self.figures["restart_p99_ms"] = percentile(waited or [0.0], 0.99)
            self.figures["restart_signed"] = len(signed) / len(names)
            quiet(old, lambda: written(old) >= self.sizes.history, 120.0 if self.peer else 900.0)
            self.figures |= {"history_s": time.monotonic() - past_begun, "history_signed": written(old) / self.sizes.history}
            pause(REST_S)
            self.figures |= {"memory_history": running.memory_mib(), "memory_history_peak": running.memory_mib("VmHWM")}
        for namespace in ("past", "fresh"):
            self.forget(namespace)

    def old(self) -> None:
        """Beside runs of last month, which stay as they are."""
        if not self.sizes.old or self.peer:
            return
        self.say(f"restart beside {self.sizes.old} runs of last month")
        bulk.finished(self.cluster.folder, self.place("ancient", timedelta(days=30)), numbered("old", self.sizes.old))
        tekton, names = self.place("after"), numbered("new", 50)
        with self.controller() as running:
            running.until_ready()
            tekton.create_task_runs(names)
            traces = Traces(self.cluster.audit, "after")
            tekton.finish_task_runs(names, rate=1)  # meanwhile it reads all of history, page by page
            quiet(traces, lambda: len(traces.signed_after_end(names)) == len(names))
            waited = [traces.runs[name].waited_ms for name in traces.signed_after_end(names)]
            self.figures["old_p99"] = percentile(waited, 0.99)
            pause(2 * REST_S)
            self.figures |= {"memory_old": running.memory_mib(), "memory_old_peak": running.memory_mib("VmHWM")}
        for namespace in ("ancient", "after"):
            self.forget(namespace)

    def burst(self) -> None:
        """Thousands end in the same moment, and in another namespace runs end as on any day."""
        for count in self.sizes.bursts:
            self.say(f"{count} runs end at once")
            crowd, calm = self.place(f"crowd-{count}"), self.place(f"calm-{count}")
            names, few = numbered("run", count), numbered("run", 50)
            with self.controller() as running:
                running.until_ready()
                traces, calm_traces = (Traces(self.cluster.audit, each.namespace) for each in (crowd, calm))
                crowd.create_task_runs(names)
                calm.create_task_runs(few)
                quiet(traces, lambda: all(traces.runs[name].written for name in names))  # noqa: B023 - called in here
                held = {name: traces.runs[name].written for name in names}
                bulk.finish(self.cluster.folder, crowd, names)
                calm.finish_task_runs(few, rate=5)
                quiet(traces, lambda: all(traces.runs[name].written > held[name] for name in names))  # noqa: B023
                waited = [calm_traces.read().runs[name].waited_ms for name in calm_traces.read().signed_after_end(few)]
                signed = sum(traces.runs[name].written > held[name] for name in names)
                self.figures |= {
                    f"burst_{count}_signed": signed / count,
                    f"burst_{count}_calm": len(waited) / len(few),
                    f"burst_{count}_p99": percentile(waited or [0.0], 0.99),
                    f"burst_{count}_peak": running.memory_mib("VmHWM"),
                }
            for each in (crowd, calm):
                self.forget(each.namespace)


def numbered(prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{n}" for n in range(count)]


def written(traces: Traces) -> int:
    return sum(bool(run.written) for run in traces.runs.values())


def calls(part: str, traces: Traces, names: Sequence[str]) -> Figures:
    """Of the controller, for each run."""
    reads = sum(traces.runs[name].calls["get"] for name in names)
    everything = sum(traces.runs[name].calls.total() for name in names)
    return {f"{part}_reads": reads / len(names), f"{part}_writes": (everything - reads) / len(names)}


def quiet(traces: Traces, is_done: Callable[[], bool], limit_s: float = 900.0) -> None:
    """Until it is done, or no call has come for a while, or at the limit."""
    still, end = 0.0, time.monotonic() + limit_s
    while still < QUIET_S and time.monotonic() < end:
        size = traces.offset
        if is_done() and traces.read().offset == size:
            return
        traces.read()
        pause(0.1)
        still = still + 0.1 if traces.offset == size else 0.0

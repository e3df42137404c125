"""Runs end while something goes wrong; then all is well again, and the checker judges every state that they ever had.

A fault is a function of a Place: it makes the runs, breaks things, ends with a controller that works until all is settled, and
says in words what it did. `FAULTS` names them all. What went wrong beside what the checker sees (a fault that never struck, a
spoof that nobody was told of) is a complaint.
"""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 - seeded, so that a row can be run again
from typing import Any

from checker import Checker, Expected, Violation, counts
from client import path_of
from history import Etcd, in_namespace, of_cluster
from proxy import Conflicts, Expired, Fault, Lost, Proxy, Recorder, Throttled
from rig import SIGNED, Cluster, Controller, pause, until
from runs import finished_task, running_task, task_run
from tekton import Tekton, Written

SETTLE_S = 240.0
RECEIPT = "sealwright.dev/receipt"


@dataclass
class Place:
    """A namespace for one fault, and what is expected of the runs in it."""

    cluster: Cluster
    namespace: str
    count: int
    seed: int
    uids: dict[str, str] = field(default_factory=dict)
    spoofed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    kept: dict[str, list[bytes]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.tekton = Tekton(self.cluster.kubeconfig, self.cluster.namespace(self.namespace))
        self.names = [f"run-{n}" for n in range(self.count)]
        self.kills = max(3, self.count // 20)
        self.restarts = max(2, self.count // 200)

    def controller(self, *, name: str = "", port: int = 0, **environment: str) -> Controller:
        where = ("--namespace", self.namespace)
        return Controller(self.cluster, *where, name=f"{self.namespace}{name}", port=port, **environment)

    def create(self, names: Sequence[str] = ()) -> None:
        self.asked(self.tekton.create_task_runs(names or self.names))

    def asked(self, written: Sequence[Written]) -> None:
        self.uids |= {found.name: found.uid for found in written}

    def are_held(self) -> bool:
        pause(0.5)
        found = self.cluster.runs(self.namespace)
        return len(found) >= self.count and all(metadata.get("finalizers") for metadata in found.values())

    def settle(self) -> None:
        """Until every run that is left is signed; what is not by then is what the checker will find."""

        def is_settled() -> bool:
            pause(1.0)
            found = self.cluster.runs(self.namespace)
            return all(
                each.get("annotations", {}).get(SIGNED) == "true" and not each.get("finalizers") for each in found.values()
            )

        try:
            until(is_settled, SETTLE_S, "all settled")
        except TimeoutError as error:
            self.complaints.append(str(error))

    def struck(self, fault: Fault) -> str:
        if not fault.times:
            self.complaints.append(f"{type(fault).__name__} never struck")
        return f"{fault.times} times"


@contextmanager
def meanwhile(work: Callable[[], Any]) -> Iterator[threading.Thread]:
    """In a thread; at the end it is done, and what it raised is raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        thread.join()
    if raised:
        raise raised[0]


# --- the process ----------------------------------------------------------------------------------------------------------


def kills(place: Place) -> str:
    """kill -9 at random moments, from its first second on."""
    place.create()
    controller, done = place.controller(), 0
    with meanwhile(lambda: place.tekton.finish_task_runs(place.names, rate=place.count / (place.kills * 2.0))):
        for _ in range(place.kills):
            controller.start()
            # Python needs about a second to begin; half of the kills hit it while it signs.
            pause(place.random.uniform(0.1, 4.0))
            controller.kill()
            done += 1
    with controller:
        place.settle()
    return f"{done} kills"


def replicas(place: Place) -> str:
    """Two of them; every ten seconds one is killed, and comes back."""
    place.create()
    kills = 0
    with place.controller(name="-a") as one, place.controller(name="-b") as other:
        one.until_ready(60)
        other.until_ready(60)
        with meanwhile(lambda: place.tekton.finish_task_runs(place.names, rate=max(1.0, place.count / 60))) as ends:
            while ends.is_alive():
                pause(10.0)
                victim = (one, other)[kills % 2]
                victim.kill()
                victim.start()
                kills += 1
        place.settle()
    return f"{kills} kills"


def nemesis(place: Place) -> str:
    """Anything at any time: replicas killed or stopped for a while, API server killed, etcd stopped for a while."""
    place.create()
    struck: Counter[str] = Counter()
    with place.controller(name="-a") as one, place.controller(name="-b") as other:
        one.until_ready(60)
        other.until_ready(60)
        with meanwhile(lambda: place.tekton.finish_task_runs(place.names, rate=max(0.5, place.count / 90))) as ends:
            while ends.is_alive():
                pause(place.random.uniform(1.0, 6.0))
                what = place.random.choice(("kill", "freeze", "API server", "etcd"))
                struck[what] += 1
                _strike(place, what, place.random.choice((one, other)))
        place.settle()
    return ", ".join(f"{what} {count}" for what, count in sorted(struck.items()))


def _strike(place: Place, what: str, victim: Controller) -> None:
    match what:
        case "kill":
            victim.kill()
            victim.start()
        case "freeze":
            victim.process.send_signal(signal.SIGSTOP)
            pause(place.random.uniform(1.0, 8.0))
            victim.process.send_signal(signal.SIGCONT)
        case "API server":
            place.cluster.signal("kube-apiserver", signal.SIGKILL)
            place.cluster.up()
        case "etcd":
            place.cluster.signal("etcd", signal.SIGSTOP)
            pause(place.random.uniform(1.0, 8.0))
            place.cluster.signal("etcd", signal.SIGCONT)


def wrong_clock(place: Place) -> str:
    """An hour ahead, then an hour behind; by libfaketime, which leaves the monotonic clock as it is."""
    library = next(Path("/usr/lib").rglob("libfaketime.so.1"), None)
    if library is None:
        place.complaints.append("libfaketime is not there (apt-get install libfaketime)")
        return "nothing"
    half = place.count // 2
    for part, off in ((place.names[:half], "+3600"), (place.names[half:], "-3600")):
        place.create(part)
        environment = {"LD_PRELOAD": str(library), "FAKETIME": off, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        with place.controller(**environment) as running:
            running.until_ready()
            place.tekton.finish_task_runs(part)
            place.settle()
    return "one hour ahead, one behind"


# --- the API server -------------------------------------------------------------------------------------------------------


def restarts(place: Place) -> str:
    """The API server is killed and comes back, again and again."""
    place.create()
    with place.controller() as running:
        running.until_ready()
        with meanwhile(lambda: place.tekton.finish_task_runs(place.names, rate=place.count / (place.restarts * 20.0))) as ends:
            done = 0
            while ends.is_alive() and done < place.restarts:
                pause(place.random.uniform(1.0, 3.0))
                place.cluster.signal("kube-apiserver", signal.SIGKILL)
                place.cluster.up()
                done += 1
        place.settle()
    return f"{done} restarts"


def stopped_etcd(place: Place) -> str:
    """etcd stands still for 30 seconds in the middle."""
    seconds = 30.0 if place.count >= 500 else 12.0
    place.create()
    with place.controller() as running:
        running.until_ready()
        with meanwhile(lambda: place.tekton.finish_task_runs(place.names, rate=place.count / 10)):
            pause(3.0)
            place.cluster.signal("etcd", signal.SIGSTOP)
            pause(seconds)
            place.cluster.signal("etcd", signal.SIGCONT)
        place.settle()
    return f"{seconds:.0f} s"


def proxied(make: Callable[[], Fault]) -> Callable[[Place], str]:
    """A proxy does it, from the start to the end."""

    def fault(place: Place) -> str:
        place.create(place.names[: place.count // 2])
        planted = make()
        with Proxy(place.cluster, planted) as proxy, place.controller(port=proxy.port) as running:
            running.until_ready(60)
            place.create(place.names[place.count // 2 :])
            place.tekton.finish_task_runs(place.names)
            place.settle()
        return place.struck(planted)

    return fault


# --- the runs -------------------------------------------------------------------------------------------------------------


def deletions(place: Place) -> str:
    """Every run is deleted at some moment after its end, also while the controller writes to it."""

    def ended(name: str) -> dict[str, Any]:
        place.tekton.status("TaskRun", name, finished_task(name, place.tekton.now(), 2))
        pause(place.random.uniform(0.0, 0.3))
        place.tekton.user.delete("TaskRun", place.namespace, name)
        return {}

    place.create()
    place.deleted |= set(place.uids.values())
    recorder = Recorder()
    with (
        Proxy(place.cluster, recorder) as proxy,
        place.controller(name="-a", port=proxy.port) as one,
        place.controller(name="-b", port=proxy.port) as other,
    ):
        until(place.are_held, SETTLE_S, "every run is held before its end")
        place.tekton.each("TaskRun", place.names, ended)
        place.settle()
        # One more, at the end of the line: whatever was under way for the others is over.
        place.create(["last"])
        place.tekton.finish_task_runs(["last"])
        place.settle()
        one.stop()
        other.stop()
    place.kept = recorder.envelopes
    return f"{len(place.deleted)} deleted"


def spoofs(place: Place) -> str:
    """Marks that tenants put on their runs before these end, in twelve combinations."""
    with place.controller() as running:
        running.until_ready()
        place.create(["model"])
        place.tekton.finish_task_runs(["model"])
        place.settle()
        model = place.cluster.runs(place.namespace)["model"]["annotations"]
        marks = dict(zip(place.names, _spoofs(model) * (place.count // 12 + 1), strict=False))

        def one(name: str) -> dict[str, Any]:
            run = task_run(name, place.namespace)
            run["metadata"]["annotations"] = marks[name]
            made = place.tekton.user.call("POST", path_of("TaskRun", place.namespace), run)
            place.tekton.status("TaskRun", name, running_task(name, place.tekton.now()))
            return made

        place.asked(place.tekton.each("TaskRun", place.names, one))
        place.spoofed |= {place.uids[name] for name in place.names}
        place.tekton.finish_task_runs(place.names)
        place.settle()
        told = {line["name"] for line in running.lines("signed") if "SpoofedMark" in str(line.get("findings"))}
    lies = {name for name, mark in marks.items() if mark.get(SIGNED) == "true"}
    if told != lies:
        place.complaints.append(f"{len(lies)} runs said that they were signed, {len(told)} were reported")
    return f"12 combinations, {len(told)} of {len(lies)} claims reported"


def _spoofs(model: Mapping[str, str]) -> list[dict[str, str]]:
    true = {SIGNED: "true"}
    return [
        true,
        {SIGNED: "failed", "chains.tekton.dev/retries": "3"},
        {SIGNED: "skipped", "sealwright.dev/reason": "Disabled"},
        true | {"chains.tekton.dev/retries": "3"},
        true | {"chains.tekton.dev/transparency": "https://rekor.example.com/1"},
        true | {RECEIPT: "v1.k1.e30.AAAA"},
        true | {RECEIPT: model[RECEIPT]},
        true | {RECEIPT: "." * 5000},
        dict(model),
        {name: text for name, text in model.items() if "receipt" not in name},
        {"chains.tekton.dev/retries": "abc"},
        {SIGNED: "TRUE", RECEIPT: ""},
    ]


# --- all of them ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """How one fault ended."""

    fault: str
    runs: int
    what: str
    violations: list[Violation]
    complaints: list[str]
    seconds: float

    @property
    def is_good(self) -> bool:
        return not self.violations and not self.complaints


FAULTS: dict[str, tuple[str, Callable[[Place], str]]] = {
    "kills": ("kill -9 of the controller at random moments", kills),
    "replicas": ("two replicas, one of which is killed every 10 s", replicas),
    "restarts": ("kill -9 of the API server, which comes back", restarts),
    "etcd": ("etcd stands still", stopped_etcd),
    "gone": ("every watch ends with 410 Gone after 25 events", proxied(lambda: Expired(25))),
    "conflicts": ("every second write is answered 409", proxied(Conflicts)),
    "throttled": ("40% of all calls are answered 429 with Retry-After: 1", proxied(Throttled)),
    "lost": ("the answer to every third write is lost", proxied(Lost)),
    "spoofs": ("tenants' marks on runs before they end", spoofs),
    "deletions": ("runs deleted while two replicas write to them", deletions),
    "clock": ("the controller's clock is wrong", wrong_clock),
    "nemesis": ("two replicas, and anything at any time", nemesis),
}


def judged(cluster: Cluster, name: str, count: int, seed: int) -> Row:
    words, fault = FAULTS[name]
    begin, since = time.monotonic(), Etcd(cluster.folder).revision() + 1
    place = Place(cluster, name, count, seed)
    what = fault(place)
    took = time.monotonic() - begin
    history = in_namespace(of_cluster(cluster.folder, since), name)
    expected = Expected(uids=set(place.uids.values()), spoofed=place.spoofed, deleted=place.deleted, kept=place.kept)
    violations = Checker(cluster.public_key(), expected).judge(history)
    if len({version.uid for version in history}) < len(place.uids):
        place.complaints.append("some runs left no trace in etcd")
    return Row(words, len(place.uids), what, violations, place.complaints, took)


def markdown(rows: Sequence[Row]) -> str:
    lines = ["| what goes wrong | runs | how often | lost | doubled | false | stuck | re-created | took |", "|---|" + "---|" * 8]
    for row in rows:
        what = "; ".join([row.what, *row.complaints])
        found = " | ".join(map(str, counts(row.violations).values()))
        lines.append(f"| {row.fault} | {row.runs} | {what} | {found} | {row.seconds:.0f} s |")
    return "\n".join(lines) + "\n"

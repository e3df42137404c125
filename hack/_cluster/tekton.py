"""What Tekton and its users do through the API, as methods that return what was written and when."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import runs
from client import Api

IDENTITY = "system:serviceaccount:tekton-pipelines:tekton-pipelines-controller"


@dataclass(frozen=True)
class Written:
    """One run after one step. `at` is the wall clock when the server had answered, `late_s` how late the call began."""

    kind: str
    name: str
    uid: str
    at: float
    late_s: float


class Tekton:
    """Users create runs as the kubeconfig's user; everything else is done as Tekton's controller.

    `age` makes runs that finished that long ago, for what history does.
    """

    def __init__(self, kubeconfig: Path, namespace: str = "default", *, threads: int = 16, age: timedelta = timedelta()) -> None:
        self.user, self.controller = Api(kubeconfig), Api(kubeconfig, impersonate=IDENTITY)
        self.namespace, self.threads, self.age = namespace, threads, age

    def create_task_runs(self, names: Iterable[str]) -> list[Written]:
        """Created and started."""

        def one(name: str) -> dict[str, Any]:
            self.user.create(runs.task_run(name, self.namespace))
            return self.status("TaskRun", name, runs.running_task(name, self.now()))

        return self.each("TaskRun", names, one)

    def finish_task_runs(self, names: Iterable[str], *, images: int = 2, rate: float = 0) -> list[Written]:
        """`rate` runs a second, evenly; 0 is as fast as the server takes them."""

        def one(name: str) -> dict[str, Any]:
            return self.status("TaskRun", name, runs.finished_task(name, self.now(), images))

        return self.each("TaskRun", names, one, rate)

    def create_pipeline_runs(self, names: Iterable[str], children: int = 2) -> list[Written]:
        """Created and started, with `children` TaskRuns each, which are started too."""

        def one(name: str) -> dict[str, Any]:
            owner = self.user.create(runs.pipeline_run(name, self.namespace))["metadata"]
            for n, child in enumerate(children_of(name, children)):
                self.controller.create(runs.child_run(child, self.namespace, owner, f"task-{n}"))
                self.status("TaskRun", child, runs.running_task(child, self.now()))
            return self.status("PipelineRun", name, runs.running_pipeline(children_of(name, children), self.now()))

        return self.each("PipelineRun", names, one)

    def finish_pipeline_runs(self, names: Iterable[str], children: int = 2, *, images: int = 2, rate: float = 0) -> list[Written]:
        """The children first, as in life."""

        def one(name: str) -> dict[str, Any]:
            for child in children_of(name, children):
                self.status("TaskRun", child, runs.finished_task(child, self.now(), images))
            return self.status("PipelineRun", name, runs.finished_pipeline(children, self.now()))

        return self.each("PipelineRun", names, one, rate)

    def annotate(self, kind: str, names: Iterable[str], size: int) -> list[Written]:
        """One write of `size` bytes to each: the floor under any controller that leaves an annotation on a run."""
        change = {"metadata": {"annotations": {"example.com/floor": "x" * size}}}
        return self.each(kind, names, lambda name: self.controller.patch(kind, self.namespace, name, change))

    def delete(self, kind: str, names: Iterable[str], *, rate: float = 0) -> list[Written]:
        def one(name: str) -> dict[str, Any]:
            self.user.delete(kind, self.namespace, name)
            return {}

        return self.each(kind, names, one, rate)

    def names(self, kind: str, prefix: str) -> list[str]:
        return [name for name in self.user.names(kind, self.namespace) if name.startswith(prefix)]

    def status(self, kind: str, name: str, status: dict[str, Any]) -> dict[str, Any]:
        return self.controller.set_status(kind, self.namespace, name, status)

    def now(self) -> datetime:
        return datetime.now(UTC) - self.age  # noqa: TID251 - Tekton's clock, not ours

    def each(self, kind: str, names: Iterable[str], step: Callable[[str], dict[str, Any]], rate: float = 0) -> list[Written]:
        """Every call has its time from the start on, so a slow answer delays no later call while a thread is free."""
        begin = time.monotonic()

        def timed(numbered: tuple[int, str]) -> Written:
            number, name = numbered
            due = begin + number / rate if rate else time.monotonic()
            threading.Event().wait(max(0.0, due - time.monotonic()))
            late_s = time.monotonic() - due
            metadata = step(name).get("metadata", {})
            return Written(kind, name, metadata.get("uid", ""), time.time(), late_s)  # noqa: TID251 - others compare it

        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(timed, enumerate(names)))


def children_of(name: str, children: int) -> list[str]:
    return [f"{name}-task-{n}" for n in range(children)]

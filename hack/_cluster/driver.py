#!/usr/bin/env python3
"""Plays Tekton against the cluster of hack/cluster: creates runs, steps them through their status, finishes them at a given rate.

Prints one JSON line for each stage. Programs use tekton.py beside it.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from tekton import Tekton, Written


def server_seconds(kubeconfig: Path) -> tuple[int, float]:
    """Process number of kube-apiserver and the processor time it has used; zeros where the system does not tell (not Linux)."""
    try:
        pid = int((kubeconfig.parent / "kube-apiserver.pid").read_text())
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0, 0.0
    return pid, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Stage:
    """Prints what one stage took: rate, lateness, processor time of the server (null if it was restarted) and of this driver."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def show(self, what: str, calls_each: int, work: Callable[[], Sequence[Written]]) -> None:
        (server, used), own, begin = server_seconds(self.kubeconfig), time.process_time(), time.monotonic()
        done = work()
        took, calls = time.monotonic() - begin, max(1, len(done) * calls_each)
        same, used_now = server_seconds(self.kubeconfig)
        line = {
            "stage": what,
            "runs": len(done),
            "seconds": round(took, 2),
            "calls_per_s": round(calls / took, 1),
            "server_ms_per_call": round((used_now - used) / calls * 1e3, 2) if server and same == server else None,
            "driver_ms_per_call": round((time.process_time() - own) / calls * 1e3, 2),
            "late_s_max": round(max((written.late_s for written in done), default=0.0), 3),
        }
        print(json.dumps(line), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--prefix", default="run", help="how the names of the runs begin (default: run)")
    parser.add_argument("--days-ago", type=float, default=0, help="when the runs finished")
    commands = parser.add_subparsers(dest="command", required=True)
    for kind in ("taskruns", "pipelineruns"):
        command = commands.add_parser(kind, help="create, start and finish them")
        command.add_argument("count", type=int)
        command.add_argument("--rate", type=float, default=0, help="finished runs a second (default: as fast as it goes)")
        command.add_argument("--images", type=int, default=2, help="images that each TaskRun says it has built")
    command.add_argument("--children", type=int, default=2, help="TaskRuns of each PipelineRun")
    floor = commands.add_parser("floor", help="one bare annotation on each TaskRun that begins with --prefix")
    floor.add_argument("--size", type=int, default=4096, help="bytes of the annotation")
    commands.add_parser("delete", help="delete the PipelineRuns and TaskRuns that begin with --prefix")
    return parser.parse_args()


def main(asked: argparse.Namespace) -> None:
    tekton = Tekton(asked.kubeconfig, asked.namespace, threads=asked.threads, age=timedelta(days=asked.days_ago))
    show = Stage(asked.kubeconfig).show
    names = [f"{asked.prefix}-{n}" for n in range(getattr(asked, "count", 0))]
    match asked.command:
        case "taskruns":
            show("created", 2, lambda: tekton.create_task_runs(names))
            show("finished", 1, lambda: tekton.finish_task_runs(names, images=asked.images, rate=asked.rate))
        case "pipelineruns":
            more = asked.children
            show("created", 2 + 2 * more, lambda: tekton.create_pipeline_runs(names, more))
            show("finished", 1 + more, lambda: tekton.finish_pipeline_runs(names, more, images=asked.images, rate=asked.rate))
        case "floor":
            found = tekton.names("TaskRun", asked.prefix)
            show("annotated", 1, lambda: tekton.annotate("TaskRun", found, asked.size))
        case "delete":
            for kind in ("PipelineRun", "TaskRun"):
                found = tekton.names(kind, asked.prefix)
                show(f"deleted {kind}", 1, lambda kind=kind, found=found: tekton.delete(kind, found))


if __name__ == "__main__":
    main(arguments())

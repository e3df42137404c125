"""Measures, and never fails for being slow: figures are for people, and machines differ.

Processor time of this process, best of several short rounds, beside the floor that the same machine sets: one ECDSA P-256
signature, and one decode of the same bytes. Compare ratios, not milliseconds.
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from sealwright.app.configuration import parse_config
from sealwright.core.envelope import dsse
from sealwright.core.model import Signature
from sealwright.core.provenance import slsa_v02, slsa_v1
from sealwright.core.tekton import runs
from sealwright.edge import keyfiles

FORMATS: dict[str, Any] = {"in-toto": slsa_v02, "slsa/v2alpha4": slsa_v1}
KEY = keyfiles.generate("ecdsa-p256")
CONFIG = parse_config({"artifacts.pipelinerun.enable-deep-inspection": "true"}).config
HEX = "0123456789abcdef" * 4


def task_run(name: str, owner: str = "", task: str = "build") -> dict[str, Any]:
    """A finished build of about 8 KiB, as the API server keeps it: four steps, two images, managed fields."""
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": "bench",
        "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "labels": {"tekton.dev/task": "kaniko", "tekton.dev/pipelineTask": task},
        "managedFields": [{"manager": "controller", "fieldsV1": {f"f:{n}": {"f:name": {}, ".": {}} for n in range(80)}}],
    }
    if owner:
        metadata["ownerReferences"] = [{"kind": "PipelineRun", "name": "p", "uid": owner, "controller": True}]
    steps = [{"name": f"step-{n}", "image": "bash", "script": "#!/bin/sh\n" + "make all\n" * 60} for n in range(4)]
    states = [
        {"name": f"step-{n}", "container": f"step-{n}", "imageID": f"docker.io/library/bash@sha256:{HEX}"} for n in range(4)
    ]
    results = [
        {"name": f"{side}_IMAGE_{half}", "type": "string", "value": value}
        for side in ("web", "api")
        for half, value in (("URL", f"registry.example.com/{repository(name)}/{side}:1"), ("DIGEST", digest(name + side)))
    ]
    params = [{"name": f"param-{n}", "value": "value " * 10} for n in range(10)]
    status = {
        "conditions": [{"type": "Succeeded", "status": "True", "reason": "Succeeded"}],
        "startTime": "2026-11-20T09:00:00Z",
        "completionTime": "2026-11-20T09:02:00Z",
        "podName": f"{name}-pod",
        "taskSpec": {"params": [{"name": param["name"], "type": "string"} for param in params], "steps": steps},
        "steps": states,
        "results": results,
        "provenance": {"refSource": {"uri": "git+https://git.example.com/tasks.git", "digest": {"sha1": HEX[:40]}}},
    }
    spec = {"params": params, "serviceAccountName": "builder", "taskRef": {"name": "kaniko"}, "timeout": "1h0m0s"}
    return {"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "metadata": metadata, "spec": spec, "status": status}


def repository(name: str) -> str:
    """One of 25 teams, so that repositories fill as they do in life."""
    return f"team-{int(digest(name)[7:9], 16) % 25}"


def digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def pipeline_run(children: int) -> tuple[bytes, list[bytes]]:
    uid = "11111111-2222-3333-4444-555555555555"
    names = [f"task-{n}" for n in range(children)]
    tasks = [{"name": name, "taskRef": {"name": "kaniko"}, "runAfter": names[max(0, n - 1) : n]} for n, name in enumerate(names)]
    status = {
        "conditions": [{"type": "Succeeded", "status": "True"}],
        "startTime": "2026-11-20T09:00:00Z",
        "completionTime": "2026-11-20T09:10:00Z",
        "pipelineSpec": {"tasks": tasks},
        "childReferences": [{"kind": "TaskRun", "name": f"p-{name}", "pipelineTaskName": name} for name in names],
    }
    metadata = {"name": "p", "namespace": "bench", "uid": uid}
    run = {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": metadata, "spec": {}, "status": status}
    return encode(run), [encode(task_run(f"p-{name}", uid, name)) for name in names]


def encode(value: Any) -> bytes:
    return msgspec.json.encode(value)


def best_us(work: Callable[[], object], rounds: int = 7, each_s: float = 0.1) -> float:
    """Processor time of one call in microseconds, the best of several rounds."""
    work()
    start = time.process_time()
    work()
    count = max(1, int(each_s / max(time.process_time() - start, 1e-6)))
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(count):
            work()
        best = min(best, (time.process_time() - start) / count)
    return best * 1e6


def sign(run: runs.Run, word: str) -> bytes:
    payload = FORMATS[word].build(run, word, CONFIG).payload
    message = dsse.pae(payload.media_type, payload.body)
    signature = Signature(key_id=KEY.public.key_id, raw=KEY.sign(message, "sha256"))
    return dsse.seal(payload.media_type, payload.body, [signature])


def whole_pipeline(run: bytes, children: list[bytes], word: str) -> bytes:
    found = runs.read(run)
    assert isinstance(found, runs.PipelineRun)
    members = [child for child in map(runs.read, children) if isinstance(child, runs.TaskRun)]
    return sign(runs.with_children(found, members), word)


def show(what: str, figure: str, wanted: str) -> None:
    print(f"{what:<62} {figure:>16}   {wanted}")


def core(count: int) -> None:
    """The table of issue and design: bytes to envelope, and a folder of runs through the whole controller."""
    data = encode(task_run("bench"))
    show("", "measured", "wanted at most")
    floor = best_us(lambda: KEY.sign(data[:4096], "sha256"))
    show("floor: one P-256 signature", f"{floor:.0f} us", "")
    show(f"floor: JSON decode of one TaskRun ({len(data)} bytes)", f"{best_us(lambda: msgspec.json.decode(data)):.0f} us", "")
    for word, wanted in (("in-toto", 400), ("slsa/v2alpha4", 600)):
        figure = best_us(lambda word=word: sign(runs.read(data), word))  # type: ignore[misc]
        show(f"TaskRun, bytes to envelope, {word}", f"{figure:.0f} us", f"{wanted} us ({figure / floor:.1f} signatures)")
    run, children = pipeline_run(50)
    for word in FORMATS:
        figure = best_us(lambda word=word: whole_pipeline(run, children, word), rounds=3) / 1000  # type: ignore[misc]
        show(f"PipelineRun with 50 children, deep, {word}", f"{figure:.1f} ms", "20 ms")
    large = task_run("large")
    large["status"]["results"] += [{"name": f"r{n}_IMAGE_URL", "value": f"gcr.io/x/{n}"} for n in range(20_000)]
    body = encode(large)
    figure = best_us(lambda: sign(runs.read(body), "slsa/v2alpha4"), rounds=3) / 1000 / (len(body) / (1 << 20))
    show(f"a hostile TaskRun of {len(body) >> 10} KiB, per MiB", f"{figure:.0f} ms", "50 ms")
    start_up()
    folder(count)


def start_up() -> None:
    for what, command, wanted in (
        ("sealwright --help", ["-m", "sealwright", "--help"], "0.3 s"),
        ("sealwright verify --help", ["-m", "sealwright", "verify", "--help"], ""),
    ):
        best = float("inf")
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
            best = min(best, time.perf_counter() - start)
        show(what, f"{best:.2f} s", wanted)


def folder(count: int) -> None:
    """The controller over a folder, as its own process: rate, and memory at a tenth and at the end."""
    for runs_wanted in (count // 10, count):
        with tempfile.TemporaryDirectory() as name:
            for n in range(runs_wanted):
                path = Path(name) / f"{n % 100}" / f"run-{n}.json"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(encode(task_run(f"run-{n}")))
            started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            command = ["-m", "sealwright", "controller", "--source", name, "--once", "--log-level", "warning"]
            subprocess.run([sys.executable, "-c", _PEAK, *command], check=True)
            took, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            figures = json.loads((Path(name) / "peak.json").read_text())
        rate = f"{runs_wanted / took:.0f}/s"
        show(f"folder of {runs_wanted} runs of 8 KiB, two images each", rate, "at least 500/s")
        show("  processor time per run, peak memory", f"{cpu / runs_wanted * 1e3:.2f} ms", f"{figures['peak_mib']} MiB")


# Runs the command in this process, then notes the peak of its own memory.
_PEAK = """
import json, resource, runpy, sys
folder = sys.argv[sys.argv.index("--source") + 1]
sys.argv = ["sealwright", *sys.argv[3:]]
try:
    runpy.run_module("sealwright", run_name="__main__")
finally:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    open(folder + "/peak.json", "w").write(json.dumps({"peak_mib": peak}))
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["core"])
    parser.add_argument("--runs", type=int, default=10_000, help="size of the folder")
    core(parser.parse_args().runs)

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

TOP = Path(__file__).parents[1]
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


def say(text: str) -> None:
    print(text, flush=True)


def cluster(asked: argparse.Namespace) -> None:
    """The table of docs/performance.md: this controller, and a peer where one is named, each on a new cluster."""
    sys.path.insert(0, str(TOP / "hack/_cluster"))
    import table  # noqa: PLC0415  what a cluster needs, core does not
    from measure import Bench, Sizes  # noqa: PLC0415
    from rig import Cluster  # noqa: PLC0415

    bursts = [int(text) for text in asked.bursts.split(",") if text]
    sizes = Sizes(drained=asked.drained, live_s=asked.live_s, history=asked.history, old=asked.old, bursts=bursts)
    where, columns = table.machine(), {}
    controllers = {"sealwright": None} | ({asked.peer.name: asked.peer.resolve()} if asked.peer else {})
    for name, peer in controllers.items():
        with Cluster() as made:
            if peer:
                made.welcome_peer()
            columns[name] = Bench(made, sizes, say, peer).everything()
    found = {"machine": where, "sizes": vars(sizes), "figures": columns}
    history = f"{sizes.history} runs of yesterday, {sizes.old} of last month"
    text = f"{where}; {sizes.drained} runs drained, {sizes.live_s} s at each rate, {history}.\n\n"
    print(text + table.markdown(columns))
    if asked.json:
        table.saved(asked.json, found)
    if asked.record:
        table.saved(TOP / "docs/measured/cluster.json", found)
        table.replaced(TOP / "docs/performance.md", "hack/bench cluster --record", text + table.markdown(columns))


def faults(asked: argparse.Namespace) -> int:
    """The table of docs/faults.md; 1 if anything was lost, doubled, false, stuck or re-created."""
    sys.path.insert(0, str(TOP / "hack/_cluster"))
    import table  # noqa: PLC0415
    from faults import FAULTS, judged, markdown  # noqa: PLC0415
    from rig import Cluster  # noqa: PLC0415

    if unknown := set(asked.names) - set(FAULTS):
        print(f"hack/bench faults: no {', '.join(sorted(unknown))} (there are: {', '.join(FAULTS)})", file=sys.stderr)
        return 2
    where, rows = table.machine(), []
    with Cluster(keep_history=True) as made:
        for name in asked.names or FAULTS:
            say(f"{name}: {FAULTS[name][0]}")
            rows.append(judged(made, name, asked.runs, asked.seed))
            for violation in rows[-1].violations[:20]:
                print(*violation)
    print("\n" + markdown(rows))
    if asked.record:
        table.replaced(TOP / "docs/faults.md", "hack/bench faults --record", f"{where}; seed {asked.seed}.\n\n{markdown(rows)}")
    return not all(row.is_good for row in rows)


def stores(count: int) -> None:
    """What keeping attestations costs, by store."""
    import _stores  # noqa: PLC0415  what registries need, core does not

    show("", "measured", "wanted")
    _stores.table(count, show)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hack/bench", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    found = commands.add_parser("core", help="bytes to envelope, and a folder through the controller")
    found.add_argument("--runs", type=int, default=10_000, help="size of the folder")
    found = commands.add_parser("cluster", help="the controller on a real API server (needs Go once)")
    found.add_argument("--peer", type=Path, help="another controller's program, measured after ours in the same way")
    found.add_argument("--drained", type=int, default=1500, help="finished runs to drain, and bare writes")
    found.add_argument("--live-s", type=int, default=25, help="seconds at each rate")
    found.add_argument("--history", type=int, default=10_000, help="unsigned runs of yesterday at the restart")
    found.add_argument("--old", type=int, default=0, help="runs of last month at another restart, such as 100000")
    found.add_argument("--bursts", default="2500", help="how many runs end at once, with commas: 2500,5000,7500")
    found.add_argument("--json", type=Path, help="where to write the figures")
    found.add_argument("--record", action="store_true", help="write them into docs/ too")
    found = commands.add_parser("faults", help="the controller while things break, judged by the checker (needs Go once)")
    found.add_argument(
        "names",
        nargs="*",
        help="only these (a wrong name lists them)",
    )
    found.add_argument("--runs", type=int, default=1000, help="runs under each fault")
    found.add_argument("--seed", type=int, default=1, help="of the moments at which things break")
    found.add_argument("--record", action="store_true", help="write the table into docs/ too")
    found = commands.add_parser("stores", help="registries on loopback (needs docker-registry, and crane or Go once)")
    found.add_argument("--runs", type=int, default=300, help="runs for each registry and mode")
    commands.add_parser("signers", help="signatures per second of each signer that can be tried on loopback")
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    if asked.what == "core":
        core(asked.runs)
    elif asked.what == "stores":
        stores(asked.runs)
    elif asked.what == "cluster":
        cluster(asked)
    elif asked.what == "signers":
        subprocess.run([sys.executable, str(TOP / "hack/signers.py")], check=True)
    else:
        sys.exit(faults(asked))

"""A namespace of a test's own on a real API server: the driver of hack/cluster in the part of Tekton, and controllers as processes."""

import json
import sys
import threading
from collections import Counter
from contextlib import contextmanager

from fakes import commands, folders
from fakes.manifests import ROOT

sys.path.insert(0, str(ROOT / "hack/_cluster"))
from client import Api, path_of  # also for the tests
from runs import running_task, task_run
from tekton import Tekton

SIGNED, RECEIPT = "chains.tekton.dev/signed", "sealwright.dev/receipt"
CONFIG = "/api/v1/namespaces/tekton-chains/configmaps"
MERGE = "application/merge-patch+json"
JSON = "application/json"
STORED_IN_THE_RUN = {f"artifacts.{sort}.storage": "tekton" for sort in ("taskrun", "pipelinerun", "oci")}


class Place:
    """A namespace of its own on the real server: Tekton in it, what it holds, and a controller that signs there."""

    def __init__(self, user, folder, namespace):
        self.namespace = namespace
        self.folder = folder
        self.kubeconfig = user.kubeconfig
        self.tekton = Tekton(user.kubeconfig, namespace)
        self.api = Api(user.kubeconfig)
        self.keys = folders.keys(folder / "keys")
        self.starts = 0
        self._audit = user.kubeconfig.parent / "audit.log"
        self._begin = self._audit.stat().st_size
        self.api.call("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})

    @contextmanager
    def controller(self, *options):
        """As a process of its own, once it has started."""
        self.starts += 1
        log = self.folder / f"log-{self.namespace}-{self.starts}"
        where = ("--kubeconfig", self.kubeconfig, "--keys", self.keys, "--namespace", self.namespace)
        ports = ("--metrics-port", 0, "--health-port", 0)
        with commands.Started("controller", *where, *ports, *options, log=log) as started:
            started.until(lambda: '"started"' in started.said)
            yield started

    def runs(self, kind="TaskRun"):
        found = self.api.call("GET", path_of(kind, self.namespace), accept=JSON)["items"]
        return {run["metadata"]["name"]: run | {"kind": kind, "apiVersion": "tekton.dev/v1"} for run in found}

    def annotations(self, name, kind="TaskRun"):
        return self.runs(kind)[name]["metadata"].get("annotations", {})

    def create(self, name, **metadata):
        """A running TaskRun with more in its metadata."""
        run = task_run(name, self.namespace)
        run["metadata"] |= metadata
        self.api.call("POST", path_of("TaskRun", self.namespace), run)
        self.tekton.status("TaskRun", name, running_task(name, self.tekton.now()))

    def are_signed(self, count, kind="TaskRun"):
        found = self.runs(kind).values()
        return len(found) == count and all(is_settled(run) for run in found)

    def verify(self, *kinds):
        """By the program itself, over what the server gives: every run and image."""
        everything = self.folder / "everything.json"
        items = [run for kind in kinds or ("TaskRun",) for run in self.runs(kind).values()]
        everything.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        ended = commands.run("verify", everything, "--key", self.keys / "cosign.pub")
        assert ended.code == 0, ended.text[-2000:] + ended.told
        return len(items)

    def our_calls(self):
        """What our client did to runs here, (verb, kind, name) by number."""
        found = Counter()
        with self._audit.open("rb") as lines:
            lines.seek(self._begin)
            for line in lines:
                event = json.loads(line)
                aim = event.get("objectRef", {})
                if "aiohttp" in event.get("userAgent", "") and aim.get("namespace") == self.namespace and aim.get("name"):
                    found[event["verb"], aim["resource"], aim["name"]] += 1
        return found


def is_settled(run):
    """Marked, with our record, and held no longer."""
    metadata = run["metadata"]
    annotations = metadata.get("annotations", {})
    ours = [name for name in metadata.get("finalizers", []) if name.startswith("chains.tekton.dev")]
    return annotations.get(SIGNED) == "true" and RECEIPT in annotations and not ours


def said(controller, event):
    """The log lines of one event."""
    lines = [json.loads(line) for line in controller.said.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def configure(api, **changes):
    """Change ConfigMap chains-config; None removes a setting."""
    api.call(
        "PATCH", f"{CONFIG}/chains-config", {"data": {name.replace("_", "."): text for name, text in changes.items()}}, MERGE
    )


def names(prefix, count):
    return [f"{prefix}-{n}" for n in range(count)]


@contextmanager
def meanwhile(work, *arguments, **options):
    """In a thread; at the end it is done, and what it raised is raised."""
    raised = []

    def run():
        try:
            work(*arguments, **options)
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert not raised, raised

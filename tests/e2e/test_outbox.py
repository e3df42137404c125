"""Runs that are deleted while a store is down, on a real API server: they go within minutes, and nothing is lost."""

import asyncio
import socket
import threading
import time
from contextlib import contextmanager

import pytest
from aiohttp import web
from fakes import kubectl
from fakes.archivista import Archivista
from fakes.cluster import CONFIG, Api, Place, names, path_of, said
from fakes.manifests import ROOT

from sealwright.flow.reconcile import KEEP_AFTER_S

pytestmark = pytest.mark.e2e
PENDING = "/apis/sealwright.dev/v1alpha1/namespaces/tekton-chains/pendingattestations"
COUNT = 20


@pytest.fixture(scope="module")
def port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def user(port):
    """A server with our definitions, where provenance goes to an Archivista at a port on which nothing listens yet."""
    data = {
        "artifacts.taskrun.storage": "tekton,archivista",
        "artifacts.oci.storage": "",
        "artifacts.pipelinerun.storage": "tekton",
    }
    with kubectl.cluster() as admin:
        admin.done("apply", "-f", ROOT / "deploy/base/crds.yaml")
        admin.done("wait", "--for=condition=Established", "crd/pendingattestations.sealwright.dev", "--timeout=30s")
        address = {"storage.archivista.url": f"http://127.0.0.1:{port}"}
        Api(admin.kubeconfig).call("POST", CONFIG, {"metadata": {"name": "chains-config"}, "data": data | address})
        yield admin


@contextmanager
def listening(port):
    """The Archivista, once it is back."""
    store, loop = Archivista(), asyncio.new_event_loop()

    async def start():
        runner = web.AppRunner(store.app(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return runner

    runner = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield store
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_deleted_runs_go_and_are_stored_when_the_store_is_back(user, port, tmp_path):
    """A minute later they are gone, what is owed waits for each, also through a restart; then it is stored, and forgotten."""
    place = Place(user, tmp_path, "outbox")
    builds = names("build", COUNT)
    with place.controller() as controller:
        place.tekton.create_task_runs(builds)
        controller.until(lambda: all(run["metadata"].get("finalizers") for run in place.runs().values()))
        place.tekton.finish_task_runs(builds)
        controller.until(lambda: len({line["name"] for line in said(controller, "failed")}) == COUNT)
        deleted_s = time.monotonic()
        place.tekton.each("TaskRun", builds, lambda name: delete(place, name))
        controller.until(lambda: not place.runs(), seconds=KEEP_AFTER_S + 60)
        gone_s = time.monotonic() - deleted_s
        owed = pending(place)
        controller.kill()
    with place.controller() as controller, listening(port) as store:
        controller.until(lambda: not pending(place), seconds=60)
        kept = len(store.indexed)

    assert gone_s >= KEEP_AFTER_S
    assert len(owed) == COUNT
    assert kept == COUNT


def delete(place, name):
    return place.api.call("DELETE", f"{path_of('TaskRun', place.namespace)}/{name}")


def pending(place):
    return place.api.call("GET", PENDING, accept="application/json")["items"]

"""Two replicas on a real API server: each run is worked on by one of them, and what one leaves the other takes."""

import signal
import time
import zlib
from collections import Counter

import pytest
from fakes import kubectl
from fakes.cluster import CONFIG, STORED_IN_THE_RUN, Api, Place, meanwhile, names, path_of, said

pytestmark = pytest.mark.e2e

TAKEOVER_S = 20.0
LEASES = "/apis/coordination.k8s.io/v1/namespaces/tekton-chains/leases"


@pytest.fixture(scope="module")
def user():
    with kubectl.cluster() as admin:
        Api(admin.kubeconfig).call("POST", CONFIG, {"metadata": {"name": "chains-config"}, "data": STORED_IN_THE_RUN})
        yield admin


@pytest.fixture
def place(user, tmp_path, request):
    name = request.node.name.removeprefix("test_").replace("_", "-")[:40].strip("-")
    return Place(user, tmp_path, name)


def holders(place):
    """Who holds how many shards here."""
    found = place.api.call("GET", LEASES, accept="application/json")["items"]
    start = f"sealwright-{zlib.crc32(place.namespace.encode()):08x}-shard-"
    shards = [lease["spec"].get("holderIdentity", "") for lease in found if lease["metadata"]["name"].startswith(start)]
    return Counter(holder.partition("_")[0] for holder in shards if holder)


def share(place, *controllers):
    controllers[0].until(lambda: sorted(holders(place).values()) == [3, 3])


def test_two_replicas_sign_each_run_once(place):
    """200 runs at 40 a second: two writes each, by one of the two."""
    builds = names("build", 200)
    with place.controller() as one, place.controller() as other:
        share(place, one, other)
        place.tekton.create_task_runs(builds)
        one.until(lambda: all(run["metadata"].get("finalizers") for run in place.runs().values()))
        place.tekton.finish_task_runs(builds, rate=40)
        one.until(lambda: place.are_signed(200))
        signed = [line["name"] for each in (one, other) for line in said(each, "signed")]
        halves = [len(said(each, "signed")) for each in (one, other)]
    calls = place.our_calls()

    assert place.verify() == 200
    assert sorted(signed) == sorted(builds)
    assert min(halves) > 50
    assert {calls["patch", "taskruns", name] for name in builds} == {2}


def test_a_killed_replica_is_replaced_in_time(place):
    """Runs that end after the kill, and those that it left in the middle."""
    builds = names("build", 60)
    with place.controller() as one, place.controller() as other:
        share(place, one, other)
        place.tekton.create_task_runs(builds)
        with meanwhile(place.tekton.finish_task_runs, builds, rate=20):
            one.until(lambda: len(said(one, "signed")) > 5)
            one.kill()
            killed_s = time.monotonic()
        other.until(lambda: place.are_signed(60), seconds=30)

    assert time.monotonic() - killed_s < TAKEOVER_S
    assert place.verify() == 60


def test_a_replica_that_is_asked_to_stop_is_replaced_at_once(place):
    """It hands over its shards, and nobody waits for a Lease to run out."""
    builds = names("build", 30)
    with place.controller() as one, place.controller() as other:
        share(place, one, other)
        one.signal(signal.SIGTERM)
        stopped_s = time.monotonic()
        code = one.ended()
        other.until(lambda: list(holders(place).values()) == [6])
        taken_s = time.monotonic() - stopped_s
        place.tekton.create_task_runs(builds)
        place.tekton.finish_task_runs(builds)
        other.until(lambda: place.are_signed(30))

    assert code == 0
    assert taken_s < 4.0


def test_runs_that_are_deleted_while_two_replicas_write_go_and_come_back_not(place):
    """Each is signed before it goes: nothing is left, and nothing is made again."""
    builds = names("build", 200)
    with place.controller() as one, place.controller() as other:
        share(place, one, other)
        place.tekton.create_task_runs(builds)
        one.until(lambda: all(run["metadata"].get("finalizers") for run in place.runs().values()))
        place.tekton.each("TaskRun", builds, lambda name: finish_and_delete(place, name))
        one.until(lambda: not place.runs())
        signed = {line["name"] for each in (one, other) for line in said(each, "signed")}

    assert signed == set(builds)
    assert not place.runs()


def finish_and_delete(place, name):
    place.tekton.finish_task_runs([name])
    return place.api.call("DELETE", f"{path_of('TaskRun', place.namespace)}/{name}")

"""A sample of `hack/bench faults` against a real API server; the checker that judges it is tested by faults planted there."""

import sys
from pathlib import Path

import pytest
from fakes.manifests import ROOT

sys.path.insert(0, str(ROOT / "hack/_cluster"))
from checker import Checker, counts
from faults import FAULTS, Place, judged
from history import Etcd, in_namespace, of_cluster
from rig import Cluster

pytestmark = pytest.mark.e2e

RUNS = 24
# What takes longer than the rest; the full table has it.
SAMPLE = [name for name in FAULTS if name not in ("throttled", "replicas", "nemesis")]


@pytest.fixture(scope="module")
def cluster():
    with Cluster(keep_history=True) as made:
        yield made


@pytest.mark.parametrize("name", SAMPLE)
def test_nothing_is_lost_doubled_false_stuck_or_created_again(cluster, name):
    """While it goes wrong, 24 runs end."""
    if name == "clock" and not list(Path("/usr/lib").rglob("libfaketime.so.1")):
        pytest.skip("libfaketime is not installed")
    row = judged(cluster, name, RUNS, seed=1)

    assert (row.violations, row.complaints) == ([], [])
    assert row.runs >= RUNS


def test_what_is_planted_on_the_server_is_found(cluster):
    """A record dropped, a payload altered, a mark on a run that nobody signed, and one that is held for ever."""
    since = Etcd(cluster.folder).revision() + 1
    place = Place(cluster, "planted", 4, seed=1)
    place.create()
    with place.controller():
        place.tekton.finish_task_runs(place.names)
        place.settle()
    place.create(["unsigned"])
    place.tekton.finish_task_runs(["unsigned"])
    uids = place.uids
    own = {name: f"chains.tekton.dev/%s-taskrun-{uids[name]}" for name in place.names}
    plant(place, "run-0", annotations={own["run-0"] % "signature": None})
    plant(place, "run-1", annotations={own["run-1"] % "payload": "e30="})
    plant(place, "run-2", finalizers=["chains.tekton.dev/taskrun"])
    plant(place, "unsigned", annotations={"chains.tekton.dev/signed": "true"})
    violations = Checker(cluster.public_key()).judge(in_namespace(of_cluster(cluster.folder, since), "planted"))
    plant(place, "run-2", finalizers=None)

    assert counts(violations) == {"LOST": 3, "DOUBLED": 0, "FALSE": 3, "STUCK": 1, "RECREATED": 0}
    assert {violation.name for violation in violations} == {"run-0", "run-1", "run-2", "unsigned"}


def plant(place, name, **metadata):
    place.cluster.api.patch("TaskRun", place.namespace, name, {"metadata": metadata})

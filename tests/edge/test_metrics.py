"""What Prometheus reads: Chains' counters with their meaning, and our own."""

import shutil
import subprocess

import pytest
from fakes import looks
from prometheus_client.parser import text_string_to_metric_families

from sealwright.core.errors import Reason
from sealwright.core.model import Finding
from sealwright.edge.chainsmetrics import ERROR_TYPES
from sealwright.edge.metrics import Metrics, Spoof
from sealwright.edge.status import Waiting
from sealwright.flow.reconcile import State

NOW_S = 1_790_000_000.0
QUEUE = "github.com.tektoncd.chains.pkg.reconciler"


@pytest.fixture
def metrics():
    return Metrics("0.1.0", list)


def samples(metrics):
    """(name, label values in the order of their names) -> value."""
    found = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            name = (sample.name, *(sample.labels[label] for label in sorted(sample.labels)))
            assert name not in found, f"{name} twice"
            found[name] = sample.value
    return found


def chains(metrics):
    return {name: count for name, count in samples(metrics).items() if name[0].startswith("watcher_")}


def test_chains_counters_are_absent_until_something_happens(metrics):
    """As in Chains: a counter appears at its first increment, and not at all before."""

    assert chains(metrics) == {}


@pytest.mark.parametrize(("kind", "word"), [("TaskRun", "taskrun"), ("PipelineRun", "pipelinerun")])
def test_signed_run_counts_as_in_chains(metrics, kind, word):
    """One signed message for each attestation, one stored payload for each receipt, one mark for the run."""
    found = looks.look(
        State.SIGNED, looks.outcome("tekton", "oci"), looks.outcome("oci", wanted=("oci",), image=True), about=looks.key(kind)
    )
    metrics.run(found, NOW_S, None)

    assert chains(metrics) == {
        (f"watcher_{word}_sign_created_total",): 2,
        (f"watcher_{word}_payload_stored_total",): 3,
        (f"watcher_{word}_marked_signed_total",): 1,
    }


@pytest.mark.parametrize(("stage", "error_type"), ERROR_TYPES.items())
def test_failure_counts_under_the_stage_that_chains_names(metrics, stage, error_type):
    """Building, signing, logging and storing have Chains' words; our mark is what stores in the object."""
    metrics.run(looks.look(State.FAILED, failures=(looks.failure(stage),)), NOW_S, None)

    assert chains(metrics) == {("watcher_taskrun_signing_failures_total", error_type): 1}


@pytest.mark.parametrize("state", [State.SKIPPED, State.KNOWN, State.WAITING, State.GONE])
def test_run_that_was_not_signed_is_in_none_of_chains_counters(metrics, state):
    """A skipped run is marked, but not as signed (unlike in Chains)."""
    metrics.run(looks.look(state), NOW_S, NOW_S)
    found = samples(metrics)

    assert not any(name[0].startswith("watcher_") for name in found)
    assert found["sealwright_runs_observed_total", "TaskRun", state] == 1


def test_failed_read_is_no_signing_failure_of_chains_but_an_attempt_of_ours(metrics):
    """Reading a run is no part of signing it there."""
    metrics.run(looks.look(State.FAILED, failures=(looks.failure("read", Reason.UNAVAILABLE),)), NOW_S, None)

    assert chains(metrics) == {}
    assert samples(metrics)["sealwright_sign_attempts_total", "TaskRun", "Unavailable", "failure"] == 1


def test_store_that_failed_is_known_by_the_receipt_that_is_missing(metrics):
    """Each store has its own successes and failures."""
    metrics.run(looks.look(State.FAILED, looks.outcome("tekton", failures=(looks.failure(),))), NOW_S, None)
    found = samples(metrics)

    assert found["sealwright_store_total", "tekton", "success"] == 1
    assert found["sealwright_store_total", "oci", "failure"] == 1
    assert ("sealwright_store_total", "tekton", "failure") not in found


def test_time_to_signed_counts_only_runs_that_finished_while_we_watched(metrics):
    """History and failures would say that signing takes days; a clock that is behind says nothing below zero."""
    metrics.run(looks.signed(), NOW_S, NOW_S - 0.02)
    metrics.run(looks.signed(), NOW_S, NOW_S + 5)
    metrics.run(looks.signed(), NOW_S, None)
    metrics.run(looks.look(State.FAILED, failures=(looks.failure(),)), NOW_S, NOW_S - 9)
    found = samples(metrics)

    assert found["sealwright_time_to_signed_seconds_count", "TaskRun"] == 2
    assert found["sealwright_time_to_signed_seconds_sum", "TaskRun"] == pytest.approx(0.02, abs=1e-4)
    assert found["sealwright_time_to_signed_seconds_bucket", "TaskRun", "60.0"] == 2


def test_queue_is_asked_at_each_scrape_and_shown_under_its_older_names_too():
    """What is new or going is in Knative's fast lane, history in the slow one."""
    waiting = [
        Waiting(kind="TaskRun", lane="live", count=3, oldest_s=1.5),
        Waiting(kind="TaskRun", lane="going", count=1, oldest_s=7),
        Waiting(kind="TaskRun", lane="past", count=40, oldest_s=2),
    ]
    metrics = Metrics("0.1.0", lambda: waiting)
    found = samples(metrics)

    assert found["sealwright_runs_pending", "TaskRun", "past"] == 40
    assert found["sealwright_oldest_pending_age_seconds", "TaskRun"] == 7
    assert found["sealwright_oldest_pending_age_seconds", "PipelineRun"] == 0
    for name in ("watcher_workqueue_depth", "kn_workqueue_depth"):
        assert found[name, f"{QUEUE}.taskrun.Reconciler-fast"] == 4
        assert found[name, f"{QUEUE}.taskrun.Reconciler-slow"] == 40
    waiting.clear()
    assert ("sealwright_runs_pending", "TaskRun", "live") not in samples(metrics)


def test_forged_child_is_a_spoof_and_all_sorts_of_spoofs_are_there_from_the_start(metrics):
    """An alert on an increase sees the first one."""
    before = samples(metrics)
    forged = Finding(where="status.childReferences", message="ChildForged: TaskRun 'x' is not controlled by this PipelineRun")
    metrics.run(looks.look(State.SIGNED, looks.outcome("tekton"), findings=(forged,)), NOW_S, None)
    metrics.spoofed(Spoof.MARK)
    after = samples(metrics)

    assert [before["sealwright_spoof_attempts_total", sort] for sort in Spoof] == [0, 0, 0]
    assert [after["sealwright_spoof_attempts_total", sort] for sort in (Spoof.MARK, Spoof.RECEIPT, Spoof.CHILD)] == [1, 0, 1]


def test_configuration_has_one_generation_and_says_when_a_newer_one_is_bad(metrics):
    """The series of the generation before ends."""
    metrics.config_taken("one", NOW_S)
    metrics.config_taken("two", NOW_S + 1)
    metrics.config_refused()
    found = samples(metrics)

    assert [name for name in found if name[0] == "sealwright_config_info"] == [("sealwright_config_info", "two")]
    assert found["sealwright_config_last_reload_successful",] == 0
    assert found["sealwright_config_last_reload_success_timestamp_seconds",] == NOW_S + 1


def test_what_others_do_is_counted_too(metrics):
    """Events, audit lines, skipped runs, dependencies, shards, and the version."""
    metrics.event("dropped")
    metrics.audited()
    metrics.skipped(Reason.DISABLED)
    metrics.dependency("apiserver", is_up=False)
    metrics.shards(0, 4)
    found = samples(metrics)

    assert found["sealwright_events_total", "dropped"] == 1
    assert found["sealwright_audit_records_total",] == 1
    assert found["sealwright_skipped_total", "Disabled"] == 1
    assert found["sealwright_dependency_up", "apiserver"] == 0
    assert (found["sealwright_leader",], found["sealwright_shards", "elsewhere"]) == (0, 4)
    assert found["sealwright_build_info", "0.1.0"] == 1


def busy(metrics):
    """Every kind of thing, many times, from runs with names of their own."""
    for number in range(100):
        about = looks.key("PipelineRun" if number % 2 else "TaskRun", f"run-{number}", f"ns-{number}")
        metrics.run(looks.signed(about, f"u{number}"), NOW_S, NOW_S - number / 7)
        for state in State:
            metrics.run(looks.look(state, about=about), NOW_S, None)
        for reason in Reason:
            failures = (looks.failure("sign", reason, f"message {number}"),)
            metrics.run(looks.look(State.FAILED, looks.unsigned(*failures), about=about), NOW_S, None)
    metrics.config_taken("g", NOW_S)
    metrics.shards(1, 4)


def test_series_do_not_grow_with_runs_and_name_none(metrics):
    """Labels are words of ours: the same few hundred series for any number of runs."""
    busy(metrics)
    found = samples(metrics)

    assert len(found) < 500  # of the 2,000 that are allowed
    assert not any(part.startswith(("run-", "ns-", "u1", "message")) for name in found for part in name[1:])


@pytest.mark.e2e
def test_promtool_has_nothing_to_say(metrics):
    """Names, help texts and format are as Prometheus wants them."""
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing; hack/e2e brings it"
    busy(metrics)
    ended = subprocess.run([promtool, "check", "metrics"], input=metrics.render(), capture_output=True, timeout=20, check=False)

    assert (ended.returncode, ended.stdout + ended.stderr) == (0, b"")


def test_it_shows_when_what_signs_expires():
    """Asked at each scrape; what does not expire has no series."""
    expiries = {"x509": 1_790_000_600.0}
    metrics = Metrics("1", list)
    metrics.watch_signers(lambda: expiries)
    before = metrics.render().decode()
    expiries.clear()

    assert 'sealwright_signer_expires_timestamp_seconds{signer="x509"} 1.7900006e+09' in before
    assert "expires_timestamp_seconds{" not in metrics.render().decode()

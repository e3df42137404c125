"""The audit log: what it holds, what a kill leaves of it, and that nothing can be done to it unseen."""

import json
import os
import re
import resource
import signal
import subprocess
import sys

import pytest
from fakes import looks
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.edge import auditchain
from sealwright.edge.audit import Audit, Checked, verify
from sealwright.flow.reconcile import State

AT_S = 1_790_000_000.0


@pytest.fixture
def path(tmp_path):
    return tmp_path / "audit" / "audit.jsonl"


def fill(path, count=5):
    with Audit(path) as audit:
        for number in range(count):
            audit.run(looks.signed(looks.key(name=f"run-{number}"), uid=f"u{number}"), AT_S + number)


def lines(path):
    return path.read_bytes().splitlines(keepends=True)


def test_line_says_what_was_signed_with_which_key_and_where_it_went(path):
    """Enough to answer, years later, what this program did to a run."""
    with Audit(path) as audit:
        audit.run(looks.signed(), AT_S)
    [line] = map(json.loads, lines(path))

    assert line == {
        "seq": 1,
        "prev": auditchain.START,
        "time": "2026-09-21T14:13:20.000+00:00",
        "result": "signed",
        "kind": "TaskRun",
        "namespace": "team-a",
        "name": "build",
        "uid": "u1",
        "signed": [
            {
                "artifact": "taskrun-u1",
                "format": "in-toto",
                "payload": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
                "keyId": "SHA256:key",
                "stores": {"tekton": "sha256:" + "ab" * 32, "oci": "sha256:" + "ab" * 32},
            }
        ],
        "failures": [],
    }


def test_failure_is_recorded_with_its_reason_and_without_its_message(path):
    """Messages hold foreign text; the log has them."""
    with Audit(path) as audit:
        audit.run(looks.look(State.FAILED, looks.unsigned(looks.failure("sign", Reason.KEY_MISSING, "foreign")), uid="u2"), AT_S)
    [line] = map(json.loads, lines(path))

    assert (line["result"], line["signed"], line["failures"]) == ("failed", [], [{"stage": "sign", "reason": "KeyMissing"}])


ENDS = (State.SIGNED, State.SKIPPED, State.FAILED, State.KEPT, State.RELEASED)


@pytest.mark.parametrize("state", list(State))
def test_only_ends_are_recorded(path, state):
    """That a run waits, is known or is gone is nothing that we did."""
    with Audit(path) as audit:
        found = audit.run(looks.look(state), AT_S)

    assert found is (state in ENDS) is (path.stat().st_size > 0)


def test_untouched_log_verifies_also_after_restarts(path):
    """One chain over the life of many programs."""
    for _ in range(4):
        fill(path, 3)
    checked = verify(path)

    assert (checked.lines, checked.gaps, checked.faults) == (12, (), ())
    assert checked.head == auditchain.digest(lines(path)[-1].rstrip(b"\n"))


def test_empty_log_verifies(path):
    """Nothing was done yet."""
    fill(path, 0)

    assert verify(path) == Checked(lines=0, head=auditchain.START, gaps=(), faults=())


SIZE = 40


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A log of SIZE lines, and its bytes."""
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    fill(path, SIZE)
    return path, path.read_bytes()


def faults_in(written, body):
    path, _ = written
    path.write_bytes(body)
    return verify(path).faults


def test_one_dropped_line_is_found_wherever_it_was(written):
    """T46: also the first and the last."""
    whole = written[1].splitlines(keepends=True)
    found = [faults_in(written, b"".join(whole[:at] + whole[at + 1 :])) for at in range(SIZE)]

    assert all(len(faults) == 1 for faults in found)


def test_swapped_lines_are_found(written):
    """T46: each pair of neighbours, and any two."""
    whole = written[1].splitlines(keepends=True)
    for first, second in [*((at, at + 1) for at in range(SIZE - 1)), (0, SIZE - 1), (3, 17)]:
        swapped = list(whole)
        swapped[first], swapped[second] = swapped[second], swapped[first]
        assert faults_in(written, b"".join(swapped))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_one_altered_byte_is_found_wherever_it_is(written, data):
    """T46: line ends too; no byte of the log is free."""
    body = bytearray(written[1])
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    path, _ = written
    path.write_bytes(body)

    assert verify(path).faults


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(0, SIZE))
def test_bytes_that_were_put_in_are_found(written, extra, after):
    """Added lines, empty lines, rubbish: a fault, and never an exception."""
    whole = written[1].splitlines(keepends=True)
    faults = faults_in(written, b"".join([*whole[:after], extra, *whole[after:]]))

    # Behind the last line, what has no end is what a kill leaves.
    assert bool(faults) is (b"\n" in extra or (bool(extra) and after < SIZE))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=120))
def test_any_bytes_can_be_verified_and_continued(tmp_path_factory, body, head):
    """Rubbish in either file is an answer, never an exception; what follows is a good chain that tells of it."""
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    path.write_bytes(body)
    auditchain.head_path(path).write_bytes(head)
    verify(path)
    fill(path, 2)
    before = len(verify(path).faults)
    fill(path, 2)

    assert len(verify(path).faults) == before
    assert not body or before or verify(path).gaps


@pytest.mark.parametrize("cut", [1, 2, 7])
def test_end_that_was_cut_off_is_told_by_the_head_and_ever_after(path, cut):
    """Going on with the log does not heal it: the next program writes down what it found."""
    fill(path, 8)
    path.write_bytes(b"".join(lines(path)[:-cut]))
    before = verify(path).faults
    fill(path, 3)
    after = verify(path).faults

    assert [len(before), len(after)] == [1, 1]
    assert "the head told of 8 lines" in after[0].message


def test_missing_head_is_a_fault(path):
    """Without it nobody knows where the end was."""
    fill(path)
    auditchain.head_path(path).unlink()

    assert len(verify(path).faults) == 1


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_line_that_a_kill_left_half_is_removed_and_the_gap_recorded(path, kept):
    """The chain goes on; the gap is no fault, since nobody altered anything."""
    fill(path, 3)
    head = auditchain.head_path(path).read_bytes()
    fill(path, 1)
    whole = lines(path)
    path.write_bytes(b"".join(whole[:3]) + whole[3][:kept])
    auditchain.head_path(path).write_bytes(head)
    before = verify(path)
    fill(path, 2)
    after = verify(path)

    assert [before.lines, len(before.gaps), before.faults] == [3, 1, ()]
    assert [after.lines, after.faults] == [6, ()]
    assert re.fullmatch(r"an unfinished line of \d+ bytes was removed \(sha256:[0-9a-f]{64}\)", after.gaps[0].message)


def test_kill_between_line_and_head_is_no_fault(path):
    """The head is then one line behind, and the next program takes it up."""
    fill(path, 3)
    head = auditchain.head_path(path).read_bytes()
    fill(path, 1)
    auditchain.head_path(path).write_bytes(head)
    before = verify(path).faults
    fill(path, 1)

    after = verify(path)

    assert before == ()
    assert (after.lines, after.gaps, after.faults) == (5, (), ())


WRITER = """
import sys
from pathlib import Path
from fakes import looks
from sealwright.edge.audit import Audit
audit = Audit(Path(sys.argv[1]))
print("open", flush=True)
while True:
    audit.run(looks.signed(), 1e9)
"""


def test_killed_writers_leave_a_log_that_verifies(path):
    """Whatever moment it was: at most a gap."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(entry for entry in sys.path if entry))
    counts = []
    for _ in range(2):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, env=environment) as writer:
            assert writer.stdout.readline() == b"open\n"
            wanted = path.stat().st_size + 50_000
            while path.stat().st_size < wanted:
                assert writer.poll() is None
            writer.send_signal(signal.SIGKILL)
        checked = verify(path)
        counts.append(checked.lines)
        assert checked.faults == ()

    assert counts == sorted(set(counts))


def test_second_writer_is_refused(path):
    """Two would break the chain for each other."""
    with Audit(path), pytest.raises(Permanent, match="another process writes this audit log"):
        Audit(path)
    with Audit(path) as again:
        assert again.run(looks.signed(), AT_S)


def test_full_disk_leaves_no_half_line_and_is_told_when_there_is_room_again(path):
    """What could not be recorded is counted, so that silence is never taken for peace."""
    with Audit(path) as audit:
        audit.run(looks.signed(), AT_S)
        size = path.stat().st_size
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, hard))
        try:
            for _ in range(3):
                with pytest.raises(Transient) as caught:
                    audit.run(looks.signed(), AT_S)
                assert caught.value.reason is Reason.STORE_FAILED
                assert path.stat().st_size == size
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, previous)
        audit.run(looks.signed(), AT_S)
    checked = verify(path)

    assert (checked.lines, checked.faults) == (3, ())
    assert [gap.message for gap in checked.gaps] == ["records that could not be written: 3"]


def test_unreadable_place_is_named(tmp_path):
    """A folder is no log."""
    (tmp_path / "audit.jsonl").mkdir()
    with pytest.raises(Transient) as opening:
        Audit(tmp_path / "audit.jsonl")
    with pytest.raises(Transient) as reading:
        verify(tmp_path / "nothing.jsonl")

    assert "audit.jsonl" in opening.value.message
    assert "nothing.jsonl" in reading.value.message


def test_others_may_not_read_it(path):
    """It names runs of every namespace."""
    fill(path)

    assert path.stat().st_mode & 0o077 == 0

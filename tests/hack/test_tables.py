"""What `hack/bench` reads from audit logs, and the pages that it writes its tables into."""

import json
import sys

import pytest
from fakes.manifests import ROOT

sys.path.insert(0, str(ROOT / "hack/_cluster"))
import table
from rig import ACCOUNT
from traces import Traces, percentile

PAGES = [("docs/performance.md", "hack/bench cluster --record"), ("docs/faults.md", "hack/bench faults --record")]


def event(user, verb, second, *, name="build", namespace="team", code=200, subresource=""):
    """A line of the audit log; the call took half a second."""
    aim = {"resource": "taskruns", "namespace": namespace, "name": name} | ({"subresource": subresource} if subresource else {})
    return {
        "stage": "ResponseComplete",
        "verb": verb,
        "user": {"username": "admin"},
        "impersonatedUser": {"username": user},
        "objectRef": aim,
        "requestReceivedTimestamp": f"2026-11-20T09:00:{second:02}.000000Z",
        "stageTimestamp": f"2026-11-20T09:00:{second:02}.500000Z",
        "responseStatus": {"code": code},
    }


def traces(tmp_path, *events):
    """Of a log that grew in two pieces, cut inside a line."""
    log = tmp_path / "audit.log"
    log.write_bytes(b"")
    found = Traces(log, "team")
    text = "".join(json.dumps(each) + "\n" for each in events).encode()
    for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
        with log.open("ab") as more:
            more.write(piece)
        found.read()
    return found


def test_what_a_run_waited_is_from_tektons_last_answer_to_the_controllers(tmp_path):
    found = traces(
        tmp_path,
        event(ACCOUNT, "patch", 1),
        event("tekton", "patch", 5, subresource="status"),
        event(ACCOUNT, "get", 6),
        event(ACCOUNT, "patch", 7),
    )

    assert found.runs["build"].waited_ms == 2000
    assert found.runs["build"].calls == {"patch": 2, "get": 1}
    assert found.signed_after_end(["build"]) == ["build"]
    assert found.span_s(["build"]) == 6.5


@pytest.mark.parametrize(
    "last",
    [
        event(ACCOUNT, "patch", 7, code=409),
        event(ACCOUNT, "patch", 7, namespace="other"),
        event(ACCOUNT, "get", 7),
        event("somebody", "patch", 7),
    ],
    ids=["refused", "elsewhere", "a read", "another's"],
)
def test_what_is_no_write_of_the_controller_signs_nothing(tmp_path, last):
    found = traces(tmp_path, event("tekton", "patch", 5, subresource="status"), last)

    assert found.signed_after_end(["build"]) == []


def test_percentiles_are_values_that_were_measured():
    values = [float(n) for n in range(1, 101)]

    assert [percentile(values, part) for part in (0.5, 0.99)] == [51.0, 100.0]
    assert percentile([7.0], 0.99) == 7.0


def test_a_controller_without_a_figure_has_an_empty_cell():
    """A peer is not measured in everything; a row that nobody has is left out."""
    made = table.markdown({"ours": {"ready_s": 1.0, "stop_s": 2.0}, "peer": {"stop_s": 3.0}})

    assert made.splitlines()[2:] == ["| start to ready | 1.0 s |  | 5 s |", "| SIGTERM to the end | 2.0 s | 3.0 s | 30 s |"]


@pytest.mark.parametrize(("page", "command"), PAGES)
def test_the_pages_have_a_place_for_their_table_and_keep_the_rest(tmp_path, page, command):
    """Twice written is once written."""
    made = tmp_path / "page.md"
    made.write_text((ROOT / page).read_text())
    table.replaced(made, command, "| first |\n")
    table.replaced(made, command, "| second |\n")
    before, after = (ROOT / page).read_text().split(table.BEGIN.format(command))[0], made.read_text()

    assert after.startswith(before)
    assert after.endswith((ROOT / page).read_text().partition(table.END)[2])
    assert ("| second |" in after, "| first |" in after) == (True, False)


def test_a_page_without_a_place_is_told(tmp_path):
    (tmp_path / "page.md").write_text("nothing\n")
    with pytest.raises(LookupError, match=r"page\.md"):
        table.replaced(tmp_path / "page.md", "x", "y")

"""`sealwright provenance`: Statements of runs in files, and the protocol of one request and one answer a line."""

import json
import subprocess

import pytest
import yaml
from fakes import commands, folders, objects

from sealwright.cli import provenance

FORMATS = ["in-toto", "slsa/v1", "slsa/v2alpha3", "slsa/v2alpha4"]
PREDICATES = {"in-toto": "v0.2", "slsa/v1": "v0.2", "slsa/v2alpha3": "v1", "slsa/v2alpha4": "v1"}

RUN = folders.built(1)
PARENT = objects.pipeline_run(tasks=("fetch", "push"))
CHILDREN = [objects.child(PARENT, "fetch", results=objects.image("registry.test/fetched")), objects.child(PARENT, "push")]


def request(**members):
    return json.dumps({"taskrun": RUN, "format": "in-toto"} | members).encode()


def answers(*lines, end=b"\n"):
    """What each line of standard input is answered with."""
    found = commands.run("provenance", "-", stdin=b"\n".join(lines) + end)
    assert (found.code, found.told) == (0, "")
    return [json.loads(line) for line in found.text.split("\n")[:-1]]


def statements(*arguments, stdin=b""):
    found = commands.run("provenance", *arguments, stdin=stdin)
    assert found.code == 0, found.told
    return [json.loads(line) for line in found.text.split("\n")[:-1]]


# --- one request a line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", FORMATS)
def test_a_request_is_answered_with_statement_images_and_simplesigning(word):
    """For a TaskRun: the Statement, the images that would be signed, and the payload of each."""
    [answer] = answers(request(format=word, builder="https://builder.test"))
    [image] = answer["images"]

    assert answer.keys() == {"statement", "images", "simplesigning"}
    assert answer["statement"]["predicateType"] == f"https://slsa.dev/provenance/{PREDICATES[word]}"
    assert "https://builder.test" in json.dumps(answer["statement"]["predicate"])
    assert answer["simplesigning"][0]["critical"]["image"]["docker-manifest-digest"] == image.partition("@")[2]


def test_a_pipelinerun_speaks_for_its_taskruns_where_that_is_asked_for():
    """Deep inspection takes the children's results; without it only those of the PipelineRun count."""
    members = {"pipelinerun": PARENT, "taskruns": CHILDREN, "format": "slsa/v2alpha4"}
    shallow, deep = answers(*(json.dumps(members | {"deep": deep}).encode() for deep in (False, True)))

    assert shallow["statement"].get("subject", []) == []
    assert [subject["name"] for subject in deep["statement"]["subject"]] == ["registry.test/fetched"]
    assert shallow["images"] == deep["images"] == []


def test_answers_come_in_the_order_of_requests_and_none_is_left_out():
    """Also where every other one is an error."""
    names = [f"https://builder.test/{number}" for number in range(20)]
    lines = [line for name in names for line in (request(builder=name), b"{")]
    found = answers(*lines)

    assert [answer["statement"]["predicate"]["builder"]["id"] for answer in found[::2]] == names
    assert all(answer.keys() == {"error"} for answer in found[1::2])


def test_empty_lines_are_no_requests():
    assert len(answers(b"", b"  ", request(), b"\r", b"", request(), b"")) == 2


def test_the_last_line_needs_no_end():
    assert len(answers(request(), request(), end=b"")) == 2


def test_no_request_gives_no_answer():
    assert answers(end=b"") == []


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\r", "\x0b"])
def test_only_a_line_feed_ends_a_line(separator):
    """JSON strings may hold whatever else a reader of text takes for the end of one."""
    run = objects.task_run(labels={"note": f"a{separator}b"})
    line = json.dumps({"taskrun": run, "format": "in-toto"}, ensure_ascii=False).replace("\r", "\\r").replace("\x0b", "\\u000b")
    [answer] = answers(line.encode())

    assert "statement" in answer


BAD_LINES = {
    b"{": "InvalidInput",
    b"not json": "InvalidInput",
    b"[]": "InvalidInput",
    b"null": "InvalidInput",
    b"1e999": "InvalidInput",
    b"{}": "InvalidInput",
    b'"\xff"': "InvalidInput",
    b'{"taskrun": []}': "InvalidRun",
    b'{"taskrun": {"kind": "Pod"}}': "InvalidRun",
    b'{"pipelinerun": 3}': "InvalidRun",
    b'{"taskrun": {}, "taskrun": {}}': "RepeatedKey",
    b'{"taskrun": {"a": 1, "a": 2}}': "RepeatedKey",
    b'{"taskruns": {}}': "InvalidInput",
    b'{"deep": "yes"}': "InvalidInput",
    b"[" * 100_000: "TooLarge",
    b'{"taskrun": ' * 300 + b"}" * 300: "TooLarge",
    request(format="slsa/v9"): "UnknownFormat",
    request(format="simplesigning"): "UnknownFormat",
    request(format=""): "",
}


@pytest.mark.parametrize(("line", "reason"), BAD_LINES.items(), ids=[line[:40].decode("latin-1") for line in BAD_LINES])
def test_what_is_wrong_with_a_request_is_its_answer(line, reason):
    """And the next one is answered as if nothing had been."""
    first, second = answers(line, request())

    assert first.get("error", "").split(":")[0] == reason
    assert "statement" in second


def test_a_request_without_bounds_is_refused_and_not_held(monkeypatch):
    """The rest of the line is passed over in portions, and the next one is answered."""
    monkeypatch.setattr(provenance, "_LIMIT", 5000)
    found = answers(b'{"taskrun": "' + b"x" * 23_456 + b'"}', request(), b"x" * 5000, b"x" * 4999, b"x" * 5001, request())

    assert found[0] == found[2] == found[4] == {"error": "TooLarge: a request of more than the 5000 bytes that are read"}
    assert found[3]["error"].startswith("InvalidInput")
    assert "statement" in found[1]
    assert "statement" in found[5]


def test_each_answer_is_there_before_the_next_request():
    """A program may hold a conversation through two pipes."""
    started = subprocess.Popen(
        [*commands.PROGRAM, "provenance", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=commands.environment()
    )
    with started:
        for number in range(5):
            started.stdin.write((b"{" if number % 2 else request()) + b"\n")
            started.stdin.flush()
            assert set(json.loads(started.stdout.readline())) & {"statement", "error"}
        started.stdin.close()
        assert started.stdout.read() == b""
    assert started.returncode == 0


# --- files --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    """The same runs in each form that users have them in."""
    every = [RUN, PARENT, *CHILDREN]
    (tmp_path / "list.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": every}))
    (tmp_path / "list.yaml").write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": every}))
    (tmp_path / "documents.yaml").write_text(yaml.safe_dump_all(every))
    folders.write(tmp_path, *every)
    return tmp_path


@pytest.mark.parametrize("word", FORMATS)
def test_json_yaml_lists_and_documents_give_the_same_statements(files, word):
    """One a line, in the order of the runs."""
    apart = [files / f"{run['metadata']['name']}.json" for run in (RUN, PARENT, *CHILDREN)]
    forms = [[files / "list.json"], [files / "list.yaml"], [files / "documents.yaml"], apart]
    found = [commands.run("provenance", "--format", word, "--deep", *form) for form in forms]

    assert {ended.code for ended in found} == {0}
    assert len({ended.out for ended in found}) == 1
    assert found[0].text.count("\n") == 4


def test_a_run_is_read_from_standard_input_beside_files(files):
    """`-` alone means requests; among files it is one of them."""
    run = files / "build-001.json"

    assert statements(files / "release.json", "-", stdin=run.read_bytes()) == statements(files / "release.json", run)


def test_a_pipelinerun_finds_its_taskruns_in_other_files(files):
    """In any order; without them it speaks for itself alone."""
    apart = [files / f"release{name}.json" for name in ("-push", "", "-fetch")]
    alone, among = statements(files / "release.json", "--deep"), statements(*apart, "--deep")

    assert "subject" not in alone[0] or alone[0]["subject"] == []
    assert [subject["name"] for subject in among[1]["subject"]] == ["registry.test/fetched"]


def test_the_format_is_as_configured_or_as_asked_for(files, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text('artifacts.taskrun.format: slsa/v2alpha3\nbuilder.id: "https://configured.test"\n')
    run = files / "build-001.json"
    [default], [configured] = statements(run), statements(run, "--config", config)
    [asked] = statements(run, "--config", config, "--format", "in-toto", "--builder-id", "https://asked.test")

    assert [found["predicateType"][-4:] for found in (default, configured, asked)] == ["v0.2", "e/v1", "v0.2"]
    assert configured["predicate"]["runDetails"]["builder"]["id"] == "https://configured.test"
    assert asked["predicate"]["builder"]["id"] == "https://asked.test"


def test_what_had_to_be_left_out_is_a_warning(tmp_path):
    """On standard error, so that the Statement stands alone."""
    folders.write(tmp_path, objects.task_run(steps=["no image at all"]))
    found = commands.run("provenance", tmp_path / "build.json", "--format", "slsa/v2alpha4")

    assert found.code == 0
    assert json.loads(found.out)["predicateType"]
    assert all(line.startswith("warning: ") for line in found.told.splitlines())


def test_every_example_has_a_statement_in_every_format():
    for word in FORMATS:
        found = statements(*sorted(commands.EXAMPLES.iterdir()), "--format", word, "--deep")
        assert len(found) == 9

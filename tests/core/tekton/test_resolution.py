"""Where the record of a run's remote definition is, and what it holds."""

import base64
import json

import pytest
from fakes import objects

from sealwright.core.errors import Permanent, Reason
from sealwright.core.tekton import resolution, runs


def run(**reference):
    found = objects.task_run("build")
    found["spec"]["taskRef"] = reference
    return runs.read(json.dumps(found).encode())


def request(body=b"kind: Task\n", uid="u1", **status):
    found = {"data": base64.b64encode(body).decode(), "refSource": {"uri": "git+https://x.example/c"}, **status}
    return json.dumps({"metadata": {"ownerReferences": [{"uid": "other"}, {"uid": uid}]}, "status": found}).encode()


def refusal(data):
    with pytest.raises(Permanent) as caught:
        resolution.read(data, "u1")
    assert caught.value.reason is Reason.DEFINITION_UNKNOWN
    return caught.value.message


def test_no_resolver_no_record():
    assert resolution.request_name(run(name="local")) == ""
    assert resolution.request_name(runs.read(json.dumps(objects.task_run()).encode())) == ""


def test_the_name_is_of_the_run_and_its_reference():
    """In any order of its parameters; another value, another run, another record."""
    name = resolution.request_name(
        run(resolver="git", params=[{"name": "url", "value": "u"}, {"name": "a", "value": ["b", "<"]}])
    )

    assert name.startswith("git-")
    assert len(name) == len("git-") + 32
    assert name == resolution.request_name(
        run(resolver="git", params=[{"name": "a", "value": ["b", "<"]}, {"name": "url", "value": "u"}])
    )
    assert name != resolution.request_name(
        run(resolver="git", params=[{"name": "url", "value": "v"}, {"name": "a", "value": ["b", "<"]}])
    )
    assert name != resolution.request_name(run(resolver="git"))


# What Tekton Pipelines v1.15.0 calls the record of the TaskRun team/build.
NAMES = {
    "git-aa623efa2f10efaf580679b6816d0d81": {
        "resolver": "git",
        "params": [{"name": "url", "value": "https://x.example/c.git"}, {"name": "pathInRepo", "value": "task.yaml"}],
    },
    "hub-4526b941c3e77c2a77a504f6f5c76787": {"resolver": "hub"},
    "custom-resolver-with-a-very-lo-c42224df03d1a2c285668c0d3530ee61": {
        "resolver": "custom-resolver-with-a-very-long-name-indeed-and-more",
        "params": [{"name": "l", "value": ["b", "a<"]}, {"name": "o", "value": {"b": "1", "a": "2"}}, {"name": "e", "value": ""}],
    },
    "http-e02d5b8f9de01fd5436e7bb5bc299014": {"resolver": "http", "name": "https://x.example/t.yaml"},
    "http-4526b941c3e77c2a77a504f6f5c76787": {"resolver": "http", "name": "plain"},
}


@pytest.mark.parametrize("name", NAMES)
def test_the_name_is_the_one_that_tekton_gives(name):
    found = objects.task_run("build")
    found["metadata"] |= {"name": "build", "namespace": "team"}
    found["spec"]["taskRef"] = NAMES[name]

    assert resolution.request_name(runs.read(json.dumps(found).encode())) == name


def test_the_hash_is_fnv_1a_of_128_bits():
    """The empty one and "a" (draft-eastlake-fnv)."""
    assert f"{resolution._fnv128a(b''):032x}" == "6c62272e07bb014262b821756295c58d"
    assert f"{resolution._fnv128a(b'a'):032x}" == "d228cb696f1a8caf78912b704e4a8964"


def test_a_long_resolver_is_cut_to_a_label():
    assert len(resolution.request_name(run(resolver="r" * 80))) == 63


def test_the_record_holds_the_text_and_its_source():
    found = resolution.read(request(), "u1")

    assert (found.body, found.uri) == (b"kind: Task\n", "git+https://x.example/c")
    assert resolution.read(request(refSource=None, source={"uri": "old"}), "u1").uri == "old"
    assert resolution.read(request(refSource=None), "u1").uri == ""


def test_another_runs_record_is_not_believed():
    assert "belongs to another run" in refusal(request(uid="u2"))
    assert "belongs to another run" in refusal(request().replace(b"ownerReferences", b"owner"))


def test_a_record_without_answer_tells_nothing():
    assert "has no answer" in refusal(request(b""))
    assert "cannot be read" in refusal(request(data="*"))
    assert "cannot be read" in refusal(b"[]")


def test_a_list_that_goes_on_is_not_believed():
    """A policy that is not read cannot deny."""
    assert resolution.items(b'{"items":[{"a":1}],"metadata":{}}', "list") == [{"a": 1}]
    with pytest.raises(Permanent) as caught:
        resolution.items(b'{"items":[{}],"metadata":{"continue":"x"}}', "list")
    assert caught.value.reason is Reason.TOO_LARGE

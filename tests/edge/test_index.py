"""What `search` answers from."""

import sqlite3

import pytest

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.core.model import Artifact, Attestation, Key, Payload, Signature, Subject
from sealwright.edge import index as index_module
from sealwright.edge.database import Database
from sealwright.edge.index import Entry, Index

KEY = Key(kind="TaskRun", namespace="ns", name="build")
AB, CD = "ab" * 32, "cd" * 32


def entry(*, uid="u1", key=KEY, name="gcr.io/a/b", digest=AB, body=b"body", words="slsa/v1", materials=()):
    return Entry(
        key=key,
        uid=uid,
        attestation=Attestation(
            artifact=Artifact(sort="taskrun", key=f"taskrun-{uid}", name=f"{key.namespace}/{key.name}"),
            format=words,
            payload=Payload(
                media_type="m",
                body=body,
                predicate_type="p",
                subjects=(Subject(name=name, digest={"sha256": digest}),),
                materials=tuple(Subject(name=uri, digest=digests) for uri, digests in materials),
            ),
            signature=Signature(key_id="k", raw=b"\xff"),
            envelope=b"envelope",
        ),
        places=("oci: somewhere",),
    )


def finish(index, *found, plan="plan"):
    """The run of these entries is done."""
    index.finish(found[0].key, found[0].uid, plan, found)


@pytest.fixture
def index(tmp_path):
    database = Database(tmp_path / "index.db")
    yield Index(database)
    database.close()


@pytest.mark.parametrize("flushed", [False, True], ids=["just finished", "flushed"])
def test_attestation_is_found_whole_by_all_that_it_speaks_of(index, flushed):
    """By digest (both ways to write it), name, material and run; bytes and all; at once, and from the facts."""
    one = entry(materials=(("git+https://g/x.git", {"sha1": "ff"}), ("oci://base", {"sha256": CD})))
    two = entry(uid="u2", key=Key(kind="PipelineRun", namespace="ns", name="other"), name="pkg:x", digest=CD)
    finish(index, one)
    finish(index, two)
    if flushed:
        index.flush()
    questions = [
        ({"digest": AB}, [one]),
        ({"digest": f"sha256:{AB}"}, [one]),
        ({"name": "gcr.io/a/b"}, [one]),
        ({"name": "ns/build"}, [one]),
        ({"material": "git+https://g/x.git"}, [one]),
        ({"material": "sha1:ff"}, [one]),
        ({"material": CD}, [one]),
        ({"run": "build"}, [one]),
        ({"run": "ns/other"}, [two]),
        ({"run": "u2"}, [two]),
        ({"digest": AB, "run": "u1"}, [one]),
        ({"digest": AB, "run": "u2"}, []),
        ({"digest": "00"}, []),
        ({"name": AB}, []),
        ({}, [one, two]),
    ]
    for asked, found in questions:
        assert list(index.search(**asked)) == found, asked


def test_image_is_found_though_its_payload_names_no_subject(index):
    """A bare signature speaks of its artifact."""
    image = Artifact(sort="oci", key=AB[:12], name="gcr.io/a/b", digest=f"sha256:{AB}")
    attestation = Attestation(
        artifact=image,
        format="simplesigning",
        payload=Payload(media_type="m", body=b"{}"),
        signature=Signature(key_id="k", raw=b"s"),
    )
    kept = Entry(key=KEY, uid="u1", attestation=attestation)
    finish(index, kept)

    assert list(index.search(digest=AB, name="gcr.io/a/b")) == [kept]


def test_only_the_attestations_that_answer_everything_are_given(index):
    """Not the others of their run, nor runs whose attestations answer one question each."""
    finish(index, entry(), entry(words="other", name="pkg:x", digest=CD))
    index.flush()

    assert list(index.search(digest=AB, run="build")) == [entry()]
    assert list(index.search(digest=AB, name="pkg:x")) == []


@pytest.mark.parametrize("flushed", [False, True], ids=["just finished", "flushed"])
def test_finishing_again_replaces(index, flushed):
    """One of the same artifact and format; nothing is doubled, and what the older one spoke of is forgotten."""
    finish(index, entry(), entry(words="slsa/v2alpha4"))
    if flushed:
        index.flush()
    finish(index, entry(digest=CD, name="pkg:new"))
    for _ in range(2):
        assert list(index.search()) == [entry(digest=CD, name="pkg:new"), entry(words="slsa/v2alpha4")]
        assert list(index.search(name="pkg:new")) == [entry(digest=CD, name="pkg:new")]
        assert list(index.search(digest=AB)) == [entry(words="slsa/v2alpha4")]
        index.flush()


def test_material_without_a_digest_is_found_by_its_name(index):
    """And strange text is only text."""
    kept = entry(materials=(("it's \"; DROP TABLE runs", {}),))
    finish(index, kept)

    assert list(index.search(material="it's \"; DROP TABLE runs")) == [kept]


def test_run_stands_under_any_plan(index):
    """A changed configuration signs nothing again; another uid is another run."""
    index.finish(KEY, "u1", "plan 1")

    assert index.standing("u1")
    assert not index.standing("u2")
    index.finish(KEY, "u1", "plan 2")
    assert index.standing("u1")


def test_two_runs_without_a_uid_are_two(index):
    """Files need not come from a cluster."""
    one, two = entry(uid=""), entry(uid="", key=Key(kind="TaskRun", namespace="ns", name="other"))
    finish(index, one)
    finish(index, two)

    assert list(index.search()) == [one, two]
    assert list(index.search(run="other")) == [two]


def test_run_and_its_attestations_are_there_together(tmp_path, index):
    """Another process sees both or neither, so a run that stands can be searched, whoever has flushed."""
    other = Database(tmp_path / "index.db")
    before = list(Index(other).search())
    finish(index, entry())

    assert before == []
    assert list(Index(other).search(digest=AB)) == [entry()]
    assert Index(other).standing("u1")
    Index(other).flush()
    assert list(index.search(digest=AB)) == [entry()]
    other.close()


def test_facts_follow_in_portions(tmp_path, index, monkeypatch):
    """Also of runs that have none, and after a kill: `search` finds what has none yet, and the next flush makes them."""
    monkeypatch.setattr(index_module, "PORTION", 4)
    for number in range(11):
        key = Key(kind="TaskRun", namespace="ns", name=f"run-{number}")
        index.finish(key, f"u{number}", "plan", [] if number < 5 else [entry(uid=f"u{number}", key=key, digest=f"{number:064}")])
    indexed = index._database.read("SELECT DISTINCT run FROM facts")
    found = [[each.uid for each in index.search(digest=f"{number:064}")] for number in range(11)]
    other = Database(tmp_path / "index.db")
    Index(other).flush()

    assert sorted(indexed) == [(6,), (7,), (8,)]
    assert found == [[]] * 5 + [[f"u{number}"] for number in range(5, 11)]
    assert [[each.uid for each in index.search(digest=f"{number:064}")] for number in range(11)] == found
    assert len(other.read("SELECT DISTINCT run FROM facts")) == 6
    other.close()


def test_broken_database_says_what_to_do(tmp_path):
    """Not a traceback."""
    (tmp_path / "index.db").write_bytes(b"no database" * 1000)
    with pytest.raises(Permanent, match="move the file away") as caught:
        Database(tmp_path / "index.db")

    assert caught.value.reason == Reason.STORE_FAILED


def test_database_of_a_later_version_is_left_alone(tmp_path):
    """An older program does not write into it."""
    Database(tmp_path / "index.db").close()
    connection = sqlite3.connect(tmp_path / "index.db")
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(Permanent, match="version 99"):
        Database(tmp_path / "index.db")


def test_full_disk_is_worth_waiting_for_and_leaves_nothing_half(index):
    """The transaction is undone; the same call works once there is space."""
    index._database._connection.execute("PRAGMA max_page_count=60")
    large = entry(body=b"x" * 1_000_000)
    with pytest.raises(Transient, match="full") as caught:
        finish(index, large)

    assert caught.value.reason == Reason.STORE_FAILED
    assert not index.standing("u1")
    assert list(index.search()) == []
    index._database._connection.execute("PRAGMA max_page_count=6000")
    finish(index, large)
    assert list(index.search()) == [large]

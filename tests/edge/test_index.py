"""What `search` answers from."""

import sqlite3

import pytest

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.core.model import Artifact, Attestation, Key, Payload, Signature, Subject
from sealwright.edge.database import Database
from sealwright.edge.index import Entry, Index

KEY = Key(kind="TaskRun", namespace="ns", name="build")
AB, CD = "ab" * 32, "cd" * 32


def entry(*, uid="u1", key=KEY, name="gcr.io/a/b", digest=AB, body=b"body", words="slsa/v1", **more):
    return Entry(
        key=key,
        uid=uid,
        attestation=Attestation(
            artifact=Artifact(sort="taskrun", key=f"taskrun-{uid}", name=f"{key.namespace}/{key.name}"),
            format=words,
            payload=Payload(
                media_type="m", body=body, predicate_type="p", subjects=(Subject(name=name, digest={"sha256": digest}),)
            ),
            signature=Signature(key_id="k", raw=b"\xff"),
            envelope=b"envelope",
        ),
        places=("somewhere",),
        **more,
    )


@pytest.fixture
def index(tmp_path):
    database = Database(tmp_path / "index.db")
    yield Index(database)
    database.close()


def test_attestation_is_found_whole_by_all_that_it_speaks_of(index):
    """By digest (both ways to write it), name, material and run; bytes and all."""
    one = entry(materials=(("git+https://g/x.git", {"sha1": "ff"}), ("oci://base", {"sha256": CD})))
    two = entry(uid="u2", key=Key(kind="PipelineRun", namespace="ns", name="other"), name="pkg:x", digest=CD)
    index.record([one, two])
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
    index.record([kept])

    assert list(index.search(digest=AB, name="gcr.io/a/b")) == [kept]


def test_recording_again_replaces(index):
    """Nothing is doubled, and what the older one spoke of is forgotten."""
    index.record([entry(), entry(words="slsa/v2alpha4")])
    index.record([entry(digest=CD)])

    assert list(index.search()) == [entry(digest=CD), entry(words="slsa/v2alpha4")]
    assert list(index.search(digest=CD)) == [entry(digest=CD)]


def test_material_without_a_digest_is_found_by_its_name(index):
    """And strange text is only text."""
    kept = entry(materials=(("it's \"; DROP TABLE runs", {}),))
    index.record([kept])

    assert list(index.search(material="it's \"; DROP TABLE runs")) == [kept]


def test_run_stands_under_its_plan_only(index):
    """Another configuration is another plan, another uid another run."""
    index.finish(KEY, "u1", "plan 1")

    assert index.standing("u1", "plan 1")
    assert not index.standing("u1", "plan 2")
    assert not index.standing("u2", "plan 1")
    index.finish(KEY, "u1", "plan 2")
    assert index.standing("u1", "plan 2")
    assert not index.standing("u1", "plan 1")


def test_run_and_its_attestations_are_there_together(tmp_path, index):
    """Another process sees both or neither, so a run that stands can be searched."""
    other = Database(tmp_path / "index.db")
    index.record([entry()])
    before = list(Index(other).search())
    index.finish(KEY, "u1", "plan")

    assert before == []
    assert list(Index(other).search()) == [entry()]
    assert Index(other).standing("u1", "plan")
    other.close()


def test_attestations_of_runs_that_never_finish_are_kept_too(tmp_path, index):
    """By the next flush, or when there are many; memory stays small."""
    other = Database(tmp_path / "index.db")
    index.record([entry(uid=f"u{number}") for number in range(200)])
    assert len(list(Index(other).search())) == 200
    index.record([entry(uid="last")])
    index.flush()
    assert len(list(Index(other).search(run="last"))) == 1
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
    index.record([large])
    with pytest.raises(Transient, match="full") as caught:
        index.finish(KEY, "u1", "plan")

    assert caught.value.reason == Reason.STORE_FAILED
    assert not index.standing("u1", "plan")
    index._database._connection.execute("PRAGMA max_page_count=6000")
    index.finish(KEY, "u1", "plan")
    assert list(index.search()) == [large]

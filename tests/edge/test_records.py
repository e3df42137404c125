"""Records in buckets: Chains' names, and the faults that a bucket can have."""

import asyncio

import pytest
from fakes.places import IMAGE, ORIGIN, SOUGHT, image_signature, statement
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core.envelope import record
from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.core.model import Key, Origin
from sealwright.edge.records import RecordStore

WHERE = "gs://b/"


class Bucket:
    """`records.Bucket` in memory. `spoil` is what becomes of the bytes that are kept; None keeps nothing (a close error)."""

    def __init__(self):
        self.kept: dict[str, bytes] = {}
        self.spoil = lambda _name, body: body
        self.fault = None
        self.created = []

    async def create(self, name, body):
        await asyncio.sleep(0)
        if self.fault:
            raise self.fault
        self.created.append(name)
        if name not in self.kept and (kept := self.spoil(name, body)) is not None:
            self.kept[name] = kept

    async def read(self, name):
        return self.kept.get(name)

    async def names(self, folder):
        return [name.removeprefix(f"{folder}/") for name in self.kept if name.startswith(f"{folder}/")]


@pytest.fixture
def bucket():
    return Bucket()


@pytest.fixture
def store(bucket):
    return RecordStore("gcs", bucket, WHERE)


async def test_names_and_bytes_are_those_of_chains(store, bucket):
    """chains.md 5.3: four objects below `<kind>-<namespace>-<name>`, certificates also where they are empty."""
    attestation, image = statement(5), image_signature()
    receipt = await store.put(attestation, ORIGIN)
    await store.put(image, ORIGIN)

    assert bucket.kept == {
        "taskrun-ns-run/taskrun-5.payload": attestation.payload.body,
        "taskrun-ns-run/taskrun-5.signature": attestation.envelope,
        "taskrun-ns-run/taskrun-5.cert": b"",
        "taskrun-ns-run/taskrun-5.chain": b"",
        f"taskrun-ns-run/{IMAGE.digest[7:19]}.payload": image.payload.body,
        f"taskrun-ns-run/{IMAGE.digest[7:19]}.signature": image.signature.raw,
        f"taskrun-ns-run/{IMAGE.digest[7:19]}.cert": b"PEM",
        f"taskrun-ns-run/{IMAGE.digest[7:19]}.chain": b"PEM2",
    }
    assert receipt.uri == "gs://b/taskrun-ns-run/taskrun-5.signature"


async def test_the_signature_is_written_last(store, bucket):
    """Whoever finds one finds the rest: a kill in between leaves no half record that looks whole."""
    await store.put(statement(5), ORIGIN)

    assert [name.rpartition(".")[2] for name in bucket.created] == ["payload", "cert", "chain", "signature"]


@pytest.mark.parametrize("part", record.PARTS)
async def test_an_acknowledged_write_that_is_not_there_is_no_receipt(store, bucket, part):
    """Google's client tells it on close, which Chains does not look at (T29)."""
    bucket.spoil = lambda name, body: None if name.endswith(part) else body
    with pytest.raises(Transient, match="was acknowledged, and is not there"):
        await store.put(statement(5), ORIGIN)
    bucket.spoil = lambda _name, body: body
    await store.put(statement(5), ORIGIN)

    assert len(await store.find(statement(5).artifact, ORIGIN)) == 1


@pytest.mark.parametrize("part", record.PARTS)
async def test_half_an_object_is_no_receipt_for_it(store, bucket, part):
    """It is kept whole under another name, and found."""
    attestation = statement(5)
    bucket.spoil = lambda name, body: body[:-1] + b"?" if name == f"taskrun-ns-run/taskrun-5.{part}" else body
    receipt = await store.put(attestation, ORIGIN)

    assert receipt.uri.startswith("gs://b/taskrun-ns-run/taskrun-5-")
    assert (await store.find(attestation.artifact, ORIGIN))[-1].envelope == attestation.envelope


async def test_what_cannot_be_kept_whole_anywhere_is_a_failure(store, bucket):
    """A bucket that cuts everything."""
    bucket.spoil = lambda _name, body: body[:10]
    with pytest.raises(Permanent, match="something else is kept under a name that only this can have"):
        await store.put(statement(5), ORIGIN)


async def test_while_it_is_down_nothing_is_acknowledged_and_nothing_lost(store, bucket):
    """And what was there before a retry is not written twice."""
    bucket.fault = Transient(Reason.UNAVAILABLE, "down")
    attestation = statement(5)
    with pytest.raises(Transient, match="down"):
        await store.put(attestation, ORIGIN)
    bucket.fault = None
    assert await store.put(attestation, ORIGIN) == await store.put(attestation, ORIGIN)
    assert len(bucket.kept) == 4


async def test_fifty_writers_of_one_name_lose_nothing(store):
    """50 signatures under one short key: all found (T29)."""
    written = [image_signature(number) for number in range(50)]
    await asyncio.gather(*(store.put(each, ORIGIN) for each in written))

    assert {each.signature.raw for each in await store.find(SOUGHT, ORIGIN)} == {each.signature.raw for each in written}


async def test_a_record_without_its_payload_is_refused(store, bucket):
    """Somebody deleted it; half an attestation proves nothing."""
    await store.put(statement(5), ORIGIN)
    del bucket.kept["taskrun-ns-run/taskrun-5.payload"]
    with pytest.raises(Permanent, match="no payload of taskrun-5"):
        await store.find(statement(5).artifact, ORIGIN)


async def test_a_certificate_that_is_no_text_is_refused(store, bucket):
    """Whoever may write to the bucket may write anything."""
    await store.put(statement(5), ORIGIN)
    bucket.kept["taskrun-ns-run/taskrun-5.cert"] = b"\xff"
    with pytest.raises(Permanent, match="a certificate is no text"):
        await store.find(statement(5).artifact, ORIGIN)


def _origin(namespace, name):
    return Origin(key=Key(kind="TaskRun", namespace=namespace, name=name), uid="u")


def test_two_runs_can_share_a_folder_and_their_records_still_differ():
    """Chains' folder is ambiguous; a run's record is named by its uid, an image's is never overwritten (T30)."""
    assert record.folder(_origin("a", "b-c")) == record.folder(_origin("a-b", "c"))
    assert record.names(image_signature(1))[0] == record.names(image_signature(2))[0]
    assert record.names(image_signature(1))[1] != record.names(image_signature(2))[1]


@settings(max_examples=300)
@given(st.text(max_size=40), st.text(max_size=40))
def test_a_folder_is_one_plain_name(namespace, name):
    """Never a path, whatever a file claims to be called."""
    folder = record.folder(_origin(namespace, name))

    assert folder.startswith("taskrun-")
    assert folder.isascii()
    assert not set(folder) & set("/\\ \n\0")


@given(st.text("0123456789abcdef-", max_size=80))
def test_only_records_of_an_artifact_are_its_own(suffix):
    """`taskrun-1` is no record of `taskrun-1-1`, nor the other way round."""
    name = f"{SOUGHT.key}{suffix}"
    is_alternative = len(suffix) == 65 and suffix[0] == "-" and "-" not in suffix[1:]

    assert record.is_of(name, SOUGHT) == (suffix == "" or is_alternative)

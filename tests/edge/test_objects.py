"""What object stores refuse, in words."""

import asyncio

import obstore.store
import pytest

from sealwright.core.errors import Permanent, Transient
from sealwright.edge import objects, records
from sealwright.edge.objects import ObjectBucket
from sealwright.edge.stores import Tools, azblob, file, gcs, s3

MEMORY = obstore.store.MemoryStore()


async def test_what_is_there_stays():
    """The precondition of each write."""
    bucket = ObjectBucket(obstore.store.MemoryStore(), "s3://b/")
    await bucket.create("a/b", b"first")
    await bucket.create("a/b", b"second")

    assert await bucket.read("a/b") == b"first"
    assert await bucket.read("a/c") is None
    assert await bucket.names("a") == ["b"]
    assert await bucket.names("x") == []


async def test_an_object_that_is_too_large_is_not_read(monkeypatch):
    """Whoever may write to the bucket must not fill our memory."""
    monkeypatch.setattr(objects, "PART_LIMIT", 3)
    bucket = ObjectBucket(obstore.store.MemoryStore(), "s3://b/")
    await bucket.create("a", b"1234")
    with pytest.raises(Permanent, match="'a' has more than 3 bytes"):
        await bucket.read("a")


async def test_a_long_listing_is_cut(monkeypatch):
    monkeypatch.setattr(objects, "NAMES_LIMIT", 3)
    bucket = ObjectBucket(obstore.store.MemoryStore(), "s3://b/")
    await asyncio.gather(*(bucket.create(f"a/{number}", b"") for number in range(5)))

    assert len(await bucket.names("a")) == 3
    assert records.NAMES_LIMIT > 3


async def test_a_server_that_is_not_there_is_waited_for(unused_tcp_port):
    """The sentence says what was being done, and where."""
    settings = {"bucket": "b", "region": "us-east-1", "endpoint": f"http://127.0.0.1:{unused_tcp_port}"}
    async with s3.open(settings, Tools()) as store:
        with pytest.raises(Transient, match="writing s3://b/x"):
            await store._bucket.create("x", b"")
        with pytest.raises(Transient, match="reading s3://b/x"):
            await store._bucket.read("x")
        with pytest.raises(Transient, match="listing s3://b/x"):
            await store._bucket.names("x")


@pytest.mark.parametrize(
    ("member", "settings", "missing"),
    [
        (gcs, {}, "storage.gcs.bucket"),
        (gcs, {"bucket": " "}, "storage.gcs.bucket"),
        (s3, {}, "storage.s3.bucket"),
        (azblob, {"container": "c"}, "storage.azblob.account"),
        (azblob, {"account": "a"}, "storage.azblob.container"),
        (file, {}, "storage.file.path"),
    ],
)
async def test_what_a_store_cannot_work_without_is_named(member, settings, missing):
    with pytest.raises(Permanent, match=f"{missing} is not set"):
        async with member.open(settings, Tools()):
            pass


@pytest.mark.parametrize(
    ("member", "settings"),
    [(azblob, {"account": "a", "container": "c", "endpoint": "no address"}), (s3, {"bucket": "b", "endpoint": "no address"})],
)
async def test_an_endpoint_that_is_no_address_fails_its_requests_and_names_the_place(member, settings):
    """At the latest when it is used; never silently elsewhere."""
    with pytest.raises((Permanent, Transient), match=f"{member.NAMES[0]}://"):
        async with member.open(settings, Tools()) as store:
            await store._bucket.read("x")


async def test_a_bucket_that_is_not_there_is_said(monkeypatch):
    """The library raises Python's own FileNotFoundError for it, which is none of its errors."""
    bucket = ObjectBucket(obstore.store.MemoryStore(), "s3://b/")

    async def refused(*_args, **_options):
        raise FileNotFoundError("Object at location x not found: no such bucket\n\nDebug source: ...")

    monkeypatch.setattr(obstore, "put_async", refused)
    with pytest.raises(
        Permanent, match=r"writing s3://b/x: 'Object at location x not found: no such bucket'; is the bucket there\?"
    ):
        await bucket.create("x", b"")

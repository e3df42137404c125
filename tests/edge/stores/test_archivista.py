"""Archivista: envelopes by git object id, and what it does wrong."""

import pytest
from aiohttp.test_utils import TestServer
from fakes.archivista import Archivista
from fakes.places import ORIGIN, SOUGHT, image_signature, statement

from sealwright.core.errors import Permanent, Transient
from sealwright.edge.stores import Tools, archivista


@pytest.fixture
def fake():
    return Archivista()


@pytest.fixture
async def store(fake):
    async with TestServer(fake.app()) as server, archivista.open({"url": str(server.make_url(""))}, Tools()) as opened:
        yield opened


async def test_the_id_is_that_of_git():
    """`git hash-object` in a repository of object format sha256."""
    assert archivista.gitoid(b"hello\n") == "2cf8d83d9ee29543b34a87727421fdecb7e3f3a183d337639025de576db9ebb4"


async def test_what_is_there_is_not_uploaded_again(fake, store):
    """It would answer with an error, as for anything that it cannot index."""
    attestation = statement()
    first = await store.put(attestation, ORIGIN)

    assert await store.put(attestation, ORIGIN) == first
    assert fake.uploads == 1
    assert first.uri.endswith(f"/download/{archivista.gitoid(attestation.envelope)}")


async def test_half_an_upload_is_done_again(fake, store):
    """It keeps the bytes before it indexes them: what can be downloaded may be impossible to find."""
    fake.faults.append(500)
    attestation = statement()
    with pytest.raises(Transient, match="the metadata store is down"):
        await store.put(attestation, ORIGIN)
    assert await store.find(SOUGHT, ORIGIN) == []
    await store.put(attestation, ORIGIN)

    assert [each.envelope for each in await store.find(SOUGHT, ORIGIN)] == [attestation.envelope]


async def test_other_bytes_than_were_sent_are_no_receipt(fake, store):
    """A proxy in between, a disk that is full."""
    fake.spoil = lambda body: body[:-1]
    with pytest.raises(Transient, match="is not what was uploaded"):
        await store.put(statement(), ORIGIN)


async def test_an_image_signature_is_refused_with_what_to_do(store):
    """It is no envelope; a receipt for nothing would be a false "signed"."""
    with pytest.raises(Permanent, match=r"take archivista out of artifacts\.oci\.storage"):
        await store.put(image_signature(), ORIGIN)


async def test_without_graphql_it_keeps_and_cannot_find():
    """GraphQL can be turned off."""
    fake = Archivista(graphql=False)
    async with TestServer(fake.app()) as server, archivista.open({"url": str(server.make_url(""))}, Tools()) as store:
        attestation = statement()
        assert await store.put(attestation, ORIGIN) == await store.put(attestation, ORIGIN)
        assert fake.uploads == 1
        with pytest.raises(Permanent, match="its GraphQL is turned off"):
            await store.find(SOUGHT, ORIGIN)


async def test_an_address_is_needed():
    with pytest.raises(Permanent, match=r"storage\.archivista\.url is not set"):
        async with archivista.open({"url": " "}, Tools()):
            pass

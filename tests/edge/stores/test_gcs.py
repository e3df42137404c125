"""Google Cloud Storage over its own interface: a write that was lost, an identity without rights, a bucket that is not there."""

import pytest
from aiohttp.test_utils import TestServer
from fakes.gcs import Gcs
from fakes.places import ORIGIN, statement

from sealwright.core.errors import Permanent, Transient
from sealwright.edge.stores import Tools, gcs


@pytest.fixture
def fake():
    return Gcs()


@pytest.fixture
async def endpoint(fake):
    async with TestServer(fake.app()) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.fixture
async def store(endpoint):
    async with gcs.open({"bucket": "b", "endpoint": endpoint}, Tools()) as opened:
        yield opened


async def test_objects_have_the_names_of_chains(fake, store):
    """chains.md 5.3."""
    attestation = statement(5)
    await store.put(attestation, ORIGIN)

    assert sorted(fake.kept) == [f"taskrun-ns-run/taskrun-5.{part}" for part in ("cert", "chain", "payload", "signature")]
    assert fake.kept["taskrun-ns-run/taskrun-5.signature"] == attestation.envelope


async def test_a_write_that_was_acknowledged_and_lost_is_no_receipt(fake, store):
    """T29: Chains does not look at what the service says on close."""
    fake.loses.add("taskrun-ns-run/taskrun-5.signature")
    with pytest.raises(Transient, match="was acknowledged, and is not there"):
        await store.put(statement(5), ORIGIN)


@pytest.mark.parametrize("status", [401, 403])
async def test_an_identity_without_rights_is_told_what_to_check(fake, store, status):
    """It may get them while we wait."""
    fake.refuse = status
    with pytest.raises(Transient, match="check what this identity may do there"):
        await store.put(statement(5), ORIGIN)


async def test_a_bucket_that_is_not_there_is_said(endpoint):
    async with gcs.open({"bucket": "other", "endpoint": endpoint}, Tools()) as store:
        with pytest.raises(Permanent, match="is the bucket there"):
            await store.put(statement(5), ORIGIN)

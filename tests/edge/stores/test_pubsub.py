"""Kafka: a message for each attestation, Chains' headers, nothing acknowledged that was not."""

import base64

import pytest
from fakes.places import ORIGIN, image_signature, statement
from fakes.twins import MemoryTopic

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.edge.stores import Tools, pubsub
from sealwright.edge.stores.pubsub import TopicStore


@pytest.fixture
def topic():
    return MemoryTopic()


async def test_body_and_headers_are_those_of_chains(topic):
    """chains.md 5.6."""
    attestation, image = statement(5), image_signature()
    store = TopicStore(topic, "t")
    await store.put(attestation, ORIGIN)
    await store.put(image, ORIGIN)
    of_run, of_image = topic.kept

    assert of_run.body == attestation.envelope
    assert of_run.headers == {
        "payload": base64.b64encode(attestation.payload.body).decode(),
        "signature": attestation.envelope.decode(),
    }
    assert of_image.body == image.signature.raw
    assert of_image.headers["signature"] == base64.b64encode(image.signature.raw).decode()


async def test_what_was_acknowledged_is_not_sent_again_and_what_was_not_is(topic):
    """A topic takes everything, so we remember."""
    store = TopicStore(topic, "t")
    topic.fault = Transient(Reason.UNAVAILABLE, "down")
    attestation = statement()
    with pytest.raises(Transient, match="down"):
        await store.put(attestation, ORIGIN)
    topic.fault = None
    await store.put(attestation, ORIGIN)
    await store.put(attestation, ORIGIN)

    assert len(topic.kept) == 1


async def test_what_came_twice_is_found_once(topic):
    """After a restart nobody remembers; the bytes are equal."""
    attestation = statement()
    for _ in range(2):
        await TopicStore(topic, "t").put(attestation, ORIGIN)

    assert len(topic.kept) == 2
    assert len(await TopicStore(topic, "t").find(attestation.artifact, ORIGIN)) == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "storage.pubsub.topic is not set"),
        ({"topic": "t"}, r"storage\.pubsub\.kafka\.bootstrap\.servers is not set"),
        ({"topic": "t", "kafka.bootstrap.servers": "k:1", "provider": "inmemory"}, "inmemory, which keeps nothing"),
    ],
)
async def test_what_is_missing_is_named(settings, said):
    with pytest.raises(Permanent, match=said):
        async with pubsub.open(settings, Tools()):
            pass


async def test_brokers_that_do_not_answer_are_named():
    """Split at commas, which Chains does not."""
    settings = {"topic": "t", "kafka.bootstrap.servers": "127.0.0.1:1, 127.0.0.1:2"}
    with pytest.raises(Transient, match=r"Kafka 127\.0\.0\.1:1, 127\.0\.0\.1:2"):
        async with pubsub.open(settings, Tools()):
            pass

"""The store `kafka`, also called `pubsub`: a Kafka message for each attestation (chains.md 5.6), acknowledged by the brokers.

A topic has no names that could be taken: after a restart a message may come twice, with equal bytes. What was acknowledged in
this process is not sent again.
"""

import base64
import binascii
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from sealwright.core.config import Settings
from sealwright.core.envelope import record
from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Artifact, Attestation, Origin, Receipt
from sealwright.core.oci import digest_of
from sealwright.edge.kafka import KafkaTopic, Message
from sealwright.edge.stores import Tools, needed

NAMES = ("kafka", "pubsub")
_SENT_KEPT = 10_000


class Topic(Protocol):
    """Messages in, messages out. Raises Fault."""

    async def send(self, message: Message) -> None: ...

    async def messages(self) -> Sequence[Message]: ...


class TopicStore:
    """`ports.Store` over a topic: body and the headers `payload` and `signature` are those of Chains."""

    def __init__(self, topic: Topic, name: str) -> None:
        self._topic, self._name = topic, name
        self._sent: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def put(self, attestation: Attestation, origin: Origin) -> Receipt:  # noqa: ARG002  a topic has no folders
        key, digest = attestation.artifact.key, digest_of(attestation.stored_signature)
        if (key, digest) not in self._sent:
            await self._topic.send(_message(attestation))
            self._sent[key, digest] = None
            if len(self._sent) > _SENT_KEPT:
                self._sent.popitem(last=False)
        return Receipt(store="pubsub", uri=f"topic {self._name}, key {key}", digest=digest)

    async def find(self, artifact: Artifact, origin: Origin) -> Sequence[Attestation]:  # noqa: ARG002
        """By looking through the topic: for people who search. What came twice is one."""
        found = [_attestation(artifact, each) for each in await self._topic.messages() if each.key == artifact.key]
        return list({each.stored_signature: each for each in found}.values())


def _message(attestation: Attestation) -> Message:
    parts = record.parts(attestation)
    text = {name: base64.b64encode(parts[name]).decode() for name in ("payload", "signature", "cert", "chain") if parts[name]}
    # As Chains has it: an envelope is text, a bare signature is not.
    if attestation.envelope:
        text["signature"] = attestation.envelope.decode()
    return Message(key=attestation.artifact.key, body=parts["signature"], headers=text)


def _attestation(artifact: Artifact, message: Message) -> Attestation:
    try:
        texts = {name: message.headers.get(name, "") for name in ("payload", "cert", "chain")}
        parts = {name: base64.b64decode(text, validate=True) for name, text in texts.items()}
    except (binascii.Error, ValueError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"a message of {artifact.key} has a header that is not base64") from error
    return record.read(artifact, {**parts, "signature": message.body}, "a message of the topic")


@asynccontextmanager
async def open(settings: Settings, _tools: Tools) -> AsyncIterator[TopicStore]:  # noqa: A001  the verb of every store
    """The topic. Raises Permanent(INVALID_CONFIG), and Transient(UNAVAILABLE) where no broker answers."""
    topic, servers = needed(settings, "storage.pubsub.topic"), needed(settings, "storage.pubsub.kafka.bootstrap.servers")
    if settings.get("provider", "kafka") != "kafka":
        message = "storage.pubsub.provider is inmemory, which keeps nothing once it has been sent: set it to kafka"
        raise Permanent(Reason.INVALID_CONFIG, message)
    brokers = [broker.strip() for broker in servers.split(",") if broker.strip()]
    async with KafkaTopic.open(brokers, topic) as opened:
        yield TopicStore(opened, topic)

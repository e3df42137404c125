"""A Kafka topic: messages that every in-sync replica has, and a look through them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from sealwright.core.errors import Fault, Permanent, Reason, Transient, quote
from sealwright.core.model import value
from sealwright.edge import extras

_WHO = "the store pubsub"
_CALL_MS = 20_000
# What we send at most; the topic's own limit is mostly lower, and answers.
_MESSAGE_LIMIT = 16 << 20
# Messages that a search looks through, from the oldest.
READ_LIMIT = 100_000


@value
class Message:
    """`key` names what it is about; `headers` are text."""

    key: str
    body: bytes
    headers: Mapping[str, str]


class KafkaTopic:
    """One topic; its producer stays open."""

    def __init__(self, brokers: Sequence[str], topic: str, producer: Any) -> None:
        self._library = extras.load("aiokafka", "kafka", _WHO)
        self._errors = extras.load("aiokafka.errors", "kafka", _WHO)
        self._brokers, self._topic, self._producer = brokers, topic, producer

    @classmethod
    @asynccontextmanager
    async def open(cls, brokers: Sequence[str], topic: str) -> AsyncIterator[Self]:
        """Raises Transient(UNAVAILABLE) where no broker answers."""
        library, errors = extras.load("aiokafka", "kafka", _WHO), extras.load("aiokafka.errors", "kafka", _WHO)
        # Acknowledged by all in-sync replicas, and not twice by a resend.
        producer = library.AIOKafkaProducer(
            bootstrap_servers=list(brokers),
            acks="all",
            enable_idempotence=True,
            max_request_size=_MESSAGE_LIMIT,
            request_timeout_ms=_CALL_MS,
        )
        try:
            await producer.start()
        except errors.KafkaError as error:
            await producer.stop()
            raise Transient(Reason.UNAVAILABLE, f"Kafka {', '.join(brokers)}: {quote(error)}") from error
        try:
            yield cls(brokers, topic, producer)
        finally:
            await producer.stop()

    async def send(self, message: Message) -> None:
        """Until it is acknowledged."""
        headers = [(name, text.encode()) for name, text in message.headers.items()]
        try:
            await self._producer.send_and_wait(self._topic, message.body, key=message.key.encode(), headers=headers)
        except self._errors.KafkaError as error:
            raise self._fault(error) from error

    async def messages(self) -> list[Message]:
        """What the topic has now, up to READ_LIMIT of it, oldest first in each partition."""
        servers = list(self._brokers)
        consumer = self._library.AIOKafkaConsumer(
            bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest", request_timeout_ms=_CALL_MS
        )
        found: list[Message] = []
        try:
            await consumer.start()
            async for each in _whole(consumer, self._library.TopicPartition, self._topic):
                found.append(_message(each))
                if len(found) >= READ_LIMIT:
                    break
        except self._errors.KafkaError as error:
            raise self._fault(error) from error
        finally:
            await consumer.stop()
        return found

    def _fault(self, error: Any) -> Fault:
        message = f"Kafka topic {self._topic}: {quote(type(error).__name__)}: {quote(error)}"
        if isinstance(error, self._errors.MessageSizeTooLargeError):
            return Permanent(Reason.TOO_LARGE, f"{message}; raise max.message.bytes of the topic, or keep it elsewhere")
        return Transient(Reason.UNAVAILABLE, message)


async def _whole(consumer: Any, partition: Any, topic: str) -> AsyncIterator[Any]:
    """Every message from the first to the one that is the last when this begins."""
    await consumer._client.set_topics([topic])  # noqa: SLF001  the library has no other way to learn of a topic's partitions
    places = [partition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    if not places:
        return
    consumer.assign(places)
    begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    left = {place for place in places if begins[place] < ends[place]}
    while left:
        for place, batch in (await consumer.getmany(*left, timeout_ms=1000)).items():
            for each in batch:
                if each.offset < ends[place]:
                    yield each
        left = {place for place in left if await consumer.position(place) < ends[place]}


def _message(found: Any) -> Message:
    headers = {name: value.decode("utf-8", "replace") for name, value in found.headers}
    return Message(key=(found.key or b"").decode("utf-8", "replace"), body=found.value or b"", headers=headers)

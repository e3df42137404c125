"""In memory, what stores are made of: a collection of documents, a topic of messages."""

import asyncio

from sealwright.edge.kafka import Message


class MemoryCollection:
    """`collections.Collection`. `spoil` is what becomes of a document that is kept; None keeps nothing."""

    def __init__(self) -> None:
        self.kept: dict[str, dict] = {}
        self.spoil = lambda document: document
        self.fault: Exception | None = None

    async def create(self, name, document):
        await asyncio.sleep(0)
        if self.fault:
            raise self.fault
        kept = self.spoil(dict(document))
        if kept is not None:
            self.kept.setdefault(name, kept)

    async def read(self, name):
        return self.kept.get(name)

    async def beside(self, name):
        return [document for found, document in self.kept.items() if found.startswith(f"{name}-")]


class MemoryTopic:
    """`pubsub.Topic`. `fault` is raised as long as it is set."""

    def __init__(self) -> None:
        self.kept: list[Message] = []
        self.fault: Exception | None = None

    async def send(self, message):
        await asyncio.sleep(0)
        if self.fault:
            raise self.fault
        self.kept.append(message)

    async def messages(self):
        return list(self.kept)

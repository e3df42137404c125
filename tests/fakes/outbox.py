"""What is owed of runs that are gone, in memory: packed and unpacked for real."""

from dataclasses import replace

from fakes.stepping import step

from sealwright.core import outbox
from sealwright.core.model import Key
from sealwright.core.outbox import Pending
from sealwright.ports import FREE


class MemoryOutbox:
    """`ports.Outbox` over what is given. `elsewhere`: another replica settles all of it. `fault` is raised by `fetch`."""

    def __init__(self, *found: Pending) -> None:
        self.kept = {_key(pending): (pending, outbox.pack(pending.owed)) for pending in found}
        self.elsewhere = False
        self.fault: Exception | None = None

    async def follow(self):
        for key in list(self.kept):
            yield key, "past"

    async def backlog(self):
        for key in ():
            yield key

    def claim(self, _anchor: str):
        return None if self.elsewhere else FREE

    async def fetch(self, key: Key) -> Pending | None:
        await step()
        if self.fault:
            raise self.fault
        pending, blob = self.kept.get(key, (None, b""))
        return replace(pending, owed=outbox.unpack(blob)) if pending else None

    async def drop(self, key: Key) -> None:
        await step()
        self.kept.pop(key, None)


def _key(pending: Pending) -> Key:
    run = pending.origin.key
    return Key(kind=run.kind, namespace=run.namespace, name=f"{run.kind.lower()}-{pending.origin.uid}")

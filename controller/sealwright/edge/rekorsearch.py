"""Asks a Rekor v1 log what it has of a digest. What it answers is unproven; that it answers all there is, nobody can prove."""

import asyncio

from sealwright.core.envelope.rekor import answers
from sealwright.core.errors import Fault, Permanent, Reason
from sealwright.core.model import LogEntry, value
from sealwright.edge.caller import Caller

INDEX, ENTRIES = "/api/v1/index/retrieve", "/api/v1/log/entries"
# Entries that are fetched; a digest with more is a base image, or flooded.
SHOWN = 100
_AT_ONCE = 8


@value
class Found:
    """One entry, or why there is none under its id."""

    uuid: str
    entry: LogEntry | None = None
    fault: Fault | None = None


async def find(caller: Caller, digest: str) -> tuple[list[Found], int]:
    """The entries that the log's index has for `sha256:<hex>`, at most SHOWN of them; and how many there are.

    Raises Transient where the log does not answer, Permanent where its answer is none.
    """
    answer = await caller.post(INDEX, b'{"hash":"%s"}' % digest.encode())
    found = answers.read_found(answer.body)
    turns = asyncio.Semaphore(_AT_ONCE)

    async def fetch(uuid: str) -> Found:
        async with turns:
            return await _fetch(caller, uuid)

    return list(await asyncio.gather(*map(fetch, found[:SHOWN]))), len(found)


async def _fetch(caller: Caller, uuid: str) -> Found:
    try:
        answer = await caller.get(f"{ENTRIES}/{uuid}")
        entries = answers.read_v1(answer.body)
        if len(entries) != 1:
            raise Permanent(Reason.BAD_LOG_ENTRY, f"the log answered with {len(entries)} entries, wanted one")
    except Fault as fault:
        return Found(uuid=uuid, fault=fault)
    return Found(uuid=uuid, entry=entries[0][1])

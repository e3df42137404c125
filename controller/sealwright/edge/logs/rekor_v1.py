"""Rekor version 1: entries are kept by the time of the answer, with a promise that names the time.

An entry that is there already is a success: the log says which, and it is fetched and proven like a new one, so a retry after
a lost answer makes no second entry. Which log keeps an entry, and under which key, is told by the configuration,
never by the log.
"""

import re

from sealwright.core.envelope.rekor import answers, asking
from sealwright.core.envelope.rekor.asking import Author
from sealwright.core.errors import Permanent, Reason, Transient, Untrusted, quote
from sealwright.core.model import Attestation, LogEntry, Receipt
from sealwright.core.proof import logged
from sealwright.edge.caller import Answer, Caller
from sealwright.edge.logbook import LogSettings, receipt

NAMES = ("v1",)

ENTRIES = "/api/v1/log/entries"
_ID = re.compile(r"[0-9a-f]{64}|[0-9a-f]{80}")


def open(settings: LogSettings, caller: Caller) -> "RekorV1":  # noqa: A001  the word of every plug-in room
    """The log at the caller's address."""
    return RekorV1(settings, caller)


class RekorV1:
    """A `ports.Log`."""

    def __init__(self, settings: LogSettings, caller: Caller) -> None:
        self._settings = settings
        self._caller = caller

    async def append(self, attestation: Attestation, author: Author) -> tuple[LogEntry, Receipt]:
        """See `ports.Log`."""
        proposal = asking.propose_v1(attestation, author, self._settings.entries)
        answer = await self._caller.post(ENTRIES, proposal, known=(400, 409))
        if answer.status == 400:
            raise Permanent(Reason.LOG_FAILED, f"the log refused the entry: {quote(answer.body[:256].decode(errors='replace'))}")
        if answer.status == 409:
            answer = await self._caller.get(f"{ENTRIES}/{_existing(answer)}")
        entry = _only(answer)
        logged.prove(entry, attestation, author, self._settings.keys, self._settings.unix_s())
        return entry, receipt(f"{self._settings.shown_url}{ENTRIES}?logIndex={entry.index}", entry)


def _existing(answer: Answer) -> str:
    """The id of the entry that is there, the last part of a path that the log gives; nothing else of it is followed."""
    found = answer.headers.get("Location", "").rpartition("/")[2]
    if not _ID.fullmatch(found):
        raise Transient(Reason.UNAVAILABLE, f"the log has the entry already, and does not say which: {quote(found)}")
    return found


def _only(answer: Answer) -> LogEntry:
    """What cannot be read may have been cut off on its way, and the entry be kept all the same: asking again finds it."""
    try:
        found = answers.read_v1(answer.body)
    except Permanent as error:
        raise Transient(Reason.UNAVAILABLE, f"the log's answer cannot be read: {error.message}") from error
    if len(found) != 1:
        raise Untrusted(Reason.BAD_LOG_ENTRY, f"the log answered with {len(found)} entries, wanted the one that it was given")
    return found[0][1]

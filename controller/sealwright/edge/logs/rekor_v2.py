"""Rekor version 2, a log in tiles: it answers once a checkpoint covers the entry, and says no time.

An entry that is there already is a success here too: the log says which number it has, and the proof is made of its tiles.
"""

from sealwright.core.envelope.rekor import answers, asking
from sealwright.core.envelope.rekor.asking import Author
from sealwright.core.errors import Permanent, Reason, Transient, Untrusted, quote
from sealwright.core.model import Attestation, InclusionProof, LogEntry, Receipt
from sealwright.core.proof import checkpoint, logged, tiles
from sealwright.edge.caller import Answer, Caller
from sealwright.edge.logbook import LogSettings, receipt

NAMES = ("v2",)

ENTRIES = "/api/v2/log/entries"
# Where tiles and checkpoints are read; a log may serve them by other means than it takes entries.
READ = "/api/v2"


def open(settings: LogSettings, caller: Caller) -> "RekorV2":  # noqa: A001  the word of every plug-in room
    """The log at the caller's address."""
    return RekorV2(settings, caller)


class RekorV2:
    """A `ports.Log`."""

    def __init__(self, settings: LogSettings, caller: Caller) -> None:
        self._settings = settings
        self._caller = caller

    async def append(self, attestation: Attestation, author: Author) -> tuple[LogEntry, Receipt]:
        """See `ports.Log`."""
        proposal = asking.propose_v2(attestation, author)
        answer = await self._caller.post(ENTRIES, proposal, known=(400, 405, 409, 501))
        if answer.status == 409:
            entry = await self._existing(_number(answer))
        elif answer.status >= 400:
            raise Permanent(Reason.LOG_FAILED, _refusal(answer))
        else:
            entry = _read(answer)
        logged.prove(entry, attestation, author, self._settings.keys, self._settings.unix_s())
        if (
            entry.proof and entry.index != entry.proof.index
        ):  # a shard of version 2 is a log of its own, and nobody signs the index
            raise Untrusted(Reason.BAD_LOG_ENTRY, f"the log calls entry {entry.proof.index} by the number {entry.index}")
        # No address of one entry exists; the number is where tools look for it.
        return entry, receipt(f"{self._settings.shown_url}/?logIndex={entry.index}", entry)

    async def _existing(self, index: int) -> LogEntry:
        """An entry that is there already, put together from the log's tiles; it is proven like one that was answered."""
        log = self._settings.keys[0]
        text = (await self._caller.get(f"{READ}/checkpoint")).body.decode(errors="replace")
        signed = checkpoint.verify(text, log)
        if index >= signed.size:
            raise Transient(Reason.UNAVAILABLE, f"the log has entry {index}, and its checkpoint covers {signed.size} entries yet")
        bundle = await self._caller.get(f"{READ}/{tiles.bundle_path(index, signed.size)}")
        found = {tile: (await self._caller.get(f"{READ}/{tile.path}")).body for tile in tiles.needed(index, signed.size)}
        return LogEntry(
            log_id=log.log_id,
            index=index,
            kind="hashedrekord",
            version="0.0.2",
            body=tiles.entry_in(bundle.body, index),
            proof=InclusionProof(
                index=index,
                size=signed.size,
                root=signed.root,
                hashes=tiles.inclusion(index, signed.size, found),
                checkpoint=text,
            ),
        )


def _number(answer: Answer) -> int:
    found = answer.headers.get("X-Log-Index", "")
    if not found.isdecimal() or len(found) > 18:
        raise Transient(Reason.UNAVAILABLE, f"the log has the entry already, and does not say which: {quote(found)}")
    return int(found)


def _refusal(answer: Answer) -> str:
    said = quote(answer.body[:256].decode(errors="replace"))
    if answer.status == 400:
        return f"the log refused the entry: {said}; its list of client-signing-algorithms may leave out this key's"
    return f"the log takes no more entries: {said}; set transparency.url to its successor"


def _read(answer: Answer) -> LogEntry:
    try:
        return answers.read_v2(answer.body)
    except Permanent as error:
        raise Transient(Reason.UNAVAILABLE, f"the log's answer cannot be read: {error.message}") from error

"""`sealwright search --rekor`: what a transparency log knows of a digest, proven, and what we know of it beside that."""

import asyncio
import hashlib
import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from sealwright.cli import exits, show
from sealwright.core import keys
from sealwright.core.config import without_password
from sealwright.core.envelope.rekor import asking
from sealwright.core.envelope.rekor.told import told
from sealwright.core.envelope.rekor.wire import ANSWER_LIMIT
from sealwright.core.errors import Fault, Permanent, Reason, quote
from sealwright.core.keys import PublicKey
from sealwright.core.model import Attestation, LogEntry, value
from sealwright.core.proof import checkpoint, logentry
from sealwright.core.proof.checkpoint import LogKey
from sealwright.edge import pinned, rekorsearch
from sealwright.edge.caller import Caller
from sealwright.edge.index import Index
from sealwright.edge.reading import read_argument
from sealwright.edge.rekorsearch import Found

# Attestations of ours whose entries are asked for.
KNOWN = 50
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@value
class Seen:
    """An entry as it was found. `why` says why it is not believed; `known` is our attestation that it is the entry of."""

    found: Found
    why: str = ""
    known: Attestation | None = None


@value
class Asked:
    """Which log, by which key, for what; `index` is ours, where a folder was named."""

    url: str
    key: Path | None
    digest: str
    index: Index | None


def run(context: click.Context, asked: Asked, output: str) -> NoReturn:
    """Print what there is. Exit code 0; 1 where an entry was refused, 3 where one could not be had."""
    match = _SHA256.fullmatch(asked.digest)
    if not match:
        raise Permanent(Reason.INVALID_INPUT, f"--digest: {quote(asked.digest)}; a log is asked for sha256: and 64 hex digits")
    log = checkpoint.log_key(_key(asked.url, asked.key))
    attestations = _attestations(asked.index, match[1]) if asked.index else []
    found, count = asyncio.run(_find(asked.url, [f"sha256:{match[1]}", *map(_signed_digest, attestations)]))
    known = {entry.body: each for each in attestations for entry in each.entries}
    seen = [_judge(each, log, known) for each in found]
    _tell(seen, count, output)
    context.exit(_code(seen))


def _key(url: str, path: Path | None) -> PublicKey:
    key = keys.load_public(read_argument(path)) if path else pinned.log_key(url)
    if key is None:
        where = quote(without_password(url))
        raise Permanent(Reason.KEY_MISSING, f"{where} is no log whose key is known here: give it with --rekor-key")
    return key


async def _find(url: str, digests: Sequence[str]) -> tuple[list[Found], int]:
    """Each entry once, and how many there are."""
    async with Caller(url, "the log", ANSWER_LIMIT) as caller:
        answers = [await rekorsearch.find(caller, digest) for digest in dict.fromkeys(digests)]
    found = {each.uuid: each for entries, _ in answers for each in entries}
    unfetched = sum(count - len(entries) for entries, count in answers)
    return list(found.values()), len(found) + unfetched


def _attestations(index: Index, digits: str) -> list[Attestation]:
    """Ours of the digest. Their entries' bodies, which were proven before they were kept, tell which entries are ours."""
    found = (entry.attestation for entry in index.search(digest=digits))
    return [attestation for attestation in itertools.islice(found, KNOWN) if attestation.entries]


def _signed_digest(attestation: Attestation) -> str:
    """What a log finds a hashedrekord by: it knows nothing of what was built."""
    return f"sha256:{hashlib.sha256(asking.message(attestation)).hexdigest()}"


def _judge(found: Found, log: LogKey, known: Mapping[bytes, Attestation]) -> Seen:
    if found.entry is None:
        return Seen(found=found, why=str(found.fault))
    try:
        proven = logentry.prove(found.entry, [log])
    except Fault as fault:
        return Seen(found=found, why=str(fault))
    return Seen(
        found=found,
        why="" if proven.is_included else "the log promised it, and did not show that it is included",
        known=known.get(found.entry.body),
    )


def _code(seen: list[Seen]) -> int:
    if any(each.why and each.found.entry for each in seen):
        return exits.REFUSED
    return exits.COULD_NOT_TELL if any(each.why for each in seen) else exits.YES


def _tell(seen: list[Seen], count: int, output: str) -> None:
    if output != "table":
        show.data(output, [_data(each) for each in seen])
        return
    show.table("Log entries", ("entry", "time", "kind", "digest", "by", "proof", "ours"), map(_row, seen))
    more = f", {count - len(seen)} more were not fetched" if count > len(seen) else ""
    refused = sum(bool(each.why) for each in seen)
    click.echo(f"{len(seen) - refused} proven, {refused} not{more}" if seen else "the log has nothing under this digest")


def _row(each: Seen) -> tuple[str, ...]:
    proof = each.why or "included"
    entry = each.found.entry
    if entry is None:
        return each.found.uuid, "-", "-", "-", "-", proof, "-"
    said = _said(entry)
    ours = f"{each.known.format} of {each.known.artifact.name}" if each.known else "-"
    return str(entry.index), _time(entry), entry.kind, show.shortened(said["digest"]), ", ".join(said["by"]), proof, ours


def _data(each: Seen) -> dict[str, Any]:
    entry = each.found.entry
    shown: dict[str, Any] = {"uuid": each.found.uuid, "proven": not each.why, "why": each.why}
    if entry:
        shown |= {"index": entry.index, "time": _time(entry), "kind": f"{entry.kind} {entry.version}", **_said(entry)}
    if each.known:
        shown["provenance"] = msgspec.json.decode(each.known.payload.body)
    return shown


def _said(entry: LogEntry) -> dict[str, Any]:
    try:
        found = told(entry)
    except Fault:
        return {"digest": "", "by": []}
    return {"digest": found.digest, "by": list(found.authors)}


def _time(entry: LogEntry) -> str:
    return datetime.fromtimestamp(entry.integrated_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if entry.integrated_s else "-"

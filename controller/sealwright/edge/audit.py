"""The audit log: one line for each run that was signed, skipped or failed, in a chain that shows what was done to it.

`verify` reads what `Audit` writes. Nothing here is secret or signed: who can write both files can write them anew, so the
head is worth keeping elsewhere too.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import Finding, Outcome, value
from sealwright.edge import auditchain
from sealwright.edge.auditchain import Head, head_path
from sealwright.edge.reading import translated, unusable
from sealwright.edge.status import RunLook

FAULTS_SHOWN = 20

_RECORDED = frozenset({"signed", "skipped", "failed", "kept", "released"})


@value
class Checked:
    """What `verify` found: how many lines, the SHA-256 of the last, gaps that the log itself tells of, and faults."""

    lines: int
    head: str
    gaps: tuple[Finding, ...]
    faults: tuple[Finding, ...]


class Audit:
    """Open for writing, by one process. Nothing is forced to the disk but on `close`: lines survive a kill of the process."""

    def __init__(self, path: Path) -> None:
        """Continues what is there: a line that was not finished goes, and the next one tells of it.

        Raises Transient(STORE_FAILED) where it cannot be opened, Permanent(INVALID_CONFIG) where another process has it.
        """
        self._path = path
        self._unwritten = 0
        self._head = Head()
        self._size = 0
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _open(path)
            try:
                self._head_file = _open(head_path(path))
            except OSError:
                os.close(self._file)
                raise
            try:
                self._take()
            except BaseException:
                self._let_go()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def run(self, found: RunLook, at_s: float) -> bool:
        """Record one look, made `at_s` seconds after 1970; false where it came to nothing that is recorded.

        Raises Transient(STORE_FAILED) where it could not be written; the log then tells of it as soon as it can be again.
        """
        if found.state not in _RECORDED:
            return False
        try:
            if self._unwritten:
                self._append({"gap": f"records that could not be written: {self._unwritten}"})
                self._unwritten = 0
            self._append(_record(found, at_s))
        except OSError as error:
            self._unwritten += 1
            raise unusable(self._path, error) from error
        return True

    def close(self) -> None:
        """Force it to the disk and let go of it. Raises Transient(STORE_FAILED)."""
        try:
            with translated(self._path):
                os.fsync(self._file)
                os.fsync(self._head_file)
        finally:
            self._let_go()

    def _take(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"{quote(self._path)}: another process writes this audit log; give each replica its own"
            raise Permanent(Reason.INVALID_CONFIG, message) from error
        self._size, last, rest = auditchain.tail(self._file)
        told = auditchain.decode_head(os.pread(self._head_file, auditchain.HEAD_BYTES, 0))
        self._head, is_told = _resume(last, told)
        os.ftruncate(self._file, self._size)
        if not is_told:
            message = f"the head told of {told.lines} lines, the last {quote(told.digest)}: the end was altered or cut off"
            self._append({"lost": message})
        if rest:
            self._append({"gap": f"an unfinished line of {len(rest)} bytes was removed (sha256:{auditchain.digest(rest)})"})

    def _append(self, members: Mapping[str, Any]) -> None:
        """One line, whole or not at all, and then the head."""
        line = auditchain.encode(self._head, members)
        if os.pwrite(self._file, line + b"\n", self._size) <= len(line):
            with suppress(OSError):  # what is left of it is written over by the next
                os.ftruncate(self._file, self._size)
            raise OSError(28, "No space left on device")
        self._size += len(line) + 1
        self._head = self._head.after(line)
        os.pwrite(self._head_file, auditchain.encode_head(self._head), 0)

    def _let_go(self) -> None:
        os.close(self._file)
        os.close(self._head_file)


def verify(path: Path) -> Checked:
    """Read a log from its first line and compare it with its head. Raises Transient(STORE_FAILED) where it cannot be read."""
    before = now = Head()
    gaps: list[Finding] = []
    faults: list[Finding] = []
    with translated(path), path.open("rb") as file:
        told = auditchain.decode_head(head_path(path).read_bytes() if head_path(path).exists() else b"")
        for number, ended in enumerate(auditchain.lines(file), start=1):
            line = ended.removesuffix(b"\n")
            if line == ended:
                gaps.append(_at(number, "it has no end: its writer was killed, or is writing it"))
                break
            found = auditchain.decode(line)
            if found is None or not now.precedes(found):
                faults.append(_at(number, "altered, or not the line that followed the one before it"))
            elif found.lost:
                faults.append(_at(number, found.lost))
            elif found.gap:
                gaps.append(_at(number, found.gap))
            # After a fault the line's own number counts, so that one lost line is one fault.
            before, now = now, Head(lines=found.seq if found else now.lines + 1, digest=auditchain.digest(line))
    # A kill between the two writes leaves the head one line behind.
    if told not in (now, before):
        faults.append(
            _at(now.lines, f"the head tells of {told.lines} lines or of another last line: the end was altered or cut off")
        )
    return Checked(lines=now.lines, head=now.digest, gaps=tuple(gaps), faults=tuple(faults[:FAULTS_SHOWN]))


def _at(number: int, message: str) -> Finding:
    return Finding(where=f"line {number}", message=message)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _resume(last: bytes | None, told: Head) -> tuple[Head, bool]:
    """The head of what is there, and whether the head file told of it: it may be one line behind, after a kill."""
    if last is None:
        return Head(), told == Head()
    found = auditchain.decode(last)
    head = Head(lines=found.seq if found else told.lines, digest=auditchain.digest(last))
    return head, head == told or (found is not None and told.precedes(found))


def _record(found: RunLook, at_s: float) -> dict[str, Any]:
    key = found.key
    return {
        "time": datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds"),
        "result": str(found.state),
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "uid": found.uid,
        "signed": [*_attestations(found.outcomes)],
        "failures": [{"stage": each.stage, "reason": str(each.reason)} for each in found.failures],
    }


def _attestations(outcomes: Iterable[Outcome]) -> Iterator[dict[str, Any]]:
    for outcome in outcomes:
        if made := outcome.attestation:
            yield {
                "artifact": made.artifact.key,
                "format": made.format,
                "payload": f"sha256:{hashlib.sha256(made.payload.body).hexdigest()}",
                "keyId": made.signature.key_id,
                "stores": {receipt.store: receipt.digest for receipt in outcome.receipts},
            }

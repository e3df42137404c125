"""One signature, and all that came with it to prove it: who made it, when, and which logs have it. The steps, in order:

1. a key that is trusted, or the key of the certificate that came with it, made the signature over exactly these bytes;
2. each timestamp is over this signature, by a trusted clock;
3. each log entry is in a trusted log, and speaks of this signature;
4. distinct logs and clocks are as many as were asked for, and all were trusted at every time that is proven;
5. for a key: its window, if it has one, holds each of these times;
   for a certificate: there is a time, and at each of them a path leads to a trusted authority; a trusted log of certificates
   saw it; it is for an identity that is trusted.

What came with a signature is true, or the signature is refused: a broken timestamp beside a good one is a reason to ask.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sealwright.core import keys
from sealwright.core.errors import Permanent, Reason, Untrusted
from sealwright.core.keys import Form, PublicKey
from sealwright.core.model import Identity, LogEntry, value
from sealwright.core.proof import chain, identity, logbody, logentry, sct, timestamp
from sealwright.core.proof.logbody import Signed
from sealwright.core.proof.trust import Trust, TrustedKey
from sealwright.core.proof.trustroot import TrustedLog, TrustedRoot


@value
class Evidence:
    """What came with a signature. `certificates` (DER) starts with the signer's own; none where a plain key signed."""

    certificates: tuple[bytes, ...] = ()
    entries: tuple[LogEntry, ...] = ()
    timestamps: tuple[bytes, ...] = ()


@value
class Proven:
    """What was proven of one signature."""

    key: PublicKey
    steps: tuple[str, ...]
    identity: Identity | None = None
    times: tuple[datetime, ...] = ()
    log_ids: tuple[bytes, ...] = ()


@value
class _Seen:
    """Times and logs: what was proven of when and where the signature was seen."""

    times: tuple[datetime, ...] = ()
    log_ids: tuple[bytes, ...] = ()
    steps: tuple[str, ...] = ()


def prove(signed: Signed, evidence: Evidence, trust: Trust) -> Proven:
    """All steps.

    Raises Untrusted: BAD_SIGNATURE, BAD_CERTIFICATE, WRONG_IDENTITY, BAD_TIMESTAMP, NO_PROVEN_TIME, NOT_LOGGED, WRONG_ENTRY,
    and what `logentry.prove` raises.
    """
    if evidence.certificates and trust.identities and trust.root is not None:
        return _by_certificate(signed, evidence, trust, trust.root)
    return _by_key(signed, evidence, trust)


def _by_key(signed: Signed, evidence: Evidence, trust: Trust) -> Proven:
    signer = _signer(signed, trust.keys)
    steps = [f"{signer.key.algorithm} key {signer.key.key_id} signed these {len(signed.body)} bytes"]
    # A key that is trusted by itself may also stand in a certificate, as with Chains' x509 signer: the log has that then.
    seen = _seen(signed, evidence.certificates[0] if evidence.certificates else _spki(signer.key), evidence, trust)
    if signer.window is not None:
        steps.append(_in_window(signer, seen.times))
    return Proven(key=signer.key, steps=(*steps, *seen.steps), times=seen.times, log_ids=seen.log_ids)


def _in_window(signer: TrustedKey, times: Sequence[datetime]) -> str:
    window = signer.window
    if not times:
        raise Untrusted(
            Reason.NO_PROVEN_TIME, f"the key {signer.key.key_id} is trusted only from {window}, and no time is proven"
        )
    if window is None or not all(map(window.holds, times)):
        late = ", ".join(moment.isoformat() for moment in times)
        raise Untrusted(
            Reason.BAD_SIGNATURE, f"the key {signer.key.key_id} is trusted only from {window}, and it signed at {late}"
        )
    return f"it is trusted from {window}, and signed in that time"


def _signer(signed: Signed, trusted: Sequence[TrustedKey]) -> TrustedKey:
    for candidate in trusted:
        try:
            keys.verify(candidate.key, candidate.form, signed.message, signed.signature)
        except Untrusted:
            continue
        return candidate
    tried = ", ".join(candidate.key.key_id for candidate in trusted) or "none, only identities"
    why = f"none of 1 signature(s) over these {len(signed.message)} bytes is by a trusted key (tried: {tried})"
    raise Untrusted(Reason.BAD_SIGNATURE, f"{why}; the bytes were changed, or another key signed them")


def _by_certificate(signed: Signed, evidence: Evidence, trust: Trust, root: TrustedRoot) -> Proven:
    leaf, *others = (chain.load(each, "a certificate of the signature") for each in evidence.certificates)
    key = _certified(leaf)
    _verify(key, trust.form, signed)
    seen = _seen(signed, evidence.certificates[0], evidence, trust)
    if not seen.times:
        why = "a certificate lives for minutes, and neither a trusted clock nor a log's promise says that it signed while it did"
        raise Untrusted(Reason.NO_PROVEN_TIME, f"{why}; ask the signer for a timestamp")
    paths = [chain.path(leaf, others, root.authorities, moment, chain.CODE_SIGNING) for moment in seen.times]
    moments = ", ".join(moment.isoformat() for moment in seen.times)
    steps = [
        f"{key.algorithm} key {key.key_id}, that of the certificate, signed these {len(signed.body)} bytes",
        *seen.steps,
        f"the certificate led to a trusted authority at {moments}",
    ]
    if trust.certificate_logs_needed:
        steps.append(sct.prove(leaf, paths[0][1], root.certificate_logs))
    who = identity.of_certificate(leaf)
    steps.append(identity.expect(who, trust.identities))
    return Proven(key=key, steps=tuple(steps), identity=who, times=seen.times, log_ids=seen.log_ids)


def _verify(key: PublicKey, form: Form | None, signed: Signed) -> None:
    """In the form that was asked for, or in one of the two."""
    if form is None:
        try:
            keys.verify(key, "by-curve", signed.message, signed.signature)
            return
        except Untrusted:
            form = "sha256"
    keys.verify(key, form, signed.message, signed.signature)


def _certified(leaf: x509.Certificate) -> PublicKey:
    try:
        return keys.public_key(leaf.public_key())
    except (Permanent, ValueError, UnsupportedAlgorithm) as error:
        raise Untrusted(Reason.BAD_CERTIFICATE, f"the certificate's key is not accepted: {error}") from error


# --- when and where it was seen ------------------------------------------------------------------------------------------


def _seen(signed: Signed, verifier: bytes, evidence: Evidence, trust: Trust) -> _Seen:
    if trust.root is None:
        ignored = len(evidence.entries) + len(evidence.timestamps)
        note = f"{ignored} log entries and timestamps were not looked at, since no trusted root was given"
        return _Seen(steps=(note,) if ignored else ())
    stamps = [timestamp.prove(each, signed.signature, trust.root.timestampers) for each in evidence.timestamps]
    logs = [log.log_key for log in trust.root.logs]
    entries = [(logentry.prove(each, logs), logbody.prove(each, signed, verifier)) for each in evidence.entries]
    promised = [_moment(entry.promised_s) for entry, _ in entries if entry.promised_s]
    times = (*(stamp.moment for stamp in stamps), *promised)
    # A log under two ids is one log: what counts is its key.
    seen_by = {_spki(entry.log.key): entry.log.log_id for entry, _ in entries}
    _enough(seen_by, trust.logs_needed, Reason.NOT_LOGGED, "trusted logs")
    _enough({stamp.authority for stamp in stamps}, trust.clocks_needed, Reason.NO_PROVEN_TIME, "trusted clocks")
    for entry, _ in entries:
        _is_numbered_once(entry.entry)
        _trusted_then([log for log in trust.root.logs if log.log_key == entry.log], times)
    steps = [f"a trusted clock saw the signature at {stamp.moment.isoformat()}" for stamp in stamps]
    steps += [step for entry, body in entries for step in (*entry.steps, body)]
    return _Seen(times=times, log_ids=tuple(seen_by.values()), steps=tuple(steps))


def _is_numbered_once(entry: LogEntry) -> None:
    """A tiled log (Rekor v2) has one numbering, and signs no promise over the number outside the proof."""
    is_tiled = entry.version == "0.0.2" and entry.kind != "intoto"
    if is_tiled and (entry.proof is None or entry.index != entry.proof.index):
        raise Untrusted(Reason.BAD_LOG_ENTRY, f"the entry says that it is number {entry.index}, and its proof says another")


def _moment(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Untrusted(Reason.BAD_LOG_ENTRY, f"the log entry has a time that no calendar has: {seconds}") from error


def _spki(key: PublicKey) -> bytes:
    return key.material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _enough(found: Iterable[object], needed: int, reason: Reason, what: str) -> None:
    count = len(list(found))
    if count < needed:
        raise Untrusted(reason, f"{count} {what} are proven to have seen the signature, wanted {needed}")


def _trusted_then(logs: Sequence[TrustedLog], times: Sequence[datetime]) -> None:
    """In one window of this log at every proven time; where none is proven, it must at least be trusted at some time."""
    if not any(log.window.start is not None and all(map(log.window.holds, times)) for log in logs):
        when = ", ".join(moment.isoformat() for moment in times) or "no proven time"
        windows = ", or ".join(str(log.window) for log in logs)
        message = f"the log {logs[0].log_id.hex()[:16]} is trusted only from {windows}, and the signature was seen at {when}"
        raise Untrusted(Reason.UNKNOWN_LOG, message)

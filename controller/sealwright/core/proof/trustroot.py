"""Trusted roots: whom a verifier believes, as Sigstore's `trusted_root.json` says it.

The file comes from an administrator or, proven, from TUF; it is never taken from what is verified.
Source: sigstore/protobuf-specs, sigstore_trustroot.proto.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from sealwright.core import keys, strict
from sealwright.core.errors import Permanent, Reason, Untrusted, quote
from sealwright.core.keys import PublicKey
from sealwright.core.model import value
from sealwright.core.proof import chain, checkpoint
from sealwright.core.proof.chain import Authority, Window
from sealwright.core.proof.checkpoint import LogKey

# A root with every log and authority that ever was is 10 KiB.
SIZE_LIMIT = 1 << 20
_MEDIA_TYPES = tuple(f"application/vnd.dev.sigstore.trustedroot{form}" for form in (
    "+json;version=0.1", "+json;version=0.2", ".v0.1+json", ".v0.2+json",
))  # fmt: skip


@value
class TrustedLog:
    """A log with the time in which it is trusted. `log_id` is how entries and timestamps name it."""

    key: PublicKey
    log_id: bytes
    window: Window
    origin: str = ""

    @property
    def log_key(self) -> LogKey:
        """The same for proofs of entries."""
        return LogKey(key=self.key, log_id=self.log_id, origin=self.origin)


@value
class TrustedRoot:
    """All whom one verifier believes: issuers of signers' certificates, logs of entries and of certificates, and clocks."""

    authorities: tuple[Authority, ...] = ()
    logs: tuple[TrustedLog, ...] = ()
    certificate_logs: tuple[TrustedLog, ...] = ()
    timestampers: tuple[Authority, ...] = ()


# --- the wire: what is not asked for is ignored, since an administrator's file may be newer ----------------------------------


class _Wire(msgspec.Struct, rename="camel"):
    pass


class _Span(_Wire):
    start: datetime | None = None
    end: datetime | None = None


class _Key(_Wire):
    raw_bytes: str = ""
    valid_for: _Span | None = None


class _LogId(_Wire):
    key_id: str = ""


class _Log(_Wire):
    base_url: str = ""
    public_key: _Key | None = None
    log_id: _LogId | None = None


class _Certificate(_Wire):
    raw_bytes: str = ""


class _Chain(_Wire):
    certificates: list[_Certificate] = []


class _Authority(_Wire):
    cert_chain: _Chain | None = None
    valid_for: _Span | None = None


class _Root(_Wire):
    media_type: str = ""
    tlogs: list[_Log] | None = None
    ctlogs: list[_Log] | None = None
    certificate_authorities: list[_Authority] | None = None
    timestamp_authorities: list[_Authority] | None = None


def read(data: bytes) -> TrustedRoot:
    """The trusted root in this file.

    A key of a kind that is not accepted is left out, so that a root may name logs newer than this program; a log or authority
    without a start is kept and never trusted. Raises Permanent: INVALID_INPUT, and what `strict.loads` raises.
    """
    loaded = strict.loads(data, "the trusted root", SIZE_LIMIT)
    try:
        wire = msgspec.convert(loaded, _Root)
    except msgspec.ValidationError as error:
        raise _bad(str(error)) from error
    if wire.media_type not in _MEDIA_TYPES:
        raise _bad(f"mediaType is {quote(wire.media_type)}, wanted {_MEDIA_TYPES[0]}")
    return TrustedRoot(
        authorities=tuple(_authorities(wire.certificate_authorities or [], "certificateAuthorities")),
        logs=tuple(_logs(wire.tlogs or [], "tlogs")),
        certificate_logs=tuple(_certificate_logs(wire.ctlogs or [])),
        timestampers=tuple(_authorities(wire.timestamp_authorities or [], "timestampAuthorities")),
    )


def _authorities(found: list[_Authority], what: str) -> Iterable[Authority]:
    for n, each in enumerate(found):
        described = each.cert_chain.certificates if each.cert_chain else []
        where = f"{what}[{n}]"
        if not 1 <= len(described) <= chain.CERTIFICATE_LIMIT:
            raise _bad(f"{where} has {len(described)} certificates, wanted 1 to {chain.CERTIFICATE_LIMIT}")
        try:
            loaded = tuple(chain.load(_decoded(one.raw_bytes, where), where) for one in described)
        except Untrusted as error:
            raise _bad(error.message) from error
        yield Authority(chain=loaded, window=_window(each.valid_for))


def _logs(found: list[_Log], what: str) -> Iterable[TrustedLog]:
    for n, each in enumerate(found):
        key = _key(each, f"{what}[{n}]")
        log_id = _decoded(each.log_id.key_id, f"{what}[{n}].logId") if each.log_id else b""
        if len(log_id) != 32:
            raise _bad(f"{what}[{n}].logId has {len(log_id)} bytes, wanted 32")
        if key is not None:
            window = _window(each.public_key.valid_for if each.public_key else None)
            yield TrustedLog(key=key, log_id=log_id, window=window, origin=_origin(each, key, log_id))


def _origin(log: _Log, key: PublicKey, log_id: bytes) -> str:
    """The name that checkpoints must have: the host of a tiled log, whose id holds it; others name themselves."""
    host = log.base_url.partition("://")[2].rstrip("/")
    return host if host and checkpoint.tiled_log_key(key, host).log_id == log_id != checkpoint.log_key(key).log_id else ""


def _certificate_logs(found: list[_Log]) -> Iterable[TrustedLog]:
    """Certificates name these by the hash of their key, whatever the file says."""
    for n, each in enumerate(found):
        key = _key(each, f"ctlogs[{n}]")
        if key is not None:
            spki = key.material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            window = _window(each.public_key.valid_for if each.public_key else None)
            yield TrustedLog(key=key, log_id=hashlib.sha256(spki).digest(), window=window)


def _key(log: _Log, where: str) -> PublicKey | None:
    if log.public_key is None:
        raise _bad(f"{where} has no publicKey")
    der = _decoded(log.public_key.raw_bytes, f"{where}.publicKey")
    try:
        return keys.public_key(load_der_public_key(der))
    except (UnsupportedAlgorithm, InternalError, Permanent):
        return None
    except ValueError as error:
        raise _bad(f"{where}.publicKey cannot be read: {quote(error)}") from error


def _window(span: _Span | None) -> Window:
    found = span or _Span()
    return Window(start=_utc(found.start), end=_utc(found.end))


def _utc(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise _bad(f"the time {moment.isoformat()} has no zone")
    return moment.astimezone(UTC) if moment else None


def _decoded(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad(f"{what} is not base64") from error


def _bad(why: str) -> Permanent:
    return Permanent(Reason.INVALID_INPUT, f"not a trusted root (trusted_root.json): {why}")

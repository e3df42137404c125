"""Certificates: does a path lead from the signer's own to a trusted authority, at a given time and for a given use?

The rules are those of RFC 5280, 6.1, as far as certificates of signers, timestamp authorities and their issuers need them; what
is not known here and marked critical is refused.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, ObjectIdentifier

from sealwright.core import keys
from sealwright.core.errors import Fault, Reason, Untrusted, quote
from sealwright.core.model import value

CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING
TIME_STAMPING = ExtendedKeyUsageOID.TIME_STAMPING

# Paths are searched among certificates that the signer chose: their number is bounded, and so is the length.
CERTIFICATE_LIMIT = 8
_STEPS_LIMIT = 256
_SIZE_LIMIT = 32 << 10
_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)
# What the library raises for bytes that are no certificate; a byte of each was changed to find these.
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    InternalError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
_USES = {CODE_SIGNING: "code signing", TIME_STAMPING: "time stamping"}


@value
class Window:
    """From when to when something is trusted; both ends belong to it. Without a start it is never trusted."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.start is not None and self.start <= moment and (self.end is None or moment <= self.end)

    def __str__(self) -> str:
        start = self.start.isoformat() if self.start else "(no start, so never)"
        return f"{start} to {self.end.isoformat() if self.end else '(open)'}"


@value
class Authority:
    """An authority that the verifier's user trusts. `chain` ends with its root; its first certificates issue or sign."""

    chain: tuple[x509.Certificate, ...]
    window: Window


def load(der: bytes, what: str) -> x509.Certificate:
    """One certificate. Raises Untrusted(BAD_CERTIFICATE)."""
    if len(der) > _SIZE_LIMIT:
        raise _bad(f"{what} has {len(der)} bytes, more than the {_SIZE_LIMIT} that are read")
    try:
        found = x509.load_der_x509_certificate(der)
        # Read here, where what is wrong in them can be told: the library reads them when they are asked for.
        _ = found.extensions, found.subject, found.issuer, found.not_valid_before_utc, found.not_valid_after_utc
        return found
    except _UNREADABLE as error:
        raise _bad(f"{what} cannot be read: {quote(error)}") from error


def path(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    authorities: Sequence[Authority],
    moment: datetime,
    use: ObjectIdentifier,
) -> tuple[x509.Certificate, ...]:
    """The path from `leaf` to the root of one of the authorities, both included, as it held at this moment.

    `others` are certificates that came with it: they may stand in between, and prove nothing by themselves.
    Raises Untrusted(BAD_CERTIFICATE).
    """
    _check_leaf(leaf, moment, use)
    faults = []
    for authority in authorities:
        if not authority.window.holds(moment):
            faults.append(f"an authority is trusted only from {authority.window}")
            continue
        try:
            return _search(leaf, others, authority, moment, use)
        except Untrusted as fault:
            faults.append(fault.message)
    tried = "; ".join(dict.fromkeys(faults)) or "no authority is trusted here"
    raise _bad(f"no path from {_named(leaf)} to a trusted authority at {moment.isoformat()}: {tried}")


def _search(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    authority: Authority,
    moment: datetime,
    use: ObjectIdentifier,
) -> tuple[x509.Certificate, ...]:
    root = authority.chain[-1]
    pool = [*authority.chain, *others[:CERTIFICATE_LIMIT]]
    fault: Untrusted | None = None
    for found in _paths((leaf,), pool, root, iter(range(_STEPS_LIMIT))):
        try:
            for below, certificate in enumerate(found[1:]):
                _check_issuer(certificate, moment, use, below)
        except Untrusted as error:
            fault = error
        else:
            return found
    raise fault or _bad(f"{_named(leaf)} is not issued below {_named(root)}")


def _paths(
    begun: tuple[x509.Certificate, ...], pool: Sequence[x509.Certificate], root: x509.Certificate, steps: Iterator[int]
) -> Iterator[tuple[x509.Certificate, ...]]:
    """Every path that signatures allow, at most CERTIFICATE_LIMIT long; none any more once all `steps` are taken.

    Certificates of one name and key issue each other, so that their paths are as many as their orders.
    """
    if len(begun) == CERTIFICATE_LIMIT:
        return
    for issuer in pool:
        if issuer in begun or begun[-1].issuer != issuer.subject:
            continue
        if next(steps, None) is None:
            return
        if not _issued(begun[-1], issuer):
            continue
        longer = (*begun, issuer)
        if issuer == root:
            yield longer
        else:
            yield from _paths(longer, pool, root, steps)


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        keys.public_key(issuer.public_key())
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, Fault, *_UNREADABLE):
        return False
    return True


def _check_leaf(leaf: x509.Certificate, moment: datetime, use: ObjectIdentifier) -> None:
    _check_any(leaf, moment)
    basic = _extension(leaf, x509.BasicConstraints)
    if basic is not None and basic.ca:
        raise _bad(f"{_named(leaf)} is an authority's certificate, not a signer's")
    usage = _extension(leaf, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        raise _bad(f"{_named(leaf)} may not make signatures (key usage)")
    uses = _extension(leaf, x509.ExtendedKeyUsage)
    if uses is None or use not in uses:
        raise _bad(f"{_named(leaf)} is not for {_USES[use]} (extended key usage)")


def _check_issuer(certificate: x509.Certificate, moment: datetime, use: ObjectIdentifier, below: int) -> None:
    """`below` counts the authorities between this one and the signer."""
    _check_any(certificate, moment)
    basic, usage = _extension(certificate, x509.BasicConstraints), _extension(certificate, x509.KeyUsage)
    if basic is None or not basic.ca or usage is None or not usage.key_cert_sign:
        raise _bad(f"{_named(certificate)} may not issue certificates")
    if basic.path_length is not None and below > basic.path_length:
        raise _bad(f"{_named(certificate)} allows {basic.path_length} authorities below it, there are {below}")
    uses = _extension(certificate, x509.ExtendedKeyUsage)
    if uses is not None and use not in uses and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in uses:
        raise _bad(f"{_named(certificate)} may not issue certificates for {_USES[use]}")


def _check_any(certificate: x509.Certificate, moment: datetime) -> None:
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not first <= moment <= last:
        span = f"{first.isoformat()} to {last.isoformat()}"
        raise _bad(f"{_named(certificate)} is valid from {span}, and the time is {moment.isoformat()}")
    for extension in certificate.extensions:
        # Name constraints would have to be obeyed, and are not understood: never ignored, critical or not.
        is_limit = extension.oid == ExtensionOID.NAME_CONSTRAINTS
        if is_limit or (extension.critical and extension.oid not in _UNDERSTOOD):
            raise _bad(f"{_named(certificate)} has an extension that is not understood here: {extension.oid.dotted_string}")


def _extension(
    certificate: x509.Certificate, kind: type[x509.extensions.ExtensionTypeVar]
) -> x509.extensions.ExtensionTypeVar | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _named(certificate: x509.Certificate) -> str:
    subject = certificate.subject.rfc4514_string()
    return f"the certificate {quote(subject)}" if subject else f"the certificate with serial {certificate.serial_number:x}"


def _bad(why: str) -> Untrusted:
    return Untrusted(Reason.BAD_CERTIFICATE, why)

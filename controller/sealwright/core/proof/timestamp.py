"""RFC 3161 timestamps: a trusted clock signed that it saw a signature, and when.

The steps, in order:

1. the response was granted and holds one CMS signature over one TSTInfo (RFC 3161, 2.4.2; RFC 5652, 5);
2. the clock's certificate is the one that the trusted root names: certificates in the response are not looked at;
3. it signed attributes that name that certificate and the digest of the TSTInfo (RFC 5652, 5.4; RFC 5816);
4. the TSTInfo is over exactly these bytes;
5. the certificate led to its root, for this use alone, at the time that it gives, and was trusted then.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from sealwright.core import der, keys
from sealwright.core.der import Item
from sealwright.core.errors import Permanent, Reason, Untrusted, quote
from sealwright.core.model import value
from sealwright.core.proof import chain
from sealwright.core.proof.chain import Authority

_SIGNED_DATA, _TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_CERTIFICATE_V1, _CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.12", "1.2.840.113549.1.9.16.2.47"
# SHA-1 stands nowhere: a clock that uses it is not believed.
_HASHES: dict[str, tuple[str, hashes.HashAlgorithm]] = {
    "2.16.840.1.101.3.4.2.1": ("sha256", hashes.SHA256()),
    "2.16.840.1.101.3.4.2.2": ("sha384", hashes.SHA384()),
    "2.16.840.1.101.3.4.2.3": ("sha512", hashes.SHA512()),
}
_GRANTED = (0, 1)
_SIGNATURES = {
    "1.2.840.10045.4.3.2": (ec.EllipticCurvePublicKey, "sha256"),
    "1.2.840.10045.4.3.3": (ec.EllipticCurvePublicKey, "sha384"),
    "1.2.840.10045.4.3.4": (ec.EllipticCurvePublicKey, "sha512"),
    "1.2.840.113549.1.1.11": (rsa.RSAPublicKey, "sha256"),
    "1.2.840.113549.1.1.12": (rsa.RSAPublicKey, "sha384"),
    "1.2.840.113549.1.1.13": (rsa.RSAPublicKey, "sha512"),
}
# Without a hash of its own: the digest algorithm's then.
_PLAIN_RSA = "1.2.840.113549.1.1.1"
_WHAT = "the timestamp"


@value
class Stamp:
    """A proven time, and the clock that gave it: `authority` is the SHA-256 of its certificate."""

    moment: datetime
    authority: bytes


@value
class _Token:
    """What one response says, unproven."""

    info: Item
    signed: bytes
    attributes: dict[str, Item]
    digest: str
    algorithm: str
    signature: bytes
    issuer: bytes
    serial: int
    moment: datetime
    imprint: tuple[str, bytes]


def prove(response: bytes, message: bytes, clocks: Sequence[Authority]) -> Stamp:
    """All steps, for the timestamp over `message`. Raises Untrusted(BAD_TIMESTAMP)."""
    try:
        return _prove(_read(response), message, clocks)
    except Untrusted:
        raise
    except Permanent as error:
        raise _bad(error.message) from error


def _prove(token: _Token, message: bytes, clocks: Sequence[Authority]) -> Stamp:
    named = [clock for clock in clocks if _is_named(token, clock.chain[0])]
    if not named:
        raise _bad(f"it is by a clock that is not trusted here (certificate {token.serial:x})")
    faults = []
    for clock in named:
        try:
            return _prove_by(clock, token, message)
        except Untrusted as fault:
            faults.append(fault)
    raise faults[0]


def _prove_by(clock: Authority, token: _Token, message: bytes) -> Stamp:
    certificate = clock.chain[0]
    _prove_attributes(token, certificate)
    _prove_signature(token, certificate)
    name, imprint = token.imprint
    if not hmac.compare_digest(hashlib.new(name, message).digest(), imprint):
        raise _bad("it is over other bytes than this signature")
    _prove_path(clock, token.moment)
    fingerprint = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return Stamp(moment=token.moment, authority=fingerprint)


def _is_named(token: _Token, certificate: x509.Certificate) -> bool:
    return (token.issuer, token.serial) == (certificate.issuer.public_bytes(), certificate.serial_number)


def _prove_path(clock: Authority, moment: datetime) -> None:
    certificate = clock.chain[0]
    if len(clock.chain) < 2:
        raise _bad("the trusted root names the clock without the root that issued its certificate")
    # RFC 3161, 2.3: critical, and this use alone.
    uses = [each for each in certificate.extensions if isinstance(each.value, x509.ExtendedKeyUsage) and each.critical]
    if not any(list(each.value) == [chain.TIME_STAMPING] for each in uses):
        raise _bad("its clock's certificate is not for time stamping alone")
    try:
        chain.path(certificate, (), [clock], moment, chain.TIME_STAMPING)
    except Untrusted as error:
        raise _bad(error.message) from error


def _prove_attributes(token: _Token, certificate: x509.Certificate) -> None:
    content = token.attributes.get(_CONTENT_TYPE)
    digest = token.attributes.get(_MESSAGE_DIGEST)
    if content is None or der.oid(content, _WHAT) != _TST_INFO:
        raise _bad("its signed attributes are for other content")
    if digest is None or digest.tag != der.OCTET_STRING or digest.body != hashlib.new(token.digest, token.info.body).digest():
        raise _bad("its signed attributes have the digest of other content")
    raw = certificate.public_bytes(Encoding.DER)
    if not any(wanted == hashlib.new(name, raw).digest() for name, wanted in _named_certificates(token)):
        raise _bad("its signed attributes do not name the clock's certificate")


def _named_certificates(token: _Token) -> list[tuple[str, bytes]]:
    """The digests of the signer's certificate that the attributes hold: SHA-1 in the first version, any in the second.

    The first certificate is the signer's (RFC 5035, 5.4.1.2). SHA-1 here only adds a check: which certificate counts is known.
    """
    found = []
    for kind, default in ((_CERTIFICATE_V1, "sha1"), (_CERTIFICATE_V2, "sha256")):
        if kind in token.attributes:
            sequence = der.items(token.attributes[kind].body, _WHAT)
            listed = der.items(sequence[0].body, _WHAT) if sequence else []
            parts = der.items(listed[0].body, _WHAT) if listed else []
            name = default
            if parts and parts[0].tag == der.SEQUENCE and kind == _CERTIFICATE_V2:
                name = _hash(parts.pop(0))
            if parts and parts[0].tag == der.OCTET_STRING:
                found.append((name, parts[0].body))
    return found


def _prove_signature(token: _Token, certificate: x509.Certificate) -> None:
    algorithm = next(each for name, each in _HASHES.values() if name == token.digest)
    key = certificate.public_key()
    named = (rsa.RSAPublicKey, token.digest) if token.algorithm == _PLAIN_RSA else _SIGNATURES.get(token.algorithm)
    if named is None or named[1] != token.digest or not isinstance(key, named[0]):
        raise _bad(
            f"its signature is of a kind that is not accepted, or that its clock's key cannot make: {quote(token.algorithm)}"
        )
    try:
        keys.public_key(key)
        match key:
            case ec.EllipticCurvePublicKey():
                key.verify(token.signature, token.signed, ec.ECDSA(algorithm))
            case rsa.RSAPublicKey():
                key.verify(token.signature, token.signed, padding.PKCS1v15(), algorithm)
            case _:
                raise _bad(f"its clock has a key of a kind that is not accepted: {quote(type(key).__name__)}")
    except InvalidSignature as error:
        raise _bad("its signature is not by the clock that the trusted root names") from error


# --- reading ------------------------------------------------------------------------------------------------------------


def _read(response: bytes) -> _Token:
    parts = der.items(der.one(response, der.SEQUENCE, _WHAT).body, _WHAT)
    status = der.members(parts[0], der.SEQUENCE, _WHAT) if parts else []
    if not status or der.integer(status[0], _WHAT) not in _GRANTED or len(parts) != 2:
        raise der.bad(_WHAT, "a response that was not granted")
    content = _inside(_typed(parts[1], _SIGNED_DATA), der.SEQUENCE)
    # version, digestAlgorithms, encapContentInfo, then optional certificates and revocations, then signerInfos
    members = der.items(content.body, _WHAT)
    if len(members) < 4 or any(member.tag not in (0xA0, 0xA1) for member in members[3:-1]):
        raise der.bad(_WHAT, "signed data with other members than it should have")
    info = _inside(_typed(members[2], _TST_INFO), der.OCTET_STRING)
    signers = der.members(members[-1], der.SET, _WHAT)
    if len(signers) != 1:
        raise der.bad(_WHAT, f"{len(signers)} signers, wanted 1")
    token = _token(info, signers[0])
    # RFC 5652, 5.1: 3 where the content is no plain data; and the digest algorithms of all signers, who are one.
    digests = der.members(members[1], der.SET, _WHAT)
    if der.integer(members[0], _WHAT) != 3 or [_hash(each) for each in digests] != [token.digest]:
        raise der.bad(_WHAT, "signed data of another version, or with digests that its signer does not use")
    return token


def _typed(item: Item, wanted: str) -> Item:
    """The [0] of a content info of this type."""
    parts = der.members(item, der.SEQUENCE, _WHAT)
    if len(parts) != 2 or der.oid(parts[0], _WHAT) != wanted:
        raise der.bad(_WHAT, f"wanted content of the type {wanted}")
    return parts[1]


def _inside(item: Item, tag: int) -> Item:
    if item.tag != 0xA0:
        raise der.bad(_WHAT, "wanted content in [0]")
    return der.one(item.body, tag, _WHAT)


def _token(info: Item, signer: Item) -> _Token:
    # version, sid, digestAlgorithm, [0] signedAttrs, signatureAlgorithm, signature
    parts = der.members(signer, der.SEQUENCE, _WHAT)
    if not 6 <= len(parts) <= 7 or parts[3].tag != 0xA0 or parts[5].tag != der.OCTET_STRING:
        raise der.bad(_WHAT, "a signer without signed attributes")
    sid = der.members(parts[1], der.SEQUENCE, _WHAT)
    if der.integer(parts[0], _WHAT) != 1 or len(sid) != 2:
        raise der.bad(_WHAT, "a signer that is not named by issuer and serial number")
    moment, imprint = _info(info.body)
    return _Token(
        info=info,
        # RFC 5652, 5.4: signed with the tag of a SET, whatever stands in the message.
        signed=b"\x31" + parts[3].raw[1:],
        attributes=_attributes(parts[3]),
        digest=_hash(parts[2]),
        algorithm=_algorithm(parts[4]),
        signature=parts[5].body,
        issuer=sid[0].raw,
        serial=der.integer(sid[1], _WHAT),
        moment=moment,
        imprint=imprint,
    )


def _attributes(item: Item) -> dict[str, Item]:
    """Type -> its one value. Each type stands once."""
    found: dict[str, Item] = {}
    for attribute in der.items(item.body, _WHAT):
        parts = der.members(attribute, der.SEQUENCE, _WHAT)
        values = der.members(parts[1], der.SET, _WHAT) if len(parts) == 2 else []
        name = der.oid(parts[0], _WHAT) if parts else ""
        if len(values) != 1 or name in found:
            raise der.bad(_WHAT, "an attribute that has not one value, or stands twice")
        found[name] = values[0]
    return found


def _info(body: bytes) -> tuple[datetime, tuple[str, bytes]]:
    """TSTInfo: the time, and the hash's name with the digest of what was stamped."""
    parts = der.items(der.one(body, der.SEQUENCE, _WHAT).body, _WHAT)
    if len(parts) < 5 or der.integer(parts[0], _WHAT) != 1:
        raise der.bad(_WHAT, "a TSTInfo of another version")
    imprint = der.members(parts[2], der.SEQUENCE, _WHAT)
    if len(imprint) != 2 or imprint[1].tag != der.OCTET_STRING:
        raise der.bad(_WHAT, "a message imprint without algorithm and digest")
    return _moment(parts[4]), (_hash(imprint[0]), imprint[1].body)


def _moment(item: Item) -> datetime:
    """RFC 3161, 2.4.2: `YYYYMMDDhhmmss[.s...]Z`, and no zero at the end of a fraction."""
    text = item.body.decode("ascii", errors="replace")
    whole, dot, fraction = text.removesuffix("Z").partition(".")
    is_plain = item.tag == der.GENERALIZED_TIME and text.endswith("Z") and len(whole) == 14 and whole.isdecimal()
    if not is_plain or (dot and (not fraction.isdecimal() or len(fraction) > 9)):
        raise der.bad(_WHAT, f"a time that is written in another form: {quote(text)}")
    try:
        moment = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise der.bad(_WHAT, f"a time that no calendar has: {quote(text)}") from error
    return moment + timedelta(microseconds=int(fraction[:6].ljust(6, "0") or "0"))


def _algorithm(item: Item) -> str:
    """An algorithm without parameters, or with the NULL that some writers put there."""
    parts = der.members(item, der.SEQUENCE, _WHAT)
    if not parts or [part.raw for part in parts[1:]] not in ([], [b"\x05\x00"]):
        raise der.bad(_WHAT, "wanted an algorithm without parameters")
    return der.oid(parts[0], _WHAT)


def _hash(item: Item) -> str:
    name = _algorithm(item)
    if name not in _HASHES:
        raise der.bad(_WHAT, f"the digest algorithm {name} is not accepted")
    return _HASHES[name][0]


def _bad(why: str) -> Untrusted:
    return Untrusted(Reason.BAD_TIMESTAMP, why if why.startswith(_WHAT) else f"{_WHAT}: {why}")

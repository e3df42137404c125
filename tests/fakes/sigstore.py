"""A Sigstore of one's own in memory, with real cryptography: an authority for certificates, a log of them, two logs of entries (Rekor
v1's and v2's kind), a clock (RFC 3161), and bundles with all that a verifier asks for. Deterministic: the same each time.
"""

import base64
import hashlib
import ipaddress
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from fakes import asn1, sealed, signers, translog

from sealwright.core import pem, statement
from sealwright.core.envelope import dsse
from sealwright.core.envelope.bundle import Bundle, MessageSignature
from sealwright.core.keys import PrivateKey
from sealwright.core.model import LogEntry, Signature, Subject
from sealwright.core.proof import trustroot
from sealwright.core.proof.identity import TrustedIdentity
from sealwright.core.proof.trust import Trust, TrustedKey

# When everything in this world is signed: translog's time, to the second.
NOW = datetime.fromtimestamp(1_700_000_000, UTC)
NAME, ISSUER = "https://kubernetes.io/namespaces/ci/serviceaccounts/builder", "https://issuer.test"
WHO = TrustedIdentity(name=NAME, issuer=ISSUER)
ARTIFACT = b"what was built\n"
_FULCIO = "1.3.6.1.4.1.57264.1"
_SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_SHA256 = "2.16.840.1.101.3.4.2.1"
CA, SUB, LEAF, CLOCK, CLOCK_ROOT, CT = (signers.key("ecdsa-p256", number) for number in range(101, 107))
KEY = signers.key("ecdsa-p256", 107)


def spki(key: PrivateKey) -> bytes:
    return key.material.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


Extension = tuple[x509.ExtensionType, bool]


@dataclass(frozen=True)
class Asked:
    """What a certificate should be: right in all, unless a test says otherwise."""

    subject: str = ""
    issuer: str = "sub"
    key: PrivateKey = LEAF
    by: PrivateKey = SUB
    start: datetime = NOW - timedelta(minutes=1)
    end: datetime = NOW + timedelta(minutes=9)
    serial: int = 7
    is_authority: bool = False
    path_length: int | None = None
    signs: bool = True
    use: ObjectIdentifier | None = ExtendedKeyUsageOID.CODE_SIGNING
    is_use_critical: bool = False
    more: tuple[Extension, ...] = ()


def certificate(asked: Asked) -> x509.Certificate:
    return builder(asked).sign(asked.by.material, hashes.SHA256(), ecdsa_deterministic=True)


def builder(asked: Asked) -> x509.CertificateBuilder:
    made = (
        x509.CertificateBuilder()
        .subject_name(named(asked.subject))
        .issuer_name(named(asked.issuer))
        .public_key(asked.key.material.public_key())
        .serial_number(asked.serial)
        .not_valid_before(asked.start)
        .not_valid_after(asked.end)
        .add_extension(x509.BasicConstraints(ca=asked.is_authority, path_length=asked.path_length), critical=True)
        .add_extension(_usage(is_authority=asked.is_authority, signs=asked.signs), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(asked.key.material.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(asked.by.material.public_key()), critical=False)
    )
    if asked.use is not None:
        made = made.add_extension(x509.ExtendedKeyUsage([asked.use]), critical=asked.is_use_critical)
    for extension, critical in asked.more:
        made = made.add_extension(extension, critical=critical)
    return made


def _usage(*, is_authority: bool, signs: bool) -> x509.KeyUsage:
    off = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(digital_signature=signs and not is_authority, key_cert_sign=signs and is_authority, **off)


LONG = {"start": NOW - timedelta(days=100), "end": NOW + timedelta(days=1000)}


def authority(subject: str, issuer: str, key: PrivateKey, by: PrivateKey, **more: Any) -> x509.Certificate:
    return certificate(
        Asked(**{"subject": subject, "issuer": issuer, "key": key, "by": by, "is_authority": True, "use": None, **LONG, **more})
    )


@cache
def root() -> x509.Certificate:
    return authority("root", "root", CA, CA, serial=1)


@cache
def sub() -> x509.Certificate:
    return authority("sub", "root", SUB, CA, serial=2, path_length=0, use=ExtendedKeyUsageOID.CODE_SIGNING)


@cache
def clock_root() -> x509.Certificate:
    return authority("clock root", "clock root", CLOCK_ROOT, CLOCK_ROOT, serial=3)


@cache
def clock() -> x509.Certificate:
    return certificate(clock_asked())


def clock_asked(**more: Any) -> Asked:
    given = {"subject": "clock", "issuer": "clock root", "key": CLOCK, "by": CLOCK_ROOT, "serial": 4, **LONG}
    return Asked(**{**given, "use": ExtendedKeyUsageOID.TIME_STAMPING, "is_use_critical": True, **more})


def fulcio(number: int, text: str, *, is_old: bool = False) -> Extension:
    """One of Fulcio's claims."""
    raw = text.encode() if is_old else asn1.item(0x0C, text.encode())
    return x509.UnrecognizedExtension(ObjectIdentifier(f"{_FULCIO}.{number}"), raw), False


def alternative(*names: x509.GeneralName) -> Extension:
    return x509.SubjectAlternativeName(names or [x509.UniformResourceIdentifier(NAME)]), True


SOURCE = (fulcio(12, "https://git.test/team/app"), fulcio(14, "refs/heads/main"), fulcio(9, "https://git.test/team/ci"))


def leaf(asked: Asked | None = None, seen_by: PrivateKey | None = CT, extensions: bytes = b"", moment: datetime = NOW) -> bytes:
    """A signer's certificate (DER) with a timestamp of the certificate log, unless `seen_by` is None."""
    wanted = asked or Asked(more=(alternative(), fulcio(1, ISSUER, is_old=True), fulcio(8, ISSUER), *SOURCE))
    if seen_by is None:
        return certificate(wanted).public_bytes(Encoding.DER)
    seen = certificate(wanted).tbs_certificate_bytes
    stamp = certificate_stamp(seen, spki(wanted.by), seen_by, extensions, moment)
    listed = len(stamp).to_bytes(2) + stamp
    raw = asn1.octets(len(listed).to_bytes(2) + listed)
    made = builder(wanted).add_extension(x509.UnrecognizedExtension(_SCT_LIST, raw), critical=False)
    return made.sign(wanted.by.material, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)


def certificate_stamp(seen: bytes, issuer: bytes, key: PrivateKey, extensions: bytes, moment: datetime) -> bytes:
    """RFC 6962, 3.2 and 3.3."""
    when = int(moment.timestamp() * 1000).to_bytes(8)
    ending = len(extensions).to_bytes(2) + extensions
    signed = b"\0\0" + when + b"\0\1" + hashlib.sha256(issuer).digest() + len(seen).to_bytes(3) + seen + ending
    raw = key.sign(signed, "sha256")
    return b"\0" + hashlib.sha256(spki(key)).digest() + when + ending + b"\4\3" + len(raw).to_bytes(2) + raw


# --- the clock ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tick:
    """What a timestamp should be: right in all, unless a test says otherwise. Texts of bytes replace what would be made."""

    moment: str = NOW.strftime("%Y%m%d%H%M%SZ")
    key: PrivateKey = CLOCK
    certificate: Callable[[], x509.Certificate] = clock
    names: Callable[[], x509.Certificate] | None = None
    status: int = 0
    version: int = 1
    digest: str = _SHA256
    content_type: str = "1.2.840.113549.1.9.16.1.4"
    attribute_digest: bytes = b""
    signers: int = 1
    embedded: tuple[Callable[[], x509.Certificate], ...] = ()
    more_attributes: tuple[bytes, ...] = ()
    with_attributes: bool = True


def _algorithm(dotted: str) -> bytes:
    return asn1.sequence(asn1.oid(dotted))


def _attribute(dotted: str, value: bytes) -> bytes:
    return asn1.sequence(asn1.oid(dotted), asn1.set_of([value]))


def stamp(message: bytes, tick: Tick | None = None) -> bytes:
    """An RFC 3161 response over `message`."""
    tick = tick or Tick()
    info = asn1.sequence(
        asn1.integer(tick.version),
        asn1.oid("1.2.3.4"),
        asn1.sequence(_algorithm(tick.digest), asn1.octets(hashlib.sha256(message).digest())),
        asn1.integer(42),
        asn1.item(0x18, tick.moment.encode()),
    )
    content = asn1.sequence(asn1.oid("1.2.840.113549.1.9.16.1.4"), asn1.item(0xA0, asn1.octets(info)))
    signer = _signer(info, tick)
    embedded = b"".join(each().public_bytes(Encoding.DER) for each in tick.embedded)
    data = asn1.sequence(
        asn1.integer(3),
        asn1.set_of([_algorithm(_SHA256)]),
        content,
        *([asn1.item(0xA0, embedded)] if embedded else []),
        asn1.item(0x31, signer * tick.signers),
    )
    token = asn1.sequence(asn1.oid("1.2.840.113549.1.7.2"), asn1.item(0xA0, data))
    return asn1.sequence(asn1.sequence(asn1.integer(tick.status)), token)


def _signer(info: bytes, tick: Tick) -> bytes:
    held = tick.certificate()
    spoken = (tick.names or tick.certificate)().public_bytes(Encoding.DER)
    attributes = [
        _attribute("1.2.840.113549.1.9.3", asn1.oid(tick.content_type)),
        _attribute("1.2.840.113549.1.9.4", asn1.octets(tick.attribute_digest or hashlib.sha256(info).digest())),
        _attribute(
            "1.2.840.113549.1.9.16.2.47",
            asn1.sequence(asn1.sequence(asn1.sequence(asn1.octets(hashlib.sha256(spoken).digest())))),
        ),
        *tick.more_attributes,
    ]
    listed = asn1.set_of(attributes)
    raw = tick.key.sign(listed if tick.with_attributes else info, "sha256")
    return asn1.sequence(
        asn1.integer(1),
        asn1.sequence(held.issuer.public_bytes(), asn1.integer(held.serial_number)),
        _algorithm(_SHA256),
        *([b"\xa0" + listed[1:]] if tick.with_attributes else []),
        _algorithm("1.2.840.10045.4.3.2"),
        asn1.octets(raw),
    )


# --- logs -----------------------------------------------------------------------------------------------------------------


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _pem(verifier: bytes) -> str:
    label = "PUBLIC KEY" if verifier in (spki(KEY), spki(LEAF)) else "CERTIFICATE"
    return _b64(pem.write(pem.Block(label=label, body=verifier)))


def _tiled_verifier(verifier: bytes) -> dict[str, Any]:
    kind = "publicKey" if verifier in (spki(KEY), spki(LEAF)) else "x509Certificate"
    return {"keyDetails": "PKIX_ECDSA_P256_SHA_256", kind: {"rawBytes": _b64(verifier)}}


def record(message: bytes, raw: bytes, verifier: bytes) -> dict[str, Any]:
    return {
        "data": {"hash": {"algorithm": "sha256", "value": hashlib.sha256(message).hexdigest()}},
        "signature": {"content": _b64(raw), "publicKey": {"content": _pem(verifier)}},
    }


def sealed_record(body: bytes, raw: bytes, verifier: bytes) -> dict[str, Any]:
    digest = {"algorithm": "sha256", "value": hashlib.sha256(body).hexdigest()}
    signature = {"signature": _b64(raw), "verifier": _pem(verifier)}
    return {"envelopeHash": {"algorithm": "sha256", "value": "0" * 64}, "payloadHash": digest, "signatures": [signature]}


def intoto(body: bytes, raw: bytes, verifier: bytes) -> dict[str, Any]:
    digest = {"algorithm": "sha256", "value": hashlib.sha256(body).hexdigest()}
    signature = {"publicKey": _pem(verifier), "sig": _b64(_b64(raw).encode())}
    envelope = {"payloadType": statement.MEDIA_TYPE, "signatures": [signature]}
    return {"content": {"envelope": envelope, "hash": digest, "payloadHash": digest}}


def old_intoto(envelope: bytes, body: bytes, verifier: bytes) -> dict[str, Any]:
    """Over the envelope's text, and without its signature."""
    digests = [{"algorithm": "sha256", "value": hashlib.sha256(each).hexdigest()} for each in (envelope, body)]
    return {"content": {"hash": digests[0], "payloadHash": digests[1]}, "publicKey": _pem(verifier)}


def tiled_record(message: bytes, raw: bytes, verifier: bytes) -> dict[str, Any]:
    signature = {"content": _b64(raw), "verifier": _tiled_verifier(verifier)}
    digest = {"algorithm": "SHA2_256", "digest": _b64(hashlib.sha256(message).digest())}
    return {"hashedRekordV002": {"data": digest, "signature": signature}}


def tiled_envelope(body: bytes, raw: bytes, verifier: bytes) -> dict[str, Any]:
    signature = {"content": _b64(raw), "verifier": _tiled_verifier(verifier)}
    digest = {"algorithm": "SHA2_256", "digest": _b64(hashlib.sha256(body).digest())}
    return {"dsseV002": {"payloadHash": digest, "signatures": [signature]}}


# kind and version -> the log it is of, whether it is over the message (else over the payload), and its body
KINDS: Mapping[tuple[str, str], tuple[str, bool, Callable[[bytes, bytes, bytes], dict[str, Any]]]] = {
    ("hashedrekord", "0.0.1"): ("v1", True, record),
    ("dsse", "0.0.1"): ("v1", False, sealed_record),
    ("intoto", "0.0.2"): ("v1", False, intoto),
    ("hashedrekord", "0.0.2"): ("v2", True, tiled_record),
    ("dsse", "0.0.2"): ("v2", False, tiled_envelope),
}


def entry_body(kind: tuple[str, str], spec: Mapping[str, Any]) -> bytes:
    name, version = kind
    return json.dumps({"apiVersion": version, "kind": name, "spec": spec}, sort_keys=True, separators=(",", ":")).encode()


def entry(
    kind: tuple[str, str], message: bytes, body: bytes, raw: bytes, verifier: bytes, *, key: PrivateKey | None = None
) -> LogEntry:
    """In a log with some neighbours."""
    log, is_over_message, make = KINDS[kind]
    made = entry_body(kind, make(message if is_over_message else body, raw, verifier))
    return logged(log, made, kind, key=key)


def logged(log: str, body: bytes, kind: tuple[str, str], *, key: PrivateKey | None = None) -> LogEntry:
    tree = translog.grown(log, 5, key=key)
    number = tree.add(body)
    tree.add(b"{}")
    return tree.entry(number, kind[0], kind[1])


# --- what a verifier trusts ------------------------------------------------------------------------------------------------


def span(start: datetime | None = NOW - timedelta(days=200), end: datetime | None = None) -> dict[str, str]:
    given = {"start": start, "end": end}
    return {name: moment.isoformat().replace("+00:00", "Z") for name, moment in given.items() if moment}


def _log(key: PrivateKey, log_id: bytes, host: str) -> dict[str, Any]:
    details = "PKIX_ED25519" if key.public.algorithm == "ed25519" else "PKIX_ECDSA_P256_SHA_256"
    public = {"rawBytes": _b64(spki(key)), "keyDetails": details, "validFor": span()}
    return {"baseUrl": f"https://{host}", "hashAlgorithm": "SHA2_256", "publicKey": public, "logId": {"keyId": _b64(log_id)}}


def _authority(*chain: x509.Certificate) -> dict[str, Any]:
    certificates = [{"rawBytes": _b64(each.public_bytes(Encoding.DER))} for each in chain]
    subject = {"organization": "test", "commonName": "test"}
    return {"subject": subject, "uri": "https://ca.test", "certChain": {"certificates": certificates}, "validFor": span()}


def trusted_root() -> dict[str, Any]:
    """The JSON of `trusted_root.json`, fresh, so that a test may change it."""
    trees = [translog.Tree("v1"), translog.Tree("v2")]
    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [_log(tree.private, tree.key.log_id, translog.HOST) for tree in trees],
        "certificateAuthorities": [_authority(sub(), root())],
        "ctlogs": [_log(CT, hashlib.sha256(spki(CT)).digest(), "ct.test")],
        "timestampAuthorities": [_authority(clock(), clock_root())],
    }


def read_root(changed: Mapping[str, Any] | None = None) -> trustroot.TrustedRoot:
    return trustroot.read(json.dumps(changed or trusted_root()).encode())


def trust(*, by_key: bool = False, changed: Mapping[str, Any] | None = None, **more: Any) -> Trust:
    """An identity, or a key, below this world's root."""
    who: dict[str, Any] = {"keys": (TrustedKey(key=KEY.public),)} if by_key else {"identities": (WHO,)}
    return Trust(**{**who, "root": read_root(changed), **more})


# --- bundles --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """Which bundle: right in all, unless a test says otherwise. `kind` is that of the log entry, None for none."""

    kind: tuple[str, str] | None = ("dsse", "0.0.1")
    is_file: bool = False
    by_key: bool = False
    certificate: Callable[[], bytes] = leaf
    ticks: tuple[Tick, ...] = ()
    artifact: bytes = ARTIFACT
    signer: PrivateKey | None = None
    log_key: PrivateKey | None = None
    predicate: Mapping[str, Any] = field(default_factory=sealed.v02)


def payload(artifact: bytes = ARTIFACT, predicate: Mapping[str, Any] | None = None) -> bytes:
    subject = Subject(name="app.tar", digest={"sha256": hashlib.sha256(artifact).hexdigest()})
    return sealed.body(predicate, [subject])


def bundle(wanted: Wanted) -> Bundle:
    signer = wanted.signer or (KEY if wanted.by_key else LEAF)
    body = wanted.artifact if wanted.is_file else payload(wanted.artifact, wanted.predicate)
    message = body if wanted.is_file else dsse.pae(statement.MEDIA_TYPE, body)
    raw = signer.sign(message, "sha256")
    verifier = spki(signer) if wanted.by_key else wanted.certificate()
    entries = [entry(wanted.kind, message, body, raw, verifier, key=wanted.log_key)] if wanted.kind else []
    signature = Signature(key_id="", raw=raw)
    return Bundle(
        envelope=None if wanted.is_file else dsse.Envelope(payload_type=statement.MEDIA_TYPE, body=body, signatures=(signature,)),
        message=MessageSignature(raw=raw, algorithm="SHA2_256", digest=hashlib.sha256(body).digest()) if wanted.is_file else None,
        key_hint="hint" if wanted.by_key else None,
        certificates=() if wanted.by_key else (verifier,),
        entries=tuple(entries),
        timestamps=tuple(stamp(raw, tick) for tick in wanted.ticks),
    )


V1_FILE, V1_SEALED, V1_INTOTO = (
    Wanted(kind=("hashedrekord", "0.0.1"), is_file=True),
    Wanted(),
    Wanted(kind=("intoto", "0.0.2"), ticks=(Tick(),)),
)
V2_FILE, V2_SEALED, V2_DSSE = (
    Wanted(kind=("hashedrekord", "0.0.2"), is_file=True, ticks=(Tick(),)),
    Wanted(kind=("hashedrekord", "0.0.2"), ticks=(Tick(),)),
    Wanted(kind=("dsse", "0.0.2"), ticks=(Tick(),)),
)
KEY_FILE = Wanted(kind=("hashedrekord", "0.0.1"), is_file=True, by_key=True)
KEY_SEALED = Wanted(kind=("hashedrekord", "0.0.2"), by_key=True, ticks=(Tick(),))
UNLOGGED = Wanted(kind=None, ticks=(Tick(),))
ALL: Sequence[Wanted] = (V1_FILE, V1_SEALED, V1_INTOTO, V2_FILE, V2_SEALED, V2_DSSE, KEY_FILE, KEY_SEALED)


def names_of_all_kinds() -> Extension:
    """A certificate for several kinds of names."""
    return alternative(
        x509.RFC822Name("dev@team.test"),
        x509.DNSName("build.team.test"),
        x509.IPAddress(ipaddress.ip_address("192.0.2.7")),
        x509.OtherName(ObjectIdentifier(f"{_FULCIO}.7"), asn1.item(0x0C, b"dev!team.test")),
        x509.UniformResourceIdentifier(NAME),
    )

"""A certificate authority for workloads, with a log of certificates: real certificates, real timestamps in them."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from fakes import signers
from fakes.certificates import name
from fakes.keyservices import RETRY_AFTER_S, serving

Mood = Literal[
    "good", "denied", "down", "throttled", "no timestamp", "other log", "other authority", "other key", "old", "rubbish"
]

_ROOT, _LOG, _OTHER = (signers.key("ecdsa-p256", number) for number in (501, 502, 503))
_SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
LIFE_S = 600.0


def token(expires_s: float, audience: str = "sigstore", subject: str = "system:serviceaccount:tekton-chains:controller") -> str:
    """A JSON Web Token that nobody signed; whoever looks only at its claims cannot tell."""
    claims = {"iss": "https://issuer.test", "sub": subject, "aud": [audience], "exp": expires_s}
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (b"{}", json.dumps(claims).encode(), b"sig"))


class Fulcio:
    """`asked` counts requests. `now_s` is its clock."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self.mood: Mood = "good"
        self.asked = 0
        self.root = self._authority(_ROOT)

    def trusted_root(self, *, with_log: bool = True) -> bytes:
        """trusted_root.json."""
        since = {"start": "2020-01-01T00:00:00Z"}
        spki = _LOG.public.material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        log = {
            "baseUrl": "https://ct.test",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {"rawBytes": _b64(spki), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": since},
            "logId": {"keyId": _b64(hashlib.sha256(spki).digest())},
        }
        authority = {
            "certChain": {"certificates": [{"rawBytes": _b64(self.root.public_bytes(Encoding.DER))}]},
            "validFor": since,
        }
        media_type = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
        found = {"mediaType": media_type, "certificateAuthorities": [authority], "ctlogs": [log] if with_log else []}
        return json.dumps(found).encode()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Its address."""
        async with serving(self._answer) as address:
            yield f"http://{address}"

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        assert (request.method, request.path) == ("POST", "/api/v2/signingCert")
        refusals = {
            "denied": (401, "There was an error processing the identity token"),
            "down": (503, "down"),
            "throttled": (429, "slow"),
        }
        if self.mood in refusals:
            status, said = refusals[self.mood]
            return web.json_response({"code": 16, "message": said}, status=status, headers={"Retry-After": str(RETRY_AFTER_S)})
        asked = await request.json()
        csr = x509.load_pem_x509_csr(base64.b64decode(asked["certificateSigningRequest"]))
        assert csr.is_signature_valid
        certificates = (
            []
            if self.mood == "rubbish"
            else [self._issue(csr.public_key(), asked["credentials"]["oidcIdentityToken"]), self.root]
        )
        pems = [found.public_bytes(Encoding.PEM).decode() for found in certificates]
        return web.json_response({"signedCertificateEmbeddedSct": {"chain": {"certificates": pems}}}, status=201)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(int(self._now_s()), UTC)

    def _authority(self, key: Any) -> x509.Certificate:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        return (
            x509.CertificateBuilder(issuer_name=name("fulcio"), subject_name=name("fulcio"), public_key=key.public.material)
            .serial_number(1)
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key.material, hashes.SHA256())
        )

    def _issue(self, key: Any, token_text: str) -> x509.Certificate:
        claims = json.loads(base64.urlsafe_b64decode(token_text.split(".")[1] + "=="))
        authority = _OTHER if self.mood == "other authority" else _ROOT
        start = self._now() - (timedelta(days=1) if self.mood == "old" else timedelta())
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        asked = _OTHER.public.material if self.mood == "other key" else key
        begun = (
            x509.CertificateBuilder(issuer_name=name("fulcio"), public_key=asked)
            .subject_name(x509.Name([]))
            .serial_number(self.asked + 1)
            .not_valid_before(start)
            .not_valid_after(start + timedelta(seconds=LIFE_S))
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"https://k8s.test/{claims['sub']}")]), critical=True
            )
        )
        if self.mood == "no timestamp":
            return begun.sign(authority.material, hashes.SHA256())
        stamps = self._stamps(begun.sign(authority.material, hashes.SHA256()), start)
        return begun.add_extension(x509.UnrecognizedExtension(_SCT_LIST, stamps), critical=False).sign(
            authority.material, hashes.SHA256()
        )

    def _stamps(self, precertificate: x509.Certificate, moment: datetime) -> bytes:
        """A list of one signed certificate timestamp in its OCTET STRING (RFC 6962, 3.2 and 3.3)."""
        log = _OTHER if self.mood == "other log" else _LOG
        log_id = hashlib.sha256(_LOG.public.material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
        issuer = hashlib.sha256(_ROOT.public.material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
        time = int(moment.timestamp() * 1000).to_bytes(8)
        body = precertificate.tbs_certificate_bytes
        raw = log.sign(b"\0\0" + time + b"\0\1" + issuer + len(body).to_bytes(3) + body + b"\0\0", "sha256")
        stamp = b"\0" + log_id + time + b"\0\0" + b"\4\3" + len(raw).to_bytes(2) + raw
        stamps = len(stamp).to_bytes(2) + stamp
        listed = len(stamps).to_bytes(2) + stamps
        assert len(listed) < 256
        return b"\4\x81" + len(listed).to_bytes(1) + listed if len(listed) > 127 else b"\4" + len(listed).to_bytes(1) + listed


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()

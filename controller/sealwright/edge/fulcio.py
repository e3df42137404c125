"""Fulcio, the authority that gives certificates to workloads: an identity token and a key -> a certificate for ten minutes.

Source: sigstore/fulcio, fulcio.proto, CreateSigningCertificate.
"""

import base64

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from sealwright.core import pem
from sealwright.core.errors import quote
from sealwright.core.proof import chain
from sealwright.edge.asking import ask
from sealwright.edge.signing import unavailable

_ADVICE = "is the token's issuer in Fulcio's configuration, and its audience sigstore?"


class _Credentials(msgspec.Struct, rename="camel"):
    oidc_identity_token: str


class _Request(msgspec.Struct, rename="camel"):
    credentials: _Credentials
    certificate_signing_request: str


class _Chain(msgspec.Struct):
    certificates: list[str]


class _Issued(msgspec.Struct):
    chain: _Chain


class _Answer(msgspec.Struct, rename="camel"):
    signed_certificate_embedded_sct: _Issued | None = None
    signed_certificate_detached_sct: _Issued | None = None


async def issue(address: str, token: str, key: ec.EllipticCurvePrivateKey) -> tuple[x509.Certificate, ...]:
    """The certificate for this key, and those above it as Fulcio gives them; nothing of it is proven here.

    Raises Transient(UNAVAILABLE), Permanent(KEY_DENIED, KEY_MISSING, KEY_UNUSABLE), Untrusted(BAD_CERTIFICATE).
    """
    where = f"Fulcio at {quote(address)}"
    request = x509.CertificateSigningRequestBuilder(subject_name=x509.Name([])).sign(key, hashes.SHA256())
    asked = _Request(
        credentials=_Credentials(oidc_identity_token=token),
        certificate_signing_request=base64.b64encode(request.public_bytes(Encoding.PEM)).decode(),
    )
    body = await ask(where, f"{address.rstrip('/')}/api/v2/signingCert", _ADVICE, body=msgspec.json.encode(asked))
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except msgspec.MsgspecError as error:
        raise unavailable(where, f"the answer cannot be read: {error}") from error
    issued = answer.signed_certificate_embedded_sct or answer.signed_certificate_detached_sct
    if issued is None or not issued.chain.certificates:
        raise unavailable(where, "the answer holds no certificate")
    found = issued.chain.certificates[: chain.CERTIFICATE_LIMIT]
    return tuple(chain.load(pem.first_block(text.encode(), where).body, where) for text in found)

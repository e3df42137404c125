"""Certificates for servers and authorities of tests: real ones, for as long as a test may say."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from fakes import signers

START = datetime(2026, 1, 1, tzinfo=UTC)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def server(directory: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for loopback, signed by itself: its file, and what a server needs."""
    key = signers.key("ecdsa-p256", 77).material
    now = datetime.now(UTC)  # noqa: TID251  TLS libraries look at the real clock
    made = (
        x509.CertificateBuilder(issuer_name=name("server"), subject_name=name("server"), public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / "server.pem"
    pem = made.public_bytes(Encoding.PEM)
    path.write_bytes(pem)
    both = directory / "server-both.pem"
    both.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return path, context

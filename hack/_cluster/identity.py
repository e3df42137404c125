"""Writes what one cluster folder needs before its first start: ports, keys, certificates, kubeconfig. Called by hack/cluster."""

import json
import secrets
import socket
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

YEAR = timedelta(days=365)
# A year before now, since tests run programs with a wrong clock.
NOT_BEFORE = datetime.now(UTC) - YEAR  # noqa: TID251 - no decision of the product hangs on it
SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
    key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


def free_ports(count: int) -> list[int]:
    """Free now, and below the range from which clients get theirs, so that a server that restarts finds its port free."""
    found: list[int] = []
    while len(found) < count:
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


class Authority:
    """One self-made certificate authority for the server and its clients."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.key = folder, new_key(folder / "ca.key")
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sealwright test cluster")])
        builder = self.begin(self.name, self.key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.write("ca.crt", builder.add_extension(SIGNS_CERTIFICATES, critical=True))

    def begin(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        """With the key identifiers of RFC 5280 4.2.1, without which Python 3.13 and newer refuse a chain."""
        builder = x509.CertificateBuilder(self.name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(NOT_BEFORE).not_valid_after(NOT_BEFORE + 10 * YEAR)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return builder.add_extension(issuer, critical=False)

    def write(self, name: str, builder: x509.CertificateBuilder) -> None:
        (self.folder / name).write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def server(self, name: str) -> None:
        hosts = [x509.DNSName(host) for host in ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")]
        addresses = [x509.IPAddress(ip_address(address)) for address in ("127.0.0.1", "10.0.0.1")]
        builder = self.begin(self.subject(name), new_key(self.folder / f"{name}.key"))
        builder = builder.add_extension(x509.SubjectAlternativeName([*hosts, *addresses]), critical=False)
        self.write(f"{name}.crt", builder.add_extension(usage(ExtendedKeyUsageOID.SERVER_AUTH), critical=False))

    def client(self, name: str, group: str) -> None:
        builder = self.begin(self.subject(name, group), new_key(self.folder / f"{name}.key"))
        self.write(f"{name}.crt", builder.add_extension(usage(ExtendedKeyUsageOID.CLIENT_AUTH), critical=False))

    @staticmethod
    def subject(name: str, group: str = "") -> x509.Name:
        """Kubernetes reads the user from the common name and the groups from the organizations."""
        organization = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
        return x509.Name([*organization, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def usage(purpose: x509.ObjectIdentifier) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([purpose])


def new_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    keep(path, key)
    return key


def keep(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    """In the form that names the algorithm: the server does not read PKCS #8 for service accounts."""
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))


def kubeconfig(folder: Path, port: int) -> str:
    """JSON, which is YAML too, so that a reader needs nothing but a JSON parser."""
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(folder / "ca.crt")}
    user = {"client-certificate": str(folder / "admin.crt"), "client-key": str(folder / "admin.key")}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sealwright", "cluster": cluster}],
        "users": [{"name": "admin", "user": user}],
        "contexts": [{"name": "sealwright", "context": {"cluster": "sealwright", "user": "admin", "namespace": "default"}}],
        "current-context": "sealwright",
    }
    return json.dumps(content, indent=1) + "\n"


def main(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ports = free_ports(3)
    (folder / "ports").write_text(" ".join(map(str, ports)) + "\n")
    authority = Authority(folder)
    authority.server("kube-apiserver")
    authority.client("admin", group="system:masters")
    # RSA, as nearly every cluster has: a token that our readers take here, they take there.
    keep(folder / "service-accounts.key", rsa.generate_private_key(public_exponent=65537, key_size=2048))
    (folder / "kubeconfig").write_text(kubeconfig(folder, ports[2]))


main(Path(sys.argv[1]))

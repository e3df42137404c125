"""The keyless path with a real Fulcio and an issuer of our own, all on loopback: no network outside.

SEALWRIGHT_FULCIO is the path of the program. cosign verifies by the identity in the certificate.
"""

import asyncio
import base64
import hashlib
import json
import os
import socket
import subprocess
import time
import urllib.request

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from fakes import commands, cosign, signers
from fakes.keyservices import serving

from sealwright.core import keys
from sealwright.core.envelope import dsse
from sealwright.core.errors import Permanent, Reason
from sealwright.core.statement import MEDIA_TYPE
from sealwright.edge.signers import x509 as keyless

# Fulcio's authority for tests says that it is in the country "USA", where two letters are wanted.
pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore:Attribute's length")]

BODY = cosign.STATEMENT % hashlib.sha256(cosign.BLOB).hexdigest().encode()
IDENTITY = "https://kubernetes.io/namespaces/tekton-chains/serviceaccounts/controller"
KEY = signers.key("ecdsa-p256", 700)


def b64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(issuer, audience="sigstore", expires_in_s=600):
    """A ServiceAccount's token, as the API server issues it."""
    now = int(time.time())  # noqa: TID251  Fulcio looks at the real clock
    account = {
        "namespace": "tekton-chains",
        "serviceaccount": {"name": "controller", "uid": "u"},
        "pod": {"name": "p", "uid": "u"},
    }
    claims = {
        "iss": issuer,
        "aud": [audience],
        "sub": "system:serviceaccount:tekton-chains:controller",
        "iat": now,
        "exp": now + expires_in_s,
    }
    header = {"alg": "ES256", "kid": "1", "typ": "JWT"}
    text = f"{b64url(json.dumps(header).encode())}.{b64url(json.dumps(claims | {'kubernetes.io': account}).encode())}"
    raw = KEY.sign(text.encode(), "sha256")
    r, s = decode_dss_signature(raw)
    return f"{text}.{b64url(r.to_bytes(32) + s.to_bytes(32))}"


async def issuer(request):
    """OpenID Connect discovery, and the key set."""
    address = f"http://{request.host}"
    if request.path == "/.well-known/openid-configuration":
        found = {"issuer": address, "jwks_uri": f"{address}/jwks", "id_token_signing_alg_values_supported": ["ES256"]}
        return web.json_response(found | {"response_types_supported": ["id_token"], "subject_types_supported": ["public"]})
    numbers = KEY.public.material.public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "alg": "ES256"}
    return web.json_response({"keys": [jwk | {"x": b64url(numbers.x.to_bytes(32)), "y": b64url(numbers.y.to_bytes(32))}]})


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


@pytest.fixture
async def world(tmp_path):
    """Fulcio with an authority that lives as long as it does, and settings that name it."""
    program = os.environ.get("SEALWRIGHT_FULCIO")
    if program is None:
        pytest.fail("SEALWRIGHT_FULCIO is not set: it must be the path of a Fulcio program")
    async with serving(issuer) as address:
        url = f"http://{address}"
        known = {url: {"IssuerURL": url, "ClientID": "sigstore", "Type": "kubernetes"}}
        (tmp_path / "fulcio.json").write_text(json.dumps({"OIDCIssuers": known}))
        port, grpc, metrics = free_ports(3)
        arguments = [
            f"--port={port}",
            f"--grpc-port={grpc}",
            f"--metrics-port={metrics}",
            "--host=127.0.0.1",
            "--grpc-host=127.0.0.1",
        ]
        arguments += ["--ca=ephemeralca", "--ct-log-url=", f"--config-path={tmp_path / 'fulcio.json'}"]
        with (tmp_path / "fulcio.log").open("wb") as log:
            process = subprocess.Popen([program, "serve", *arguments], stdout=log, stderr=log)  # noqa: ASYNC220
        try:
            root = await asyncio.to_thread(ready, f"http://127.0.0.1:{port}", process, tmp_path)
            (tmp_path / "root.pem").write_text(root)
            (tmp_path / "trusted_root.json").write_text(trusted_root(root))
            (tmp_path / "token").write_text(token(url))
            settings = {
                "fulcio.enabled": True,
                "fulcio.address": f"http://127.0.0.1:{port}",
                "identity.token.file": str(tmp_path / "token"),
                "trusted-root": str(tmp_path / "trusted_root.json"),
            }
            yield settings, url
        finally:
            process.terminate()
            process.wait(20)


def ready(address, process, tmp_path):
    """The root of the authority, when it answers."""
    for _ in range(300):
        assert process.poll() is None, (tmp_path / "fulcio.log").read_text()[-2000:]
        try:
            with urllib.request.urlopen(f"{address}/api/v2/trustBundle", timeout=5) as answer:
                return json.load(answer)["chains"][0]["certificates"][0]
        except OSError:
            time.sleep(0.1)  # noqa: TID251  a program of others
    raise AssertionError((tmp_path / "fulcio.log").read_text()[-2000:])


def trusted_root(pem):
    der = base64.b64encode(x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)).decode()
    authority = {"certChain": {"certificates": [{"rawBytes": der}]}, "validFor": {"start": "2020-01-01T00:00:00Z"}}
    return json.dumps(
        {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1", "certificateAuthorities": [authority]}
    )


def trust(tmp_path, envelope_certificate, url, identity=IDENTITY):
    (tmp_path / "leaf.pem").write_text(envelope_certificate)
    return [
        "--certificate=leaf.pem",
        "--certificate-chain=root.pem",
        f"--certificate-identity={identity}",
        f"--certificate-oidc-issuer={url}",
        "--insecure-ignore-sct=true",
    ]


async def test_a_workload_signs_by_its_service_account_and_cosign_verifies_who_it_is(world, tmp_path):
    """One certificate for many signatures; for another identity cosign refuses."""
    settings, url = world
    signer = await keyless.open(settings, signers.tools(unix_s=time.time))  # noqa: TID251  as Fulcio does
    signed = [await signer.sign(dsse.pae(MEDIA_TYPE, BODY)) for _ in range(3)]
    leaf = x509.load_pem_x509_certificate(signed[0].certificate.encode())
    keys.verify(keys.public_key(leaf.public_key()), "sha256", dsse.pae(MEDIA_TYPE, BODY), signed[0].raw)
    envelope = dsse.seal(MEDIA_TYPE, BODY, [signed[0]])
    mine, other = (
        trust(tmp_path, signed[0].certificate, url),
        trust(tmp_path, signed[0].certificate, url, identity="https://other.test"),
    )

    assert len({signature.certificate for signature in signed}) == 1
    assert signed[0].chain == (tmp_path / "root.pem").read_text()
    assert await asyncio.to_thread(cosign.believes, tmp_path, envelope, *mine) == ""
    assert "none of the expected identities matched" in await asyncio.to_thread(cosign.believes, tmp_path, envelope, *other)


async def test_a_token_of_another_issuer_is_refused_in_fulcios_words(world, tmp_path):
    settings, _ = world
    (tmp_path / "token").write_text(token("http://127.0.0.1:1"))
    with pytest.raises(Permanent) as refused:
        await keyless.open(settings, signers.tools(unix_s=time.time))  # noqa: TID251

    assert refused.value.reason in (Reason.KEY_DENIED, Reason.KEY_UNUSABLE)
    assert "Fulcio at" in refused.value.message


async def test_a_statement_is_signed_keyless_from_the_command_line(world, tmp_path):
    settings, _ = world
    lines = [f"signers.x509.{name}: '{str(value).lower() if value is True else value}'" for name, value in settings.items()]
    (tmp_path / "config.yaml").write_text("\n".join(lines))
    (tmp_path / "statement.json").write_bytes(BODY)
    ended = await asyncio.to_thread(commands.process, "sign", tmp_path / "statement.json", "--config", tmp_path / "config.yaml")

    assert ended.code == 0, ended.told
    assert json.loads(ended.out)["payloadType"] == MEDIA_TYPE

"""cosign itself reads our keys, and believes what they sign and nothing else.

SEALWRIGHT_COSIGN is the path of a cosign 3 program; it is given no network to use (no log, no trust root).
"""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fakes import signers

from sealwright.core import keys
from sealwright.core.envelope import dsse
from sealwright.core.model import Signature
from sealwright.core.statement import MEDIA_TYPE
from sealwright.edge import keyfiles

pytestmark = pytest.mark.e2e

ALGORITHMS = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"]
LAYOUTS = ["x509.pem", "cosign.key"]
BLOB = b"what was built\n"
STATEMENTS = {
    "slsaprovenance02": ("https://in-toto.io/Statement/v0.1", "https://slsa.dev/provenance/v0.2"),
    "slsaprovenance1": ("https://in-toto.io/Statement/v1", "https://slsa.dev/provenance/v1"),
}


@pytest.fixture
def cosign(tmp_path):
    """Runs cosign in a directory of its own."""
    program = os.environ.get("SEALWRIGHT_COSIGN")
    if program is None:
        pytest.fail("SEALWRIGHT_COSIGN is not set: it must be the path of a cosign 3 program")

    def run(*arguments: str, password: str = "") -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(tmp_path), "COSIGN_PASSWORD": password, "COSIGN_YES": "true"}
        return subprocess.run(
            [program, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def statement(kind: str, content: bytes = BLOB) -> bytes:
    statement_type, predicate_type = STATEMENTS[kind]
    subject = {"name": "blob", "digest": {"sha256": hashlib.sha256(content).hexdigest()}}
    loaded = {"_type": statement_type, "predicateType": predicate_type, "subject": [subject], "predicate": {"a": 1}}
    return json.dumps(loaded).encode()


def place(directory: Path, layout: str, algorithm: keyfiles.Algorithm) -> None:
    """A new key where the signer looks for it."""
    directory.mkdir()
    if layout == "cosign.key":
        keyfiles.make_pair(directory, algorithm)
        return
    material = keyfiles.generate(algorithm).material
    (directory / "x509.pem").write_bytes(material.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def verified(cosign, public: keys.PublicKey, envelope: bytes, kind: str, tmp_path: Path) -> str:
    """Empty if cosign believes the envelope, else what it says."""
    (tmp_path / "key.pub").write_bytes(public.pem)
    (tmp_path / "envelope.json").write_bytes(envelope)
    (tmp_path / "blob").write_bytes(BLOB)
    done = cosign(
        "verify-blob-attestation",
        "--key=key.pub",
        "--insecure-ignore-tlog=true",
        f"--type={kind}",
        "--signature=envelope.json",
        "blob",
    )
    if done.returncode == 0:
        assert "Verified OK" in done.stdout + done.stderr
        return ""
    return done.stderr


def twins(body: bytes, signature: Signature, kind: str) -> dict[str, tuple[bytes, str]]:
    """Envelopes that differ from the true one in one thing each, and what cosign says of them."""
    unproven = "accepted signatures do not match threshold"
    at = len(signature.raw) // 2
    raw = signature.raw[:at] + bytes([signature.raw[at] ^ 1]) + signature.raw[at + 1 :]
    bent = Signature(key_id=signature.key_id, raw=raw)
    edited = body.replace(b'"a": 1', b'"a": 2')
    elsewhere = statement(kind, b"something else")
    return {
        "a byte of the payload": (dsse.seal(MEDIA_TYPE, edited, [signature]), unproven),
        "the subject": (dsse.seal(MEDIA_TYPE, elsewhere, [signature]), unproven),
        "a byte of the signature": (dsse.seal(MEDIA_TYPE, body, [bent]), unproven),
        "another payload type": (dsse.seal("application/vnd.in-toto+jsom", body, [signature]), "invalid payloadType"),
    }


@pytest.mark.parametrize("kind", STATEMENTS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_cosign_believes_what_we_sign_and_no_twin_of_it(cosign, tmp_path, algorithm, layout, kind):
    """The default form of every key from either file: accepted; each tampered twin and each other key: refused."""
    place(tmp_path / "keys", layout, algorithm)
    signer = await signers.opened_x509(tmp_path / "keys")
    body = statement(kind)
    signature = await signer.sign(dsse.pae(MEDIA_TYPE, body))
    envelope = dsse.seal(MEDIA_TYPE, body, [signature])
    stranger = keyfiles.generate(algorithm).public

    assert verified(cosign, signer.held.public, envelope, kind, tmp_path) == ""
    assert "accepted signatures do not match" in verified(cosign, stranger, envelope, kind, tmp_path)
    for what, (twin, complaint) in twins(body, signature, kind).items():
        assert complaint in verified(cosign, signer.held.public, twin, kind, tmp_path), what


@pytest.mark.parametrize("kind", STATEMENTS)
async def test_cosign_reads_the_claim_that_we_signed(cosign, tmp_path, kind):
    """Rightly signed, but for another blob or with another predicate: refused, so what was accepted was understood."""
    place(tmp_path / "keys", "cosign.key", "ecdsa-p256")
    signer = await signers.opened_x509(tmp_path / "keys")

    async def sealed(body: bytes) -> bytes:
        return dsse.seal(MEDIA_TYPE, body, [await signer.sign(dsse.pae(MEDIA_TYPE, body))])

    other = next(each for each in STATEMENTS if each != kind)
    elsewhere = await sealed(statement(kind, b"something else"))

    assert "no matching subject" in verified(cosign, signer.held.public, elsewhere, kind, tmp_path)
    assert "predicate" in verified(cosign, signer.held.public, await sealed(statement(kind)), other, tmp_path)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_cosign_refuses_chains_form_where_it_differs(cosign, tmp_path, algorithm):
    """Why "sha256" is the default (design D20): by-curve P-384, P-521 and Ed25519ph do not verify with cosign."""
    place(tmp_path / "keys", "x509.pem", algorithm)
    signer = await signers.opened_x509(tmp_path / "keys", "by-curve")
    body = statement("slsaprovenance1")
    envelope = dsse.seal(MEDIA_TYPE, body, [await signer.sign(dsse.pae(MEDIA_TYPE, body))])
    said = verified(cosign, signer.held.public, envelope, "slsaprovenance1", tmp_path)

    assert (algorithm in ("ecdsa-p256", "rsa-2048")) == (said == "")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_cosign_signs_with_our_key_in_chains_form(cosign, tmp_path, algorithm):
    """cosign opens the pair that we make, and what it signs with it we verify as "by-curve"."""
    public = keyfiles.make_pair(tmp_path / "keys", algorithm, "pässword ".encode())
    (tmp_path / "blob").write_bytes(BLOB)
    (tmp_path / "statement.json").write_bytes(statement("slsaprovenance1"))
    shown = cosign("public-key", "--key=keys/cosign.key", password="pässword ")
    done = cosign(
        "attest-blob",
        "--key=keys/cosign.key",
        "--statement=statement.json",
        "--type=slsaprovenance1",
        "--use-signing-config=false",
        "--tlog-upload=false",
        "--new-bundle-format=false",
        "--output-signature=envelope.json",
        password="pässword ",
    )
    assert done.returncode == 0, done.stderr
    envelope = dsse.open_envelope((tmp_path / "envelope.json").read_bytes())
    keys.verify(public, "by-curve", dsse.pae(envelope.payload_type, envelope.body), envelope.signatures[0].raw)

    assert public == keys.load_public(shown.stdout.encode())


def test_cosign_needs_the_password_of_our_key(cosign, tmp_path):
    """The box is closed to others."""
    keyfiles.make_pair(tmp_path / "keys", "ecdsa-p256")

    assert cosign("public-key", "--key=keys/cosign.key", password="guess").returncode != 0


@pytest.mark.parametrize("password", ["", "correct horse"])
def test_we_read_the_pair_that_cosign_makes(cosign, tmp_path, password):
    """With and without a password."""
    done = cosign("generate-key-pair", password=password)
    assert done.returncode == 0, done.stderr
    opened = keys.load_private((tmp_path / "cosign.key").read_bytes(), password.encode())

    assert opened.public == keys.load_public((tmp_path / "cosign.pub").read_bytes())
    assert opened.public.algorithm == "ecdsa-p256"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_we_read_the_key_that_cosign_imports(cosign, tmp_path, algorithm):
    """A key that was ours stays the same key in cosign's box."""
    key = keyfiles.generate(algorithm)
    text = key.material.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "plain.pem").write_bytes(text)
    done = cosign("import-key-pair", "--key=plain.pem", password="x")
    assert done.returncode == 0, done.stderr

    assert key.public == keys.load_private((tmp_path / "import-cosign.key").read_bytes(), b"x").public

"""Bundles between programs: cosign 3, cosign 2 and sigstore-python believe what we write and no twin of it that was tampered with; and
we believe what cosign writes.

SEALWRIGHT_COSIGN and SEALWRIGHT_COSIGN2 are the paths of these programs; they are given no network to use.
"""

import json
import os
import subprocess
from dataclasses import replace

import pytest
from fakes import commands, sealed, signers, sigstore
from fakes.sigstore import ARTIFACT
from sigstore.errors import Error, VerificationError
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy

from sealwright.core.envelope import bundle as bundles
from sealwright.core.errors import Untrusted
from sealwright.core.proof import attestation
from sealwright.edge import keyfiles

pytestmark = pytest.mark.e2e

WHO = ("--certificate-identity", sigstore.NAME, "--certificate-oidc-issuer", sigstore.ISSUER)
TYPE = ("--type", "slsaprovenance02")
# What is believed: a bundle, and how cosign is asked about it.
BELIEVED = {
    "a file by key": (sigstore.KEY_FILE, ("verify-blob", "--key", "key.pub")),
    "a statement by key": (sigstore.KEY_SEALED, ("verify-blob-attestation", "--key", "key.pub", *TYPE)),
    "a file by certificate, Rekor v1": (sigstore.V1_FILE, ("verify-blob", *WHO)),
    "a file by certificate, Rekor v2": (sigstore.V2_FILE, ("verify-blob", *WHO, "--use-signed-timestamps")),
    "a statement by certificate, Rekor v1": (sigstore.V1_SEALED, ("verify-blob-attestation", *WHO, *TYPE)),
    "a statement by certificate, Rekor v2": (
        sigstore.V2_SEALED,
        ("verify-blob-attestation", *WHO, *TYPE, "--use-signed-timestamps"),
    ),
}
CERTIFIED = [row for row, (wanted, _) in BELIEVED.items() if not wanted.by_key]


def twins(wanted):
    """The bundle, each with one thing in it that is not true."""
    bundle = sigstore.bundle(wanted)
    entry = bundle.entries[0]
    other = sigstore.bundle(replace(wanted, artifact=b"else"))
    stranger = signers.key("ecdsa-p256", 996)
    yield (
        "signature",
        replace(
            other,
            entries=bundle.entries,
            envelope=bundle.envelope and _resigned(bundle, other),
            message=bundle.message and replace(bundle.message, raw=other.message.raw),
        ),
    )
    yield (
        "hash",
        replace(bundle, entries=(replace(entry, proof=replace(entry.proof, hashes=(b"0" * 32, *entry.proof.hashes[1:]))),)),
    )
    yield "entry", replace(bundle, entries=other.entries)
    yield (
        "log",
        sigstore.bundle(
            replace(wanted, log_key=stranger if sigstore.KINDS[wanted.kind][0] == "v1" else signers.key("ed25519", 9))
        ),
    )
    yield "signer", sigstore.bundle(replace(wanted, signer=stranger))
    if entry.promise:
        # Of a tiled log cosign takes the root from the checkpoint, and this one is not looked at.
        yield "root", replace(bundle, entries=(replace(entry, proof=replace(entry.proof, root=b"0" * 32)),))
        yield "promise", replace(bundle, entries=(replace(entry, promise=other.entries[0].promise),))
    # By key cosign needs no time, and does not look.
    if bundle.timestamps and bundle.certificates:
        yield "timestamp", replace(bundle, timestamps=other.timestamps)
    if bundle.certificates:
        yield "certificate", sigstore.bundle(replace(wanted, certificate=lambda: sigstore.leaf(replace(STRANGE, by=stranger))))
        yield "identity", sigstore.bundle(replace(wanted, certificate=lambda: sigstore.leaf(STRANGE)))
    if bundle.envelope:
        yield "payload", replace(bundle, envelope=replace(bundle.envelope, body=other.envelope.body))


STRANGE = sigstore.Asked(
    more=(
        sigstore.alternative(sigstore.x509.UniformResourceIdentifier("https://other.test")),
        sigstore.fulcio(8, sigstore.ISSUER),
    )
)


def _resigned(bundle, other):
    return replace(bundle.envelope, signatures=other.envelope.signatures)


def program(name):
    found = os.environ.get(name)
    if found is None:
        pytest.fail(f"{name} is not set: it must be the path of a cosign program")
    return found


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The file, the trusted root and the key."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.tar").write_bytes(ARTIFACT)
    (tmp_path / "root.json").write_text(json.dumps(sigstore.trusted_root()))
    (tmp_path / "key.pub").write_bytes(sigstore.KEY.public.pem)
    return tmp_path


def cosign(place, *arguments, version="SEALWRIGHT_COSIGN", password=""):
    environment = {"HOME": str(place), "COSIGN_PASSWORD": password, "COSIGN_YES": "true"}
    command = [program(version), *map(str, arguments)]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=60, check=False)


def believes(place, bundle, words, version="SEALWRIGHT_COSIGN"):
    (place / "bundle.json").write_bytes(bundles.write(bundle))
    new = ("--new-bundle-format",) if version == "SEALWRIGHT_COSIGN2" else ()
    return cosign(place, *words, *new, "--bundle", "bundle.json", "--trusted-root", "root.json", "app.tar", version=version)


@pytest.mark.parametrize("row", BELIEVED)
def test_cosign_3_believes_our_bundles_and_no_tampered_twin(row, place):
    """Offline, with a trusted root of our own; what it refuses, we refuse."""
    wanted, words = BELIEVED[row]
    found = believes(place, sigstore.bundle(wanted), words)

    assert found.returncode == 0, found.stderr
    for name, twin in twins(wanted):
        assert believes(place, twin, words).returncode != 0, name
        with pytest.raises(Untrusted):
            attestation.prove_bundle(twin, sigstore.trust(by_key=wanted.by_key), ARTIFACT)
    (place / "app.tar").write_bytes(b"else")
    assert believes(place, sigstore.bundle(wanted), words).returncode != 0


@pytest.mark.parametrize("row", ["a file by key", "a file by certificate, Rekor v1", "a statement by certificate, Rekor v1"])
def test_cosign_2_believes_our_bundles_and_no_tampered_twin(row, place):
    """As far as it knows: no Rekor v2."""
    wanted, words = BELIEVED[row]
    found = believes(place, sigstore.bundle(wanted), words, "SEALWRIGHT_COSIGN2")

    assert found.returncode == 0, found.stderr
    for name, twin in twins(wanted):
        assert believes(place, twin, words, "SEALWRIGHT_COSIGN2").returncode != 0, name


@pytest.mark.parametrize("row", CERTIFIED)
def test_sigstore_python_believes_our_bundles_and_no_tampered_twin(row, place):
    """It knows certificates only."""
    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(place / "root.json")))
    wanted, _ = BELIEVED[row]

    assert is_believed(verifier, sigstore.bundle(wanted))
    for name, twin in twins(wanted):
        assert not is_believed(verifier, twin), name


def is_believed(verifier, bundle):
    who = policy.Identity(identity=sigstore.NAME, issuer=sigstore.ISSUER)
    try:
        theirs = Bundle.from_json(bundles.write(bundle))
        if bundle.envelope:
            _, body = verifier.verify_dsse(theirs, who)
            assert body == bundle.envelope.body
        else:
            verifier.verify_artifact(ARTIFACT, theirs, who)
    except (Error, VerificationError, ValueError):
        return False
    return True


# cosign signs files with pure Ed25519, and attestations with Ed25519ph (hack/adr/0006).
HASHES = {("ed25519", "sealed"): "by-curve"}


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ed25519", "rsa-2048"])
def test_we_believe_what_cosign_3_signs(algorithm, place):
    """A file and an attestation, by key, without a log; and not another file, nor with another key."""
    keyfiles.make_pair(place / "keys", algorithm, b"secret")
    keyfiles.make_pair(place / "others", algorithm, b"secret")
    (place / "predicate.json").write_text(json.dumps(sealed.v02()))
    offline = ("--key", "keys/cosign.key", "--tlog-upload=false", "--use-signing-config=false", "--new-bundle-format", "--yes")
    for name, words in (
        ("file", ("sign-blob", *offline)),
        ("sealed", ("attest-blob", *offline, "--predicate", "predicate.json", "--type", "slsaprovenance02")),
    ):
        made = cosign(place, *words, "--bundle", f"{name}.json", "app.tar", password="secret")
        assert made.returncode == 0, made.stderr

        form = HASHES.get((algorithm, name), "sha256")
        verified = verify(f"{name}.json", "keys/cosign.pub", form)
        assert verified.code == 0, verified.text + verified.told
        assert verify(f"{name}.json", "others/cosign.pub", form).code == 1
        (place / "other.tar").write_bytes(b"else")
        assert verify(f"{name}.json", "keys/cosign.pub", form, artifact="other.tar").code == 1


def verify(bundle, key, form, artifact="app.tar"):
    return commands.run("verify", "file", artifact, "--bundle", bundle, "--key", key, "--hash", form)

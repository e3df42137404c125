"""Sigstore bundles: one table for writer and reader, the rules of each version, and nothing that two readers could see differently."""

import base64
import hashlib
import json
from contextlib import suppress
from dataclasses import replace

import pytest
from fakes import signers
from fakes.mutation import mutated
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core import pem
from sealwright.core.envelope import bundle, dsse
from sealwright.core.envelope.bundle import Bundle, MessageSignature
from sealwright.core.envelope.dsse import Envelope
from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Artifact, Attestation, InclusionProof, LogEntry, Payload, Signature
from sealwright.core.statement import MEDIA_TYPE

PROOF = InclusionProof(index=6, size=9, root=b"r" * 32, hashes=(b"a" * 32, b"b" * 32), checkpoint="log\n9\ncg==\n\n— log AAAA\n")
ENTRY = LogEntry(
    log_id=b"l" * 32,
    index=1006,
    kind="dsse",
    version="0.0.1",
    body=b"{}",
    integrated_s=1_700_000_000,
    promise=b"set",
    proof=PROOF,
)
TILED = replace(ENTRY, kind="hashedrekord", version="0.0.2", integrated_s=0, promise=b"", proof=replace(PROOF, index=0))
SEALED = Envelope(payload_type=MEDIA_TYPE, body=b"{}", signatures=(Signature(key_id="SHA256:k", raw=b"\xfb\xff"),))
MESSAGE = MessageSignature(raw=b"\xfb\xff", algorithm="SHA2_256", digest=b"d" * 32)

# What a bundle holds, and its verification material and content as the specification writes them.
CASES = {
    "an envelope and a key": (
        Bundle(envelope=SEALED, key_hint="SHA256:k"),
        {
            "verificationMaterial": {"publicKey": {"hint": "SHA256:k"}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": "e30=",
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{"sig": "+/8=", "keyid": "SHA256:k"}],
            },
        },
    ),
    "a file's signature, a key without hint, times": (
        Bundle(message=MESSAGE, key_hint="", timestamps=(b"t1", b"t2")),
        {
            "verificationMaterial": {
                "publicKey": {},
                "tlogEntries": [],
                "timestampVerificationData": {
                    "rfc3161Timestamps": [{"signedTimestamp": "dDE="}, {"signedTimestamp": "dDI="}],
                },
            },
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": base64.b64encode(b"d" * 32).decode()},
                "signature": "+/8=",
            },
        },
    ),
    "a certificate and log entries of both kinds": (
        Bundle(message=replace(MESSAGE, algorithm="", digest=b""), certificates=(b"0\x82",), entries=(ENTRY, TILED)),
        {
            "verificationMaterial": {
                "certificate": {"rawBytes": "MII="},
                "tlogEntries": [
                    {
                        "logIndex": "1006",
                        "logId": {"keyId": base64.b64encode(b"l" * 32).decode()},
                        "kindVersion": {"kind": "dsse", "version": "0.0.1"},
                        "integratedTime": "1700000000",
                        "inclusionPromise": {"signedEntryTimestamp": "c2V0"},
                        "inclusionProof": {
                            "logIndex": "6",
                            "rootHash": base64.b64encode(b"r" * 32).decode(),
                            "treeSize": "9",
                            "hashes": [base64.b64encode(each * 32).decode() for each in (b"a", b"b")],
                            "checkpoint": {"envelope": PROOF.checkpoint},
                        },
                        "canonicalizedBody": "e30=",
                    },
                    {
                        "logIndex": "1006",
                        "logId": {"keyId": base64.b64encode(b"l" * 32).decode()},
                        "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
                        "inclusionProof": {
                            "logIndex": "0",
                            "rootHash": base64.b64encode(b"r" * 32).decode(),
                            "treeSize": "9",
                            "hashes": [base64.b64encode(each * 32).decode() for each in (b"a", b"b")],
                            "checkpoint": {"envelope": PROOF.checkpoint},
                        },
                        "canonicalizedBody": "e30=",
                    },
                ],
            },
            "messageSignature": {"signature": "+/8="},
        },
    ),
}


def whole(version="0.3"):
    """A bundle's JSON with every member that this version may have."""
    media_type = next(kind for kind, number in bundle._VERSIONS.items() if number == version)
    loaded = json.loads(bundle.write(CASES["a certificate and log entries of both kinds"][0])) | {"mediaType": media_type}
    material = loaded["verificationMaterial"]
    material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": "dDE="}]}
    if version != "0.3":
        material["x509CertificateChain"] = {"certificates": [material.pop("certificate")]}
    if version == "0.1":
        material["tlogEntries"].pop()
    return loaded


def read(loaded):
    return bundle.read(json.dumps(loaded).encode())


@pytest.mark.parametrize(("held", "wire"), CASES.values(), ids=CASES.keys())
def test_writer_and_reader_agree(held, wire):
    """What is written has the members of the specification, and is read back as the same."""
    written = bundle.write(held)

    assert {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", **wire} == json.loads(written)
    assert held == bundle.read(written)


@pytest.mark.parametrize("row", CASES)
def test_the_models_of_sigstore_python_read_what_is_written(row):
    """Another implementation of the same protobuf sees the same bytes."""
    models = pytest.importorskip("sigstore_models.bundle.v1", reason="needs the extra 'keyless'")
    held, _ = CASES[row]
    if held.key_hint == "":
        pytest.skip("its model asks for a hint, the protobuf does not")
    theirs = models.Bundle.from_json(bundle.write(held))

    material = theirs.verification_material
    assert len(held.entries) == len(material.tlog_entries or [])
    assert [each.body for each in held.entries] == [each.canonicalized_body for each in material.tlog_entries or []]
    assert bundle.read(theirs.to_json().encode()) == held


def attestation(**more):
    body = b'{"_type":"x"}'
    key = signers.key()
    raw = key.sign(dsse.pae(MEDIA_TYPE, body), "sha256")
    signature = Signature(key_id=key.public.key_id, raw=raw)
    values = {
        "artifact": Artifact(sort="taskrun", key="taskrun-1", name="ns/run"),
        "format": "slsa/v1",
        "payload": Payload(media_type=MEDIA_TYPE, body=body),
        "signature": signature,
        "envelope": dsse.seal(MEDIA_TYPE, body, [signature]),
    }
    return Attestation(**values | more)


def test_an_attestation_is_sealed_with_its_envelope_key_entries_and_times():
    """A plain key is named by its id."""
    made = attestation(entries=(ENTRY,), timestamps=(b"t",))
    opened = bundle.read(bundle.seal(made))

    assert (made.signature.key_id, (ENTRY,), (b"t",)) == (opened.key_hint, opened.entries, opened.timestamps)
    assert dsse.open_envelope(made.envelope) == opened.envelope
    assert made.signature.raw == opened.signature


def test_a_bare_payload_is_sealed_as_a_signature_over_its_digest():
    """So are image signatures."""
    made = attestation(envelope=b"")
    opened = bundle.read(bundle.seal(made))

    digest = hashlib.sha256(made.payload.body).digest()
    assert MessageSignature(raw=made.signature.raw, algorithm="SHA2_256", digest=digest) == opened.message


def test_a_certificate_goes_in_alone():
    """Its chain comes from the verifier's trusted root (client rules of version 0.3)."""
    certificate = pem.write(pem.Block(label="CERTIFICATE", body=b"leaf")).decode()
    made = attestation(signature=replace(attestation().signature, certificate=certificate, chain=certificate))
    opened = bundle.read(bundle.seal(made))

    assert (opened.certificates, opened.key_hint) == ((b"leaf",), None)


@pytest.mark.parametrize("version", ["0.1", "0.2", "0.3"])
def test_each_version_is_read(version):
    """Also with members that are null, as some writers leave them."""
    loaded = whole(version) | {"dsseEnvelope": None}

    assert (version, (b"0\x82",)) == (read(loaded).version, read(loaded).certificates)


def test_a_digest_that_says_nothing_is_none():
    """So cosign writes it where the key signs the whole file."""
    loaded = whole()
    loaded["messageSignature"]["messageDigest"] = {}

    assert read(loaded).message == MessageSignature(raw=b"\xfb\xff")


def test_a_proof_without_checkpoint_is_left_aside_in_version_01():
    """Its promise is what counts there."""
    loaded = whole("0.1")
    del loaded["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"]

    assert read(loaded).entries[0].proof is None


def _at(loaded, *path):
    for name in path[:-1]:
        loaded = loaded[name]
    return loaded, path[-1]


MATERIAL, MESSAGES = "verificationMaterial", "messageSignature"
FIRST = (MATERIAL, "tlogEntries", 0)
DROPPED = "dropped"
# version, where, what stands there instead
REFUSED = {
    "an unknown version": ("0.3", ("mediaType",), "application/vnd.dev.sigstore.bundle+json;version=99.9"),
    "no version": ("0.3", ("mediaType",), DROPPED),
    "no material": ("0.3", (MATERIAL,), DROPPED),
    "an unknown member": ("0.3", (MATERIAL, "extra"), 1),
    "a member in snake case": ("0.3", (MATERIAL, "tlog_entries"), []),
    "neither envelope nor message": ("0.3", (MESSAGES,), DROPPED),
    "both envelope and message": ("0.3", ("dsseEnvelope",), {"payload": "", "signatures": [{"sig": "AA=="}]}),
    "neither key nor certificate": ("0.3", (MATERIAL, "certificate"), DROPPED),
    "both key and certificate": ("0.3", (MATERIAL, "publicKey"), {"hint": "x"}),
    "an empty certificate": ("0.3", (MATERIAL, "certificate"), {}),
    "a chain in version 0.3": ("0.2", ("mediaType",), "application/vnd.dev.sigstore.bundle.v0.3+json"),
    "an empty chain": ("0.2", (MATERIAL, "x509CertificateChain", "certificates"), []),
    "nine certificates": ("0.2", (MATERIAL, "x509CertificateChain", "certificates"), [{"rawBytes": "MII="}] * 9),
    "no promise in version 0.1": ("0.1", (*FIRST, "inclusionPromise"), DROPPED),
    "no proof in version 0.2": ("0.2", (*FIRST, "inclusionProof"), DROPPED),
    "no proof in version 0.3": ("0.3", (*FIRST, "inclusionProof"), DROPPED),
    "no checkpoint in version 0.2": ("0.2", (*FIRST, "inclusionProof", "checkpoint"), DROPPED),
    "no log id": ("0.3", (*FIRST, "logId"), DROPPED),
    "no kind": ("0.3", (*FIRST, "kindVersion"), DROPPED),
    "no body": ("0.3", (*FIRST, "canonicalizedBody"), DROPPED),
    "an empty promise": ("0.3", (*FIRST, "inclusionPromise"), {}),
    "a negative index": ("0.3", (*FIRST, "logIndex"), "-1"),
    "an index with a sign": ("0.3", (*FIRST, "logIndex"), "+1"),
    "an index with a leading zero": ("0.3", (*FIRST, "logIndex"), "01"),
    "an index with a line break": ("0.3", (*FIRST, "logIndex"), "1\n"),
    "an index in other digits": ("0.3", (*FIRST, "logIndex"), "١"),
    "an index that is no integer": ("0.3", (*FIRST, "logIndex"), 1.5),
    "an index of 64 bits": ("0.3", (*FIRST, "logIndex"), str(1 << 63)),
    "a signature that is no base64": ("0.3", (MESSAGES, "signature"), "INVALID!"),
    "a signature without padding": ("0.3", (MESSAGES, "signature"), "+/8"),
    "a signature in the URL-safe alphabet": ("0.3", (MESSAGES, "signature"), "-_8="),
    "a signature with spare bits": ("0.3", (MESSAGES, "signature"), "+/9="),
    "a signature with a line break": ("0.3", (MESSAGES, "signature"), "+/8=\n"),
    "no signature": ("0.3", (MESSAGES, "signature"), DROPPED),
    "an unknown digest": ("0.3", (MESSAGES, "messageDigest"), {"algorithm": "MD5", "digest": "AA=="}),
    "a cut digest": ("0.3", (MESSAGES, "messageDigest"), {"algorithm": "SHA2_256", "digest": "AA=="}),
    "33 entries": ("0.3", (MATERIAL, "tlogEntries"), whole()[MATERIAL]["tlogEntries"][:1] * 33),
    "33 times": ("0.3", (MATERIAL, "timestampVerificationData", "rfc3161Timestamps"), [{"signedTimestamp": "dDE="}] * 33),
}


@pytest.mark.parametrize("row", REFUSED)
def test_what_breaks_a_rule_is_refused(row):
    """By one word, and a sentence that says which rule."""
    version, path, instead = REFUSED[row]
    loaded = whole(version)
    place, name = _at(loaded, *path)
    if instead == DROPPED:
        del place[name]
    else:
        place[name] = instead
    with pytest.raises(Permanent) as raised:
        read(loaded)

    assert Reason.BAD_BUNDLE is raised.value.reason


@pytest.mark.parametrize("count", [0, 2])
def test_an_envelope_in_a_bundle_has_one_signature(count):
    """A second one would be by a key that nobody names."""
    loaded = json.loads(bundle.write(CASES["an envelope and a key"][0]))
    loaded["dsseEnvelope"]["signatures"] *= count
    with pytest.raises(Permanent, match=f"{count} signatures, wanted 1"):
        read(loaded)


def test_a_repeated_key_is_refused():
    """Readers differ on which one counts."""
    written = bundle.write(CASES["an envelope and a key"][0])
    with pytest.raises(Permanent) as raised:
        bundle.read(written.replace(b'"payload":', b'"payload":"AAAA","payload":'))

    assert Reason.REPEATED_KEY is raised.value.reason


def test_what_could_not_be_read_is_not_written():
    """A bundle with neither a key nor a certificate proves nothing to anybody."""
    with pytest.raises(Permanent, match="publicKey"):
        bundle.write(Bundle(message=MESSAGE))


def test_a_hundred_thousand_entries_are_refused_unread():
    """CVE-2024-45395: work is bounded by us, not by whoever wrote the file."""
    loaded = whole()
    loaded[MATERIAL]["tlogEntries"] = [{}] * 100_000
    with pytest.raises(Permanent, match="100000 tlogEntries"):
        read(loaded)


@settings(max_examples=200)
@given(st.sampled_from(["0.1", "0.2", "0.3"]).flatmap(lambda version: mutated(whole(version))))
def test_whatever_stands_in_a_bundle_it_is_read_or_refused(loaded):
    """Never another exception; and what is read is written and read as the same."""
    with suppress(Permanent):
        found = read(loaded)

        assert bundle.read(bundle.write(found)) == replace(found, version="0.3", certificates=found.certificates[:1])


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(data):
    """Permanent, whatever it is."""
    with suppress(Permanent):
        bundle.read(data)

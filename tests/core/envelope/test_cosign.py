"""Layers under cosign's tags: one table for writer and reader."""

from dataclasses import replace

import pytest

from sealwright.core import oci
from sealwright.core.envelope import cosign
from sealwright.core.errors import Reason, Untrusted, quote
from sealwright.core.model import Artifact, Attestation, LogEntry, Payload, Signature, Subject
from sealwright.core.oci import Image, Layer

HEX = "ab" * 32
IMAGE = Image(registry="gcr.io", repository="team/app", digest=f"sha256:{HEX}")
ARTIFACT = Artifact(sort="oci", key=HEX[:12], name="gcr.io/team/app", digest=f"sha256:{HEX}")
SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
NAMES = ("dev.cosignproject.cosign/signature", "dev.sigstore.cosign/certificate", "dev.sigstore.cosign/chain")


def bare(body=b"{}", raw=b"\x00\xff", certificate="", chain=""):
    return Attestation(
        artifact=ARTIFACT,
        format="simplesigning",
        payload=Payload(media_type=SIMPLE, body=body),
        signature=Signature(key_id="", raw=raw, certificate=certificate, chain=chain),
    )


def sealed(envelope=b'{"payload":""}', certificate="", chain="", subjects=()):
    return Attestation(
        artifact=ARTIFACT,
        format="",
        payload=Payload(media_type="", body=b"", subjects=subjects),
        signature=Signature(key_id="", raw=b"", certificate=certificate, chain=chain),
        envelope=envelope,
    )


# chains.md 5.2: media type, bytes, and the three annotations, empty for a plain key.
CASES = {
    "a bare signature": (bare(), SIMPLE, b"{}", ("AP8=", "", "")),
    "a bare signature with a certificate": (bare(certificate="C", chain="D"), SIMPLE, b"{}", ("AP8=", "C", "D")),
    "an envelope": (sealed(), DSSE, b'{"payload":""}', ("", "", "")),
    "an envelope with a certificate": (sealed(certificate="C", chain="D"), DSSE, b'{"payload":""}', ("", "C", "D")),
}


@pytest.mark.parametrize(("attestation", "kind", "body", "notes"), CASES.values(), ids=CASES.keys())
def test_layer_and_attestation_agree(attestation, kind, body, notes):
    """What is written as a layer is read back as the same attestation."""
    layer = Layer(media_type=kind, body=body, annotations=dict(zip(NAMES, notes, strict=True)))

    assert layer == cosign.to_layer(attestation)
    assert attestation == cosign.from_layer(layer, IMAGE)


def test_an_entry_of_rekor_v1_goes_with_the_layer():
    """As cosign's bundle annotation has it, in that order of members; one without a promise has no place there."""
    body = b'{"apiVersion":"0.0.1","kind":"dsse","spec":{}}'
    entry = LogEntry(
        log_id=b"\xc0\xd2", index=7, kind="dsse", version="0.0.1", body=body, integrated_s=1700000000, promise=b"\x30\x45"
    )
    text = (
        '{"SignedEntryTimestamp":"MEU=","Payload":{"body":"eyJhcGlWZXJzaW9uIjoiMC4wLjEiLCJraW5kIjoiZHNzZSIsInNwZWMiOnt9fQ==",'
        '"integratedTime":1700000000,"logIndex":7,"logID":"c0d2"}}'
    )
    logged = replace(sealed(), entries=(replace(entry, promise=b""), entry))
    layer = cosign.to_layer(logged)

    assert layer.annotations["dev.sigstore.cosign/bundle"] == text
    assert cosign.from_layer(layer, IMAGE).entries == (entry,)
    assert "dev.sigstore.cosign/bundle" not in cosign.to_layer(replace(logged, entries=logged.entries[:1])).annotations


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", "x", '{"SignedEntryTimestamp":"%","Payload":{"body":"e30=","integratedTime":1,"logIndex":1,"logID":"00"}}'],
)
def test_a_broken_entry_beside_a_layer_is_refused(text):
    """What cannot be read proves nothing."""
    layer = replace(cosign.to_layer(sealed()), annotations={"dev.sigstore.cosign/bundle": text})
    with pytest.raises(Untrusted):
        cosign.from_layer(layer, IMAGE)


def test_an_envelope_holds_its_signatures_itself():
    """Beside it none is written, and whatever stands there is not read."""
    layer = cosign.to_layer(replace(sealed(), signature=Signature(key_id="k", raw=b"\x01")))
    noted = Layer(media_type=DSSE, body=layer.body, annotations={NAMES[0]: "no base64"})

    assert layer.annotations[NAMES[0]] == ""
    assert sealed() == cosign.from_layer(noted, IMAGE)


@pytest.mark.parametrize(("kind", "body", "read"), [(SIMPLE, b"{}", bare(raw=b"")), (DSSE, b"e", sealed(envelope=b"e"))])
def test_layer_without_annotations_is_read_without_certificate_and_signature(kind, body, read):
    """What is absent is empty; an empty signature is one that no key made."""
    assert read == cosign.from_layer(Layer(media_type=kind, body=body), IMAGE)


def test_layer_of_another_kind_is_passed_over():
    """A tag may hold what others put there."""
    assert cosign.from_layer(Layer(media_type="application/x", body=b""), IMAGE) is None


@pytest.mark.parametrize("text", ["A", "!!!!", "AP8", "AP8=\n", "é", "AP8=AP8="])
def test_signature_that_is_no_base64_is_refused(text):
    """A broken signature text proves nothing."""
    with pytest.raises(Untrusted) as caught:
        cosign.from_layer(Layer(media_type=SIMPLE, body=b"{}", annotations={NAMES[0]: text}), IMAGE)

    assert caught.value.reason == Reason.BAD_SIGNATURE
    assert caught.value.message == f"image '{IMAGE.reference}': the annotation {NAMES[0]} {quote(text)} is not base64"


def test_bare_signature_belongs_under_its_image():
    """A signature goes to the image's `.sig` tag."""
    assert ({IMAGE: f"sha256-{HEX}.sig"}, []) == cosign.places(bare())


def test_attestation_belongs_under_each_image_once_and_under_no_file():
    """Subjects that are no image are skipped, not refused (Chains stops at the first)."""
    other = {"sha256": "cd" * 32}
    names = ["gcr.io/team/app", "pkg:npm/x@1", "docker.io/library/x1", "index.docker.io/library/x1", "My File"]
    subjects = tuple(Subject(name=name, digest=other) for name in names)
    without = Subject(name="gcr.io/team/app", digest={"sha1": "ab"})

    places, findings = cosign.places(sealed(subjects=(*subjects, without)))

    assert [image.name for image in places] == ["gcr.io/team/app", "index.docker.io/library/x1"]
    assert {oci.attestation_tag(f"sha256:{'cd' * 32}")} == set(places.values())
    assert [finding.where for finding in findings] == ["subject[1]", "subject[4]", "subject[5]"]
    assert findings[1].message.startswith("not stored with an image: 'My File@sha256:cdcd")
    assert findings[2].message.startswith("not stored with an image: 'gcr.io/team/app@sha256:' is no image")


def test_a_time_has_an_annotation_that_is_read_back():
    """In cosign's form, which has room for one."""
    made = replace(sealed(), timestamps=(b"time", b"later"))
    layer = cosign.to_layer(made)

    assert layer.annotations["dev.sigstore.cosign/rfc3161timestamp"] == '{"SignedRFC3161Timestamp":"dGltZQ=="}'
    assert replace(made, timestamps=(b"time",)) == cosign.from_layer(layer, IMAGE)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"SignedRFC3161Timestamp":"!"}'])
def test_a_time_that_cannot_be_read_is_refused(text):
    """Left aside it would be a proof that nobody looked at."""
    layer = replace(cosign.to_layer(sealed()), annotations={"dev.sigstore.cosign/rfc3161timestamp": text})
    with pytest.raises(Untrusted) as raised:
        cosign.from_layer(layer, IMAGE)

    assert Reason.BAD_TIMESTAMP is raised.value.reason

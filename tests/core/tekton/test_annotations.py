"""Annotations that keep attestations: one table for writer and reader."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core.errors import Permanent, Reason, Untrusted
from sealwright.core.model import Artifact, Attestation, Payload, Signature
from sealwright.core.tekton import annotations

UID = "13e3b266-1111-2222-3333-f1578b5c72dc"


def made(sort, key, payload, certificate="", chain="", **signed):
    signature = Signature(key_id="", raw=signed.get("raw", b""), certificate=certificate, chain=chain)
    return Attestation(
        artifact=Artifact(sort=sort, key=key, name=""),
        format="simplesigning" if sort == "oci" else "",
        payload=Payload(media_type="", body=payload),
        signature=signature,
        envelope=signed.get("envelope", b""),
    )


# chains.md 4.3: payload, signature, cert, chain.
CASES = {
    "a TaskRun's envelope": (made("taskrun", f"taskrun-{UID}", b"p", envelope=b"e"), ("cA==", "ZQ==", "", "")),
    "a PipelineRun's envelope": (made("pipelinerun", f"pipelinerun-{UID}", b"p", envelope=b"e"), ("cA==", "ZQ==", "", "")),
    "an image's bare signature": (made("oci", "0123456789ab", b"p", raw=b"\xff"), ("cA==", "/w==", "", "")),
    "a certificate and its chain": (
        made("taskrun", "taskrun-u", b"p", "C", "D", envelope=b"e"),
        ("cA==", "ZQ==", "Qw==", "RA=="),
    ),
}


@pytest.mark.parametrize(("attestation", "values"), CASES.values(), ids=CASES.keys())
def test_annotations_and_attestation_agree(attestation, values):
    """What is written in annotations is read back as the same attestation."""
    key = attestation.artifact.key
    names = [f"chains.tekton.dev/{part}-{key}" for part in ("payload", "signature", "cert", "chain")]
    written = annotations.write(attestation)

    assert dict(zip(names, values, strict=True)) == written
    assert [key] == annotations.keys(written)
    assert attestation == annotations.read(written, key)


def test_keys_are_those_of_signatures_only():
    """Other annotations, and signatures of unknown things, are no attestations."""
    found = {
        "chains.tekton.dev/signed": "true",
        "chains.tekton.dev/signature-taskrun-a": "",
        "chains.tekton.dev/signature-0123456789AB": "",
        "chains.tekton.dev/payload-taskrun-b": "",
        "signature-taskrun-c": "",
    }

    assert annotations.keys(found) == ["taskrun-a"]


def test_certificate_may_be_missing_but_not_the_payload():
    """Somebody who removes the payload is told what is missing."""
    kept = {"chains.tekton.dev/payload-taskrun-a": "cA==", "chains.tekton.dev/signature-taskrun-a": "ZQ=="}

    assert annotations.read(kept, "taskrun-a").signature.certificate == ""
    with pytest.raises(Untrusted) as caught:
        annotations.read({"chains.tekton.dev/signature-taskrun-a": "ZQ=="}, "taskrun-a")
    assert caught.value.reason == Reason.NO_ATTESTATION


@given(st.dictionaries(st.sampled_from(["payload", "signature", "cert", "chain"]), st.text(max_size=8) | st.just("/w==")))
def test_any_annotations_are_read_or_refused(parts):
    """A tenant can write anything here; it is an attestation or it is refused with a reason."""
    kept = {f"chains.tekton.dev/{part}-taskrun-a": text for part, text in parts.items()}
    with contextlib.suppress(Untrusted):
        assert annotations.read(kept, "taskrun-a").artifact.key == "taskrun-a"


def test_annotated_object_keeps_how_its_numbers_are_written():
    """Only the annotations change; `1.10` stays `1.10`, also in metadata."""
    body = b'{"kind":"TaskRun","metadata":{"x":1.10,"annotations":{"a":"1","b":"2"}},"spec":{"n":1e2,"s":"\\u00e9"}}'

    assert annotations.annotate(body, {"b": "3", "c": "4"}) == (
        b'{"kind":"TaskRun","metadata":{"x":1.10,"annotations":{"a":"1","b":"3","c":"4"}},"spec":{"n":1e2,"s":"\\u00e9"}}'
    )


@pytest.mark.parametrize("metadata", ['{"name":"x"}', '{"name":"x","annotations":null}', '{"name":"x","annotations":{}}'])
def test_object_without_annotations_gets_them(metadata):
    """Missing, null and empty are the same."""
    annotated = annotations.annotate(f'{{"metadata":{metadata}}}'.encode(), {"a": "1"})

    assert json.loads(annotated) == {"metadata": {"name": "x", "annotations": {"a": "1"}}}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"metadata":[]}', b'{"metadata":{"annotations":{"a":1}}}', b"\xff"])
def test_object_without_metadata_cannot_be_annotated(body):
    """It is refused, not rewritten."""
    with pytest.raises(Permanent) as caught:
        annotations.annotate(body, {"a": "1"})

    assert caught.value.reason == Reason.INVALID_RUN

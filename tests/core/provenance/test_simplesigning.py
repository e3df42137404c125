"""The payload under an image signature."""

import json

import pytest
from fakes.tekton_runs import DIGEST, HEX

from sealwright.core import oci
from sealwright.core.model import Subject
from sealwright.core.provenance import simplesigning


def test_payload_has_the_bytes_that_cosign_reads():
    """In the order of Go's struct, without spaces (chains.md 3.6)."""
    payload = simplesigning.build(oci.image(f"gcr.io/foo/bar:v1@{DIGEST}"))

    assert payload.body.decode() == (
        '{"critical":{"identity":{"docker-reference":"gcr.io/foo/bar"},"image":{"docker-manifest-digest":"sha256:' + HEX + '"},'
        '"type":"cosign container image signature"},"optional":null}'
    )
    assert payload.subjects == (Subject(name="gcr.io/foo/bar", digest={"sha256": HEX}),)
    assert payload.media_type == "application/vnd.dev.cosign.simplesigning.v1+json"


@pytest.mark.parametrize("names", [["bash", "docker.io/bash", "index.docker.io/library/bash:v1"], ["r.io/a/b", "r.io/a/b:v1"]])
def test_equal_images_have_equal_bytes(names):
    """However they are written."""
    assert len({simplesigning.build(oci.image(f"{name}@{DIGEST}")).body for name in names}) == 1


def test_name_is_escaped_as_go_escapes_it():
    """A registry may hold such characters."""
    body = simplesigning.build(oci.image(f"a&<b>.io/team/app@{DIGEST}")).body

    assert rb"a\u0026\u003cb\u003e.io/team/app" in body
    assert json.loads(body)["critical"]["identity"]["docker-reference"] == "a&<b>.io/team/app"

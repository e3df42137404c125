"""The payload under an image signature: which digest stands for which repository. Source: containers/image, "simple signing"."""

from sealwright.core import oci, statement
from sealwright.core.model import Payload, Subject

NAMES = ("simplesigning",)
MEDIA_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"


def build(image: oci.Image) -> Payload:
    """The payload for one image; equal images, equal bytes."""
    critical = {
        "identity": {"docker-reference": image.name},
        "image": {"docker-manifest-digest": image.digest},
        "type": "cosign container image signature",
    }
    body = statement.go_json({"critical": critical, "optional": None})
    algorithm, _, digits = image.digest.partition(":")
    return Payload(media_type=MEDIA_TYPE, body=body, subjects=(Subject(name=image.name, digest={algorithm: digits}),))

"""The Statement by which cosign 3 signs an image inside a Sigstore bundle: its subject is the image, and it claims no more.

A bundle's envelope has no place for simplesigning's bare signature: what is signed there is the envelope's encoding.
"""

from sealwright.core import oci, statement
from sealwright.core.model import Payload, Subject

NAMES = ("cosign/sign/v1",)
PREDICATE = "https://sigstore.dev/cosign/sign/v1"


def build(image: oci.Image) -> Payload:
    """The payload for one image; equal images, equal bytes."""
    algorithm, _, digits = image.digest.partition(":")
    return statement.payload(statement.V1, (Subject(name=image.name, digest={algorithm: digits}),), PREDICATE, {})

"""Small statements and image payloads, signed for real."""

from collections.abc import Mapping, Sequence
from typing import Any

from fakes import signers
from fakes.objects import DIGEST, FINISHED, STARTED

from sealwright.core import oci, statement
from sealwright.core.envelope import dsse
from sealwright.core.keys import Form, PrivateKey
from sealwright.core.model import Attestation, Signature, Subject
from sealwright.core.policy.evidence import of_envelope
from sealwright.core.proof.attestation import TrustedKey
from sealwright.core.provenance import simplesigning

BUILDER = "https://builder.test/1"
SLSA_V02, SLSA_V1 = "https://slsa.dev/provenance/v0.2", "https://slsa.dev/provenance/v1"
APP = Subject(name="registry.test/app", digest={"sha256": DIGEST.removeprefix("sha256:")})

KEY = signers.key("ed25519", 1)
TRUSTED = (TrustedKey(key=KEY.public),)


def v02(started: str = STARTED, finished: str = FINISHED) -> dict[str, Any]:
    """A predicate as `in-toto` writes it, cut down to what proofs and policies read."""
    return {"builder": {"id": BUILDER}, "metadata": {"buildStartedOn": started, "buildFinishedOn": finished}}


def v1(uid: str, started: str = STARTED, finished: str = FINISHED) -> dict[str, Any]:
    """The same as `slsa/v2alpha3` and `slsa/v2alpha4` write it."""
    times = {"invocationId": uid, "startedOn": started, "finishedOn": finished}
    return {"buildDefinition": {"buildType": "t"}, "runDetails": {"builder": {"id": BUILDER}, "metadata": times}}


def body(predicate: Mapping[str, Any] | None = None, subjects: Sequence[Subject] = (APP,), type_: str = SLSA_V02) -> bytes:
    """A Statement's bytes."""
    wire = statement.V01 if type_ == SLSA_V02 else statement.V1
    return statement.encode(wire, subjects, type_, dict(predicate or v02()))


def envelope(signed: bytes, *by: PrivateKey, form: Form = "sha256", payload_type: str = statement.MEDIA_TYPE) -> bytes:
    """An envelope over these bytes, with a signature of each key; KEY's if none is given."""
    message = dsse.pae(payload_type, signed)
    return dsse.seal(payload_type, signed, [signature(message, key, form) for key in by or (KEY,)])


def signature(message: bytes, key: PrivateKey = KEY, form: Form = "sha256") -> Signature:
    return Signature(key_id=key.public.key_id, raw=key.sign(message, form))


def image_payload(name: str = APP.name, digest: str = DIGEST) -> bytes:
    """What cosign signs for an image."""
    registry, _, repository = name.partition("/")
    return simplesigning.build(oci.Image(registry=registry, repository=repository, digest=digest)).body


def attestation(signed: bytes, *by: PrivateKey) -> Attestation:
    """An envelope as it is found somewhere."""
    return of_envelope(envelope(signed, *by))

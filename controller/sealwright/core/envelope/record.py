"""Attestations as the four parts that Chains keeps in buckets and databases, named, written and read back.

Parts are `payload`, `cert`, `chain` and `signature` (the envelope, or a bare signature). Chains names a record by the
artifact's short key, under which two things can meet: images of which 12 hex digits agree, and signatures that differ each
time. Nothing is overwritten for that: the first keeps Chains' name, the next has a name that only its own content can have.
"""

import hashlib
import re
from collections.abc import Mapping

from sealwright.core.errors import Permanent, Reason
from sealwright.core.model import Artifact, Attestation, Origin, Payload, Signature

# In the order of writing: where there is a signature, everything else is there too.
PARTS = ("payload", "cert", "chain", "signature")
_UNSAFE = re.compile(r"[^-.A-Za-z0-9]")


def parts(attestation: Attestation) -> dict[str, bytes]:
    """The parts by their names, in the order of PARTS; `cert` and `chain` are PEM, and empty for plain keys."""
    return {
        "payload": attestation.payload.body,
        "cert": attestation.signature.certificate.encode(),
        "chain": attestation.signature.chain.encode(),
        "signature": attestation.stored_signature,
    }


def names(attestation: Attestation) -> tuple[str, str]:
    """Chains' name of the record, and the one to use where that is taken by another: `<key>-<sha256 over the parts>`."""
    whole = hashlib.sha256()
    for part in parts(attestation).values():
        whole.update(len(part).to_bytes(8, "big") + part)
    return attestation.artifact.key, f"{attestation.artifact.key}-{whole.hexdigest()}"


def is_of(name: str, artifact: Artifact) -> bool:
    """Whether a record of this name is one of the artifact's."""
    return name == artifact.key or re.fullmatch(re.escape(artifact.key) + "-[0-9a-f]{64}", name) is not None


def folder(origin: Origin) -> str:
    """Chains' folder of a run's records: `<kind>-<namespace>-<name>`.

    It is no identity: `a` and `b-c` give the folder of `a-b` and `c`. The records' names in it are.
    """
    key = origin.key
    return _UNSAFE.sub(_percent, f"{key.kind.lower()}-{key.namespace}-{key.name}")


def read(artifact: Artifact, found: Mapping[str, bytes], where: str) -> Attestation:
    """The attestation of these parts, unproven; a certificate that is missing is none.

    Raises Permanent(INVALID_INPUT) where the payload or the signature is missing, or a certificate is no text.
    """
    if missing := [part for part in ("payload", "signature") if part not in found]:
        raise Permanent(Reason.INVALID_INPUT, f"{where}: no {' and no '.join(missing)} of {artifact.key}")
    is_bare = artifact.sort == "oci"
    signature = found["signature"]
    return Attestation(
        artifact=artifact,
        format="simplesigning" if is_bare else "",
        payload=Payload(media_type="", body=found["payload"]),
        signature=Signature(
            key_id="",
            raw=signature if is_bare else b"",
            certificate=_text(found.get("cert", b""), where),
            chain=_text(found.get("chain", b""), where),
        ),
        envelope=b"" if is_bare else signature,
    )


def _text(pem: bytes, where: str) -> str:
    try:
        return pem.decode()
    except UnicodeDecodeError as error:
        raise Permanent(Reason.INVALID_INPUT, f"{where}: a certificate is no text") from error


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found.group().encode("utf-8", "surrogatepass"))

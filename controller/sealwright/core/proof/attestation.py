"""Is it true? An envelope, a bundle or a bare signature, and whom one trusts -> Verified, or Untrusted.

The steps, in order; each is said in words in `Verified.steps`, and a caller who has a Verified knows that all were taken:

1. the envelope is one DSSE envelope, read strictly and within limits;
2. its payload type is the one that was asked for (a signature over something else proves nothing here);
3. somebody who is trusted made one of its signatures, over the pre-authentication encoding of exactly these bytes, in the
   form that the caller gives; key ids are hints and decide nothing. What came with the signature is proven too: its certificate,
   times and log entries (`core/proof/signature.py` has these steps);
4. the same bytes are an in-toto Statement, read strictly.

Not done here: whether the claim is wanted (`core/policy`), whether it belongs where it was found (`core/proof/place.py`).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar

from sealwright.core import pem, statement, strict
from sealwright.core.envelope import dsse
from sealwright.core.envelope.bundle import Bundle, MessageSignature
from sealwright.core.errors import Permanent, Reason, Untrusted, quote
from sealwright.core.model import Attestation, Payload, Subject, Verified
from sealwright.core.proof import signature
from sealwright.core.proof.logbody import Signed
from sealwright.core.proof.signature import Evidence, Proven
from sealwright.core.proof.trust import Trust, TrustedKey

# Whom to trust is said by callers of these proofs.
__all__ = ["FILE", "SIMPLESIGNING", "Trust", "TrustedKey", "prove", "prove_attestation", "prove_bundle", "prove_image"]

P = ParamSpec("P")
T = TypeVar("T")

SIMPLESIGNING = "cosign container image signature"
# What a signature over a file, with no statement about it, is called where a predicate type is asked for.
FILE = "signature of a file"
_NOTHING = Evidence()
_DIGESTS = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}


def prove(envelope: bytes, trusted: Trust | Sequence[TrustedKey], evidence: Evidence = _NOTHING) -> Verified:
    """All four steps over a DSSE envelope's JSON.

    Raises Untrusted: BAD_ENVELOPE, WRONG_PAYLOAD_TYPE, BAD_STATEMENT, and what `signature.prove` raises; Permanent(KEY_MISSING)
    where nobody is trusted.
    """
    trust = _trust(trusted)
    return _statement(_untrusted(dsse.open_envelope, envelope), evidence, trust, envelope)


def prove_image(body: bytes, raw: bytes, trusted: Trust | Sequence[TrustedKey], evidence: Evidence = _NOTHING) -> Verified:
    """A bare signature over a simplesigning payload, cosign's image signature: steps 3 and 4 for that form.

    Raises Untrusted: BAD_STATEMENT, WRONG_PAYLOAD_TYPE, and what `signature.prove` raises; Permanent(KEY_MISSING) where nobody is
    trusted.
    """
    trust = _trust(trusted)
    _refuse_encoding(body, "an image signature")
    proven = signature.prove(Signed(payload_type=None, body=body, signature=raw), evidence, trust)
    subject = _image_subject(_untrusted(strict.loads, body, "the simplesigning payload"))
    said = f"they say that {quote(subject.name)} is the name of the image sha256:{subject.digest['sha256']}"
    payload = Payload(media_type="", body=body, predicate_type=SIMPLESIGNING, subjects=(subject,))
    return _verified(payload, {}, [proven], (*proven.steps, said))


def prove_bundle(bundle: Bundle, trust: Trust, artifact: bytes | None = None) -> Verified:
    """What a Sigstore bundle holds: all four steps for an envelope, of which `artifact` must be a subject where it is given; for
    a signature over a file, step 3 for that file.

    Raises Untrusted: WRONG_DIGEST, WRONG_SUBJECT, and as `prove`; Permanent(INVALID_INPUT) for a file's signature without it.
    """
    evidence = Evidence(certificates=bundle.certificates, entries=bundle.entries, timestamps=bundle.timestamps)
    if bundle.envelope is not None:
        verified = _statement(bundle.envelope, evidence, trust)
        return verified if artifact is None else _about(artifact, verified)
    if artifact is None or bundle.message is None:
        raise Permanent(Reason.INVALID_INPUT, "the bundle signs a file and does not hold it: name the file")
    return _file(bundle.message, artifact, evidence, trust)


def prove_attestation(found: Attestation, trusted: Trust | Sequence[TrustedKey]) -> Verified:
    """What was found as an envelope or as an image's signature, with the certificate, log entries and times kept beside it.

    Raises as `prove` and `prove_image`; Untrusted(BAD_CERTIFICATE) where certificates are kept that cannot be read.
    """
    trust = _trust(trusted)
    evidence = Evidence(certificates=_certificates(found, trust), entries=found.entries, timestamps=found.timestamps)
    if found.envelope:
        return prove(found.envelope, trust, evidence)
    return prove_image(found.payload.body, found.signature.raw, trust, evidence)


def _certificates(found: Attestation, trust: Trust) -> tuple[bytes, ...]:
    """The signer's own first. They are not looked at where a key is trusted and no log is asked."""
    if not found.signature.certificate or trust.root is None:
        return ()
    text = f"{found.signature.certificate}\n{found.signature.chain}".encode()
    try:
        return tuple(block.body for block in pem.blocks(text, "the certificate of the signature"))
    except Permanent as error:
        raise Untrusted(Reason.BAD_CERTIFICATE, error.message) from error


def _statement(opened: dsse.Envelope, evidence: Evidence, trust: Trust, text: bytes = b"") -> Verified:
    if opened.payload_type != statement.MEDIA_TYPE:
        found = quote(opened.payload_type)
        raise Untrusted(Reason.WRONG_PAYLOAD_TYPE, f"the envelope holds {found}, wanted {statement.MEDIA_TYPE}")
    proven = _signers(opened, text, evidence, trust)
    payload, predicate = _untrusted(statement.parse, opened.body)
    steps = (
        f"the envelope is DSSE with {len(opened.signatures)} signature(s)",
        f"its payload type is {opened.payload_type}",
        *(step for each in proven for step in each.steps),
        f"they are an in-toto Statement with {len(payload.subjects)} subject(s) and predicate {payload.predicate_type}",
    )
    return _verified(payload, predicate, proven, steps)


def _signers(opened: dsse.Envelope, text: bytes, evidence: Evidence, trust: Trust) -> list[Proven]:
    """Proofs by as many distinct keys as the trust asks for, in its order. Work is bounded: the reader caps the signatures."""
    proven: dict[str, Proven] = {}
    faults: list[Untrusted] = []
    for each in opened.signatures:
        signed = Signed(payload_type=opened.payload_type, body=opened.body, signature=each.raw, envelope=text)
        try:
            found = signature.prove(signed, evidence, trust)
        except Untrusted as fault:
            faults.append(fault)
        else:
            # A key that signed twice is one signer; its signatures may differ.
            proven.setdefault(found.key.key_id, found)
    if len(proven) < trust.keys_needed:
        raise _too_few(opened, len(proven), faults, trust)
    order = [candidate.key.key_id for candidate in trust.keys if candidate.key.key_id in proven]
    return [proven[name] for name in dict.fromkeys([*order, *proven])]


def _too_few(opened: dsse.Envelope, count: int, faults: list[Untrusted], trust: Trust) -> Untrusted:
    telling = next((fault for fault in faults if fault.reason is not Reason.BAD_SIGNATURE or not trust.keys), None)
    if telling is not None:
        return telling
    size = len(dsse.pae(opened.payload_type, opened.body))
    made = f"{count} trusted key(s) made" if count else "none of"
    tried = ", ".join(candidate.key.key_id for candidate in trust.keys)
    why = f"{made} {len(opened.signatures)} signature(s) over these {size} bytes"
    wanted = f"wanted {trust.keys_needed} distinct keys" if count else "is by a trusted key"
    end = "the bytes were changed, or another key signed them"
    return Untrusted(Reason.BAD_SIGNATURE, f"{why}{', ' if count else ' '}{wanted} (tried: {tried}); {end}")


def _file(message: MessageSignature, artifact: bytes, evidence: Evidence, trust: Trust) -> Verified:
    _refuse_encoding(artifact, "a file")
    name = _DIGESTS.get(message.algorithm)
    if name is not None and hashlib.new(name, artifact).digest() != message.digest:
        raise Untrusted(Reason.WRONG_DIGEST, f"the bundle is for a file with {name} {message.digest.hex()}, not for this one")
    proven = signature.prove(Signed(payload_type=None, body=artifact, signature=message.raw), evidence, trust)
    subject = Subject(name="", digest={"sha256": hashlib.sha256(artifact).hexdigest()})
    payload = Payload(media_type="", body=artifact, predicate_type=FILE, subjects=(subject,))
    return _verified(payload, {}, [proven], (*proven.steps, f"they are the file with sha256 {subject.digest['sha256']}"))


def _about(artifact: bytes, verified: Verified) -> Verified:
    digests = {name: hashlib.new(name, artifact).hexdigest() for name in _DIGESTS.values()}
    named = [
        subject
        for subject in verified.payload.subjects
        if digests.keys() & subject.digest.keys()
        and all(digests[name] == subject.digest[name] for name in digests.keys() & subject.digest)
    ]
    if not named:
        raise Untrusted(Reason.WRONG_SUBJECT, f"no subject of the statement is the file with sha256 {digests['sha256']}")
    step = f"its subject {quote(named[0].name)} is the file with sha256 {digests['sha256']}"
    return replace(verified, steps=(*verified.steps, step))


def _verified(payload: Payload, predicate: Mapping[str, Any], proven: Sequence[Proven], steps: tuple[str, ...]) -> Verified:
    first = proven[0]
    return Verified(
        payload=payload,
        predicate=predicate,
        key_id=first.key.key_id,
        steps=steps,
        key_ids=tuple(each.key.key_id for each in proven),
        identity=first.identity,
        times=first.times,
        log_ids=first.log_ids,
    )


def _trust(trusted: Trust | Sequence[TrustedKey]) -> Trust:
    return trusted if isinstance(trusted, Trust) else Trust(keys=tuple(trusted))


def _refuse_encoding(body: bytes, what: str) -> None:
    """One key signs both kinds of bytes: a pre-authentication encoding must never pass as something else's."""
    if body.startswith(b"DSSEv1 "):
        raise Untrusted(Reason.WRONG_PAYLOAD_TYPE, f"the signed bytes belong to a DSSE envelope, not to {what}")


def _image_subject(loaded: object) -> Subject:
    match loaded:
        case {
            "critical": {
                "type": "cosign container image signature",
                "identity": {"docker-reference": str(name)},
                "image": {"docker-manifest-digest": str(digest)},
            }
        } if digest.startswith("sha256:"):
            return Subject(name=name, digest={"sha256": digest.removeprefix("sha256:")})
    raise Untrusted(Reason.BAD_STATEMENT, "the signed bytes are not a simplesigning payload with type, identity and digest")


def _untrusted(read: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What cannot be read cannot be trusted: a Permanent fault of a reader is an Untrusted one here."""
    try:
        return read(*args, **kwargs)
    except Untrusted:
        raise
    except Permanent as error:
        raise Untrusted(error.reason, error.message) from error

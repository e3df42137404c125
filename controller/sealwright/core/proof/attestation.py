"""Is it true? An envelope or a bare signature, and the keys one trusts -> Verified, or Untrusted.

The steps, in order; each is said in words in `Verified.steps`, and a caller who has a Verified knows that all were taken:

1. the envelope is one DSSE envelope, read strictly and within limits;
2. its payload type is the one that was asked for (a signature over something else proves nothing here);
3. a trusted key made one of its signatures, over the pre-authentication encoding of exactly these bytes, in the form that
   the caller gives for that key; key ids are hints and decide nothing;
4. the same bytes are an in-toto Statement, read strictly.

Not done here: whose key it is, whether the claim is wanted (`core/policy`), whether a log has it (there is none yet), what
time it was made.
"""

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from sealwright.core import keys, statement, strict
from sealwright.core.envelope import dsse
from sealwright.core.errors import Permanent, Reason, Untrusted, quote
from sealwright.core.keys import Form, PublicKey
from sealwright.core.model import Payload, Subject, Verified, value

P = ParamSpec("P")
T = TypeVar("T")

SIMPLESIGNING = "cosign container image signature"


@value
class TrustedKey:
    """A key that the verifier's user trusts, and the form in which it signs: told by policy, never by the envelope."""

    key: PublicKey
    form: Form = "sha256"


def prove(envelope: bytes, trusted: Sequence[TrustedKey]) -> Verified:
    """All four steps over a DSSE envelope's JSON.

    Raises Untrusted: BAD_ENVELOPE, WRONG_PAYLOAD_TYPE, BAD_SIGNATURE, BAD_STATEMENT; Permanent(KEY_MISSING) without a key.
    """
    _need_keys(trusted)
    opened = _untrusted(dsse.open_envelope, envelope)
    if opened.payload_type != statement.MEDIA_TYPE:
        found = quote(opened.payload_type)
        raise Untrusted(Reason.WRONG_PAYLOAD_TYPE, f"the envelope holds {found}, wanted {statement.MEDIA_TYPE}")
    message = dsse.pae(opened.payload_type, opened.body)
    signer = _signer(message, [signature.raw for signature in opened.signatures], trusted)
    payload, predicate = _untrusted(statement.parse, opened.body)
    steps = (
        f"the envelope is DSSE with {len(opened.signatures)} signature(s)",
        f"its payload type is {opened.payload_type}",
        f"{signer.key.algorithm} key {signer.key.key_id} signed these {len(opened.body)} bytes",
        f"they are an in-toto Statement with {len(payload.subjects)} subject(s) and predicate {payload.predicate_type}",
    )
    return Verified(payload=payload, predicate=predicate, key_id=signer.key.key_id, steps=steps)


def prove_image(body: bytes, signature: bytes, trusted: Sequence[TrustedKey]) -> Verified:
    """A bare signature over a simplesigning payload, cosign's image signature: steps 3 and 4 for that form.

    Raises Untrusted: BAD_SIGNATURE, BAD_STATEMENT, WRONG_PAYLOAD_TYPE; Permanent(KEY_MISSING) without a key.
    """
    _need_keys(trusted)
    # One key signs both kinds of bytes: a pre-authentication encoding must never pass as an image's payload.
    if body.startswith(b"DSSEv1 "):
        raise Untrusted(Reason.WRONG_PAYLOAD_TYPE, "the signed bytes belong to a DSSE envelope, not to an image signature")
    signer = _signer(body, [signature], trusted)
    subject = _image_subject(_untrusted(strict.loads, body, "the simplesigning payload"))
    steps = (
        f"{signer.key.algorithm} key {signer.key.key_id} signed these {len(body)} bytes",
        f"they say that {quote(subject.name)} is the name of the image sha256:{subject.digest['sha256']}",
    )
    payload = Payload(media_type="", body=body, predicate_type=SIMPLESIGNING, subjects=(subject,))
    return Verified(payload=payload, predicate={}, key_id=signer.key.key_id, steps=steps)


def _need_keys(trusted: Sequence[TrustedKey]) -> None:
    if not trusted:
        raise Permanent(Reason.KEY_MISSING, "no key to verify with: name at least one public key that you trust")


def _signer(message: bytes, signatures: Sequence[bytes], trusted: Sequence[TrustedKey]) -> TrustedKey:
    """The first trusted key that made one of the signatures. Work is bounded: the envelope's reader caps their number."""
    for candidate in trusted:
        for signature in signatures:
            try:
                keys.verify(candidate.key, candidate.form, message, signature)
            except Untrusted:
                continue
            return candidate
    tried = ", ".join(candidate.key.key_id for candidate in trusted)
    why = f"none of {len(signatures)} signature(s) over these {len(message)} bytes is by a trusted key (tried: {tried})"
    raise Untrusted(Reason.BAD_SIGNATURE, f"{why}; the bytes were changed, or another key signed them")


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

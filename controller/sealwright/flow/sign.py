"""One request: build, sign, log, store. Every failure becomes a value, so one store or image never stops the others.

That holds for what nobody foresaw too: it is told to `on_bug`, whose traceback is for the log, and is INTERNAL_ERROR here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from sealwright import plugins
from sealwright.core import oci, statement
from sealwright.core.envelope import dsse
from sealwright.core.errors import Fault, Permanent, Reason, Transient, quote
from sealwright.core.model import Attestation, Built, Failure, Origin, Outcome, Payload, Receipt, Signature, SignRequest, value
from sealwright.core.outbox import Owed
from sealwright.core.tekton.runs import Run
from sealwright.flow.log import log
from sealwright.ports import Claim, Equipment, Signer

T = TypeVar("T")
OnBug = Callable[[Exception], None]


@value
class Work:
    """What working off the requests of one run needs: whose they are, what there is, and the right to act."""

    origin: Origin
    tools: Equipment
    claim: Claim
    on_bug: OnBug


async def sign(run: Run, requests: Sequence[SignRequest], work: Work) -> tuple[Outcome, ...]:
    """Work off the requests in order; the claim is checked before each effect. Raises nothing but cancellation."""
    return tuple([await _one(run, request, work) for request in requests])


async def settle(owed: Sequence[Owed], work: Work) -> tuple[Outcome, ...]:
    """The same for what is owed of a run that is gone: nothing is built anew."""
    return tuple([await _rest(each, work) for each in owed])


def build(run: Run, request: SignRequest, tools: Equipment) -> Built:
    """The payload that this request asks for. Raises Permanent: UNKNOWN_FORMAT, INVALID_RUN."""
    formats = plugins.members("sealwright.core.provenance")
    if request.format not in formats:
        known = ", ".join(formats)
        raise Permanent(Reason.UNKNOWN_FORMAT, f"no format {request.format!r} (there are: {known})")
    if request.artifact.sort == "oci":
        image = oci.image(f"{request.artifact.name}@{request.artifact.digest}")
        return Built(payload=formats[request.format].build(image))
    built: Built = formats[request.format].build(run, request.format, tools.config)
    return built


async def seal(payload: Payload, signer: Signer) -> bytes:
    """A Statement in a DSSE envelope with one signature: the envelope's JSON."""
    return dsse.seal(payload.media_type, payload.body, [await _sign_statement(payload, signer)])


async def _sign_statement(payload: Payload, signer: Signer) -> Signature:
    return await signer.sign(dsse.pae(payload.media_type, payload.body))


async def _sign_image(payload: Payload, signer: Signer) -> Signature:
    # The same key signs statements: bytes that could pass as their encoding are never signed bare.
    if payload.body.startswith(b"DSSEv1 "):
        raise Permanent(Reason.INTERNAL_ERROR, "an image payload looks like a DSSE encoding and was not signed")
    return await signer.sign(payload.body)


async def _attest(request: SignRequest, payload: Payload, signer: Signer) -> Attestation:
    """Sign a payload as its kind is signed: statements inside an envelope, simplesigning's bare."""
    if payload.media_type != statement.MEDIA_TYPE:
        signature, envelope = await _sign_image(payload, signer), b""
    else:
        signature = await _sign_statement(payload, signer)
        envelope = dsse.seal(payload.media_type, payload.body, [signature])
    return Attestation(artifact=request.artifact, format=request.format, payload=payload, signature=signature, envelope=envelope)


async def _one(run: Run, request: SignRequest, work: Work) -> Outcome:
    try:
        built = build(run, request, work.tools)
    except Exception as error:  # noqa: BLE001  one request must never stop the others
        return Outcome(request=request, failures=(failure("build", error, work.on_bug),))
    outcome = await _rest(Owed(request=request, payload=built.payload), work)
    return replace(outcome, findings=(*built.findings, *outcome.findings))


async def _rest(owed: Owed, work: Work) -> Outcome:
    """From a payload, or an attestation, to receipts."""
    request, attestation = owed.request, owed.attestation
    payload = attestation.payload if attestation else owed.payload
    if attestation is None and payload is not None:
        try:
            attestation = await _attest(request, payload, _member(work.tools.signers, request.signer, "signer"))
        except Exception as error:  # noqa: BLE001  as above
            return Outcome(request=request, payload=payload, failures=(failure("sign", error, work.on_bug),))
    if attestation is None:
        return Outcome(request=request)
    try:
        work.claim.check()
        logged = await log(attestation, request, work.tools)
    except Exception as error:  # noqa: BLE001  as above
        failed = failure("log", error, work.on_bug)
        return Outcome(request=request, payload=payload, attestation=attestation, failures=(failed,))
    receipts, failures = await _store(logged.attestation, request.stores, work)
    return Outcome(
        request=request,
        payload=payload,
        attestation=logged.attestation,
        receipts=(*logged.receipts, *receipts),
        failures=failures,
        findings=(*logged.findings, *(found for receipt in receipts for found in receipt.findings)),
    )


async def _store(attestation: Attestation, words: Sequence[str], work: Work) -> tuple[tuple[Receipt, ...], tuple[Failure, ...]]:
    receipts, failures = [], []
    for word in words:
        try:
            work.claim.check()
            receipts.append(await _member(work.tools.stores, word, "store").put(attestation, work.origin))
        except Exception as error:  # noqa: BLE001  one store must never stop the others
            failures.append(failure("store", error, work.on_bug))
    return tuple(receipts), tuple(failures)


def _member(found: Mapping[str, T], word: str, sort: str) -> T:
    """What answers to a word; a word without a member fails this request alone."""
    if word not in found:
        raise Permanent(Reason.INVALID_CONFIG, f"no {sort} {word!r} is open (there are: {', '.join(found) or 'none'})")
    return found[word]


def failure(stage: str, error: Exception, on_bug: OnBug) -> Failure:
    """An error as a value; what is no Fault is a bug."""
    if not isinstance(error, Fault):
        on_bug(error)
        unforeseen = f"{type(error).__name__}: {quote(error)}"
        return Failure(stage=stage, reason=Reason.INTERNAL_ERROR, message=unforeseen, transient=False)
    transient = isinstance(error, Transient)
    after_s = error.after_s if isinstance(error, Transient) else None
    return Failure(stage=stage, reason=error.reason, message=error.message, transient=transient, after_s=after_s)

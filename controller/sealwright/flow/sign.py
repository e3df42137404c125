"""One request: build, sign, log, store. Every failure becomes a value, so one store or image never stops the others.

That holds for what nobody foresaw too: it is told to `on_bug`, whose traceback is for the log, and is INTERNAL_ERROR here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from sealwright import plugins
from sealwright.core import oci
from sealwright.core.envelope import dsse
from sealwright.core.errors import Fault, Permanent, Reason, Transient, quote
from sealwright.core.model import Attestation, Built, Failure, Origin, Outcome, Payload, Receipt, Signature, SignRequest
from sealwright.core.tekton import runs
from sealwright.core.tekton.runs import Run
from sealwright.flow.log import log
from sealwright.ports import Equipment, Signer

T = TypeVar("T")
OnBug = Callable[[Exception], None]


async def sign(run: Run, requests: Sequence[SignRequest], tools: Equipment, on_bug: OnBug) -> tuple[Outcome, ...]:
    """Work off the requests in order. Raises nothing but cancellation."""
    return tuple([await _one(run, request, tools, on_bug) for request in requests])


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
    """Sign a payload as its kind is signed: statements inside an envelope, image payloads bare."""
    if request.artifact.sort == "oci":
        signature, envelope = await _sign_image(payload, signer), b""
    else:
        signature = await _sign_statement(payload, signer)
        envelope = dsse.seal(payload.media_type, payload.body, [signature])
    return Attestation(artifact=request.artifact, format=request.format, payload=payload, signature=signature, envelope=envelope)


async def _one(run: Run, request: SignRequest, tools: Equipment, on_bug: OnBug) -> Outcome:
    try:
        built = build(run, request, tools)
    except Exception as error:  # noqa: BLE001  one request must never stop the others
        return Outcome(request=request, failures=(failure("build", error, on_bug),))
    try:
        attestation = await _attest(request, built.payload, _member(tools.signers, request.signer, "signer"))
    except Exception as error:  # noqa: BLE001  as above
        return Outcome(request=request, failures=(failure("sign", error, on_bug),), findings=built.findings)
    try:
        logged = await log(attestation, request, tools)
    except Exception as error:  # noqa: BLE001  as above
        failed = failure("log", error, on_bug)
        return Outcome(request=request, attestation=attestation, failures=(failed,), findings=built.findings)
    receipts, failures = await _store(logged.attestation, runs.origin_of(run), request.stores, tools, on_bug)
    return Outcome(
        request=request,
        attestation=logged.attestation,
        receipts=(*logged.receipts, *receipts),
        failures=failures,
        findings=(*built.findings, *logged.findings, *(found for receipt in receipts for found in receipt.findings)),
    )


async def _store(
    attestation: Attestation, origin: Origin, words: Sequence[str], tools: Equipment, on_bug: OnBug
) -> tuple[tuple[Receipt, ...], tuple[Failure, ...]]:
    receipts, failures = [], []
    for word in words:
        try:
            receipts.append(await _member(tools.stores, word, "store").put(attestation, origin))
        except Exception as error:  # noqa: BLE001  one store must never stop the others
            failures.append(failure("store", error, on_bug))
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

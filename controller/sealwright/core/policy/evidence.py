"""Things that claim to be signed, as they were found, and the judgement of each: prove it, prove its place, compare wishes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sealwright.core import strict
from sealwright.core.envelope import bundle, dsse
from sealwright.core.envelope.bundle import Bundle
from sealwright.core.errors import Fault, Permanent, Reason, Untrusted
from sealwright.core.model import Artifact, Attestation, Payload, Signature, Verified, value
from sealwright.core.policy import verdict
from sealwright.core.policy.verdict import State, Verdict
from sealwright.core.policy.wanted import Wanted
from sealwright.core.policy.wanted import judge as judge_wishes
from sealwright.core.proof import attestation as proof
from sealwright.core.proof import place
from sealwright.core.proof.trust import Trust, TrustedKey
from sealwright.core.tekton import annotations, documents, runs
from sealwright.core.tekton.documents import RunDocument
from sealwright.core.tekton.runs import Run


@value
class Evidence:
    """One attestation where it was found, unproven; or why there is none that could be read (`fault`).

    `what` is the run, image or file it stands with, `where` the place in it. `run` and `digest` (`sha256:<hex>`) are what
    its place says that it speaks of; each is empty where the place says nothing. A Sigstore `bundle` stands instead of an
    attestation where one was found, with the `artifact` (a file's bytes) that it must be about, if there is one.
    """

    what: str
    where: str
    attestation: Attestation | None = None
    bundle: Bundle | None = None
    artifact: bytes | None = None
    fault: Fault | None = None
    run: Run | None = None
    digest: str = ""


@value
class Judged:
    """Evidence with its verdict; `verified` only if the signature was proven."""

    evidence: Evidence
    verdict: Verdict
    verified: Verified | None = None


def judge(evidence: Evidence, trusted: Trust | Sequence[TrustedKey], wanted: Wanted) -> Judged:
    """All proofs for one piece of evidence. Never raises for hostile evidence; Permanent(KEY_MISSING) without a key."""
    trust = trusted if isinstance(trusted, Trust) else Trust(keys=tuple(trusted))
    if evidence.fault or (evidence.attestation is None and evidence.bundle is None):
        fault = evidence.fault or Untrusted(Reason.NO_ATTESTATION, f"{evidence.what}: nothing is signed here")
        return Judged(evidence=evidence, verdict=verdict.of_fault(fault))
    try:
        verified = _prove(evidence, trust)
    except Fault as fault:
        return Judged(evidence=evidence, verdict=verdict.of_fault(fault))
    return Judged(evidence=evidence, verdict=judge_wishes(verified, wanted), verified=verified)


def _prove(evidence: Evidence, trust: Trust) -> Verified:
    found = evidence.attestation
    if evidence.bundle is not None:
        verified = proof.prove_bundle(evidence.bundle, trust, evidence.artifact)
    elif found is not None:
        verified = proof.prove_attestation(found, trust)
        # A run keeps the payload a second time, for readers that do not open envelopes; an envelope alone does not.
        is_kept_twice = bool(found.envelope) and (bool(found.payload.body) or evidence.run is not None)
        if is_kept_twice and found.payload.body != verified.payload.body:
            raise Untrusted(Reason.WRONG_OBJECT, "the payload kept beside the envelope is not the one inside it")
    steps = list(verified.steps)
    if evidence.run is not None:
        is_bare = found is not None and not found.envelope
        in_run = place.of_image_in_run if is_bare else place.of_run
        steps.append(in_run(evidence.run, verified))
    if evidence.digest:
        steps.append(place.of_image(evidence.digest, verified))
    return replace(verified, steps=tuple(steps))


# --- what a document holds ----------------------------------------------------------------------------------------------


def of_document(data: bytes, what: str, envelope: bytes = b"") -> list[Evidence]:
    """What a file claims: an envelope, a Sigstore bundle, a Statement (with the `envelope` that signs it), or annotated runs.

    Raises Permanent where it is none of these, and what `strict` raises.
    """
    head = _object(data, what)
    if bundle.looks_like(head):
        return [of_bundle(data, what)]
    if "payloadType" in head:
        return [Evidence(what=what, where="envelope", attestation=of_envelope(data))]
    if "_type" in head:
        return [_of_statement(data, what, envelope)]
    found = [piece for document in documents.runs(data, what) for piece in of_run(document)]
    if not found:
        wanted = "an envelope, a bundle, a Statement, or finished TaskRuns and PipelineRuns"
        raise Permanent(Reason.INVALID_INPUT, f"{what}: nothing here that can be verified; wanted {wanted}")
    return found


def of_run(document: RunDocument) -> Iterator[Evidence]:
    """The attestations in a run's annotations; NO_ATTESTATION for a finished run that has none, nothing for an unfinished one."""
    what = str(document.key)
    try:
        run = runs.read(document.body)
    except Permanent as fault:
        yield Evidence(what=what, where="object", fault=fault)
        return
    kept = run.metadata.annotations or {}
    keys = annotations.keys(kept)
    own = f"{run.kind.lower()}-{run.metadata.uid}"
    if own not in keys and runs.is_done(run):
        message = f"{what}: a finished run without the annotation {annotations.PREFIX}signature-{own}"
        yield Evidence(what=what, where="annotations", fault=Untrusted(Reason.NO_ATTESTATION, message))
    for key in keys:
        yield _of_annotation(run, what, key)


def of_bundle(data: bytes, what: str, artifact: bytes | None = None) -> Evidence:
    """A Sigstore bundle's bytes, about a file or about whatever its statement says; a fault where they are none."""
    try:
        return Evidence(what=what, where="bundle", bundle=bundle.read(data), artifact=artifact)
    except Permanent as fault:
        return Evidence(what=what, where="bundle", fault=Untrusted(fault.reason, fault.message))


def of_envelope(data: bytes) -> Attestation:
    """An envelope's bytes as an attestation of something not yet known."""
    nothing = Payload(media_type="", body=b"")
    artifact = Artifact(sort="taskrun", key="", name="")
    return Attestation(artifact=artifact, format="", payload=nothing, signature=Signature(key_id="", raw=b""), envelope=data)


def _of_annotation(run: Run, what: str, key: str) -> Evidence:
    where = f"annotation {key}" if key != f"{run.kind.lower()}-{run.metadata.uid}" else "annotation"
    try:
        return Evidence(what=what, where=where, attestation=annotations.read(run.metadata.annotations or {}, key), run=run)
    except Permanent as fault:
        return Evidence(what=what, where=where, fault=fault)


def _of_statement(data: bytes, what: str, envelope: bytes) -> Evidence:
    """A Statement by itself proves nothing: only with an envelope that holds the same bytes is it judged."""
    if not envelope:
        message = f"{what}: a Statement that nothing signs; name the envelope that holds it with --envelope"
        return Evidence(what=what, where="statement", fault=Untrusted(Reason.NO_ATTESTATION, message))
    try:
        inside = dsse.open_envelope(envelope).body
    except Permanent as fault:
        return Evidence(what=what, where="statement", fault=fault)
    if inside.strip() != data.strip():
        message = f"{what}: the envelope holds another payload ({len(inside)} bytes) than this Statement ({len(data)} bytes)"
        return Evidence(what=what, where="statement", fault=Untrusted(Reason.WRONG_OBJECT, message))
    return Evidence(what=what, where="statement", attestation=of_envelope(envelope))


def _object(data: bytes, what: str) -> dict[str, Any]:
    """The JSON object in `data`, or nothing if it is YAML (then only runs can be in it)."""
    if data.lstrip()[:1] != b"{":
        return {}
    found = strict.loads(data, what, limit=documents.FILE_LIMIT)
    return found if isinstance(found, dict) else {}


def summary(judged: Judged) -> str:
    """Why, in one line: the first reason that is not a proof, or the last proof."""
    reasons = judged.verdict.reasons
    if judged.verdict.state is State.PASS:
        return reasons[-1]
    return next((reason for reason in reasons if reason.split(":", 1)[0] in {str(word) for word in Reason}), reasons[0])


def subjects(judged: Judged) -> list[str]:
    """The proven subjects, as `name@algorithm:hex`."""
    if judged.verified is None:
        return []
    return [
        f"{subject.name}@{algorithm}:{digits}"
        for subject in judged.verified.payload.subjects
        for algorithm, digits in subject.digest.items()
    ]

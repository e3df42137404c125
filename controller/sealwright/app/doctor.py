"""Tries what a configuration names, one by one, the way a run would use it: sign and verify, put and find.

What is tried is real: a probe, a small Statement about nothing, is signed by each signer and kept by each store that has a place
of its own. Its name and its bytes are always the same, so a second visit leaves nothing new where the key signs alike.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

from sealwright.app.logs import open_log
from sealwright.app.signers import Signers
from sealwright.app.stores import OwnStore, OwnStores
from sealwright.app.timestamps import open_timestamper
from sealwright.core.config import Config, without_password
from sealwright.core.errors import Fault, Reason, Transient
from sealwright.core.model import Artifact, Attestation, Key, Origin, Payload, Signature, Subject, value
from sealwright.core.oci import Image
from sealwright.core.statement import MEDIA_TYPE
from sealwright.edge import signing
from sealwright.edge.clock import unix_s
from sealwright.edge.signing import CheckedSigner
from sealwright.edge.stores import Tools
from sealwright.flow.sign import seal

T = TypeVar("T")

# Longer than any call of a store or a signer may take.
TRIAL_S = 90.0
_UID = "00000000-0000-4000-8000-000000000000"
_TYPE = "https://sealwright.dev/probe/v1"
_DIGEST = "sha256:" + "0" * 64
_IN_RUN = ("tekton",)
_BY_IMAGE = ("store archivista", "store grafeas")


class State(StrEnum):
    """How a trial ended."""

    WORKS = "works"
    FAILS = "fails"
    UNREACHED = "could not tell"
    SKIPPED = "not tried"


@value
class Trial:
    """`part` is a signer, store, log or clock with its word; `said` is what was found, or what to do.

    `reason` is empty unless it failed.
    """

    part: str
    state: State
    said: str
    reason: str = ""


@value
class Wish:
    """What to try, and as whom. `image`: whose registry is asked, None for none. `writes`: whether a probe may be kept."""

    signing: signing.Tools
    origin: Origin
    image: Image | None = None
    writes: bool = True


async def examine(config: Config, storing: Tools, wish: Wish) -> Sequence[Trial]:
    """Every part that the configuration uses, each with its own end. Raises nothing but what is a bug."""
    signers = Signers(wish.signing)
    stores = OwnStores(config, storing)
    try:
        trials = [await _signer(signers, config, wish, word) for word in sorted(config.signers_in_use)]
        probe = next((found for _, found in trials if found), _unsigned(wish.origin))
        kept = await asyncio.gather(*(_store(word, store, probe, wish) for word, store in stores.by_word.items()))
        return [*(trial for trial, _ in trials), *_log(config), *_clock(config), *kept]
    finally:
        await stores.close()
        await signers.close()


def origin(namespace: str, service_account: str) -> Origin:
    """The run that the probe pretends to be of."""
    return Origin(
        key=Key(kind="TaskRun", namespace=namespace, name="sealwright-doctor"), uid=_UID, service_account=service_account
    )


async def _signer(signers: Signers, config: Config, wish: Wish, word: str) -> tuple[Trial, Attestation | None]:
    part, probe = f"signer {word}", _unsigned(wish.origin)

    async def tried() -> tuple[str, Attestation]:
        found: CheckedSigner = (await signers.equip(config, [word]))[word]
        envelope = await seal(probe.payload, found)
        held = f"{found.where}: {found.held.public.algorithm} key {found.key_id}"
        return f"{held} signed a probe, and it verifies", replace(probe, envelope=envelope)

    try:
        said, sealed = await _timed(tried())
    except Fault as fault:
        return _failed(part, fault), None
    return Trial(part=part, state=State.WORKS, said=said), sealed


async def _store(word: str, store: OwnStore, probe: Attestation, wish: Wish) -> Trial:
    part = f"store {word}"
    if word in _IN_RUN:
        return Trial(part=part, state=State.SKIPPED, said="it writes on the run itself: without a run there is nothing to try")
    if word == "oci":
        return await _registry(part, store, wish)
    if wish.writes and not probe.envelope:
        return Trial(part=part, state=State.SKIPPED, said="no signer works, so there is nothing to keep")
    try:
        return await (_kept if wish.writes else _read)(part, store, probe, wish)
    except Fault as fault:
        return _failed(part, fault)


async def _read(part: str, store: OwnStore, probe: Attestation, wish: Wish) -> Trial:
    found = await _timed(store.find(_sought(part, probe), wish.origin))
    return Trial(part=part, state=State.WORKS, said=f"answers; {len(found)} probes are kept. Writing was not tried")


async def _kept(part: str, store: OwnStore, probe: Attestation, wish: Wish) -> Trial:
    receipt = await _timed(store.put(probe, wish.origin))
    found = await _timed(store.find(_sought(part, probe), wish.origin))
    if probe.envelope in [each.envelope for each in found]:
        return Trial(part=part, state=State.WORKS, said=f"keeps and finds a probe: {receipt.uri}")
    said = f"it took a probe ({receipt.uri}), and does not find it again"
    return Trial(part=part, state=State.FAILS, said=said, reason=Reason.STORE_FAILED)


async def _registry(part: str, store: OwnStore, wish: Wish) -> Trial:
    """Reading alone: a probe beside an image would be one of its attestations for ever."""
    if wish.image is None:
        said = "each run says which registry: name one of its images with --image to try it"
        return Trial(part=part, state=State.SKIPPED, said=said)
    image = wish.image
    artifact = Artifact(sort="oci", key=image.digest[7:19], name=image.name, digest=image.digest)
    account = f"{wish.origin.key.namespace}/{wish.origin.service_account or 'default'}"
    try:
        found = await _timed(store.find(artifact, wish.origin))
    except Fault as fault:
        return _failed(f"{part}, {image.registry}", fault)
    said = f"read as ServiceAccount {account}: {len(found)} signatures and attestations of the image; pushing was not tried"
    return Trial(part=f"{part}, {image.registry}", state=State.WORKS, said=said)


def _log(config: Config) -> list[Trial]:
    """Its settings and its key; an entry could never be taken back."""
    if not config.transparency.enabled:
        return []
    part = f"log {without_password(config.transparency.url)}"
    try:
        open_log(config, unix_s)
    except Fault as fault:
        return [_failed(part, fault)]
    return [Trial(part=part, state=State.SKIPPED, said="its key can be used; no entry was made, since none can be taken back")]


def _clock(config: Config) -> list[Trial]:
    try:
        found = open_timestamper(config, unix_s)
    except Fault as fault:
        return [_failed("timestamps", fault)]
    return [Trial(part="timestamps", state=State.SKIPPED, said="its certificates can be used")] if found.timestamper else []


async def _timed(work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(TRIAL_S):
            return await work
    except TimeoutError as error:
        raise Transient(Reason.UNAVAILABLE, f"no answer within {TRIAL_S:g} s") from error


def _failed(part: str, fault: Fault) -> Trial:
    state = State.UNREACHED if isinstance(fault, Transient) else State.FAILS
    return Trial(part=part, state=state, said=fault.message, reason=str(fault.reason))


def _unsigned(origin: Origin) -> Attestation:
    subject = Subject(name="sealwright-probe", digest={"sha256": _DIGEST[7:]})
    body = (
        f'{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"{subject.name}","digest":{{"sha256":"{_DIGEST[7:]}"}}}}],'
        f'"predicateType":"{_TYPE}","predicate":{{"text":"sealwright doctor tried this store; it says nothing of any build"}}}}'
    ).encode()
    return Attestation(
        artifact=Artifact(sort="taskrun", key=f"taskrun-{_UID}", name=f"{origin.key.namespace}/{origin.key.name}"),
        format="probe",
        payload=Payload(media_type=MEDIA_TYPE, body=body, predicate_type=_TYPE, subjects=(subject,)),
        signature=Signature(key_id="", raw=b""),
    )


def _sought(part: str, probe: Attestation) -> Artifact:
    """Some stores find things by their subject."""
    subject = probe.payload.subjects[0]
    by_image = Artifact(sort="oci", key="0" * 12, name=subject.name, digest=_DIGEST)
    return by_image if part in _BY_IMAGE else probe.artifact

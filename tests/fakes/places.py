"""What every store promises, as functions that a suite runs over members, twins and real servers alike."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from sealwright.core import oci
from sealwright.core.envelope import dsse
from sealwright.core.model import Artifact, Attestation, Key, Origin, Payload, Receipt, Signature, Subject
from sealwright.core.tekton import annotations
from sealwright.ports import Store

IMAGE = oci.image(f"gcr.io/team/app@sha256:{'ab' * 32}")
SOUGHT = Artifact(sort="oci", key=IMAGE.digest[7:19], name=IMAGE.name, digest=IMAGE.digest)
KEY = ec.generate_private_key(ec.SECP256R1())
ORIGIN = Origin(key=Key(kind="TaskRun", namespace="ns", name="run"), uid="0-1")
TYPE = "application/vnd.in-toto+json"


def statement(number: int = 0, subjects: Sequence[str] = (IMAGE.name,), body: bytes = b"") -> Attestation:
    """A signed statement about these subjects, all with IMAGE's digest."""
    named = [{"name": name, "digest": {"sha256": IMAGE.digest[7:]}} for name in subjects]
    body = body or json.dumps({"_type": "https://in-toto.io/Statement/v1", "subject": named, "number": number}).encode()
    signature = Signature(key_id="SHA256:x", raw=KEY.sign(dsse.pae(TYPE, body), ec.ECDSA(hashes.SHA256())))
    return Attestation(
        artifact=Artifact(sort="taskrun", key=f"taskrun-{number}", name="ns/run"),
        format="slsa/v1",
        payload=Payload(
            media_type=TYPE,
            body=body,
            subjects=tuple(Subject(name=name, digest={"sha256": IMAGE.digest[7:]}) for name in subjects),
        ),
        signature=signature,
        envelope=dsse.seal(TYPE, body, [signature]),
    )


def image_signature(number: int = 0) -> Attestation:
    body = json.dumps({"image": number}).encode()
    return Attestation(
        artifact=SOUGHT,
        format="simplesigning",
        payload=Payload(media_type="application/vnd.dev.cosign.simplesigning.v1+json", body=body),
        signature=Signature(key_id="", raw=KEY.sign(body, ec.ECDSA(hashes.SHA256())), certificate="PEM", chain="PEM2"),
    )


@dataclass
class Place:
    """A store that can be opened again and again, and finds what an earlier opening put.

    `by_image`: a statement is looked for under its image. `bare`: it takes image signatures. `certified`: it keeps certificates.
    """

    word: str
    open: Callable[[], AbstractAsyncContextManager[Store]]
    by_image: bool = False
    bare: bool = True
    certified: bool = True

    async def put(self, attestation: Attestation, origin: Origin = ORIGIN) -> Receipt:
        async with self.open() as store:
            return await store.put(attestation, origin)

    async def found(
        self, attestation: Attestation, receipt: Receipt | None = None, origin: Origin = ORIGIN
    ) -> Sequence[Attestation]:
        """What the store gives back: from the annotations that the receipt asks for, or from its own place."""
        if receipt and receipt.annotations:
            return [annotations.read(receipt.annotations, attestation.artifact.key)]
        async with self.open() as store:
            return await store.find(SOUGHT if self.by_image else attestation.artifact, origin)

    def each(self) -> list[Attestation]:
        return [statement(), image_signature()] if self.bare else [statement()]


async def what_is_put_is_found_with_the_same_bytes(place: Place) -> None:
    """Signature, certificates, and the payload where it is not in the envelope."""
    for attestation in place.each():
        receipt = await place.put(attestation)
        kept = {each.stored_signature: each for each in await place.found(attestation, receipt)}[attestation.stored_signature]

        assert kept.payload.body in (attestation.payload.body, b"")
        assert kept.payload.body or dsse.open_envelope(kept.envelope).body == attestation.payload.body
        if place.certified:
            assert kept.signature.certificate == attestation.signature.certificate
            assert kept.signature.chain == attestation.signature.chain


async def putting_twice_is_putting_once(place: Place) -> None:
    """Also through a store that was opened later, and through one at the same time."""
    for attestation in place.each():
        first = await place.put(attestation)
        again = await asyncio.gather(*(place.put(attestation) for _ in range(3)))
        kept = [each for each in await place.found(attestation, first) if bool(each.envelope) == bool(attestation.envelope)]

        assert again == [first] * 3
        assert len(kept) == 1


async def a_receipt_names_the_store_the_place_and_the_bytes(place: Place) -> None:
    """It is what "signed" is computed from."""
    receipt = await place.put(statement())

    assert receipt.store == place.word
    assert receipt.uri
    assert oci.is_digest(receipt.digest)


async def an_attestation_of_no_image_is_no_error(place: Place) -> None:
    """A test task has no image; a file is no image."""
    await place.put(statement(1, subjects=()))

    assert (await place.put(statement(2, subjects=("pkg:npm/x@1",)))).store == place.word


async def two_of_one_name_are_both_kept(place: Place) -> None:
    """The same payload signed again by a key that signs differently each time, and another image with these 12 digits."""
    statements = [statement(), statement()]
    assert statements[0].envelope != statements[1].envelope
    kept = await _kept(place, statements)
    assert kept == {each.stored_signature for each in statements}
    if place.bare:
        images = [image_signature(1), image_signature(2)]
        assert await _kept(place, images) >= {each.stored_signature for each in images}


async def _kept(place: Place, attestations: Sequence[Attestation]) -> set[bytes]:
    for each in attestations:
        await place.put(each)
    return {each.stored_signature for each in await place.found(attestations[0])}


async def nothing_is_found_of_what_was_never_put(place: Place) -> None:
    """Another artifact, another image; and nothing at all."""
    assert list(await place.found(statement(77))) == []
    await place.put(statement(77))
    other = replace(SOUGHT, name="r.io/other", digest=f"sha256:{'cd' * 32}", key="cd" * 6)
    async with place.open() as store:
        assert list(await store.find(other, ORIGIN)) == []
        assert list(await store.find(statement(7).artifact, ORIGIN)) == []


async def a_hostile_run_stays_in_its_place(place: Place) -> None:
    """A folder of runs is not an API server: names can be anything."""
    attestation = statement()
    for name in ("../../../etc/x", "a/b", ".", "\u202e", "\ud800", "%2e%2e", "x" * 200):
        origin = replace(ORIGIN, key=Key(kind="TaskRun", namespace="n/../s", name=name))
        receipt = await place.put(attestation, origin)
        kept = await place.found(attestation, receipt, origin)
        assert attestation.stored_signature in {each.stored_signature for each in kept}


Promise = Callable[[Place], Awaitable[None]]
PROMISES: Sequence[Promise] = (
    what_is_put_is_found_with_the_same_bytes,
    putting_twice_is_putting_once,
    a_receipt_names_the_store_the_place_and_the_bytes,
    an_attestation_of_no_image_is_no_error,
    a_hostile_run_stays_in_its_place,
)
# Of stores with a place of their own; annotations belong to their run.
OWN_PLACE: Sequence[Promise] = (two_of_one_name_are_both_kept, nothing_is_found_of_what_was_never_put)

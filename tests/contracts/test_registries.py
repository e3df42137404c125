"""What the store `oci` promises over every registry: the twin of the tests in its variants, and real ones (hack/e2e)."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from fakes import registries
from fakes.attestations import DIGEST, ORIGIN, bundled_signature, image_signature, sought, statement
from fakes.clock import EagerClock
from fakes.registry import MemoryRegistry

from sealwright.core import oci
from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.edge.clock import SystemClock
from sealwright.edge.registry.logins import NoLogins
from sealwright.edge.registry.store import open_registries

TWINS = {
    "twin": {},
    "twin without referrers": {"referrers": False},
    "twin that compares": {"compares": True},
    "twin that takes blobs in two steps": {"whole_posts": False},
}
REAL = [pytest.param(name, marks=pytest.mark.e2e) for name in registries.REAL]


@pytest.fixture(params=[*TWINS, *REAL])
async def registry(request):
    """`host:port` of one that asks for no login."""
    if request.param in TWINS:
        async with MemoryRegistry(**TWINS[request.param]).serve() as authority:
            yield authority
    else:
        with registries.serve(request.param) as authority:
            yield authority


@asynccontextmanager
async def store(authority, clock=None, **settings):
    settings = {"allowed-hosts": authority} | {name.replace("_", "-"): value for name, value in settings.items()}
    async with open_registries(settings, NoLogins(), clock or EagerClock(), lambda: 0.0, strict=False) as opened:
        yield opened


async def test_what_is_put_is_found_with_the_same_bytes(registry):
    """Signatures first, then attestations, oldest first."""
    name = f"{registry}/team/app"
    attestations = [statement(name, number=1), image_signature(name), statement(name, number=2)]
    async with store(registry) as opened:
        receipts = [await opened.put(each, ORIGIN) for each in attestations]
        kept = await opened.find(sought(name), ORIGIN)

    assert [each.stored_signature for each in kept] == [attestations[index].stored_signature for index in (1, 0, 2)]
    assert kept[0].payload.body == attestations[1].payload.body
    assert receipts[0].uri == f"{name}:{oci.attestation_tag(DIGEST)}"
    assert receipts[0].digest == oci.digest_of(attestations[0].envelope)


async def test_putting_twice_is_putting_once(registry):
    """Also through a store that was opened later; the second time nothing is written."""
    name = f"{registry}/team/app"
    async with store(registry) as opened:
        first = await opened.put(statement(name), ORIGIN)
        await opened.put(image_signature(name), ORIGIN)
    async with store(registry) as opened:
        second = await opened.put(statement(name), ORIGIN)
        await opened.put(image_signature(name), ORIGIN)
        kept = await opened.find(sought(name), ORIGIN)

    assert first == second
    assert len(kept) == 2


async def test_an_image_that_is_signed_again_by_another_key_has_both_signatures(registry):
    """Same payload, another signature: Chains leaves it at the old key's."""
    name = f"{registry}/team/app"
    signatures = [image_signature(name, key=number) for number in (0, 1)]
    async with store(registry) as opened:
        for each in signatures:
            await opened.put(each, ORIGIN)
        kept = await opened.find(sought(name), ORIGIN)

    assert [each.signature.raw for each in kept] == [each.signature.raw for each in signatures]


async def test_all_images_can_be_kept_in_another_repository(registry):
    """What was there before stays: Chains overwrites it."""
    names = [f"{registry}/team/one", f"{registry}/team/two"]
    async with store(registry, repository=f"{registry}/all/signatures") as opened:
        for number, name in enumerate(names):
            receipt = await opened.put(statement(name, number=number), ORIGIN)
        kept = await opened.find(sought(names[0]), ORIGIN)
    async with store(registry) as elsewhere:
        beside = await elsewhere.find(sought(names[0]), ORIGIN)

    assert len(kept) == 2
    assert beside == []
    assert receipt.uri == f"{registry}/all/signatures:{oci.attestation_tag(DIGEST)}"


async def test_subjects_that_are_no_image_are_told_and_stop_nothing(registry):
    """A file, a package, a name that only looks like a registry: the image among them is kept (Chains fails the run)."""
    name = f"{registry}/team/app"
    async with store(registry) as opened:
        receipt = await opened.put(statement("pkg:npm/x@1", "https://host/x", name, "A file"), ORIGIN)
        kept = await opened.find(sought(name), ORIGIN)
        nothing = await opened.put(statement("A file", number=2), ORIGIN)

    assert len(kept) == 1
    assert len(receipt.findings) == 3
    assert nothing.uri == "no image subject"


async def test_many_at_once_lose_nothing(registry):
    """In one process they go together."""
    name = f"{registry}/team/app"
    put = [statement(name, number=number) for number in range(25)]
    async with store(registry, clock=SystemClock()) as opened:
        await asyncio.gather(*(put_at_last(opened, each) for each in put))
        kept = await opened.find(sought(name), ORIGIN)

    assert {each.envelope for each in kept} == {each.envelope for each in put}
    assert len(kept) == 25


async def put_at_last(opened, attestation):
    """As the flow does it: a server under load answers 500 now and then, and is asked again."""
    for _ in range(9):
        try:
            return await opened.put(attestation, ORIGIN)
        except Transient:
            continue
    return await opened.put(attestation, ORIGIN)


def pushed(registry, name):
    """An image that is there, and an index of two: (digest of the image, digest of the index)."""
    return registries.push(registry, name)


async def test_bundles_refer_to_the_image_and_are_found_with_the_same_bytes(registry):
    """Provenance and image signature alike, each once; by the registry's list, or by the tag where it has none."""
    digest = await pushed(registry, "team/app")
    name = f"{registry}/team/app"
    put = [statement(name, digest=digest), bundled_signature(name, digest), statement(name, digest=digest, number=2)]
    async with store(registry, encoding_format="sigstore-bundle") as opened:
        for each in [*put, *put]:
            receipt = await opened.put(each, ORIGIN)
        kept = await opened.find(sought(name, digest), ORIGIN)
    async with store(registry) as tagged:
        below_tags = await tagged.find(sought(name, digest), ORIGIN)

    assert sorted(each.envelope for each in kept) == sorted(each.envelope for each in put)
    assert below_tags == []
    assert receipt.uri == f"{name}@{digest}"


async def test_many_bundles_at_once_lose_nothing(registry):
    """Also where they share one tag."""
    digest = await pushed(registry, "team/app")
    name = f"{registry}/team/app"
    put = [statement(name, digest=digest, number=number) for number in range(10)]
    async with (
        store(registry, clock=SystemClock(), encoding_format="sigstore-bundle") as one,
        store(registry, clock=SystemClock(), encoding_format="sigstore-bundle") as other,
    ):
        await asyncio.gather(*(put_at_last((one, other)[number % 2], each) for number, each in enumerate(put)))
        kept = await one.find(sought(name, digest), ORIGIN)

    assert len(kept) == 10


async def test_nothing_can_refer_to_an_image_that_is_not_there(registry):
    """It says so; cosign's tags do not need it."""
    async with store(registry, encoding_format="sigstore-bundle") as opened:
        with pytest.raises(Permanent, match="there is no such image") as raised:
            await opened.put(statement(f"{registry}/team/app"), ORIGIN)

    assert raised.value.reason is Reason.NOT_FOUND


async def test_an_image_costs_seven_requests_at_most_when_warm(registry):
    """Five where the registry takes a blob in one request; two more where it takes two. The look afterwards is among them."""
    name = f"{registry}/team/app"
    async with store(registry) as opened:
        await opened.put(statement(name), ORIGIN)
        before = opened.requests
        await opened.put(statement(name, digest=f"sha256:{'cd' * 32}"), ORIGIN)
        takes_whole = all(opened.access.takes_whole.values())

        assert opened.requests - before == (5 if takes_whole else 7)

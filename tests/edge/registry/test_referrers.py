"""Bundles that refer to an image, in registries that lie and never end (F38)."""

import io
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from fakes import registries
from fakes.attestations import ORIGIN, sought, statement
from fakes.clock import EagerClock
from fakes.registry import MemoryRegistry, error

from sealwright.core import oci
from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.edge.registry.logins import NoLogins
from sealwright.edge.registry.store import open_registries

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@asynccontextmanager
async def place(**variant):
    """A registry with an image, a store with bundles: (twin, name, digest, store)."""
    twin = MemoryRegistry(**variant)
    async with twin.serve() as authority:
        digest = await registries.push(authority, "team/app")
        settings = {"allowed-hosts": authority, "encoding-format": "sigstore-bundle"}
        async with open_registries(settings, NoLogins(), EagerClock(), lambda: 0.0, strict=False) as store:
            yield twin, f"{authority}/team/app", digest, store


def entry(number):
    return {"mediaType": oci.MANIFEST_TYPE, "size": 1, "digest": f"sha256:{number:064x}", "artifactType": BUNDLE}


def page(entries, following=""):
    index = {"schemaVersion": 2, "mediaType": oci.INDEX_TYPE, "manifests": entries}
    headers = {"Content-Type": oci.INDEX_TYPE} | ({"Link": f'<{following}>; rel="next"'} if following else {})
    return web.Response(body=io.BytesIO(json.dumps(index).encode()), headers=headers)


async def test_the_manifest_is_what_cosign_looks_for():
    """Subject, types and annotations; the same bundle gives the same bytes, so it is there once."""
    async with place() as (twin, name, digest, store):
        await store.put(statement(name, digest=digest), ORIGIN)
        await store.put(statement(name, digest=digest), ORIGIN)
        found = [
            json.loads(body)
            for (_, reference), (_, body) in twin.manifests.items()
            if b"subject" in body and "sha256:" in reference
        ]
    (manifest,) = found
    image = twin.manifests["team/app", digest]

    assert manifest["artifactType"] == manifest["layers"][0]["mediaType"] == BUNDLE
    assert manifest["subject"] == {"mediaType": oci.MANIFEST_TYPE, "size": len(image[1]), "digest": digest}
    assert manifest["config"] == {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "digest": oci.digest_of(b"{}")}
    assert manifest["annotations"] == {"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": "x"}
    assert oci.referrers_tag(digest) not in twin.tags("team/app")


async def test_without_the_api_the_tag_holds_what_the_api_would_list():
    """And what others put into it stays to the byte."""
    async with place(referrers=False) as (twin, name, digest, store):
        foreign = {"mediaType": "application/x", "size": 1, "digest": f"sha256:{7:064x}", "x-more": [1]}
        tag = oci.referrers_tag(digest)
        index = {"schemaVersion": 2, "mediaType": oci.INDEX_TYPE, "manifests": [foreign], "annotations": {"a": "b"}}
        twin.manifests["team/app", tag] = oci.INDEX_TYPE, json.dumps(index).encode()
        await store.put(statement(name, digest=digest), ORIGIN)
        kept = await store.find(sought(name, digest), ORIGIN)
        written = json.loads(twin.manifests["team/app", tag][1])

    assert written["manifests"][0] == foreign
    assert written["manifests"][1]["artifactType"] == BUNDLE
    assert written["annotations"] == {"a": "b"}
    assert len(kept) == 1


@pytest.mark.parametrize("status", [400, 404, 405])
async def test_a_registry_that_does_not_know_the_api_is_asked_for_the_tag(status):
    """However it says so."""
    async with place(referrers=False) as (twin, name, digest, store):
        twin.fault = lambda request: error(status, "X") if "/referrers/" in request.path else None
        await store.put(statement(name, digest=digest), ORIGIN)
        assert len(await store.find(sought(name, digest), ORIGIN)) == 1


async def test_pages_are_followed():
    """As many as there are, within reason."""
    async with place() as (twin, name, digest, store):
        twin.page = 2
        for number in range(5):
            await store.put(statement(name, digest=digest, number=number), ORIGIN)

        assert len(await store.find(sought(name, digest), ORIGIN)) == 5


@pytest.mark.parametrize("entries", [[], [entry(1)]])
async def test_endless_pages_end(entries):
    """Each links to the next for ever: it is refused, and soon."""
    async with place() as (twin, name, digest, store):
        twin.fault = lambda request: page(entries, request.path_qs) if "/referrers/" in request.path else None
        with pytest.raises(Permanent) as raised:
            await store.find(sought(name, digest), ORIGIN)

        assert raised.value.reason is Reason.TOO_LARGE
        assert twin.calls["GET", "referrers"] <= 17


async def test_ten_thousand_referrers_are_refused_and_writing_needs_not_read_them():
    """A pusher cannot keep an image from being signed by that."""
    async with place() as (twin, name, digest, store):
        many = [entry(number) for number in range(10_000)]
        twin.fault = lambda request: page(many) if "/referrers/" in request.path else None
        await store.put(statement(name, digest=digest), ORIGIN)
        with pytest.raises(Permanent) as raised:
            await store.find(sought(name, digest), ORIGIN)

    assert raised.value.reason is Reason.TOO_LARGE


async def test_a_page_elsewhere_is_not_fetched():
    """A Link to another host."""
    async with MemoryRegistry().serve("127.0.0.2") as elsewhere, place() as (twin, name, digest, store):
        twin.fault = lambda request: page([], f"http://{elsewhere}/next") if "/referrers/" in request.path else None
        with pytest.raises(Permanent, match="another host"):
            await store.find(sought(name, digest), ORIGIN)


async def test_a_bundle_that_is_acknowledged_but_not_kept_is_noticed():
    """No receipt."""
    async with place() as (twin, name, digest, store):
        twin.fault = lambda request: (
            web.Response(status=201, headers={"OCI-Subject": digest})
            if request.method == "PUT" and "/manifests/" in request.path
            else None
        )
        with pytest.raises(Transient, match="does not have it"):
            await store.put(statement(name, digest=digest), ORIGIN)


async def test_an_image_costs_six_requests_at_most_when_warm():
    """The look at the image and the look afterwards are among them."""
    async with place() as (_, name, digest, store):
        await store.put(statement(name, digest=digest), ORIGIN)
        before = store.requests
        await store.put(statement(name, digest=digest, number=2), ORIGIN)

        assert store.requests - before <= 4

"""What a registry keeps about an image, as `verify image` finds it: under tags, as referrers, and among hostile neighbours."""

import asyncio
import json
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
from aiohttp import web
from fakes import commands, sealed, signers, sigstore
from fakes.attestations import ORIGIN, statement
from fakes.clock import EagerClock
from fakes.registry import MemoryRegistry, encoded, error

from sealwright.app import images
from sealwright.core import oci
from sealwright.core.envelope import bundle as bundles
from sealwright.core.envelope import cosign
from sealwright.core.errors import Reason, Transient
from sealwright.core.model import Artifact, Payload, Signature, Subject
from sealwright.core.policy import evidence as rules
from sealwright.core.policy.evidence import of_envelope
from sealwright.core.policy.wanted import Wanted
from sealwright.core.proof.attestation import TrustedKey
from sealwright.edge.registry import found
from sealwright.edge.registry.logins import NoLogins
from sealwright.edge.registry.store import open_registries

DIGEST = f"sha256:{'ab' * 32}"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = b"{}"


@pytest.fixture
async def registry():
    twin = MemoryRegistry()
    async with twin.serve():
        yield twin


def image(registry):
    return oci.image(f"{registry.authority}/team/app@{DIGEST}")


def body(image, digest=DIGEST):
    return sealed.body(subjects=[Subject(name=image.name, digest={"sha256": digest.removeprefix("sha256:")})])


def signature(image):
    payload = sealed.image_payload(image.name, DIGEST)
    return replace(
        of_envelope(b""),
        artifact=Artifact(sort="oci", key=DIGEST[7:19], name=image.name, digest=DIGEST),
        payload=Payload(media_type=cosign.SIGNATURE_TYPE, body=payload),
        signature=sealed.signature(payload),
        envelope=b"",
    )


def keep(registry, tag, *layers):
    """A manifest below a tag, as cosign writes it."""
    for each in (*(layer.body for layer in layers), oci.config([layer.descriptor for layer in layers])):
        registry.blobs["team/app", oci.digest_of(each)] = each
    registry.manifests["team/app", tag] = oci.MANIFEST_TYPE, oci.manifest([layer.descriptor for layer in layers])


def refer(registry, data, subject=DIGEST, kind=bundles.MEDIA_TYPE):
    """A bundle as an artifact that refers to the image."""
    descriptors = []
    for media_type, blob in (("application/vnd.oci.empty.v1+json", EMPTY), (kind, data)):
        registry.blobs["team/app", oci.digest_of(blob)] = blob
        descriptors.append({"mediaType": media_type, "digest": oci.digest_of(blob), "size": len(blob)})
    manifest = {
        "schemaVersion": 2,
        "mediaType": oci.MANIFEST_TYPE,
        "artifactType": kind,
        "config": descriptors[0],
        "layers": descriptors[1:],
        "subject": {"mediaType": oci.MANIFEST_TYPE, "digest": subject, "size": 2},
    }
    raw = json.dumps(manifest).encode()
    registry.manifests["team/app", oci.digest_of(raw)] = oci.MANIFEST_TYPE, raw
    return {"mediaType": oci.MANIFEST_TYPE, "digest": oci.digest_of(raw), "size": len(raw), "artifactType": kind}


def bundle(image, digest=DIGEST):
    signed = body(image, digest)
    raw = sealed.KEY.sign(sigstore.dsse.pae(sealed.statement.MEDIA_TYPE, signed), "sha256")
    envelope = sigstore.dsse.Envelope(
        payload_type=sealed.statement.MEDIA_TYPE, body=signed, signatures=(Signature(key_id="", raw=raw),)
    )
    return bundles.write(bundles.Bundle(envelope=envelope, key_hint=""))


async def places(registry):
    return [(each.where.partition(" ")[0], each.fault and each.fault.reason) for each in await images.evidence(image(registry))]


async def test_tags_and_referrers_are_found(registry):
    """Signatures, attestations, and bundles."""
    there = image(registry)
    keep(registry, oci.signature_tag(DIGEST), cosign.to_layer(signature(there)))
    keep(registry, oci.attestation_tag(DIGEST), cosign.to_layer(of_envelope(sealed.envelope(body(there)))))
    refer(registry, bundle(there))

    assert await places(registry) == [("tag", None), ("tag", None), ("referrer", None)]


async def test_without_the_referrers_api_the_tag_that_stands_for_it_is_read(registry):
    """OCI distribution specification 1.1, referrers tag schema."""
    registry.referrers = False
    entry = refer(registry, bundle(image(registry)))
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).encode()
    registry.manifests["team/app", DIGEST.replace(":", "-")] = INDEX, index

    assert await places(registry) == [("referrer", None)]


async def test_pages_of_referrers_are_followed(registry):
    """To the last one."""
    registry.page = 2
    for number in range(5):
        refer(registry, bundle(image(registry)) + b" " * number)

    assert await places(registry) == [("referrer", None)] * 5


@pytest.mark.parametrize("has_api", [True, False])
@pytest.mark.parametrize("form", ["sigstore-bundle", "dsse"])
async def test_what_our_own_store_writes_is_found_and_proven(registry, has_api, form):
    """In both of its forms, with the referrers API and without."""
    registry.referrers = has_api
    there = image(registry)
    content = b'{"schemaVersion":2}'
    registry.manifests["team/app", DIGEST] = oci.MANIFEST_TYPE, content
    digest = oci.digest_of(content)
    registry.manifests["team/app", digest] = oci.MANIFEST_TYPE, content
    there = replace(there, digest=digest)
    made = statement(there.name, digest=digest)
    settings = {"allowed-hosts": "127.0.0.1", "encoding-format": form}
    async with open_registries(settings, NoLogins(), EagerClock(), lambda: 0.0, strict=False) as store:
        await store.put(made, ORIGIN)
    pieces = await images.evidence(there)
    judged = [rules.judge(piece, [TrustedKey(key=signers.key().public)], Wanted()) for piece in pieces]

    assert [each.verdict.is_pass for each in judged] == [True], [each.verdict for each in judged]


async def test_nothing_is_told_as_nothing(registry):
    """It is never a pass."""
    assert await places(registry) == [("registry", Reason.NO_ATTESTATION)]


async def test_a_referrer_that_is_about_something_else_is_refused(registry):
    """An index can name anything; what counts is what the artifact says of itself."""
    registry.referrers = False
    entry = refer(registry, bundle(image(registry)), subject=f"sha256:{'cd' * 32}")
    entries = [entry, {**entry, "digest": "sha256:zz"}, {**entry, "digest": f"sha256:{'00' * 32}"}]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    registry.manifests["team/app", DIGEST.replace(":", "-")] = INDEX, index

    assert [reason for _, reason in await places(registry)] == [Reason.WRONG_SUBJECT, Reason.INVALID_INPUT, Reason.NOT_FOUND]


async def test_a_two_faced_registry_is_refused(registry):
    """CVE-2022-47633: blobs are compared with their digests."""
    keep(registry, oci.attestation_tag(DIGEST), cosign.to_layer(of_envelope(sealed.envelope(body(image(registry))))))
    for place in registry.blobs:
        registry.blobs[place] = registry.blobs[place][:-1] + b" "

    assert await places(registry) == [("tag", Reason.WRONG_DIGEST)]


async def test_a_flood_is_cut_off_and_told(registry, monkeypatch):
    """CVE-2024-29902, CVE-2024-29903: whoever may push cannot make us read without end, nor hide what came first."""
    monkeypatch.setattr(found, "PIECES_LIMIT", 3)
    layers = [cosign.to_layer(of_envelope(sealed.envelope(body(image(registry)) + b" " * number))) for number in range(5)]
    keep(registry, oci.attestation_tag(DIGEST), *layers)
    for number in range(4):
        refer(registry, bundle(image(registry)) + b" " * number)
    reasons = [reason for _, reason in await places(registry)]

    assert reasons == [None, None, None, Reason.TOO_LARGE] * 2


@pytest.mark.parametrize(
    "junk", [b"", b"{", b"[]", b'{"layers":3}', b'{"layers":[],"manifests":[]}', b'{"schemaVersion":2,"layers":[]}']
)
async def test_junk_under_a_tag_is_a_fault_of_its_own(registry, junk):
    """Whoever may push cannot keep the bundle beside it from being found."""
    refer(registry, bundle(image(registry)))
    keep(registry, oci.attestation_tag(DIGEST))
    registry.fault = lambda request: (
        web.Response(body=junk, content_type=oci.MANIFEST_TYPE) if request.path.endswith(oci.attestation_tag(DIGEST)) else None
    )

    assert await places(registry) == [("tag", Reason.INVALID_INPUT), ("referrer", None)]


async def test_a_login_that_is_refused_is_said(registry):
    """It is no reason to say that nothing is signed."""
    registry.basic = ("me", "secret")
    with pytest.raises(Transient, match="use docker login") as raised:
        await images.evidence(image(registry))

    assert Reason.LOGIN_REFUSED is raised.value.reason


async def test_a_registry_that_does_not_answer_could_not_be_told(registry):
    """Transient: exit code 3, and never a yes."""
    registry.fault = lambda _request: error(503, "UNAVAILABLE")
    with pytest.raises(Transient):
        await images.evidence(image(registry))


async def test_the_logins_of_docker_are_used_for_their_own_host(registry, tmp_path, monkeypatch):
    """And for no other."""
    registry.basic = ("me", "secret")
    keep(registry, oci.attestation_tag(DIGEST), cosign.to_layer(of_envelope(sealed.envelope(body(image(registry))))))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    config = {"auths": {registry.authority: {"auth": encoded("me", "secret")}, "other.test": {"auth": encoded("you", "canary")}}}
    (tmp_path / "config.json").write_text(json.dumps(config))

    assert await places(registry) == [("tag", None)]
    assert {f"Basic {encoded('me', 'secret')}", ""} == set(registry.authorizations)


# --- as a person types it ----------------------------------------------------------------------------------------------------


@contextmanager
def served():
    """A registry in a thread of its own, since the command has a loop of its own."""
    twin, ready, loop = MemoryRegistry(), threading.Event(), asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve():
        async with twin.serve():
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        yield twin
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


def test_an_image_is_verified_in_its_registry(tmp_path):
    """One good attestation is enough; with another key, another digest, or another type none is."""
    (tmp_path / "key.pub").write_bytes(sealed.KEY.public.pem)
    (tmp_path / "other.pub").write_bytes(sigstore.KEY.public.pem)
    with served() as registry:
        there = image(registry)
        keep(registry, oci.attestation_tag(DIGEST), cosign.to_layer(of_envelope(sealed.envelope(body(there), sigstore.KEY))))
        refer(registry, bundle(there, digest=f"sha256:{'cd' * 32}"))
        refer(registry, bundle(there))

        def verify(reference, key="key.pub", *more):
            return commands.run("verify", "image", reference, "--key", tmp_path / key, *more)

        good = verify(there.reference)
        assert (good.code, good.text.splitlines()[-1]) == (0, "1 verified, 2 not")
        assert verify(there.reference, "key.pub", "--type", "slsaprovenance02").code == 0
        assert verify(there.reference, "key.pub", "--type", "slsaprovenance1").code == 1
        assert verify(there.reference, "other.pub").code == 0
        assert verify(there.reference.replace("abab", "cdcd"), "key.pub").code == 1
        registry.fault = lambda _request: error(503, "UNAVAILABLE")
        assert verify(there.reference).code == 3

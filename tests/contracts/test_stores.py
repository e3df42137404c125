"""What every store promises, and what those that write promise after a kill."""

import itertools
import json
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fakes.stores import MemoryStore

from sealwright import plugins
from sealwright.core import oci
from sealwright.core.envelope import cosign, dsse
from sealwright.core.model import Artifact, Attestation, Key, Origin, Payload, Signature, Subject
from sealwright.core.tekton import annotations
from sealwright.edge.layout import layouts
from sealwright.edge.output import Output
from sealwright.edge.stores import Tools
from sealwright.edge.stores import oci as layout_store

IMAGE = oci.image(f"gcr.io/team/app@sha256:{'ab' * 32}")
SOUGHT = Artifact(sort="oci", key=IMAGE.digest[7:19], name=IMAGE.name, digest=IMAGE.digest)
KEY = ec.generate_private_key(ec.SECP256R1())
MEMBERS = plugins.members("sealwright.edge.stores")
ORIGIN = Origin(key=Key(kind="TaskRun", namespace="ns", name="run"), uid="0-1")


@asynccontextmanager
async def in_memory(_settings, _tools):
    """The twin of the flow's tests keeps nothing that a later one could find, so it hands its part to the mark here."""
    yield MemoryStore("in memory", in_object=True)


PROMISED = {"in memory": SimpleNamespace(open=in_memory)} | MEMBERS


def statement(number=0, subjects=(IMAGE.name,)):
    """A signed statement about these subjects, all with IMAGE's digest."""
    body = json.dumps({"number": number}).encode()
    raw = KEY.sign(dsse.pae("application/vnd.in-toto+json", body), ec.ECDSA(hashes.SHA256()))
    signature = Signature(key_id="SHA256:x", raw=raw)
    return Attestation(
        artifact=Artifact(sort="taskrun", key=f"taskrun-{number}", name="ns/run"),
        format="slsa/v1",
        payload=Payload(
            media_type="application/vnd.in-toto+json",
            body=body,
            subjects=tuple(Subject(name=name, digest={"sha256": IMAGE.digest[7:]}) for name in subjects),
        ),
        signature=signature,
        envelope=dsse.seal("application/vnd.in-toto+json", body, [signature]),
    )


def image_signature(number=0):
    body = json.dumps({"image": number}).encode()
    return Attestation(
        artifact=Artifact(sort="oci", key=IMAGE.digest[7:19], name=IMAGE.name, digest=IMAGE.digest),
        format="simplesigning",
        payload=Payload(media_type="application/vnd.dev.cosign.simplesigning.v1+json", body=body),
        signature=Signature(key_id="", raw=KEY.sign(body, ec.ECDSA(hashes.SHA256()))),
    )


@pytest.fixture
def output(tmp_path):
    with Output(tmp_path) as opened:
        yield opened


async def found(output, receipt, attestation):
    """What the store gives back: from the annotations it asked for, or from its own place."""
    if receipt.annotations:
        return [annotations.read(receipt.annotations, attestation.artifact.key)]
    async with layout_store.open({}, Tools(output=output)) as store:
        return await store.find(SOUGHT, ORIGIN)


async def put(word, output, attestation):
    """Through a store that is opened for it."""
    async with PROMISED[word].open({}, Tools(output=output)) as store:
        return await store.put(attestation, ORIGIN)


@pytest.mark.parametrize("attestation", [statement(), image_signature()], ids=["statement", "image signature"])
@pytest.mark.parametrize("word", PROMISED)
async def test_what_is_put_is_found_with_the_same_bytes(output, word, attestation):
    """Signature, and payload where it is not in the envelope."""
    receipt = await put(word, output, attestation)
    (kept,) = await found(output, receipt, attestation)

    assert kept.stored_signature == attestation.stored_signature
    assert kept.payload.body in (attestation.payload.body, b"")
    assert kept.payload.body or dsse.open_envelope(kept.envelope).body == attestation.payload.body


@pytest.mark.parametrize("attestation", [statement(), image_signature()], ids=["statement", "image signature"])
@pytest.mark.parametrize("word", PROMISED)
async def test_putting_twice_is_putting_once(output, word, attestation):
    """Also through a store that was opened later."""
    first = await put(word, output, attestation)
    second = await put(word, output, attestation)

    assert first == second
    assert len(await found(output, second, attestation)) == 1


@pytest.mark.parametrize("word", PROMISED)
async def test_receipt_names_the_store_the_place_and_the_bytes(output, word):
    """It is what "signed" is computed from."""
    receipt = await put(word, output, statement())

    assert receipt.store == word
    assert receipt.uri
    assert oci.is_digest(receipt.digest)


@pytest.mark.parametrize("word", PROMISED)
async def test_attestation_of_no_image_is_no_error(output, word):
    """A test task has no image; a file is no image."""
    await put(word, output, statement(1, subjects=()))
    receipt = await put(word, output, statement(2, subjects=("pkg:npm/x@1",)))

    assert receipt.store == word
    if word == "oci":
        assert receipt.uri == cosign.NOWHERE
        assert list(layouts(output.root)) == []


async def test_image_among_other_subjects_is_stored(output):
    """One that is no image does not stop the ones after it; each image has its own layout."""
    other = oci.image(f"r.io/other@{IMAGE.digest}")
    attestation = statement(subjects=("pkg:npm/x", IMAGE.name, IMAGE.name, other.name))
    store = layout_store.LayoutStore(output)
    receipt = await store.put(attestation, ORIGIN)

    assert receipt.uri == f"oci/gcr.io/team/app:{oci.attestation_tag(IMAGE.digest)} and 1 more"
    assert len(await store.find(SOUGHT, ORIGIN)) == len(await store.find(replace(SOUGHT, name=other.name), ORIGIN)) == 1
    assert await store.find(attestation.artifact, ORIGIN) == []


async def test_signatures_and_attestations_of_an_image_are_found_together(output):
    """Signatures first, oldest first."""
    store = layout_store.LayoutStore(output)
    put = [statement(1), image_signature(1), statement(2), image_signature(2)]
    for attestation in put:
        await store.put(attestation, ORIGIN)

    assert [kept.stored_signature for kept in await store.find(SOUGHT, ORIGIN)] == [
        put[index].stored_signature for index in (1, 3, 0, 2)
    ]


# Puts attestations to one image, two tags in turn, and prints the number of each that was acknowledged.
WRITER = """
import asyncio, sys
from pathlib import Path
from sealwright.core.model import Artifact, Attestation, Key, Origin, Payload, Signature, Subject
from sealwright.edge.output import Output
from sealwright.edge.stores import oci

origin = Origin(key=Key(kind="TaskRun", namespace="ns", name="run"), uid="u")
root, name, digest, start, count = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
with Output(root) as output:
    store = oci.LayoutStore(output)
    for number in range(start, start + count):
        bare = number % 2
        attestation = Attestation(
            artifact=Artifact(sort="oci", key=digest[7:19], name=name, digest=digest),
            format="f",
            payload=Payload(media_type="m", body=b"p%d" % number, subjects=(Subject(name=name, digest={"sha256": digest[7:]}),)),
            signature=Signature(key_id="", raw=b"s"),
            envelope=b"" if bare else b"e%d" % number * 3000,
        )
        asyncio.run(store.put(attestation, origin))
        if number % 5 == 4:
            output.flush()
        print(number, flush=True)
"""


def writer(root, start, count):
    arguments = [str(root), IMAGE.name, IMAGE.digest, str(start), str(count)]
    return subprocess.Popen([sys.executable, "-c", WRITER, *arguments], stdout=subprocess.PIPE, text=True)


def whole(output):
    """The bodies in every layout, read from its files alone: each blob has its digest, each tag its manifest."""
    bodies = []
    for each in layouts(output.root):
        bodies += [layer.body for tag in each.tags() for layer in each.layers(tag)]
        for blob in (each.root / "blobs" / "sha256").iterdir():
            assert oci.digest_of(blob.read_bytes()) == f"sha256:{blob.name}"
    return bodies


def body(number):
    return b"p%d" % number if number % 2 else b"e%d" % number * 3000


def test_two_processes_lose_nothing_of_each_other(tmp_path):
    """Chains' read-modify-write of one tag does."""
    writers = [writer(tmp_path, 0, 25), writer(tmp_path, 25, 25)]
    assert [process.communicate()[0].count("\n") for process in writers] == [25, 25]
    with Output(tmp_path) as output:
        bodies = whole(output)

    assert len(bodies) == 50
    assert sorted(bodies) == sorted(map(body, range(50)))


def test_kill_at_any_moment_loses_doubles_and_halves_nothing(tmp_path):
    """Eight kills, each at another point; the next start finishes what the last one began."""
    acknowledged = []
    for start in range(0, 800, 100):
        process = writer(tmp_path, start, 100)
        wanted = 1 + start // 100 * 3
        acknowledged += [int(line) for line in itertools.islice(process.stdout, wanted)]
        process.send_signal(signal.SIGKILL)
        # What it had still said before it died was acknowledged too.
        acknowledged += [int(line) for line in process.stdout if line.endswith("\n")]
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        with Output(tmp_path) as output:
            bodies = whole(output)
            assert [path.name for path in (tmp_path / ".unfinished").iterdir()] == ["lock"]
        assert len(bodies) == len(set(bodies))
        assert {body(number) for number in acknowledged} <= set(bodies)

    # At most one put of each process was done but not acknowledged.
    assert len(bodies) <= len(acknowledged) + 8

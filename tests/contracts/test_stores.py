"""What every store promises, and what those that write promise after a kill."""

import inspect
import itertools
import signal
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import obstore.store
import pytest
from aiohttp.test_utils import TestServer
from fakes.archivista import Archivista
from fakes.gcs import Gcs
from fakes.grafeas import Grafeas
from fakes.places import IMAGE, ORIGIN, OWN_PLACE, PROMISES, SOUGHT, Place, image_signature, statement
from fakes.stores import MemoryStore
from fakes.twins import MemoryCollection, MemoryTopic

from sealwright import plugins
from sealwright.core import oci
from sealwright.core.envelope import cosign
from sealwright.edge.collections import DocumentStore
from sealwright.edge.layout import layouts
from sealwright.edge.objects import ObjectBucket
from sealwright.edge.output import Output
from sealwright.edge.records import RecordStore
from sealwright.edge.stores import Tools
from sealwright.edge.stores import oci as layout_store
from sealwright.edge.stores.pubsub import TopicStore

MEMBERS = plugins.members("sealwright.edge.stores")


@pytest.fixture
def output(tmp_path):
    with Output(tmp_path) as opened:
        yield opened


def _in_memory(word, *_):
    """The twin of the flow's tests keeps nothing that a later one could find, so it hands its part to the mark here."""

    @asynccontextmanager
    async def opened():
        yield MemoryStore(word, in_object=True)

    return Place(word=word, open=opened)


def _member(word, output, _tmp, _stack, **settings):
    """A member of the room as it is, with these settings."""
    return lambda: MEMBERS[word].open(settings, Tools(output=output))


def _bucket(word, *_):
    """What the members of object stores share, over the library's own store in memory."""
    bucket = ObjectBucket(obstore.store.MemoryStore(), f"{word}://b/")

    @asynccontextmanager
    async def opened():
        yield RecordStore(word, bucket, f"{word}://b/")

    return Place(word=word, open=opened)


def _over(store):
    """A store over a twin of what it is made of."""

    @asynccontextmanager
    async def opened():
        yield store

    return opened


async def _served(word, fake, stack, settings, **kind):
    """A member of the room, speaking to a fake of its server, which lives as long as the test."""
    server = await stack.enter_async_context(TestServer(fake.app()))
    given = {**settings, "url": str(server.make_url(""))}
    return Place(word=word, open=lambda: MEMBERS[word].open(given, Tools()), by_image=True, certified=False, **kind)


async def _archivista(word, _output, _tmp, stack):
    return await _served(word, Archivista(), stack, {}, bare=False)


async def _grafeas(word, _output, _tmp, stack):
    return await _served(word, Grafeas(), stack, {"projectid": "p", "notehint": "hint"})


async def _gcs(word, _output, _tmp, stack):
    server = await stack.enter_async_context(TestServer(Gcs().app()))
    given = {"bucket": "b", "endpoint": str(server.make_url("")).rstrip("/")}
    return Place(word=word, open=lambda: MEMBERS[word].open(given, Tools()))


def _topic(*_):
    return Place(word="pubsub", open=_over(TopicStore(MemoryTopic(), "t")))


# Each word of the room, with the place in which hack/test tries it; hack/e2e tries the same on real servers.
PLACES = {
    "memory": _in_memory,
    "tekton": lambda word, *given: Place(word=word, open=_member(word, *given)),
    "oci": lambda word, *given: Place(word=word, open=_member(word, *given), by_image=True),
    "file": lambda word, output, tmp, stack: Place(word=word, open=_member(word, output, tmp, stack, path=str(tmp / "kept"))),
    "docdb": lambda word, *_: Place(word=word, open=_over(DocumentStore(MemoryCollection(), "mongo://d/c/"))),
    "archivista": _archivista,
    "grafeas": _grafeas,
    "kafka": _topic,
    "pubsub": _topic,
    "azblob": _bucket,
    "gcs": _gcs,
    "s3": _bucket,
}
IN_RUN = ("memory", "tekton")


def test_every_word_is_tried():
    """A new file in the room has to keep these promises too."""
    assert set(PLACES) - {"memory"} == set(MEMBERS)


@pytest.fixture
async def place(word, output, tmp_path):
    async with AsyncExitStack() as stack:
        made = PLACES[word](word, output, tmp_path, stack)
        yield await made if inspect.isawaitable(made) else made


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("word", PLACES)
async def test_store_promises(place, promise):
    """See `fakes/places.py`."""
    await promise(place)


@pytest.mark.parametrize("promise", OWN_PLACE, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("word", [word for word in PLACES if word not in IN_RUN])
async def test_store_with_a_place_of_its_own_promises(place, promise):
    """See `fakes/places.py`."""
    await promise(place)


async def test_attestation_of_no_image_leaves_no_layout(output):
    """And its receipt says so."""
    store = layout_store.LayoutStore(output)
    receipt = await store.put(statement(subjects=("pkg:npm/x@1",)), ORIGIN)

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

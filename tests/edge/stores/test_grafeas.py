"""Grafeas: notes by namespace, occurrences by resource, the statement of either SLSA version whole."""

import base64
import json
from dataclasses import replace

import pytest
from aiohttp.test_utils import TestServer
from fakes.grafeas import Grafeas
from fakes.places import IMAGE, ORIGIN, SOUGHT, image_signature, statement

from sealwright.core.errors import Permanent, Transient
from sealwright.core.model import Key
from sealwright.edge.stores import Tools, grafeas

V1 = {
    "_type": "https://in-toto.io/Statement/v1",
    "predicateType": "https://slsa.dev/provenance/v1",
    "predicate": {"buildDefinition": {"buildType": "t"}},
}
V02 = {
    "_type": "https://in-toto.io/Statement/v0.1",
    "predicateType": "https://slsa.dev/provenance/v0.2",
    "predicate": {"builder": {"id": "b"}},
}


@pytest.fixture
def fake():
    return Grafeas()


@pytest.fixture
async def served(fake):
    async with TestServer(fake.app()) as server:
        yield {"projectid": "p", "notehint": "hint", "url": str(server.make_url(""))}


@pytest.fixture
async def store(served):
    async with grafeas.open(served, Tools(key_reference="gcpkms://k")) as opened:
        yield opened


def in_namespace(namespace, kind="TaskRun"):
    return replace(ORIGIN, key=Key(kind=kind, namespace=namespace, name="run"))


async def test_notes_are_named_by_the_namespace_of_each_run(fake, store):
    """Chains keeps the first namespace that it sees for all others."""
    await store.put(statement(1), in_namespace("one"))
    await store.put(statement(2), in_namespace("two", "PipelineRun"))
    await store.put(image_signature(), in_namespace("two"))

    assert fake.notes == {
        "projects/p/notes/tekton-one-taskrun-intoto": {
            "shortDescription": "Build Provenance Note for TaskRun",
            "build": {"builderVersion": "tekton.dev/v1/TaskRun"},
        },
        "projects/p/notes/tekton-two-pipelinerun-intoto": {
            "shortDescription": "Build Provenance Note for PipelineRun",
            "build": {"builderVersion": "tekton.dev/v1/PipelineRun"},
        },
        "projects/p/notes/tekton-two-simplesigning": {
            "shortDescription": "OCI Artifact Attestation Note",
            "attestation": {"hint": {"humanReadableName": "hint"}},
        },
    }


async def test_a_configured_note_is_used_for_all(fake, served):
    async with grafeas.open({**served, "noteid": "ours"}, Tools()) as store:
        await store.put(statement(), in_namespace("one"))

    assert list(fake.notes) == ["projects/p/notes/ours-taskrun-intoto"]


@pytest.mark.parametrize(("said", "member"), [(V1, "inTotoSlsaProvenanceV1"), (V02, "intotoStatement")])
async def test_a_statement_is_there_in_its_own_message(fake, store, said, member):
    """Chains turns every version into 0.2, and what version 1 says is lost."""
    attestation = statement(body=json.dumps(said).encode())
    await store.put(attestation, ORIGIN)
    (kept,) = fake.occurrences.values()

    predicate = said["predicate"]
    whole = (
        said
        if member == "inTotoSlsaProvenanceV1"
        else {**{key: said[key] for key in ("_type", "predicateType")}, "slsaProvenanceZeroTwo": predicate}
    )
    assert kept["build"] == {member: whole}
    assert kept["resourceUri"] == f"{IMAGE.name}@{IMAGE.digest}"
    assert base64.b64decode(kept["envelope"]["payload"]) == attestation.payload.body
    assert kept["envelope"]["signatures"] == [{"sig": base64.b64encode(attestation.envelope).decode(), "keyid": "gcpkms://k"}]


async def test_an_image_signature_is_an_attestation(fake, store):
    image = image_signature()
    await store.put(image, ORIGIN)
    (kept,) = fake.occurrences.values()

    signed = {"signature": base64.b64encode(image.signature.raw).decode(), "publicKeyId": "gcpkms://k"}
    assert kept["attestation"] == {"serializedPayload": base64.b64encode(image.payload.body).decode(), "signatures": [signed]}
    assert kept["resourceUri"] == IMAGE.reference


async def test_each_subject_has_an_occurrence_and_a_retry_makes_no_second(fake, store):
    """Names are the server's own, so what is there has to be looked for."""
    attestation = statement(subjects=(IMAGE.name, "r.io/other", 'strange" name'))
    first = await store.put(attestation, ORIGIN)

    assert await store.put(attestation, ORIGIN) == first
    assert first.uri == "projects/p/occurrences/0 and 2 more"
    assert len(fake.occurrences) == 3


async def test_a_note_is_made_once(fake, store):
    for number in range(3):
        await store.put(statement(number), ORIGIN)

    assert sum(path.endswith("/notes") for path in fake.posts) == 1


async def test_many_occurrences_come_in_pages(store):
    """And are all found."""
    for number in range(5):
        await store.put(statement(number), ORIGIN)

    assert len(await store.find(SOUGHT, ORIGIN)) == 5


async def test_what_others_keep_of_an_image_is_left_out(fake, store):
    """Vulnerabilities, for one."""
    await store.put(statement(), ORIGIN)
    fake.occurrences["x"] = {"name": "x", "resourceUri": IMAGE.reference, "vulnerability": {}}

    assert len(await store.find(SOUGHT, ORIGIN)) == 1


async def test_other_bytes_than_were_sent_are_no_receipt(fake, store):
    fake.spoil = lambda found: {**found, "envelope": {}}
    with pytest.raises(Transient, match="other bytes"):
        await store.put(statement(), ORIGIN)


async def test_no_login_goes_to_another_server_than_googles(fake, store):
    """The setting names the server; a token of the pod's identity would be its to use."""
    await store.put(statement(), ORIGIN)

    assert set(fake.logins) == {""}


@pytest.mark.parametrize(
    "url", ["http://containeranalysis.googleapis.com", "https://googleapis.com.evil.example", "https://evilgoogleapis.com"]
)
async def test_no_login_is_looked_for_where_the_server_is_not_googles(url):
    async with grafeas.open({"projectid": "p", "notehint": "h", "url": url}, Tools()) as store:
        assert store._tokens is None


async def test_an_occurrence_that_holds_nothing_is_refused(fake, store):
    await store.put(statement(), ORIGIN)
    (name,) = fake.occurrences
    fake.occurrences[name]["envelope"] = {"payload": "?", "signatures": []}
    with pytest.raises(Permanent, match="the occurrence holds no envelope"):
        await store.find(SOUGHT, ORIGIN)

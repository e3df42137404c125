"""Documents: Chains' fields, URLs as Chains takes them, the server's address from wherever it stands."""

import base64
import json

import pytest
from fakes.places import IMAGE, ORIGIN, SOUGHT, image_signature, statement
from fakes.twins import MemoryCollection

from sealwright.core.config import Secret
from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.edge.collections import DocumentStore
from sealwright.edge.dynamo import _encode, _size
from sealwright.edge.mongo import ServerAddress
from sealwright.edge.stores import Tools, docdb

MONGO = "mongo://db/coll?id_field=name"


@pytest.fixture
def collection():
    return MemoryCollection()


@pytest.fixture
def store(collection):
    return DocumentStore(collection, "mongo://db/coll/")


async def test_the_fields_are_those_of_chains(store, collection):
    """chains.md 5.4; numbers are doubles, as Go reads JSON."""
    attestation = statement(5)
    receipt = await store.put(attestation, ORIGIN)

    assert collection.kept["taskrun-5"] == {
        "Name": "taskrun-5",
        "Signed": attestation.payload.body,
        "Signature": base64.b64encode(attestation.envelope).decode(),
        "Cert": "",
        "Chain": "",
        "Object": json.loads(attestation.payload.body) | {"number": 5.0},
    }
    assert isinstance(collection.kept["taskrun-5"]["Object"]["number"], float)
    assert receipt.uri == "mongo://db/coll/taskrun-5"


async def test_an_image_is_named_by_its_short_key_and_a_colliding_one_beside_it(store, collection):
    """12 hex digits can be made to agree (T30)."""
    await store.put(image_signature(1), ORIGIN)
    await store.put(image_signature(2), ORIGIN)
    first, second = collection.kept

    assert first == IMAGE.digest[7:19]
    assert second.startswith(f"{first}-")
    assert len(await store.find(SOUGHT, ORIGIN)) == 2


async def test_an_acknowledged_write_that_is_not_there_is_no_receipt(store, collection):
    collection.spoil = lambda _document: None
    with pytest.raises(Transient, match="was acknowledged, and is not there"):
        await store.put(statement(), ORIGIN)


async def test_half_a_document_is_no_receipt_for_it(store, collection):
    collection.spoil = lambda document: {**document, "Signed": b""} if document["Name"] == "taskrun-0" else document
    receipt = await store.put(statement(), ORIGIN)

    assert receipt.uri.startswith("mongo://db/coll/taskrun-0-")
    collection.spoil = lambda document: {**document, "Signed": b""}
    with pytest.raises(Permanent, match="something else is kept"):
        await store.put(statement(1), ORIGIN)


@pytest.mark.parametrize("spoilt", [{"Signature": "?"}, {"Signed": None}])
async def test_a_document_that_somebody_broke_is_refused(store, collection, spoilt):
    await store.put(statement(), ORIGIN)
    collection.kept["taskrun-0"] |= spoilt
    with pytest.raises(Permanent):
        await store.find(statement().artifact, ORIGIN)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "storage.docdb.url is not set"),
        ("firestore://projects/p/databases/x/documents/c", "cannot speak to Firestore"),
        ("mem://c/Name", "nothing here speaks 'mem://'"),
        ("db/coll", "nothing here speaks"),
        ("mongo://db", "wanted mongo://DATABASE/COLLECTION"),
        ("mongo://db/coll?id_field=signed", "id_field is 'signed'"),
        ("mongo://db/coll?revision_field=x", "has no option 'revision_field'"),
        ("mongo://db/coll?id_field", "is no URL"),
        ("dynamodb://table", "wanted dynamodb://TABLE"),
        ("dynamodb://table?partition_key=name&sort_key=x", "has no option 'sort_key'"),
        ("http://[x", "is no URL"),
    ],
)
async def test_a_url_that_cannot_be_used_is_refused_in_words(url, said):
    with pytest.raises(Permanent, match=said) as caught:
        async with docdb.open({"url": url}, Tools()):
            pass
    assert caught.value.reason is Reason.INVALID_CONFIG


async def test_dynamodb_needs_a_region(monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(Permanent, match="set AWS_REGION"):
        async with docdb.open({"url": "dynamodb://t?partition_key=Name"}, Tools()):
            pass


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("path dir url env", "from path"),
        ("dir url env", "from dir"),
        ("url env", "from url"),
        ("env", "from env"),
    ],
)
async def test_the_servers_address_comes_from_where_chains_takes_it(tmp_path, given, expected):
    """Path before directory before setting before environment."""
    (tmp_path / "file").write_text("from path\n")
    (tmp_path / "MONGO_SERVER_URL").write_text("from dir\n")
    settings = {
        "path": ("mongo-server-url-path", str(tmp_path / "file")),
        "dir": ("mongo-server-url-dir", str(tmp_path)),
        "url": ("mongo-server-url", Secret(text="from url")),
    }
    chosen = dict(settings[each] for each in given.split() if each in settings)

    assert docdb._server(chosen, Tools(environment={"MONGO_SERVER_URL": "from env"})).current() == expected


def test_an_address_that_rotates_is_followed_and_a_bad_moment_survived(tmp_path):
    """Kubelets swap mounted Secrets; an empty file is one that is being written."""
    file = tmp_path / "url"
    address = ServerAddress(file, "")
    with pytest.raises(Transient, match="it must hold MongoDB's URL"):
        address.current()
    for text, expected in (("one\n", "one"), ("two\n\n", "two\n"), ("", "two\n")):
        file.write_text(text)
        assert address.current() == expected
    file.unlink()
    assert address.current() == "two\n"
    file.write_bytes(b"\xff")
    assert address.current() == "two\n"


def test_without_an_address_it_says_which_setting_is_missing():
    with pytest.raises(Permanent, match=r"set storage\.docdb\.mongo-server-url-path"):
        ServerAddress(None, "").current()


async def test_an_address_with_a_password_is_never_shown():
    """Neither where it is wrong nor where nothing answers."""
    for url in ("mongodb://user:hunter2@127.0.0.1:1/?serverSelectionTimeoutMS=10", "hunter2://x", "mongodb://user:hunter2@[x"):
        settings = {"url": MONGO, "mongo-server-url": Secret(text=url)}
        async with docdb.open(settings, Tools()) as store:
            with pytest.raises((Permanent, Transient)) as caught:
                await store.find(statement().artifact, ORIGIN)
        assert "hunter2" not in str(caught.value)


def test_json_becomes_dynamodbs_json():
    """Numbers that it does not have are nothing; the payload is kept as bytes too."""
    assert _encode({"a": [1.0, None, True, "x", b"y", float("inf"), 1e-200, 0.0]}) == {
        "M": {
            "a": {
                "L": [
                    {"N": "1.0"},
                    {"NULL": True},
                    {"BOOL": True},
                    {"S": "x"},
                    {"B": b"y"},
                    {"NULL": True},
                    {"NULL": True},
                    {"N": "0.0"},
                ]
            }
        }
    }
    assert _size({"ab": {"S": "\u20ac"}, "c": {"B": b"1234"}, "n": {"L": [{"N": "1"}]}}) > 10

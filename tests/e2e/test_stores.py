"""The promises of stores, kept by other people's servers: moto (S3, DynamoDB) and a Kafka broker of franz-go."""

import asyncio
import itertools
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import botocore.session
import pytest
from fakes.places import IMAGE, ORIGIN, OWN_PLACE, PROMISES, SOUGHT, Place, image_signature, statement

from sealwright import plugins
from sealwright.core.errors import Fault, Permanent, Reason
from sealwright.edge.stores import Tools

pytestmark = pytest.mark.e2e
MEMBERS = plugins.members("sealwright.edge.stores")
SERVED_S = 60
NUMBERS = itertools.count()


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def running(*command, cwd=None):
    """A program for as long as this lasts."""
    process = subprocess.Popen([str(part) for part in command], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


def listening(port):
    until = time.monotonic() + SERVED_S
    while time.monotonic() < until:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)  # noqa: TID251  a program of its own gives no other sign
    raise AssertionError(f"nothing listens on {port}")


def program(name):
    path = os.environ.get(f"SEALWRIGHT_{name}")
    if not path:
        pytest.skip(f"SEALWRIGHT_{name} is not set: run hack/e2e")
    return path


LOGIN = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


def client(service, url):
    """Amazon's own, as others use it."""
    session = botocore.session.get_session()
    return session.create_client(service, region_name="us-east-1", endpoint_url=url)


@pytest.fixture(scope="module")
def aws():
    """moto."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with pytest.MonkeyPatch.context() as patched, running(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port):
        for name, text in {**LOGIN, "AWS_ENDPOINT_URL": url}.items():
            patched.setenv(name, text)
        listening(port)
        yield url


@pytest.fixture(scope="module")
def kafka():
    with running(program("KAFKA"), *(f"kept-{number}" for number in range(200))) as process:
        yield process.stdout.readline().decode().strip()


def make_table(url, name):
    client("dynamodb", url).create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


WORDS = ("s3", "dynamodb", "kafka")


@pytest.fixture
def place(word, request):
    """The member of the room as a user configures it, with nothing in it."""
    name = f"kept-{next(NUMBERS)}"
    server = request.getfixturevalue({"s3": "aws", "dynamodb": "aws"}.get(word, word))
    match word:
        case "s3":
            client("s3", server).create_bucket(Bucket=name)
            settings = {"bucket": name, "region": "us-east-1", "endpoint": server}
        case "dynamodb":
            make_table(server, name)
            settings = {"url": f"dynamodb://{name}?partition_key=name"}
        case _:
            settings = {"topic": name, "kafka.bootstrap.servers": f"127.0.0.1:1,{server}"}
    member = {"mongo": "docdb", "dynamodb": "docdb", "kafka": "pubsub"}.get(word, word)
    return Place(word=member, open=lambda: MEMBERS[member].open(settings, Tools(environment=os.environ)))


@pytest.mark.parametrize("promise", [*PROMISES, *OWN_PLACE], ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("word", WORDS)
async def test_real_servers_keep_the_promises_of_stores(place, promise):
    """See `fakes/places.py`; what hack/test tries on twins."""
    await promise(place)


@pytest.mark.parametrize("word", ["s3", "dynamodb"])
async def test_fifty_writers_at_once_lose_nothing(place):
    """Through ten clients, of one short key (T29)."""
    written = [image_signature(number + 1000) for number in range(50)]
    stores = [place.open() for _ in range(10)]
    opened = [await each.__aenter__() for each in stores]
    await asyncio.gather(*(opened[number % 10].put(each, ORIGIN) for number, each in enumerate(written)))
    found = {each.signature.raw for each in await opened[0].find(SOUGHT, ORIGIN)}
    for each in stores:
        await each.__aexit__(None, None, None)

    assert found >= {each.signature.raw for each in written}


@pytest.mark.parametrize("word", ["s3"])
async def test_a_large_statement_is_kept_whole(place):
    """1.4 MiB, the largest result that Tekton can hand on."""
    attestation = statement(40_000, body=b'{"big":"%s"}' % (b"x" * 1_400_000))
    await place.put(attestation)

    assert [each.envelope for each in await place.found(attestation)] == [attestation.envelope]


@pytest.mark.parametrize("word", ["dynamodb"])
async def test_an_item_that_dynamodb_does_not_take_is_said(place):
    """Without `Object` it takes twice as much."""
    fits, large = (statement(50_000 + size, body=b'{"big":"%s"}' % (b"x" * size)) for size in (130_000, 300_000))
    await place.put(fits)
    assert len(await place.found(fits)) == 1
    with pytest.raises(Permanent, match="at most 400 KiB"):
        await place.put(large)


@pytest.mark.parametrize("word", ["s3"])
async def test_a_bucket_that_is_not_there_is_named(word, aws):
    settings = {"bucket": "nowhere", "endpoint": aws, "region": "us-east-1"}
    async with MEMBERS[word].open(settings, Tools()) as store:
        with pytest.raises(Fault, match="nowhere/taskrun-ns-run") as caught:
            await store.put(statement(), ORIGIN)
    assert caught.value.reason in (Reason.STORE_FAILED, Reason.UNAVAILABLE)


async def test_objects_in_the_bucket_have_the_names_of_chains(aws):
    """As another client of S3 lists them."""
    s3 = client("s3", aws)
    s3.create_bucket(Bucket="names")
    async with MEMBERS["s3"].open({"bucket": "names", "region": "us-east-1", "endpoint": aws}, Tools()) as store:
        attestation = statement(9)
        await store.put(attestation, ORIGIN)
        await store.put(image_signature(), ORIGIN)
    names = [each["Key"] for each in s3.list_objects_v2(Bucket="names")["Contents"]]
    body = s3.get_object(Bucket="names", Key="taskrun-ns-run/taskrun-9.signature")["Body"].read()

    ends = ("cert", "chain", "payload", "signature")
    short = re.sub("^sha256:", "", IMAGE.digest)[:12]
    assert names == [f"taskrun-ns-run/{key}.{end}" for key in (short, "taskrun-9") for end in ends]
    assert body == attestation.envelope

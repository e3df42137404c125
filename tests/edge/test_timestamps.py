"""A timestamp authority is asked over HTTP, and believed only when its clock, its words and the time are right."""

import hashlib
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web
from fakes import asn1, sigstore

from sealwright.app.timestamps import open_timestamper
from sealwright.core.config import parse
from sealwright.core.envelope import timestampquery
from sealwright.core.errors import Fault, Permanent, Reason, Transient, Untrusted
from sealwright.core.proof import timestamp
from sealwright.edge.caller import Caller
from sealwright.edge.clock import unix_s
from sealwright.edge.timestamps import TimestampAuthority

NOW_S = sigstore.NOW.timestamp()
SIGNATURE = b"a signature"


class Clock:
    """Answers with `answer(request)`; `asked` are the requests."""

    def __init__(self):
        self.asked = []
        self.answer = lambda _: sigstore.stamp(SIGNATURE)

    async def post(self, request):
        self.asked.append((request.content_type, await request.read()))
        found = self.answer(self.asked[-1])
        return found if isinstance(found, web.Response) else web.Response(body=found, status=201)


@asynccontextmanager
async def served(now_s=NOW_S, clocks=None):
    clock, app = Clock(), web.Application()
    app.add_routes([web.post("/api/v1/timestamp", clock.post)])
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v1/timestamp"
    trusted = sigstore.read_root().timestampers if clocks is None else clocks
    try:
        async with Caller(url, "the timestamp authority", 64 << 10) as caller:
            yield clock, TimestampAuthority(caller, trusted, lambda: now_s)
    finally:
        await runner.cleanup()


async def refused(authority, signature=SIGNATURE):
    with pytest.raises(Fault) as caught:
        await authority.stamp(signature)
    return caught.value


def test_a_request_is_what_rfc_3161_asks_for():
    """Version 1, SHA-256 of the message, and the wish for the clock's certificate; as a general writer of DER puts it."""
    algorithm = asn1.sequence(asn1.oid("2.16.840.1.101.3.4.2.1"), asn1.item(5, b""))
    digest = hashlib.sha256(SIGNATURE).digest()
    imprint = asn1.sequence(algorithm, asn1.octets(digest))

    assert timestampquery.request(SIGNATURE) == asn1.sequence(asn1.integer(1), imprint, asn1.item(1, b"\xff"))


async def test_a_timestamp_over_the_signature_is_kept_as_it_came():
    """The bytes that a verifier proves again."""
    async with served() as (clock, authority):
        found = await authority.stamp(SIGNATURE)

    assert clock.asked == [("application/timestamp-query", timestampquery.request(SIGNATURE))]
    assert timestamp.prove(found, SIGNATURE, sigstore.read_root().timestampers).moment == sigstore.NOW


async def test_a_timestamp_over_something_else_is_refused():
    """Of another signature, of another clock, cut off, empty."""
    async with served() as (clock, authority):
        assert (await refused(authority, b"another signature")).reason is Reason.BAD_TIMESTAMP
        whole = sigstore.stamp(SIGNATURE)
        for broken in (b"", whole[:-1], whole[:-1] + b"\0", b"\x30\x03\x02\x01\x02"):
            clock.answer = lambda _, broken=broken: broken
            assert (await refused(authority)).reason is Reason.BAD_TIMESTAMP
    async with served(clocks=()) as (_, authority):
        assert isinstance(await refused(authority), Untrusted)


@pytest.mark.parametrize("away", [timedelta(seconds=-301), timedelta(seconds=301), timedelta(days=400)])
async def test_a_clock_that_is_far_from_ours_is_refused(away):
    """F40: one of the two is wrong, and nobody knows which."""
    async with served(now_s=(sigstore.NOW + away).timestamp()) as (_, authority):
        fault = await refused(authority)

    assert fault.reason is Reason.BAD_TIMESTAMP
    assert "clocks" in fault.message


async def test_an_authority_that_does_not_answer_is_waited_for():
    """Errors that pass; and one that says without end."""
    async with served() as (clock, authority):
        clock.answer = lambda _: web.Response(status=503)
        assert isinstance(await refused(authority), Transient)
        clock.answer = lambda _: b" " * (65 << 10)
        assert isinstance(await refused(authority), Transient)
        clock.answer = lambda _: web.Response(status=400, text="no such policy")
        fault = await refused(authority)
        assert isinstance(fault, Permanent)
        assert "no such policy" in fault.message


def test_the_public_authority_is_known_and_others_must_be_named(tmp_path):
    """By its address; a file with a chain goes before it, and a file without one is refused."""

    def opened(**settings):
        data = {f"timestamps.{name.replace('_', '-')}": str(text) for name, text in settings.items()}
        parsed = parse(data, formats=["in-toto", "simplesigning"], stores=["tekton", "oci"], signers=["x509"])
        return open_timestamper(parsed.config, unix_s)

    assert opened().timestamper is None
    assert opened(url="https://timestamp.sigstore.dev/api/v1/timestamp").timestamper
    with pytest.raises(Permanent) as unknown:
        opened(url="https://clock.example/api/v1/timestamp")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(b"".join(each.public_bytes(sigstore.Encoding.PEM) for each in (sigstore.clock(), sigstore.clock_root())))
    assert opened(url="https://clock.example", chain_path=chain).timestamper
    chain.write_bytes(sigstore.clock().public_bytes(sigstore.Encoding.PEM))
    for broken in (chain, sigstore_key(tmp_path)):
        with pytest.raises(Permanent) as caught:
            opened(url="https://clock.example", chain_path=broken)
        assert caught.value.reason is Reason.KEY_UNUSABLE
    assert unknown.value.reason is Reason.KEY_MISSING


def sigstore_key(folder):
    path = folder / "key.pem"
    path.write_bytes(sigstore.KEY.public.pem)
    return path

"""What every log promises: both versions over HTTP, in each kind of entry, and the twin of the flow's tests."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest
from aiohttp import web
from fakes import attested, signers
from fakes.logs import MemoryLog
from fakes.rekor import HOST, Rekor
from fakes.translog import Tree, grown

from sealwright import plugins
from sealwright.core.envelope.rekor import asking
from sealwright.core.errors import Fault, Permanent, Reason, Transient, Untrusted
from sealwright.core.model import LOG
from sealwright.core.proof import checkpoint, logged
from sealwright.edge.caller import Caller
from sealwright.edge.logbook import LogSettings

MEMBERS = plugins.members("sealwright.edge.logs")
# Version, and the kind of entry for an envelope.
OVER_HTTP = [("v1", "dsse"), ("v1", "hashedrekord"), ("v1", "intoto"), ("v2", "hashedrekord")]
NOW_S = 1_700_000_000.0


def opened(rekor: Rekor, caller: Caller, entries="dsse", key=None):
    keys = (key or rekor.tree.key,)
    return MEMBERS[rekor.kind].open(LogSettings(keys=keys, entries=entries, shown_url=rekor.url, unix_s=lambda: NOW_S), caller)


@asynccontextmanager
async def at(kind: str, entries: str = "dsse", tree: Tree | None = None):
    """A log that is served, and what opens it."""
    async with Rekor(kind, tree).served() as rekor, Caller(rekor.url, "the log", 1 << 20) as caller:
        yield rekor, opened(rekor, caller, entries)


async def refused(log, number=7):
    with pytest.raises(Fault) as caught:
        await log.append(attested.statement(number), attested.author())
    return caught.value


def test_every_version_is_tested_here():
    """One that is added needs a row."""

    assert {version for version, _ in OVER_HTTP} == set(MEMBERS)


@pytest.mark.parametrize("make", [attested.statement, attested.image])
@pytest.mark.parametrize(("version", "entries"), [*OVER_HTTP, ("in memory", "dsse")])
async def test_what_is_logged_is_proven_and_has_a_receipt(version, entries, make):
    """Envelopes and bare payloads, among other entries; the receipt writes Chains' annotation."""
    if version == "in memory":
        log = MemoryLog(entries=entries)
        key = log.rekor.tree.key
        entry, receipt = await log.append(make(1), attested.author())
    else:
        async with at(version, entries, grown(version, 5)) as (rekor, log):
            key = rekor.tree.key
            entry, receipt = await log.append(make(1), attested.author())
            assert receipt.uri.startswith(rekor.url)
            assert receipt.uri.endswith(f"logIndex={entry.index}")

    assert logged.prove(entry, make(1), attested.author(), [key], NOW_S)
    assert receipt.store == LOG
    assert receipt.annotations == {"chains.tekton.dev/transparency": receipt.uri}
    with pytest.raises(Untrusted):
        logged.prove(entry, make(2), attested.author(), [key], NOW_S)


@pytest.mark.parametrize("entries", ["dsse", "intoto", "hashedrekord"])
async def test_version_1_says_of_an_envelope_what_it_was_asked_to(entries):
    """By kind; a bare payload is a hashedrekord always."""
    async with at("v1", entries) as (_, log):
        entry, _ = await log.append(attested.statement(1), attested.author())
        image, _ = await log.append(attested.image(1), attested.author())

    assert (entry.kind, image.kind) == (entries, "hashedrekord")


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_digests_only_is_digests_only(version):
    """A log that is told hashedrekord sees neither payload nor subjects."""
    async with at(version, "hashedrekord") as (rekor, log):
        await log.append(attested.statement(1), attested.author())
        [asked] = rekor.asked

    assert attested.DIGEST not in json.dumps(asked)
    assert "envelope" not in json.dumps(asked)


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("size", [0, 1, 5, 257])
async def test_what_is_there_already_is_a_success(version, size):
    """Version 1 says conflict, and where; version 2 says a number, and has tiles. One entry, one answer."""
    async with at(version, tree=grown(version, size)) as (rekor, log):
        first = await log.append(attested.statement(1), attested.author())
        assert first == await log.append(attested.statement(1), attested.author())
        assert len(rekor.tree.leaves) == size + 1


async def test_the_twin_finds_what_is_there_too():
    """As the flow's tests rely on."""
    twin = MemoryLog()

    assert await twin.append(attested.statement(1), attested.author()) == await twin.append(
        attested.statement(1), attested.author()
    )


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_lost_answer_makes_no_second_entry(version):
    """F6: the log took it, the connection broke, and the retry finds it."""
    async with at(version) as (rekor, log):
        rekor.loses = 1
        assert isinstance(await refused(log), Transient)
        entry, _ = await log.append(attested.statement(7), attested.author())

    assert (entry.index, len(rekor.tree.leaves)) == (0, 1)


FORGER = signers.key("ecdsa-p256", 66)


def resigned(rekor, entry):
    return rekor.tree.promised(entry) if rekor.kind == "v1" else entry


def forked(rekor, entry):
    """Another tree, which holds the entry, under another key that claims to be this log's."""
    fork = Tree(rekor.kind, key=FORGER if rekor.kind == "v1" else signers.key("ed25519", 66))
    fork.add(entry.body)
    return replace(fork.entry(0, entry.kind, entry.version), log_id=entry.log_id)


def earlier(rekor, entry):
    return replace(entry, proof=replace(entry.proof, checkpoint=grown(rekor.kind, 2).checkpoint()))


LIES = {
    "an entry of another artifact": lambda rekor, _: rekor.entry(0),
    "a negative index": lambda rekor, entry: resigned(rekor, replace(entry, index=-1)),
    "another index than the tree's": lambda _, entry: replace(entry, index=entry.index + 1),
    "an index below the shard's": lambda rekor, entry: resigned(rekor, replace(entry, index=0)),
    "no proof": lambda _, entry: replace(entry, proof=None),
    "a proof of another entry": lambda rekor, entry: replace(entry, proof=rekor.entry(0).proof),
    "a checkpoint of an earlier tree": earlier,
    "a tree of its own": forked,
    "another log's id": lambda _, entry: replace(entry, log_id=b"\x01" * 32),
    "a body that is no JSON": lambda rekor, entry: resigned(rekor, replace(entry, body=b"{")),
}
# Version 1 says a kind in the body alone.
LIES_V2 = {"another kind": lambda _, entry: replace(entry, kind="rekord")}
LIES_V1 = {
    "a time in the future": lambda rekor, entry: resigned(rekor, replace(entry, integrated_s=int(NOW_S) + 3600)),
    "another time than it signed": lambda _, entry: replace(entry, integrated_s=entry.integrated_s - 1),
}


@pytest.mark.parametrize(("version", "lie"), [*(("v1", lie) for lie in LIES | LIES_V1), *(("v2", lie) for lie in LIES | LIES_V2)])
async def test_a_log_that_lies_is_not_believed(version, lie):
    """T49, F39: nothing that it says goes with what is stored, and the fault is no bug."""
    async with at(version, tree=grown(version, 3)) as (rekor, log):
        rekor.tree.leaves[0] = rekor.body(json.loads(proposal(version, 1)))
        assert (await log.append(attested.statement(2), attested.author()))[0].index == 3
        rekor.lie = partial((LIES | LIES_V1 | LIES_V2)[lie], rekor)
        fault = await refused(log)

    assert isinstance(fault, Untrusted) or "cannot be read" in fault.message


def proposal(version, number):
    found = attested.statement(number)
    return asking.propose_v2(found, attested.author()) if version == "v2" else asking.propose_v1(found, attested.author(), "dsse")


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"{" * 300, b"\xff", b'{"a":{}}'], ids=repr)
async def test_a_success_that_says_nothing_is_asked_again(version, body):
    """201 without a body, or cut off: the entry may be there, so another try finds it."""
    async with at(version) as (rekor, log):
        rekor.lie = lambda _: body
        assert isinstance(await refused(log), Transient | Untrusted)


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_statuses_have_their_meaning(version):
    """Waiting helps against an overload, and not against a refusal."""
    async with at(version) as (rekor, log):
        rekor.faults = [(500, b""), (503, b""), (429, b""), (400, b'{"message":"entry algorithms are not allowed"}')]
        assert [type(await refused(log)) for _ in range(4)] == [Transient, Transient, Transient, Permanent]
        rekor.faults = [(400, b'{"message":"entry algorithms are not allowed"}')]
        fault = await refused(log)
        assert fault.reason is Reason.LOG_FAILED
        assert "not allowed" in fault.message
        await log.append(attested.statement(7), attested.author())


async def test_a_log_that_takes_no_more_says_what_to_do():
    """A shard of version 2 that was closed."""
    async with at("v2") as (rekor, log):
        rekor.faults = [(405, b"This log has been frozen")]
        fault = await refused(log)

    assert fault.reason is Reason.LOG_FAILED
    assert "transparency.url" in fault.message


@pytest.mark.parametrize("where", ["/api/v1/log/entries/", "https://elsewhere.example/x", "..%2f..%2fsecret", "a" * 63])
async def test_a_conflict_leads_nowhere_but_to_an_entry_of_this_log(where):
    """The place that the log gives is a number of an entry, or nothing."""
    async with at("v1") as (rekor, log):
        await log.append(attested.statement(7), attested.author())
        rekor.uuid = lambda _: where
        assert isinstance(await refused(log), Transient)


@pytest.mark.parametrize("tampered", ["checkpoint", "bundle", "leaves", "number"])
async def test_tiles_that_lie_are_not_believed(tampered):
    """Another checkpoint, another entry at the place, another tree, or no number."""
    async with at("v2", tree=grown("v2", 3)) as (rekor, log):
        await log.append(attested.statement(7), attested.author())
        if tampered == "checkpoint":
            rekor.tree.checkpoint = lambda: grown("v2", 4, key=signers.key("ed25519", 5)).checkpoint()
        elif tampered == "bundle":
            rekor.tree.bundle = lambda _number, _width: b"\x00\x02{}" * 4
        elif tampered == "leaves":
            signed = rekor.tree.checkpoint()
            rekor.tree.checkpoint = lambda: signed
            rekor.tree.leaves[1] = b"changed since"
        else:
            rekor._there = lambda _: web.Response(status=409, headers={"X-Log-Index": "-1"})
        assert isinstance(await refused(log), Untrusted if tampered != "number" else Transient)


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_log_that_is_not_there_is_waited_for(version):
    """Nobody listens; and an answer without end is cut off."""
    rekor = Rekor(version)
    async with rekor.served():
        pass
    async with Caller(rekor.url, "the log", 1 << 20) as caller:
        assert isinstance(await refused(opened(rekor, caller)), Transient)
    async with at(version) as (rekor, log):
        rekor.lie = lambda _: b" " * (2 << 20)
        assert isinstance(await refused(log), Transient)


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_many_at_once_each_get_their_own_entry(version):
    """Batches of a log do not mix them up."""
    async with at(version) as (_, log):
        found = await asyncio.gather(*(log.append(attested.statement(n), attested.author()) for n in range(20)))

    assert len({entry.index for entry, _ in found}) == 20


@pytest.mark.parametrize(
    ("version", "entries", "algorithm", "form", "taken"),
    [
        ("v1", "dsse", "ed25519", "sha256", True),
        ("v1", "dsse", "ecdsa-p384", "sha256", True),
        ("v1", "dsse", "rsa-2048", "by-curve", True),
        ("v1", "dsse", "ecdsa-p384", "by-curve", False),
        ("v1", "intoto", "ed25519", "by-curve", False),
        ("v1", "hashedrekord", "ecdsa-p521", "by-curve", True),
        ("v1", "hashedrekord", "ed25519", "sha256", False),
        ("v2", "hashedrekord", "ed25519", "by-curve", True),
        ("v2", "hashedrekord", "ecdsa-p384", "by-curve", True),
        ("v2", "hashedrekord", "rsa-2048", "sha256", True),
        ("v2", "hashedrekord", "ed25519", "sha256", False),
        ("v2", "hashedrekord", "ecdsa-p384", "sha256", False),
    ],
)
async def test_a_key_that_a_log_cannot_verify_is_refused_before_it_is_asked(version, entries, algorithm, form, taken):
    """With the setting that helps."""
    made, by = attested.statement(1, algorithm, form), attested.author(algorithm, form)
    async with at(version, entries) as (rekor, log):
        if taken:
            assert (await log.append(made, by))[0].index == 0
            return
        with pytest.raises(Permanent) as caught:
            await log.append(made, by)
        assert caught.value.reason is Reason.KEY_UNUSABLE
        assert "signers.x509.hash" in caught.value.message
        assert rekor.asked == []


async def test_the_origin_of_a_tiled_log_is_its_own():
    """A key is trusted under one name."""
    async with at("v2") as (rekor, _), Caller(rekor.url, "the log", 1 << 20) as caller:
        elsewhere = checkpoint.tiled_log_key(rekor.tree.private.public, f"other.{HOST}")
        assert (await refused(opened(rekor, caller, key=elsewhere))).reason is Reason.UNKNOWN_LOG

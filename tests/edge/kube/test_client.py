"""The thin client: what each answer means, and nothing that a server or network does ends in another exception."""

import asyncio
import json
import socket
from contextlib import suppress

import pytest
from fakes import objects
from fakes.kube_api import KubeApi, until

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.core.tekton import patch
from sealwright.edge.kube import client
from sealwright.edge.kube.client import Api
from sealwright.edge.kube.login import Login

BUILD = objects.task_run("build")
PATH = "/apis/tekton.dev/v1/namespaces/team/taskruns/build"
TASKRUNS = "/apis/tekton.dev/v1/taskruns"
PATCH = json.dumps([{"op": "test", "path": "/metadata/uid", "value": "uid-of-build"}]).encode()


@pytest.fixture
def server():
    found = KubeApi()
    found.put(BUILD)
    return found


async def test_what_is_there_is_got_and_what_is_not_is_none(server):
    """A 404 is an answer."""
    async with server.api() as api:
        assert json.loads(await api.get(PATH))["metadata"]["name"] == "build"
        assert await api.get(PATH + "-not") is None


@pytest.mark.parametrize("status", [404, 409, 422])
async def test_a_write_is_told_what_the_caller_must_know(server, status):
    """Gone, in conflict, stale: no exception."""
    async with server.api() as api:
        good, _ = await api.send("PATCH", PATH, PATCH, patch.MEDIA_TYPE)
        server.faults = [(status, {})]

        assert good == 200
        assert (await api.send("PATCH", PATH, PATCH, patch.MEDIA_TYPE))[0] == status


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503, 504])
async def test_what_waiting_may_mend_is_transient(server, status):
    """In a call and in a watch; with the server's wish to wait where it is overloaded."""
    async with server.api() as api:
        server.faults = [(status, {"Retry-After": "3"})] * 3
        with pytest.raises(Transient, match=str(status)) as read:
            await api.get(PATH)
        with pytest.raises(Transient, match=str(status)):
            await api.send("PATCH", PATH, PATCH, patch.MEDIA_TYPE)
        with pytest.raises(Transient, match=str(status)):
            await anext(api.lines(TASKRUNS, watch="1"))

        assert read.value.reason is Reason.UNAVAILABLE
        assert read.value.after_s == (None if status in (401, 403) else 3.0)


@pytest.mark.parametrize("status", [400, 405, 413, 415])
async def test_what_waiting_does_not_mend_is_permanent(server, status):
    """The same call would fail again."""
    async with server.api() as api:
        server.faults = [(status, {})]
        with pytest.raises(Permanent):
            await api.send("PATCH", PATH, PATCH, patch.MEDIA_TYPE)


async def test_a_watch_of_a_kind_that_is_not_served_says_so(server):
    """Tekton may not be installed yet."""
    async with server.api() as api:
        server.faults = [(404, {})]
        with pytest.raises(Permanent) as told:
            await anext(api.lines(TASKRUNS, watch="1"))

    assert told.value.reason is Reason.NOT_FOUND


async def test_a_server_that_is_not_there_is_transient():
    """Nothing listens; the path is told and the token never."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with Api(Login(server=url, tls=None, token=lambda: "secret-token")) as api:
        with pytest.raises(Transient, match=PATH) as told:
            await api.get(PATH)
        with pytest.raises(Transient):
            await anext(api.lines(TASKRUNS, watch="1"))

    assert "secret-token" not in told.value.message


async def test_a_call_that_is_never_answered_ends(monkeypatch):
    """Its deadline is ours."""
    monkeypatch.setattr(client, "CALL_S", 0.1)

    async def never(reader, writer):
        await reader.read()  # until the client goes
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with Api(Login(server=url, tls=None, token=lambda: "")) as api:
        with pytest.raises(Transient, match="no answer in time"):
            await api.get(PATH)
    server.close()


async def lines_of(*chunks, ends=True):
    """The lines that a watch gives for chunks of bytes as they come over the wire."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        with suppress(ConnectionError):  # whoever has read enough goes
            for chunk in chunks:
                writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                await writer.drain()
        if ends:
            writer.write(b"0\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with Api(Login(server=url, tls=None, token=lambda: "")) as api:
        try:
            return [line async for line in api.lines(TASKRUNS, watch="1")]
        finally:
            listening.close()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
async def test_lines_are_whole_however_the_bytes_come(size):
    """Cut anywhere; empty lines are none."""
    text = b'{"a":1}\n\n{"b":"\xc3\xa9"}\r\n{"c":3}\n'
    chunks = [text[at : at + size] for at in range(0, len(text), size)]

    assert await lines_of(*chunks) == [b'{"a":1}', b'{"b":"\xc3\xa9"}\r', b'{"c":3}']


@pytest.mark.parametrize("ends", [True, False], ids=["ended", "cut"])
async def test_half_a_line_is_never_given(ends):
    """A connection that is cut is an ordinary end: the next watch goes on from the last whole event."""
    assert await lines_of(b'{"a":1}\n{"b":', ends=ends) == [b'{"a":1}']


async def test_a_line_of_two_mebibytes_is_given_and_one_above_the_limit_is_refused(monkeypatch):
    """Memory is bounded, whatever a server sends."""
    long = b"x" * (2 << 20)

    assert await lines_of(long[: 1 << 20], long[1 << 20 :] + b"\n") == [long]
    monkeypatch.setattr(client, "LINE_LIMIT", 1 << 20)
    with pytest.raises(Permanent, match="1048576") as told:
        await lines_of(*[b"x" * (1 << 18)] * 8)
    assert told.value.reason is Reason.TOO_LARGE


async def test_a_watch_that_falls_silent_ends(server, monkeypatch):
    """The connection is half open: nobody will ever say anything on it."""
    monkeypatch.setattr(client, "SILENCE_S", 0.1)
    async with server.api() as api:
        assert [line async for line in api.lines(TASKRUNS, watch="1", resourceVersion=str(server.version))] == []


async def test_each_call_says_who_we_are_with_the_token_of_that_moment(server):
    """Tokens are renewed while we run."""
    tokens = iter(["first", "second"])
    told = []

    async def answer(reader, writer):
        for _ in range(2):
            told.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with Api(Login(server=url, tls=None, token=lambda: next(tokens))) as api:
        await api.get("/a")
        await api.get("/b")
        await until(lambda: len(told) == 2)
    listening.close()

    assert b"Authorization: Bearer first\r\n" in told[0]
    assert b"Authorization: Bearer second\r\n" in told[1]

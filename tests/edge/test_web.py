"""The two servers: what they answer, and what they do not put up with."""

import asyncio
import base64
import hashlib
import re
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from fakes import statuses
from fakes.clock import HandClock, idle

from sealwright.core.errors import Permanent, Reason
from sealwright.edge import web
from sealwright.edge.metrics import Metrics
from sealwright.edge.web import Address, Web

HOST = "127.0.0.1"


class Site:
    """The servers on free ports, with a status that a test may exchange."""

    def __init__(self, status=statuses.WELL):
        self.status = status
        self.clock = HandClock()
        self.web = Web(
            Address(host=HOST, metrics_port=0, health_port=0), lambda: self.status, Metrics("0.1.0", list).render, self.clock
        )

    async def get(self, path, method="GET", **options):
        """Status, headers and text from the server to which this path belongs."""
        port = self.web.ports[0 if path.split("?")[0] in ("/", "/metrics", "/reasons") else 1]
        async with aiohttp.ClientSession() as client, client.request(method, f"http://{HOST}:{port}{path}", **options) as answer:
            return answer.status, answer.headers, await answer.text()


@asynccontextmanager
async def site(status=statuses.WELL):
    made = Site(status)
    async with made.web:
        yield made


@pytest.mark.parametrize("path", ["/health", "/healthz", "/livez", "/readiness", "/readyz"])
async def test_well_controller_is_alive_and_ready(path):
    """Chains' two addresses, and the ones that Kubernetes itself has."""
    async with site() as here:
        status, headers, text = await here.get(path)

    assert (status, text) == (200, '{"ok":true,"unmet":[]}')
    assert headers["Content-Type"] == "application/json"


async def test_not_ready_names_each_condition_and_is_no_reason_to_be_killed():
    """Without a key nothing is signed, but a restart would not help."""
    async with site(statuses.ILL) as here:
        status, _, text = await here.get("/readiness")
        alive, _, _ = await here.get("/health")

    assert (status, alive) == (503, 200)
    assert re.findall('"condition":"([^"]+)"', text) == ["signer x509", "watch TaskRun"]
    assert "found nothing" in text


async def test_stuck_controller_is_neither_alive_nor_ready():
    """Only a restart helps."""
    async with site(replace(statuses.WELL, stuck="no worker moved for 60 s")) as here:
        answers = [await here.get(path) for path in ("/health", "/readiness")]

    assert [status for status, _, _ in answers] == [503, 503]
    assert all("no worker moved" in text for _, _, text in answers)


async def test_stopping_controller_is_alive_but_gets_no_more_work():
    """So that nobody kills it before it has ended what is at hand."""
    async with site(replace(statuses.WELL, is_stopping=True)) as here:
        answers = [await here.get(path) for path in ("/health", "/readiness")]

    assert [status for status, _, _ in answers] == [200, 503]


async def test_status_is_asked_at_each_request():
    """Ready when it becomes ready, not when it was started."""
    async with site(statuses.ILL) as here:
        before, _, _ = await here.get("/readyz")
        here.status = statuses.WELL
        after, _, _ = await here.get("/readyz")

    assert (before, after) == (503, 200)


async def test_metrics_and_page_are_on_the_metrics_port_alone():
    """Who may probe health need not see the rest, and the other way round."""
    async with site() as here:
        status, headers, text = await here.get("/metrics")
        page_status, page_headers, page_text = await here.get("/")
        reasons_status, _, _ = await here.get("/reasons")
        crossed = []
        async with aiohttp.ClientSession() as client:
            for port, path in ((here.web.ports[1], "/metrics"), (here.web.ports[1], "/"), (here.web.ports[0], "/health")):
                async with client.get(f"http://{HOST}:{port}{path}") as answer:
                    crossed.append(answer.status)

    assert (status, page_status, reasons_status, crossed) == (200, 200, 200, [404, 404, 404])
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "sealwright_build_info" in text
    assert page_headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Ready" in page_text


async def test_policy_lets_a_browser_run_nothing_and_take_one_style_sheet():
    """The style sheet's own digest is in the policy; answers that are errors carry it too."""
    async with site() as here:
        _, headers, text = await here.get("/")
        _, missing, _ = await here.get("/metrics?x", method="POST")
    style = re.search("<style>(.*)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"default-src 'none'; style-src 'sha256-{digest}'" in headers["Content-Security-Policy"]
    for found in (headers, missing):
        assert found["X-Content-Type-Options"] == "nosniff"
        assert found["Server"] == "sealwright"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/metrics", 405), ("PUT", "/health", 405), ("GET", "/etc/passwd", 404), ("HEAD", "/", 200)],
)
async def test_nothing_but_reading_what_is_there_is_answered(method, path, status):
    """No input is taken."""
    async with site() as here:
        found, _, _ = await here.get(path, method)

    assert found == status


async def test_large_header_is_refused():
    """Memory for a request has a limit."""
    async with site() as here:
        status, _, _ = await here.get("/health", headers={"X-Long": "x" * (web.HEADER_LIMIT + 100)})

    assert status == 400


async def test_connection_that_says_nothing_is_closed_in_the_end():
    """Nor does one live that sends its request a byte at a time."""
    async with site() as here:
        silent, silent_writer = await asyncio.open_connection(HOST, here.web.ports[0])
        slow, slow_writer = await asyncio.open_connection(HOST, here.web.ports[0])
        slow_writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        await slow_writer.drain()
        await here.get("/metrics")  # and one that is answered meanwhile
        await here.clock.advance(web.CONNECTION_S + 3 * web.LOOK_S)
        ends = [await asyncio.wait_for(reader.read(), 2) for reader in (silent, slow)]
        silent_writer.close()
        slow_writer.close()

    assert ends == [b"", b""]


async def test_one_connection_too_many_is_refused_and_others_go_on():
    """A flood takes a limited part of memory; when it ends, there is room again."""
    async with site() as here:
        flood = [await asyncio.open_connection(HOST, here.web.ports[1]) for _ in range(web.CONNECTIONS)]
        await idle()
        late, late_writer = await asyncio.open_connection(HOST, here.web.ports[1])
        refused = await asyncio.wait_for(late.read(), 2)
        other, _, _ = await here.get("/metrics")
        for _, writer in [*flood, (None, late_writer)]:
            writer.close()
        await here.clock.advance(web.CONNECTION_S + 3 * web.LOOK_S)
        again, _, _ = await here.get("/health")

    assert (refused, other, again) == (b"", 200, 200)


async def test_port_that_is_taken_is_named():
    """And nothing is left listening."""
    async with site() as here:
        taken = Web(Address(host=HOST, metrics_port=0, health_port=here.web.ports[1]), lambda: statuses.WELL, bytes, HandClock())
        with pytest.raises(Permanent) as caught:
            await taken.__aenter__()

        assert caught.value.reason is Reason.INVALID_CONFIG
        assert f"{HOST}:{here.web.ports[1]}" in caught.value.message
        assert taken.ports == ()


async def test_stop_lets_go_of_both_ports():
    """A second program can listen there at once."""
    async with site() as here:
        ports = here.web.ports
        await here.get("/metrics")
    async with Web(
        Address(host=HOST, metrics_port=ports[0], health_port=ports[1]), lambda: statuses.WELL, bytes, HandClock()
    ) as again:
        assert again.ports == ports

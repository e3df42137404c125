"""The status page in a real browser: its text can be seen, in both colours, on a phone, and nothing hostile runs."""

import asyncio
import base64
import json
import os
import subprocess
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from fakes import statuses
from fakes.clock import HandClock

from sealwright.core.model import Finding
from sealwright.edge.metrics import Metrics
from sealwright.edge.web import Address, Web

pytestmark = pytest.mark.e2e

HOST = "127.0.0.1"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
HOSTILE = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
LEAST_CONTRAST = """(selector) => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" ? behind(element.parentElement) : colour;
  };
  return Math.min(...[...document.querySelectorAll(selector)].map((element) => {
    const [low, high] = [getComputedStyle(element).color, behind(element)].map(light).sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }));
}"""


class Tab:
    """One tab of a browser, by its own protocol."""

    def __init__(self, socket):
        self._socket = socket
        self._sent = 0

    async def call(self, method, **parameters):
        self._sent += 1
        await self._socket.send_json({"id": self._sent, "method": method, "params": parameters})
        while True:
            answer = await self._socket.receive_json(timeout=20)
            if answer.get("id") == self._sent:
                assert "error" not in answer, answer
                return answer["result"]

    async def value(self, expression):
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"]["value"]

    async def open(self, url, width=1100, *, dark=False):
        """Go there and wait until it is all there."""
        await self.call("Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call("Page.navigate", url=url)
        async with asyncio.timeout(20):
            while await self.value("document.readyState + location.href") != f"complete{url}":  # noqa: ASYNC110  a browser's own pace
                await asyncio.sleep(0.02)


@asynccontextmanager
async def browser(folder):
    """A browser with a profile of its own, and its first tab."""
    program = os.environ.get("SEALWRIGHT_CHROMIUM")
    assert program, "SEALWRIGHT_CHROMIUM must name a Chromium; hack/e2e brings it"
    running = await asyncio.create_subprocess_exec(
        program, *FLAGS, f"--user-data-dir={folder}", "about:blank", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as client:
            told = folder / "DevToolsActivePort"
            while not (told.exists() and "\n" in told.read_text()):
                assert running.returncode is None, "Chromium ended at once"
                await asyncio.sleep(0.05)
            port = told.read_text().split()[0]
            async with client.get(f"http://{HOST}:{port}/json/list") as answer:
                address = next(tab["webSocketDebuggerUrl"] for tab in await answer.json() if tab["type"] == "page")
            async with client.ws_connect(address, max_msg_size=1 << 26) as socket:
                yield Tab(socket)
    finally:
        running.terminate()
        await asyncio.wait_for(running.wait(), 20)


@asynccontextmanager
async def page(status):
    """The address of the page that shows this."""
    address = Address(host=HOST, metrics_port=0, health_port=0)
    async with Web(address, lambda: status, Metrics("0.1.0", list).render, HandClock()) as web:
        yield f"http://{HOST}:{web.ports[0]}/"


async def contrast(tab, selector):
    """The ratio of text to what is behind it (WCAG 2.2, 1.4.3), for the element with the least."""
    return await tab.value(f"({LEAST_CONTRAST})({json.dumps(selector)})")


async def test_text_is_visible_in_both_colours_and_fits_a_phone(tmp_path):
    """What a browser shows, not what the source says: `innerText` leaves out what style hides."""
    async with page(statuses.ILL) as url, browser(tmp_path / "profile") as tab:
        for dark in (False, True):
            for width in (320, 360, 768, 1100):
                await tab.open(url, width, dark=dark)
                text = await tab.value("document.body.innerText")
                for part in ("Sealwright", "Not ready", "KeyMissing: wanted cosign.key", "a41b22c9", "StoreFailed", "1 min 14 s"):
                    assert part in text
                assert await tab.value("document.documentElement.scrollWidth") <= width
            assert await contrast(tab, "p, li, a, td, th, strong, h1, h2, footer, span") >= 4.5
            picture = await tab.call("Page.captureScreenshot", captureBeyondViewport=True)
            (tmp_path / f"{'dark' if dark else 'light'}.png").write_bytes(base64.b64decode(picture["data"]))
            assert await tab.value("getComputedStyle(document.body).backgroundColor") == (
                "rgb(17, 21, 25)" if dark else "rgb(246, 247, 249)"
            )


async def test_links_lead_somewhere(tmp_path):
    """Each one on the page, and a failure's reason to its own line."""
    async with page(statuses.ILL) as url, browser(tmp_path / "profile") as tab:
        await tab.open(url)
        links = set(await tab.value("[...document.links].map((link) => link.href)"))
        await tab.open(f"{url}reasons#StoreFailed")
        meaning = await tab.value("document.querySelector(':target').innerText")
        async with aiohttp.ClientSession() as client:
            for link in links:
                async with client.get(link) as answer:
                    assert answer.status == 200

    assert f"{url}reasons#StoreFailed" in links
    assert "a store refused or lost what it was given" in meaning


async def test_hostile_text_is_seen_and_does_not_run(tmp_path):
    """T52: stored scripts are text, and the policy would stop them if they were not."""
    finding = Finding(where=HOSTILE, message=HOSTILE)
    status = replace(statuses.ILL, unmet=[finding], warnings=[finding], failures=[statuses.failed(HOSTILE, HOSTILE)])
    async with page(status) as url, browser(tmp_path / "profile") as tab:
        await tab.open(url)
        text, title = await tab.value("document.body.innerText"), await tab.value("document.title")
        await tab.value("document.body.innerHTML += `<img src=x onerror='document.title = 1'>`, 0")
        await asyncio.sleep(0.2)
        after = await tab.value("document.title")

    assert text.count(HOSTILE) == 6
    assert (title, after) == ("Sealwright", "Sealwright")

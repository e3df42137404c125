"""Runs with an image each, kept in a registry on loopback: how many a second, and what each costs. Used by hack/bench."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sealwright.edge.clock import SystemClock, chance
from sealwright.edge.registry.logins import NoLogins
from sealwright.edge.registry.store import open_registries

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from fakes import registries
from fakes.attestations import ORIGIN, bundled_signature, image_signature, statement

# Runs that are under way at a time: what waits for a registry holds no worker, so more costs nothing.
AT_ONCE = 256


async def measured(kind: str, mode: str, count: int) -> dict[str, Any]:
    """Each run is its provenance and its image's signature, of an image of its own in one of ten repositories."""
    with registries.serve(kind) as authority:
        names = [f"{authority}/team/app-{number % 10}" for number in range(count)]
        digests = await digests_of(authority, names, mode)
        async with open_registries(
            {"allowed-hosts": authority, "encoding-format": mode}, NoLogins(), SystemClock(), chance, strict=False
        ) as store:
            sign = image_signature if mode == "dsse" else bundled_signature
            turns = asyncio.Semaphore(AT_ONCE)

            async def run(number: int) -> None:
                async with turns:
                    name, digest = names[number], digests[number]
                    await store.put(statement(name, digest=digest, number=number), ORIGIN)
                    await store.put(sign(name, digest), ORIGIN)

            await run(0)
            begun, used, before = time.perf_counter(), time.process_time(), store.requests
            await asyncio.gather(*map(run, range(1, count)))
            took, cpu = time.perf_counter() - begun, time.process_time() - used
            return {
                "rate": (count - 1) / took,
                "cpu_ms": cpu / (count - 1) * 1e3,
                "requests": (store.requests - before) / (count - 1) / 2,
            }


async def digests_of(authority: str, names: list[str], mode: str) -> list[str]:
    """Tags need no image; a bundle refers to one that is there."""
    if mode == "dsse":
        return [f"sha256:{number:064x}" for number in range(len(names))]
    return [await registries.push(authority, name.partition("/")[2], tag=str(n)) for n, name in enumerate(names)]


def table(count: int, show: Callable[[str, str, str], None]) -> None:
    """One line for each registry and mode."""
    for kind in registries.REAL:
        for mode in ("dsse", "sigstore-bundle"):
            found = asyncio.run(measured(kind, mode, count))
            show(f"{kind}, {mode}: provenance and image signature", f"{found['rate']:.0f} runs/s", "at least 30 runs/s")
            show("  requests for each of the two", f"{found['requests']:.1f}", "6")
            show("  processor time per run", f"{found['cpu_ms']:.1f} ms", "")

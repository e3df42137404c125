"""Signatures per second and processor time per signature, for each signer that can be tried on loopback: hack/bench signers.

Services play in a process of their own, so that the time is this process's. Statements of 3 KiB, one and 16 at a time.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests"))

from fakes import folders, keyservices, signers, softhsm, spire

MESSAGE = b"x" * 3072
SECONDS = 2.0


@asynccontextmanager
async def service(scheme: str, directory: Path) -> AsyncIterator[Any]:
    """A signer over a service in another process."""
    command = [sys.executable, __file__, scheme, str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220
    try:
        assert process.stdout
        address = process.stdout.readline().strip()
        async with keyservices.SIGNERS[scheme](address, directory) as signer:
            yield signer
    finally:
        process.kill()
        process.wait()


async def serve(scheme: str, directory: Path) -> None:
    async with keyservices.SERVERS[scheme](keyservices.Keeper(), directory) as address:
        print(address, flush=True)
        await asyncio.Event().wait()


async def measured(signer: Any, at_once: int) -> tuple[float, float]:
    """Signatures per second, and milliseconds of processor time for each."""
    await signer.sign(MESSAGE)
    count, began, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began < SECONDS:
        await asyncio.gather(*(signer.sign(MESSAGE) for _ in range(at_once)))
        count += at_once
    return count / (time.perf_counter() - began), (time.process_time() - cpu) / count * 1e3


def ways(directory: Path) -> dict[str, Callable[[], Any]]:
    """Signer -> how it is opened."""

    @asynccontextmanager
    async def file(algorithm: str) -> AsyncIterator[Any]:
        yield await signers.opened_x509(folders.keys(directory / algorithm, algorithm=algorithm))

    found: dict[str, Callable[[], Any]] = {f"x509, {each}": lambda each=each: file(each) for each in signers.ALGORITHMS}
    found["spiffe (P-256)"] = lambda: spire.opened(directory)
    if any(Path(path).exists() for path in softhsm.MODULES):
        found["pkcs11 (SoftHSM, P-256)"] = lambda: softhsm.opened(directory)
    return found | {f"{scheme} (P-256)": lambda scheme=scheme: service(scheme, directory) for scheme in keyservices.SERVERS}


async def table() -> None:
    print(f"{'signer':<26}{'one at a time':>16}{'16 at a time':>16}{'processor time':>18}")
    with tempfile.TemporaryDirectory() as name:
        for what, opened in ways(Path(name)).items():
            async with AsyncExitStack() as stack:
                signer = await stack.enter_async_context(opened())
                (slow, _), (quick, cpu_ms) = await measured(signer, 1), await measured(signer, 16)
            print(f"{what:<26}{slow:>14.0f}/s{quick:>14.0f}/s{cpu_ms:>15.2f} ms", flush=True)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2])) if len(sys.argv) > 1 else table())

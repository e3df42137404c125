"""The floor: one bare JSON patch on each run, as large as a signature is, and nothing else.

A program of its own, so that its work is measured like a controller's. Its input is JSON, the arguments of `main`; it prints the
seconds from the first to the last write, and its own processor time.
"""

import asyncio
import json
import ssl
import sys
import time

import aiohttp

PARAMETERS = {"fieldManager": "floor", "includeObject": "None"}
HEADERS = {"Content-Type": "application/json-patch+json", "Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}


async def write(session: aiohttp.ClientSession, url: str, uid: str, annotations: dict[str, str]) -> None:
    operations = [
        {"op": "test", "path": "/metadata/uid", "value": uid},
        {"op": "add", "path": "/metadata/annotations", "value": annotations},
    ]
    async with session.patch(url, data=json.dumps(operations), params=PARAMETERS, headers=HEADERS) as answer:
        await answer.read()
        answer.raise_for_status()


async def main(*, server: str, ca: str, token: str, namespace: str, at_once: int, size: int, uids: dict[str, str]) -> None:
    annotations = {f"example.com/floor-{n}": "x" * (size // 8) for n in range(8)}
    waiting = iter(uids.items())

    async def work(session: aiohttp.ClientSession) -> None:
        for name, uid in waiting:
            await write(session, f"{server}/apis/tekton.dev/v1/namespaces/{namespace}/taskruns/{name}", uid, annotations)

    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=ca), limit=at_once)
    async with aiohttp.ClientSession(connector=connector, headers={"Authorization": f"Bearer {token}"}) as session:
        begin, used = time.monotonic(), time.process_time()
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work(session))
        print(json.dumps({"seconds": time.monotonic() - begin, "processor_s": time.process_time() - used}))


if __name__ == "__main__":
    asyncio.run(main(**json.load(sys.stdin)))

"""A cluster in memory: objects that come, change and go, marks that stay, and a record of its own."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

from fakes import objects
from fakes.stepping import step

from sealwright.core.errors import Reason, Transient
from sealwright.core.model import Key, Lane, Mark
from sealwright.core.outbox import Pending
from sealwright.core.tekton import annotations as run_annotations
from sealwright.core.tekton import runs


class MemoryClaim:
    """`ports.Claim`, which a test can take away."""

    def __init__(self, source: "MemoryRuns", anchor: str) -> None:
        self._source, self._anchor = source, anchor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def check(self) -> None:
        if self._anchor in self._source.lost:
            raise Transient(Reason.NOT_HELD, "another replica has it")


class MemoryRuns:
    """`ports.Runs`. `elsewhere` are the anchors that another replica works on, `lost` those that it takes while we act.

    Each verb takes a step before and after what it does, so that a story can be stopped at both.

    `marks` are what was written, `order` the verbs as they were called. `mark_fault` is raised by `mark` and `end_fault` by
    `follow` at its end, `fetch_faults` by `fetch` of that key. `echo`: a mark comes back as a change, as from a watch.
    """

    def __init__(self, *found: objects.Object, echo: bool = False) -> None:
        self._objects: dict[Key, bytes] = {}
        self._news: asyncio.Queue[Key | None] = asyncio.Queue()
        self._done: set[tuple[Key, str]] = set()
        self._echo = echo
        self.marks: dict[Key, Mark] = {}
        self.order: list[tuple[str, Key]] = []
        self.mark_fault: Exception | None = None
        self.fetch_faults: dict[Key, Exception] = {}
        self.end_fault: Exception | None = None
        self.held: set[tuple[Key, str]] = set()
        self.past: list[Key] = []
        self.elsewhere: set[str] = set()
        self.lost: set[str] = set()
        self.kept: dict[Key, Pending] = {}
        self.keep_fault: Exception | None = None
        self.add(*found)

    def add(self, *found: objects.Object) -> None:
        """New objects, or new states of known ones; their keys go to whoever follows."""
        for each in found:
            self.put(objects.key(each), objects.body(each))

    def put(self, key: Key, body: bytes) -> None:
        """Bytes as they are, whatever they say."""
        self._objects[key] = body
        self._news.put_nowait(key)

    def touch(self, key: Key) -> None:
        """Something about it changed."""
        self._news.put_nowait(key)

    def delete(self, key: Key) -> None:
        self._objects.pop(key, None)
        self._news.put_nowait(key)

    def end(self) -> None:
        """No more will come."""
        self._news.put_nowait(None)

    def start_again(self) -> None:
        """What a source tells a program that has just started: everything that is there."""
        self._news = asyncio.Queue()
        for key in self._objects:
            self.touch(key)

    def annotations(self, key: Key) -> dict[str, Any]:
        """What stands on the object."""
        return runs.read(self._objects[key]).metadata.annotations or {}

    def claim(self, anchor: str) -> MemoryClaim | None:
        return None if anchor in self.elsewhere else MemoryClaim(self, anchor)

    async def keep(self, owed: Pending) -> None:
        self.order.append(("keep", owed.origin.key))
        await step()
        if self.keep_fault:
            raise self.keep_fault
        self.kept[owed.origin.key] = owed

    async def fail(self, key: Key, uid: str, annotations: Mapping[str, str]) -> None:
        self.order.append(("fail", key))
        await step()
        if runs.read(self._objects[key]).metadata.uid == uid:
            self._objects[key] = run_annotations.annotate(self._objects[key], annotations)

    async def follow(self) -> AsyncIterator[tuple[Key, Lane]]:
        while (key := await self._news.get()) is not None:
            yield key, "live"
        if self.end_fault:
            raise self.end_fault

    async def backlog(self) -> AsyncIterator[Key]:
        for key in self.past:
            yield key

    async def hold(self, key: Key, uid: str) -> None:
        self.held.add((key, uid))

    async def release(self, key: Key, uid: str) -> None:
        self.order.append(("release", key))
        self.held = {(held, of) for held, of in self.held if held != key or uid not in ("", of)}

    async def fetch(self, key: Key) -> bytes | None:
        self.order.append(("fetch", key))
        await step()
        if key in self.fetch_faults:
            raise self.fetch_faults[key]
        return self._objects.get(key)

    async def standing(self, key: Key, uid: str) -> bool:
        self.order.append(("standing", key))
        await step()
        return (key, uid) in self._done

    async def mark(self, key: Key, uid: str, mark: Mark) -> None:
        self.order.append(("mark", key))
        await step()
        if self.mark_fault:
            raise self.mark_fault
        body = self._objects.get(key)
        if body is None or runs.read(body).metadata.uid != uid:
            return
        self._objects[key] = run_annotations.annotate(body, mark.annotations)
        self._done.add((key, uid))
        self.marks[key] = mark
        if self._echo:
            self.touch(key)
        await step()

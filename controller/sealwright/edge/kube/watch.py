"""Watch first, history beside it (design D7): changes from now on without a gap, and what was there before, page by page."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

from sealwright.core.errors import Fault, Permanent, Reason, Transient, quote
from sealwright.core.model import Kind
from sealwright.edge.kube import notices
from sealwright.edge.kube.client import Api
from sealwright.edge.kube.notices import ExpiredError, Notice
from sealwright.ports import Clock

KINDS: Sequence[tuple[Kind, str]] = (("TaskRun", "taskruns"), ("PipelineRun", "pipelineruns"))
# Runs of 8 KiB make 4 MB pages; the server cuts what is larger.
PAGE = "400"
# Servers end watches after 30 to 60 minutes by themselves; a shorter life spreads the work of beginning anew.
WATCH_S = "600"
# Events that wait for the flow; beyond it the connection waits, and after that the server.
AHEAD = 256
# ... and the bytes that they may keep: what is beyond comes without its JSON, to be read in its turn.
AHEAD_BYTES = 8 << 20
RETRY_S = 1.0
BUG_S = 10.0


class Watch:
    """Both kinds of run, in the namespaces given, or in all. `on_problem` is told of each fault that is retried."""

    def __init__(self, api: Api, clock: Clock, namespaces: Sequence[str], on_problem: Callable[[str, Fault], None]) -> None:
        self._api = api
        self._clock = clock
        self._namespaces = namespaces
        self._on_problem = on_problem
        self._events: asyncio.Queue[tuple[Notice, bytes]] = asyncio.Queue(AHEAD)
        self._waiting_bytes = 0
        self.synced = asyncio.Event()  # every watch has begun: from here on nothing is missed
        self._begun = 0

    def _paths(self) -> list[tuple[Kind, str]]:
        scopes = [f"namespaces/{name}/" for name in self._namespaces] or [""]
        return [(kind, f"/apis/tekton.dev/v1/{scope}{plural}") for scope in scopes for kind, plural in KINDS]

    async def live(self) -> AsyncIterator[tuple[Notice, bytes]]:
        """Every run that is made, changes or is being deleted, with its JSON (empty if too much waits already). Never ends."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._follow(kind, path)) for kind, path in self._paths()]
            try:
                while True:
                    found, body = await self._events.get()
                    self._waiting_bytes -= len(body)
                    yield found, body
            finally:
                for task in tasks:
                    task.cancel()

    async def history(self) -> AsyncIterator[tuple[Notice, bytes]]:
        """Every run that is there, with its JSON, once the watches have begun, in the order in which the server keeps them."""
        await self.synced.wait()
        for kind, path in self._paths():
            following = ""
            while True:
                page = await self._page(kind, path, following)
                for found in self._each(kind, path, page):
                    yield found
                following = page.following
                if not following:
                    break

    async def _page(self, kind: Kind, path: str, following: str) -> notices.Page:
        """One page; a token that has expired begins that list anew, since a run seen twice costs little."""
        while True:
            try:
                parameters = {"limit": PAGE} | ({"continue": following} if following else {})
                return notices.page(kind, await self._list(path, **parameters))
            except Fault as fault:
                self._on_problem(path, fault)
                following = "" if _is_expired(fault) else following
                await self._clock.sleep(getattr(fault, "after_s", None) or RETRY_S)

    async def _follow(self, kind: Kind, path: str) -> None:
        """Watch for ever. After a gap (410) the version to go on from is taken first, then all that is there is read again."""
        version, is_first, has_gap = "", True, False
        while True:
            began_s = self._clock.now_s()
            try:
                version = version or await self._version(kind, path)
                if is_first:
                    is_first = False
                    self._note_begun()
                if has_gap:
                    await self._replay(kind, path)
                    has_gap = False
                version = await self._once(kind, path, version)
            except ExpiredError:
                version, has_gap = "", True
            except Fault as fault:
                self._on_problem(path, fault)
                if _is_expired(fault):
                    version, has_gap = "", True
                await self._clock.sleep(getattr(fault, "after_s", None) or RETRY_S)
            except Exception as bug:  # noqa: BLE001  nothing foreseen ends this, and its end would end the program
                self._on_problem(path, Permanent(Reason.INTERNAL_ERROR, f"{type(bug).__name__}: {quote(bug)}"))
                version, has_gap = "", True  # past the event that it could not take
                await self._clock.sleep(BUG_S)
            # A server, or a proxy before it, that ends each watch at once must not be asked without a pause.
            await self._clock.sleep(max(0.0, began_s + RETRY_S - self._clock.now_s()))

    def _each(self, kind: Kind, path: str, page: notices.Page) -> Iterator[tuple[Notice, bytes]]:
        """The items of a page; one that cannot be read is told of, and does not stop the others (T25)."""
        for item in page.items:
            try:
                yield notices.notice(kind, item), bytes(item)
            except Fault as fault:
                self._on_problem(path, fault)

    async def _version(self, kind: Kind, path: str) -> str:
        return notices.page(kind, await self._list(path, limit="1")).version

    async def _list(self, path: str, **parameters: str) -> bytes:
        """An API server that has not loaded the kind yet answers 404: taken for an empty list, all of history would be lost."""
        body = await self._api.get(path, **parameters)
        if body is None:
            raise Transient(Reason.NOT_FOUND, f"{path} is not served: is Tekton installed, and the API server up?")
        return body

    async def _once(self, kind: Kind, path: str, version: str) -> str:
        """One watch from `version` to its end; the version to go on from."""
        parameters = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": WATCH_S, "resourceVersion": version}
        async for line in self._api.lines(path, **parameters):
            try:
                type_, found, body = notices.event(kind, line)
            except Permanent as fault:
                self._on_problem(path, fault)  # one poisonous object must never stop the others (T25)
                continue
            except Transient as fault:
                # The server's own error may come again at this version.
                self._on_problem(path, fault)
                await self._clock.sleep(RETRY_S)
                raise ExpiredError(fault.message) from fault
            version = found.version or version
            if type_ in ("ADDED", "MODIFIED"):
                await self._put(found, body)
        return version

    async def _put(self, found: Notice, body: bytes) -> None:
        kept = body if self._waiting_bytes + len(body) <= AHEAD_BYTES else b""
        self._waiting_bytes += len(kept)
        await self._events.put((found, kept))

    async def _replay(self, kind: Kind, path: str) -> None:
        following = ""
        while True:
            page = await self._page(kind, path, following)
            for found, body in self._each(kind, path, page):
                await self._put(found, body)
            following = page.following
            if not following:
                return

    def _note_begun(self) -> None:
        self._begun += 1
        if self._begun == len(self._paths()):
            self.synced.set()


def _is_expired(fault: Fault) -> bool:
    """Servers say so as an event, or as the status of the answer."""
    return "answered 410" in fault.message

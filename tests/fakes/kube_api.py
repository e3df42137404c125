"""An API server in memory, on loopback: lists, watches, JSON patches, and every way in which a real one lets its clients down."""

import asyncio
import json
from contextlib import asynccontextmanager

from aiohttp import web
from fakes import jsonpatch

from sealwright.edge.kube.client import Api
from sealwright.edge.kube.login import Login


class KubeApi:
    """Objects by (resource, namespace, name), and what became of them, in order.

    `calls` are (method, path, query). `faults` are answered once each, (status, headers), to calls that `is_faulty` picks.
    `oldest`: a watch from an older version is told 410.
    """

    def __init__(self):
        self.kept = {}
        self.history = []
        self.version = 100
        self.oldest = 0
        self.calls = []
        self.faults = []
        self.is_faulty = lambda _method, _path: True
        self.expired_pages = 0
        self.watches = 0
        self._open = {}
        self._deaf = set()
        self._news = asyncio.Event()

    # --- what a test does ---

    def put(self, found, type_=""):
        """A new object, or a new state of one."""
        metadata = found["metadata"]
        place = _resource(found["kind"]), metadata.get("namespace", ""), metadata["name"]
        type_ = type_ or ("MODIFIED" if place in self.kept else "ADDED")
        self.version += 1
        found = found | {"metadata": metadata | {"resourceVersion": str(self.version)}}
        if type_ == "DELETED":
            self.kept.pop(place)
        else:
            self.kept[place] = found
        self._tell(place, {"type": type_, "object": found})
        return found

    def delete(self, resource, namespace, name):
        self.put(self.kept[resource, namespace, name], "DELETED")

    def tell(self, resource, line):
        """Any event, or any line, to all watches of a kind."""
        self.version += 1
        self._tell((resource, "", ""), line)

    def bookmark(self, resource, kind):
        version = str(self.version + 1)
        self.tell(resource, {"type": "BOOKMARK", "object": {"kind": kind, "metadata": {"resourceVersion": version}}})

    def expire(self):
        """Compaction: what was until now can be watched from no more."""
        self.version += 1
        self.oldest = self.version

    def cut(self, half_a_line=b""):
        """Every watch loses its connection, after these bytes of an event."""
        for answer, transport in list(self._open.items()):
            if half_a_line:
                transport.write(b"%x\r\n%s\r\n" % (len(half_a_line), half_a_line))
            answer.cut = True
            transport.close()
        self._wake()

    def fall_silent(self):
        """The open watches hear nothing any more, and their connections stay; those that come later do."""
        self._deaf |= set(self._open)

    def get(self, resource, namespace, name):
        return self.kept.get((resource, namespace, name))

    def count(self, method, ending=""):
        return sum(each == method and path.endswith(ending) and "watch" not in query for each, path, query in self.calls)

    @asynccontextmanager
    async def api(self):
        """Our own client of it."""
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with Api(Login(server=self.url, tls=None, token=lambda: "secret-token")) as api:
                yield api
        finally:
            self.cut()
            await runner.cleanup()

    # --- what it answers ---

    async def _answer(self, request):
        method, path, query = request.method, request.path, dict(request.query)
        self.calls.append((method, path, query))
        body = await request.read()
        if self.faults and self.is_faulty(method, path):
            status, headers = self.faults.pop(0)
            return web.json_response({"kind": "Status", "code": status, "message": "as told"}, status=status, headers=headers)
        resource, namespace, name = _place(path)
        if method == "GET" and name:
            return self._object(self.kept.get((resource, namespace, name)))
        if method == "GET":
            return await (self._watch if query.get("watch") else self._list)(request, resource, namespace)
        write = {"POST": self._create, "PUT": self._replace, "PATCH": self._patch, "DELETE": self._delete}[method]
        assert method != "PATCH" or request.content_type == "application/json-patch+json"
        return write((resource, namespace, name), json.loads(body or b"null"))

    def _object(self, found):
        return web.json_response(found) if found else _status(404)

    async def _list(self, request, resource, namespace):
        query = request.query
        if query.get("continue") and self.expired_pages:
            self.expired_pages -= 1
            return _status(410)
        field, _, wanted = query.get("fieldSelector", "").partition("=")
        name = wanted if field == "metadata.name" else ""
        found = [each for place, each in sorted(self.kept.items()) if _is_of(place, resource, namespace, name)]
        found = [each for each in found if _has_labels(each, query.get("labelSelector", ""))]
        if field == "involvedObject.uid":
            found = [each for each in found if each["involvedObject"]["uid"] == wanted]
        begin, limit = int(query.get("continue") or 0), int(query.get("limit") or len(found) or 1)
        metadata = {"resourceVersion": str(self.version)}
        if begin + limit < len(found):
            metadata["continue"] = str(begin + limit)
        return web.json_response({"kind": "List", "metadata": metadata, "items": found[begin : begin + limit]})

    async def _watch(self, request, resource, namespace):
        since = int(request.query.get("resourceVersion") or 0)
        self.watches += 1
        answer = web.StreamResponse()
        answer.cut = False
        await answer.prepare(request)
        self._open[answer] = request.transport
        try:
            if since < self.oldest:
                await answer.write(_line({"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}))
                return answer
            wanted = request.query.get("fieldSelector", "").removeprefix("metadata.name=")
            begin = 0
            while not answer.cut:
                news = self._news
                fresh, begin = self.history[begin:], len(self.history)
                for version, place, line in fresh:
                    if version > since and answer not in self._deaf and _is_of(place, resource, namespace, wanted):
                        await answer.write(_line(line))
                await news.wait()
        except ConnectionError:
            pass
        finally:
            self._open.pop(answer, None)
        return answer

    def _create(self, place, found):
        resource, namespace, _ = place
        name = found["metadata"]["name"]
        if (resource, namespace, name) in self.kept:
            return _status(409)
        kind = {"secrets": "Secret", "configmaps": "ConfigMap"}.get(resource) or found["kind"]
        return web.json_response(
            self.put({"kind": kind} | found | {"metadata": found["metadata"] | {"namespace": namespace}}), status=201
        )

    def _replace(self, place, found):
        before = self.kept.get(place)
        if before is None:
            return _status(404)
        if before["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
            return _status(409)
        return web.json_response(self.put(found))

    def _delete(self, place, _):
        if place not in self.kept:
            return _status(404)
        self.delete(*place)
        return web.json_response({"kind": "Status", "status": "Success"})

    def _patch(self, place, operations):
        before = self.kept.get(place)
        if before is None:
            return _status(404)
        try:
            after = jsonpatch.apply(before, operations)
        except jsonpatch.TestFailedError:
            return _status(422)
        ends = after["metadata"].get("deletionTimestamp") and not after["metadata"].get("finalizers")
        self.put(after, "DELETED" if ends else "")
        return web.json_response({"kind": "Table"})

    def _tell(self, place, line):
        self.history.append((self.version, place, line))
        self._wake()

    def _wake(self):
        self._news.set()
        self._news = asyncio.Event()


async def until(condition, seconds=5.0):
    """Wait for what comes over a socket."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  a socket's own pace
            await asyncio.sleep(0.001)


class QuickClock:
    """`ports.Clock`: every wait is short, and noted in `waits_s`."""

    def __init__(self):
        self.waits_s = []

    def now_s(self):
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds):
        self.waits_s.append(seconds)
        await asyncio.sleep(0.001)


def _resource(kind):
    return f"{kind.lower().removesuffix('y')}ies" if kind.endswith("y") else f"{kind.lower()}s"


def _place(path):
    """Resource, namespace and name of /api/v1/... and /apis/GROUP/VERSION/..."""
    parts = path.strip("/").split("/")[2 if path.startswith("/api/") else 3 :]
    if parts[0] == "namespaces" and len(parts) < 3:
        return parts[0], "", parts[1] if len(parts) > 1 else ""
    namespace = parts[1] if parts[0] == "namespaces" else ""
    parts = parts[2:] if namespace else parts
    return parts[0], namespace, parts[1] if len(parts) > 1 else ""


def _is_of(place, resource, namespace, name):
    return (
        place[0] == resource
        and place[1] in (namespace, place[1] if not namespace else "")
        and (not name or place[2] in (name, ""))
    )


def _has_labels(found, selector):
    """Both forms that are asked for: `name` and `name=word`."""
    there = found["metadata"].get("labels", {})
    wanted = [each.partition("=") for each in selector.split(",") if each]
    return all(name in there and word in ("", there[name]) for name, _, word in wanted)


def _line(line):
    return line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"


def _status(code):
    return web.json_response({"kind": "Status", "code": code, "message": "no"}, status=code)

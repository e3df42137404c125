"""Google Cloud Storage's XML interface, as far as its clients see: one bucket, writes with a precondition, listings."""

from xml.sax.saxutils import escape

from aiohttp import web


class Gcs:
    """`loses` are names of which a write is acknowledged and nothing kept. `refuse` is answered to everything while it is set."""

    def __init__(self, bucket: str = "b") -> None:
        self.kept: dict[str, bytes] = {}
        self.loses: set[str] = set()
        self.refuse = 0
        self._bucket = bucket

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{bucket}", self._list)
        app.router.add_put("/{bucket}/{name:.+}", self._put)
        app.router.add_get("/{bucket}/{name:.+}", self._get)
        return app

    async def _put(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        name, body = request.match_info["name"], await request.read()
        if name in self.kept and request.headers.get("x-goog-if-generation-match") == "0":
            return web.Response(status=412, text="<Error><Code>PreconditionFailed</Code></Error>")
        if name not in self.loses:
            self.kept[name] = body
        return web.Response(headers={"ETag": '"1"', "x-goog-generation": "1"})

    async def _get(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        body = self.kept.get(request.match_info["name"])
        if body is None:
            return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
        return web.Response(body=body, headers={"ETag": '"1"', "Last-Modified": "Fri, 27 Nov 2026 00:00:00 GMT"})

    async def _list(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        names = sorted(name for name in self.kept if name.startswith(request.query.get("prefix", "")))
        listed = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(self.kept[name])}</Size><ETag>1</ETag>"
            "<LastModified>2026-11-27T00:00:00.000Z</LastModified></Contents>"
            for name in names
        )
        text = f"<?xml version='1.0'?><ListBucketResult><IsTruncated>false</IsTruncated>{listed}</ListBucketResult>"
        return web.Response(text=text, content_type="application/xml")

    def _refused(self, request: web.Request) -> web.Response | None:
        if self.refuse:
            return web.Response(status=self.refuse, text="<Error><Code>No</Code></Error>")
        if request.match_info["bucket"] != self._bucket:
            return web.Response(status=404, text="<Error><Code>NoSuchBucket</Code></Error>")
        return None

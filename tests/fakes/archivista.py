"""An Archivista, as far as its clients see: envelopes by git object id, an index of subjects, GraphQL for both."""

import base64
import json

from aiohttp import web

from sealwright.edge.stores.archivista import gitoid


class Archivista:
    """`faults` are statuses that the next uploads answer, after the bytes were kept (it keeps before it indexes)."""

    def __init__(self, *, graphql: bool = True) -> None:
        self.kept: dict[str, bytes] = {}
        self.indexed: dict[str, set[str]] = {}
        self.faults: list[int] = []
        self.uploads = 0
        self.spoil = lambda body: body
        self._graphql = graphql

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/upload", self._upload)
        app.router.add_get("/download/{gitoid}", self._download)
        if self._graphql:
            app.router.add_post("/query", self._query)
        return app

    async def _upload(self, request: web.Request) -> web.Response:
        self.uploads += 1
        body = await request.read()
        named = gitoid(body)
        self.kept[named] = self.spoil(body)
        if self.faults:
            return web.Response(status=self.faults.pop(0), text="the metadata store is down")
        if named in self.indexed:
            return web.Response(status=500, text="ent: constraint failed: Duplicate entry")
        try:
            envelope = json.loads(body)
            statement = json.loads(base64.b64decode(envelope["payload"]))
        except (ValueError, KeyError) as error:
            return web.Response(status=500, text=str(error))
        self.indexed[named] = {digits for subject in statement.get("subject", ()) for digits in subject["digest"].values()}
        return web.json_response({"gitoid": named})

    async def _download(self, request: web.Request) -> web.Response:
        body = self.kept.get(request.match_info["gitoid"])
        return web.Response(status=500, text="open: no such file or directory") if body is None else web.Response(body=body)

    async def _forget(self, _request: web.Request) -> web.Response:
        """GraphQL of a server that has lost its index."""
        return web.json_response({"data": {"dsses": {"edges": []}}})

    async def _query(self, request: web.Request) -> web.Response:
        asked = (await request.json())["variables"]
        found = [named for named, digests in self.indexed.items() if asked.get("id") == named or asked.get("digest") in digests]
        edges = [{"node": {"gitoidSha256": named}} for named in found]
        return web.json_response({"data": {"dsses": {"edges": edges}}})

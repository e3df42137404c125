"""An API server that has Events and nothing else, on loopback."""

from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

from sealwright.edge.kube.client import Api
from sealwright.edge.kube.login import Login

EVENTS = "/api/v1/namespaces/{namespace}/events"


class EventServer:
    """`events` are kept by namespace and name, `calls` are (method, status). `refuse` is answered to all while it is set."""

    def __init__(self):
        self.events = {}
        self.calls = []
        self.refuse = None
        self.gone = set()

    async def post(self, request):
        event = msgspec.json.decode(await request.read())
        place = request.match_info["namespace"], event["metadata"]["name"]
        assert event["metadata"]["namespace"] == event["involvedObject"]["namespace"] == place[0]
        if place[0] in self.gone:
            return self.answer("POST", 404)
        if place in self.events:
            return self.answer("POST", 409)
        self.events[place] = event
        return self.answer("POST", 201)

    async def patch(self, request):
        assert request.content_type == "application/merge-patch+json"
        place = request.match_info["namespace"], request.match_info["name"]
        if place not in self.events:
            return self.answer("PATCH", 404)
        self.events[place] |= msgspec.json.decode(await request.read())
        return self.answer("PATCH", 200)

    def answer(self, method, status, **headers):
        self.calls.append((method, status))
        return web.json_response({"message": "as told"}, status=status, headers=headers)

    @web.middleware
    async def refusing(self, request, handler):
        if self.refuse:
            status, headers = self.refuse
            return self.answer(request.method, status, **headers)
        return await handler(request)

    @asynccontextmanager
    async def api(self):
        """Our own client of it."""
        app = web.Application(middlewares=[self.refusing])
        app.add_routes([web.post(EVENTS, self.post), web.patch(EVENTS + "/{name}", self.patch)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            async with Api(Login(server=f"http://127.0.0.1:{port}", tls=None, token=lambda: "")) as api:
                yield api
        finally:
            await runner.cleanup()

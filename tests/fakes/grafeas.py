"""A Grafeas v1 server's REST, as far as its clients see: notes by name, occurrences by resource, paged."""

import json
import re

from aiohttp import web

_NOTE = {"name", "shortDescription", "attestation", "build"}
_OCCURRENCE = {"name", "resourceUri", "noteName", "attestation", "build", "envelope"}
_PAGE = 2


class Grafeas:
    """Like Google's, it refuses members that it does not know, and occurrences of notes that are not there."""

    def __init__(self) -> None:
        self.notes: dict[str, dict] = {}
        self.occurrences: dict[str, dict] = {}
        self.logins: list[str] = []
        self.posts: list[str] = []
        self.spoil = lambda occurrence: occurrence

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/projects/{project}/notes", self._add_note)
        app.router.add_post("/v1/projects/{project}/occurrences", self._add)
        app.router.add_get("/v1/projects/{project}/occurrences", self._list)
        app.router.add_get("/v1/projects/{project}/occurrences/{id}", self._get)
        return app

    async def _add_note(self, request: web.Request) -> web.Response:
        self._see(request)
        name = f"projects/{request.match_info['project']}/notes/{request.query['noteId']}"
        body = await request.json()
        if set(body) - _NOTE or len(set(body) & {"attestation", "build"}) != 1:
            return _refused(400, f"Invalid JSON payload received: {sorted(body)}")
        if name in self.notes:
            return _refused(409, "note already exists")
        self.notes[name] = body
        return web.json_response({**body, "name": name})

    async def _add(self, request: web.Request) -> web.Response:
        self._see(request)
        body = await request.json()
        if set(body) - _OCCURRENCE or len(set(body) & {"attestation", "build"}) != 1:
            return _refused(400, f"Invalid JSON payload received: {sorted(body)}")
        if body["noteName"] not in self.notes:
            return _refused(404, "note not found")
        name = f"projects/{request.match_info['project']}/occurrences/{len(self.occurrences)}"
        self.occurrences[name] = self.spoil({**body, "name": name})
        return web.json_response(self.occurrences[name])

    async def _list(self, request: web.Request) -> web.Response:
        self._see(request)
        asked = re.fullmatch(r'resourceUrl=("(?:[^"\\]|\\.)*")', request.query["filter"])
        if not asked:
            return _refused(400, "invalid filter")
        found = [each for each in self.occurrences.values() if each["resourceUri"] == json.loads(asked.group(1))]
        first = int(request.query.get("pageToken", 0))
        more = {"nextPageToken": str(first + _PAGE)} if len(found) > first + _PAGE else {}
        return web.json_response({"occurrences": found[first : first + _PAGE], **more})

    async def _get(self, request: web.Request) -> web.Response:
        self._see(request)
        found = self.occurrences.get(request.path.removeprefix("/v1/"))
        return _refused(404, "not found") if found is None else web.json_response(found)

    def _see(self, request: web.Request) -> None:
        self.logins.append(request.headers.get("Authorization", ""))
        if request.method == "POST":
            self.posts.append(request.path)


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"code": status, "message": message}}, status=status)

"""A registry in memory, on loopback: the distribution API with logins, referrers or none, and every way in which real ones fail."""

import asyncio
import base64
import json
from collections import Counter
from contextlib import asynccontextmanager

from aiohttp import web
from yarl import URL

from sealwright.core import oci

TYPES = {oci.MANIFEST_TYPE, "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.v2+json"}


class MemoryRegistry:
    """Manifests by (repository, reference), blobs by (repository, digest).

    `basic` or `bearer` are (user, password) that it wants. `fault(request)` may answer instead of it. `calls` are (method, kind),
    `headers` what came in `Authorization`. `referrers`: whether it has that API. `compares`: whether it looks at `If-Match`.
    `whole_posts`: whether it takes a blob in one request.
    """

    def __init__(self, *, referrers=True, basic=None, bearer=None, compares=False, whole_posts=True):
        self.manifests = {}
        self.blobs = {}
        self.referrers, self.basic, self.bearer, self.compares = referrers, basic, bearer, compares
        self.whole_posts = whole_posts
        self.realm = None
        self.tokens = set()
        self.calls = Counter()
        self.authorizations = []
        self.fault = lambda _request: None
        self._verbs = {
            "/manifests/": self._manifest,
            "/blobs/uploads/": self._upload,
            "/blobs/": self._blob,
            "/referrers/": self._referrers,
        }
        self.uploads = 0
        self.page = 1000

    @asynccontextmanager
    async def serve(self, host="127.0.0.1", tls=None):
        """`host:port`."""
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await runner.setup()
        await web.TCPSite(runner, host, 0, ssl_context=tls).start()
        port = runner.addresses[0][1]
        self.authority = f"{host}:{port}"
        self.url = f"{'https' if tls else 'http'}://{self.authority}"
        try:
            yield self.authority
        finally:
            await runner.cleanup()

    def layers(self, repository, tag):
        """The layers below a tag: (media type, bytes, annotations)."""
        manifest = self.manifests.get((repository, tag))
        if manifest is None:
            return []
        described = json.loads(manifest[1])["layers"]
        return [(each["mediaType"], self.blobs[repository, each["digest"]], each.get("annotations", {})) for each in described]

    def tags(self, repository):
        return sorted(tag for name, tag in self.manifests if name == repository and ":" not in tag)

    async def _answer(self, request):
        path = request.path
        self.authorizations.append(request.headers.get("Authorization", ""))
        self.calls[request.method, _kind(path)] += 1
        body = await request.read()
        if (found := self.fault(request)) is not None:
            return await found if asyncio.iscoroutine(found) else found
        if path == "/token":
            return self._token(request, body)
        if (refusal := self._refusal(request)) is not None:
            return refusal
        if path == "/v2/":
            return web.json_response({})
        for mark, answer in self._verbs.items():
            repository, _, rest = path.removeprefix("/v2/").rpartition(mark)
            if repository:
                return answer(request, repository, rest, body)
        return error(404, "NOT_FOUND")

    def _refusal(self, request):
        given = request.headers.get("Authorization", "")
        if self.basic and given != f"Basic {encoded(*self.basic)}":
            return error(401, "UNAUTHORIZED", {"WWW-Authenticate": 'Basic realm="registry"'})
        if self.bearer and given.removeprefix("Bearer ") not in self.tokens:
            realm = self.realm or f"{self.url}/token"
            challenge = f'Bearer realm="{realm}",service="registry.test"'
            return error(401, "UNAUTHORIZED", {"WWW-Authenticate": challenge})
        return None

    def _token(self, request, body):
        form = dict(part.split("=", 1) for part in body.decode().split("&") if "=" in part)
        is_known = request.headers.get("Authorization") == f"Basic {encoded(*self.bearer)}"
        if not is_known and form.get("refresh_token") != self.bearer[1]:
            return error(401, "UNAUTHORIZED")
        token = f"token-{len(self.tokens)}"
        self.tokens.add(token)
        return web.json_response({"token": token, "expires_in": 300})

    def _manifest(self, request, repository, reference, body):
        place = repository, reference
        if request.method == "PUT":
            if (
                self.compares
                and request.headers.get("If-Match")
                and (place not in self.manifests or request.headers["If-Match"] != f'"{oci.digest_of(self.manifests[place][1])}"')
            ):
                return error(412, "PRECONDITION_FAILED")
            return self._put(repository, reference, request.content_type, body)
        if place not in self.manifests:
            return error(404, "MANIFEST_UNKNOWN")
        media_type, body = self.manifests[place]
        digest = oci.digest_of(body)
        headers = {"Docker-Content-Digest": digest, "ETag": f'"{digest}"', "Content-Type": media_type}
        return web.Response(body=body, headers=headers)

    def _put(self, repository, reference, media_type, body):
        loaded = json.loads(body)
        described = [*loaded.get("layers", []), *([loaded["config"]] if "config" in loaded else [])]
        missing = [each["digest"] for each in described if (repository, each["digest"]) not in self.blobs]
        if missing or media_type not in TYPES:
            return error(400, "MANIFEST_BLOB_UNKNOWN")
        digest = oci.digest_of(body)
        self.manifests[repository, reference] = self.manifests[repository, digest] = media_type, body
        headers = {"Docker-Content-Digest": digest, "Location": f"/v2/{repository}/manifests/{digest}"}
        if self.referrers and "subject" in loaded:
            headers["OCI-Subject"] = loaded["subject"]["digest"]
        return web.Response(status=201, headers=headers)

    def _upload(self, request, repository, _upload, body):
        if request.method == "POST" and not ("digest" in request.query and self.whole_posts):
            self.uploads += 1
            return web.Response(status=202, headers={"Location": f"/v2/{repository}/blobs/uploads/{self.uploads}?_state=x%2By"})
        assert request.method == "POST" or request.query["_state"] == "x+y"
        if oci.digest_of(body) != request.query["digest"]:
            return error(400, "DIGEST_INVALID")
        self.blobs[repository, request.query["digest"]] = body
        return web.Response(status=201, headers={"Docker-Content-Digest": request.query["digest"]})

    def _blob(self, _request, repository, digest, _body):
        body = self.blobs.get((repository, digest))
        return error(404, "BLOB_UNKNOWN") if body is None else web.Response(body=body)

    def _referrers(self, request, repository, digest, _body):
        if not self.referrers:
            return error(404, "NOT_FOUND")
        found = []
        for (name, reference), (media_type, body) in self.manifests.items():
            loaded = json.loads(body)
            if name == repository and reference.startswith("sha256:") and loaded.get("subject", {}).get("digest") == digest:
                entry = {"mediaType": media_type, "digest": reference, "size": len(body)}
                entry |= {key: loaded[key] for key in ("artifactType", "annotations") if key in loaded}
                found.append(entry)
        wanted = request.query.get("artifactType")
        if wanted:
            found = [each for each in found if each.get("artifactType") == wanted]
        begin = int(request.query.get("begin", 0))
        index = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": found[begin : begin + self.page],
        }
        headers = {"Content-Type": index["mediaType"]}
        if begin + self.page < len(found):
            following = URL(request.path).with_query({**request.query, "begin": begin + self.page})
            headers["Link"] = f'<{following}>; rel="next"'
        return web.Response(body=json.dumps(index), headers=headers)


def _kind(path):
    kinds = {
        "/manifests/": "manifest",
        "/blobs/uploads/": "upload",
        "/blobs/": "blob",
        "/referrers/": "referrers",
        "/token": "token",
    }
    return next((kind for mark, kind in kinds.items() if mark in path), "ping" if path == "/v2/" else path)


def encoded(user, password):
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def error(status, code, headers=None):
    return web.json_response({"errors": [{"code": code, "message": "as told"}]}, status=status, headers=headers)

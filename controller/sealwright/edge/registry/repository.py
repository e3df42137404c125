"""The verbs of one repository: manifests, blobs, referrers. What comes back was written by anybody, so digests are compared."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote as escape
from urllib.parse import urljoin, urlsplit, urlunsplit

from sealwright.core import oci
from sealwright.core.errors import Permanent, Reason, Transient, Untrusted, quote
from sealwright.core.model import value
from sealwright.core.oci import Descriptor
from sealwright.core.registry import address
from sealwright.core.registry.logins import Owner
from sealwright.edge import http
from sealwright.edge.registry.access import Access, Visitor
from sealwright.edge.registry.transport import MANIFEST_LIMIT, Answer, Transport, origin

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
_ACCEPT = ", ".join((oci.MANIFEST_TYPE, oci.INDEX_TYPE, DOCKER_MANIFEST, DOCKER_INDEX))
# Above the largest statement that is signed (core/strict.py), with its envelope.
BLOB_LIMIT = 24 << 20
# What is sent with the first POST to find out whether a registry takes it.
TRIAL_LIMIT = 128 << 10
_BYTES = {"Content-Type": "application/octet-stream"}
# RFC 9110 calls it "the request's target does not have the state": somebody else wrote the tag.
_CHANGED = 412


@value
class Manifest:
    """A manifest or index as it is kept. `etag` is for `If-Match`, "" where the registry gives none."""

    body: bytes
    media_type: str
    digest: str
    etag: str = ""


class Repository:
    """One repository, visited as one owner. Raises as `Access` and `Transport`; a missing thing is None."""

    def __init__(
        self, transport: Transport, access: Access, image: oci.Image, owner: Owner | None, actions: str = "pull,push"
    ) -> None:
        endpoint = address.endpoint(image.registry, insecure=transport.reach.insecure)
        self.name = address.repository(image.repository)
        self.visitor = Visitor(endpoint=endpoint, repository=self.name, actions=actions, owner=owner)
        self._transport = transport
        self._access = access

    async def manifest(self, reference: str) -> Manifest | None:
        """What stands under a tag or digest. Raises Untrusted(WRONG_DIGEST) for other bytes than the digest says."""
        doing = f"GET manifest {self._spoken(reference)}"
        answer = await self._call("GET", f"manifests/{reference}", doing, headers={"Accept": _ACCEPT})
        if answer.status == 404:
            return None
        self._need(answer, (200,), doing)
        digest = oci.digest_of(answer.body)
        if oci.is_digest(reference) and digest != reference:
            raise Untrusted(Reason.WRONG_DIGEST, f"{doing}: the registry gave other bytes, {digest}")
        said = answer.headers.get("Docker-Content-Digest", digest)
        if oci.is_digest(said) and said != digest:
            raise Untrusted(Reason.WRONG_DIGEST, f"{doing}: the registry calls it {said}, and its bytes are {digest}")
        media_type = oci.media_type_of(answer.body, answer.headers.get("Content-Type", ""), doing)
        return Manifest(body=answer.body, media_type=media_type, digest=digest, etag=answer.headers.get("ETag", ""))

    async def put_manifest(self, reference: str, body: bytes, media_type: str, etag: str = "") -> Mapping[str, str] | None:
        """Write it; the headers of the answer, or None where it has changed since `etag` (registries that look at it)."""
        doing = f"PUT manifest {self._spoken(reference)}"
        headers = {"Content-Type": media_type} | ({"If-Match": etag} if etag else {})
        answer = await self._call("PUT", f"manifests/{reference}", doing, headers=headers, body=body)
        if answer.status == _CHANGED:
            return None
        self._need(answer, (200, 201, 202), doing)
        digest, said = oci.digest_of(body), answer.headers.get("Docker-Content-Digest", "")
        if said.startswith("sha256:") and said != digest:
            raise Transient(Reason.STORE_FAILED, f"{doing}: the registry kept {quote(said)} instead of {digest}")
        return answer.headers

    async def blob(self, descriptor: Descriptor, limit: int = BLOB_LIMIT) -> bytes:
        """The bytes that `descriptor` names. Raises Permanent(NOT_FOUND, TOO_LARGE), Untrusted(WRONG_DIGEST)."""
        doing = f"GET blob {self._spoken(descriptor.digest)}"
        if not oci.is_digest(descriptor.digest):
            raise Permanent(Reason.INVALID_INPUT, f"{doing}: that is no SHA-256 digest")
        if descriptor.size > limit:
            raise Permanent(Reason.TOO_LARGE, f"{doing}: {descriptor.size} bytes, more than the {limit} that are read")
        answer = await self._call("GET", f"blobs/{descriptor.digest}", doing, limit=max(descriptor.size, 1))
        self._need(answer, (200,), doing)
        if len(answer.body) != descriptor.size or oci.digest_of(answer.body) != descriptor.digest:
            raise Untrusted(Reason.WRONG_DIGEST, f"{doing}: the registry gave {len(answer.body)} other bytes")
        return answer.body

    async def has_blob(self, digest: str) -> bool:
        doing = f"HEAD blob {self._spoken(digest)}"
        answer = await self._call("HEAD", f"blobs/{digest}", doing)
        if answer.status != 404:
            self._need(answer, (200,), doing)
        return answer.status == 200

    async def put_blob(self, body: bytes) -> str:
        """Keep a blob in one piece: with one request where the registry can do that, else with two; its digest."""
        digest = oci.digest_of(body)
        doing = f"upload blob {self._spoken(digest)}"
        begun = await self._begin(digest, body, doing)
        if begun.status != 201:
            self._need(begun, (202,), doing)
            url = self._upload_url(begun, digest, doing)
            ended = await self._call("PUT", url, doing, headers=_BYTES, body=body)
            self._need(ended, (201, 204), doing)
        return digest

    async def put_blob_once(self, body: bytes) -> None:
        """For a blob that many manifests share: it is not sent again to a repository that has taken it lately."""
        place = (self.visitor.endpoint, self.name, oci.digest_of(body))
        if place not in self._access.shared_blobs:
            if not await self.has_blob(place[2]):
                await self.put_blob(body)
            self._access.note_blob(place)

    async def _begin(self, digest: str, body: bytes, doing: str) -> Answer:
        """The answer to the POST: 201 if that was all. A registry that did not take the bytes with it is not sent them again."""
        known = self._access.takes_whole.get(self.visitor.endpoint, len(body) <= TRIAL_LIMIT)
        if known:
            answer = await self._call("POST", f"blobs/uploads/?digest={escape(digest)}", doing, headers=_BYTES, body=body)
            self._access.takes_whole[self.visitor.endpoint] = answer.status == 201
            if answer.status in (201, 202):
                return answer
        return await self._call("POST", "blobs/uploads/", doing, body=b"")

    async def referrers_page(self, path: str) -> Answer:
        """One page of the referrers API, status and all: that it is not there is an answer too."""
        return await self._call("GET", path, f"GET {path} of {quote(self.name)}", headers={"Accept": oci.INDEX_TYPE})

    def _upload_url(self, begun: Answer, digest: str, doing: str) -> str:
        """Where to send the bytes: on this very host, whatever the registry says (it is told our login there)."""
        target = urljoin(begun.url, begun.headers.get("Location", ""))
        parts, own = urlsplit(target), urlsplit(begun.url)
        if not begun.headers.get("Location") or (parts.hostname or "") != (own.hostname or ""):
            message = f"{doing}: the registry sends us to {quote(target)} with the bytes, and only its own host gets them"
            raise Permanent(Reason.STORE_FAILED, message)
        query = "&".join(filter(None, (parts.query, f"digest={escape(digest)}")))
        # A registry behind a proxy often takes itself for http, or for another port.
        return urlunsplit((own.scheme, own.netloc, parts.path, query, ""))

    async def _call(
        self,
        method: str,
        path: str,
        doing: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = MANIFEST_LIMIT,
    ) -> Answer:
        """With our login; once more with a new one where the old one is refused."""
        for is_last in (False, True):
            base = await self._access.base(self.visitor)
            login = await self._access.header(self.visitor)
            sent = dict(headers or {}) | ({"Authorization": login} if login else {})
            if "://" in path and not path.startswith(f"{base}/"):
                raise Permanent(Reason.STORE_FAILED, f"{doing}: the registry sends us to {quote(path)}, which is another host")
            url = path if "://" in path else f"{base}/v2/{self.name}/{path}"
            answer = await self._transport.send(method, url, headers=sent, body=body, limit=limit)
            may_mend = answer.status == 401 and origin(answer.url) == origin(url) and not is_last
            if not (may_mend and await self._access.forget(self.visitor, answer)):
                break
        if answer.status in (401, 403):
            raise await self._access.refused(self.visitor, answer, doing)
        return answer

    def _need(self, answer: Answer, statuses: Sequence[int], doing: str) -> None:
        if answer.status in statuses:
            return
        if answer.status == 413:
            raise Permanent(
                Reason.TOO_LARGE, f"{doing}: the registry takes nothing so large ({len(answer.body)} bytes of answer)"
            )
        raise http.fault(answer.status, answer.body, answer.headers, doing)

    def _spoken(self, reference: str) -> str:
        mark = "@" if oci.is_digest(reference) else ":"
        return f"{self.visitor.endpoint.authority}/{self.name}{mark}{reference}"

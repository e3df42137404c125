"""What refers to an image (OCI 1.1): Sigstore bundles, each as a manifest of its own whose `subject` is the image.

A registry that lists referrers needs nothing else, and writers cannot get in each other's way. One that does not has an index
under the tag `sha256-<hex>`, kept by those who write (distribution specification 1.1, "Referrers Tag Schema").
"""

import re
from collections.abc import Sequence
from urllib.parse import quote as escape
from urllib.parse import urljoin

from sealwright.core import oci
from sealwright.core.envelope import bundle
from sealwright.core.errors import Permanent, Reason, Transient, quote
from sealwright.core.model import Attestation
from sealwright.core.oci import Descriptor, Layer, Referrer
from sealwright.edge import http
from sealwright.edge.registry.repository import Repository
from sealwright.edge.registry.tags import ReferrerAddition, TagWriter

# Pages and entries that are read: more is somebody's attempt to keep us busy.
PAGES_LIMIT, REFERRERS_LIMIT = 16, 1000
CONTENT, PREDICATE = "dev.sigstore.bundle.content", "dev.sigstore.bundle.predicateType"

_NEXT = re.compile(r'<([^<>\s]{1,2048})>\s*;[^,]*\brel="?next"?')


async def put(repository: Repository, writer: TagWriter, digest: str, attestation: Attestation) -> str:
    """Keep a bundle with the image `digest`, once; the digest of its manifest. Raises Permanent(NOT_FOUND) without the image."""
    subject = await _subject(repository, digest)
    layer = Layer(media_type=bundle.MEDIA_TYPE, body=bundle.seal(attestation))
    notes = {CONTENT: "dsse-envelope", PREDICATE: attestation.payload.predicate_type}
    body = oci.referring(layer, bundle.MEDIA_TYPE, subject, notes)
    await repository.put_blob_once(oci.EMPTY)
    await repository.put_blob(layer.body)
    kept = oci.digest_of(body)
    headers = await repository.put_manifest(kept, body, oci.MANIFEST_TYPE) or {}
    if await repository.manifest(kept) is None:
        message = f"{repository.name}@{kept}: the registry took it and does not have it"
        raise Transient(Reason.STORE_FAILED, message)
    # "OCI-Subject" says that the registry lists it (specification 1.1, "Pushing Manifests with Subject").
    if not headers.get("OCI-Subject"):
        entry = Referrer(
            media_type=oci.MANIFEST_TYPE, size=len(body), digest=kept, artifact_type=bundle.MEDIA_TYPE, annotations=notes
        )
        await writer.append(repository, oci.referrers_tag(digest), ReferrerAddition(entry=entry))
    return kept


async def listed(repository: Repository, digest: str) -> list[Referrer]:
    """The bundles that refer to an image, by the registry's own list and by the tag, which may be older than the list."""
    found = [*await _by_api(repository, digest), *await _by_tag(repository, digest)]
    unique = {each.digest: each for each in found if each.artifact_type.startswith("application/vnd.dev.sigstore.bundle")}
    if len(unique) > REFERRERS_LIMIT:
        raise _too_many(repository, digest)
    return list(unique.values())


async def bundles(repository: Repository, digest: str) -> list[bytes]:
    """Their bytes, unproven."""
    found = []
    for each in await listed(repository, digest):
        manifest = await repository.manifest(each.digest)
        layers = oci.read_manifest(manifest.body, f"{repository.name}@{each.digest}").layers if manifest else []
        found += [await repository.blob(layer) for layer in layers[:1]]
    return found


async def _subject(repository: Repository, digest: str) -> Descriptor:
    found = await repository.manifest(digest)
    if found is None:
        message = f"{repository.name}@{digest}: there is no such image, so nothing can refer to it; it must be pushed first"
        raise Permanent(Reason.NOT_FOUND, message)
    return Descriptor(media_type=found.media_type, size=len(found.body), digest=digest)


async def _by_api(repository: Repository, digest: str) -> Sequence[Referrer]:
    found: list[Referrer] = []
    path = f"referrers/{digest}?artifactType={escape(bundle.MEDIA_TYPE, safe='')}"
    for _ in range(PAGES_LIMIT):
        answer = await repository.referrers_page(path)
        if answer.status in (400, 404, 405):
            return found  # no such API; or nothing there
        if answer.status != 200:
            raise http.fault(answer.status, answer.body, answer.headers, f"GET {quote(answer.url)}")
        found += oci.read_index(answer.body, f"GET {quote(answer.url)}")
        following = _NEXT.search(answer.headers.get("Link", "")[:4096])
        if following is None:
            return found
        if len(found) > REFERRERS_LIMIT:
            break
        path = urljoin(answer.url, following[1])
    raise _too_many(repository, digest)


async def _by_tag(repository: Repository, digest: str) -> Sequence[Referrer]:
    tag = oci.referrers_tag(digest)
    found = await repository.manifest(tag)
    return oci.read_index(found.body, f"{repository.name}:{tag}") if found and found.media_type == oci.INDEX_TYPE else ()


def _too_many(repository: Repository, digest: str) -> Permanent:
    message = f"{repository.name}@{digest}: more than {REFERRERS_LIMIT} referrers or {PAGES_LIMIT} pages of them"
    return Permanent(Reason.TOO_LARGE, message)

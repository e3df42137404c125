"""What a registry keeps about one image: layers under cosign's tags, and referrers that are Sigstore bundles.

Anybody who may push wrote it, so every count is bounded, and one piece that cannot be read is a fault of its own.
Sources: OCI distribution specification 1.1, referrers API and referrers tag schema; sigstore's `Bundle` as an OCI artifact.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from sealwright.core import oci
from sealwright.core.envelope import bundle, cosign
from sealwright.core.errors import Fault, Permanent, Reason, Untrusted, quote
from sealwright.core.oci import Image, Layer
from sealwright.core.policy import evidence as rules
from sealwright.core.policy.evidence import Evidence
from sealwright.edge.registry.repository import Repository

# Layers of one tag, and referrers, that are looked at; what lies beyond is told, and proves nothing.
PIECES_LIMIT = 128
PAGES_LIMIT = 8


class _Entry(msgspec.Struct, rename="camel"):
    digest: str
    size: int = 0
    media_type: str = ""
    artifact_type: str = ""


class _Index(msgspec.Struct):
    manifests: list[_Entry] = []


async def evidence(repository: Repository, image: Image) -> AsyncIterator[Evidence]:
    """Every piece, as it is found; a fault for a piece that cannot be had, NO_ATTESTATION where there is none at all.

    Raises what `Repository` raises where the registry cannot be asked.
    """
    count = 0
    for tag in (oci.signature_tag(image.digest), oci.attestation_tag(image.digest)):
        async for piece in _of_tag(repository, image, tag):
            count += 1
            yield piece
    async for piece in _of_referrers(repository, image):
        count += 1
        yield piece
    if not count:
        message = f"nothing is signed about {quote(image.reference)} in its repository, under cosign's tags or as a referrer"
        yield Evidence(what=_what(image), where="registry", fault=Untrusted(Reason.NO_ATTESTATION, message))


async def _of_tag(repository: Repository, image: Image, tag: str) -> AsyncIterator[Evidence]:
    where = f"tag {tag[:19]}...{tag[-4:]}"
    try:
        manifest = await repository.manifest(tag)
        described = oci.read_manifest(manifest.body, f"{image.name}:{tag}").layers if manifest else []
    except Permanent as fault:
        yield _junk(image, where, fault)
        return
    for each in described[:PIECES_LIMIT]:
        try:
            layer = Layer(media_type=each.media_type, body=await repository.blob(each), annotations=each.annotations)
            found = cosign.from_layer(layer, image)
        except Fault as fault:
            yield _faulty(image, where, fault)
            continue
        if found:
            yield Evidence(what=_what(image), where=where, attestation=found, digest=image.digest)
    if len(described) > PIECES_LIMIT:
        yield _too_many(image, where, len(described))


async def _of_referrers(repository: Repository, image: Image) -> AsyncIterator[Evidence]:
    try:
        entries = await _referrers(repository, image)
    except Permanent as fault:
        yield _junk(image, "referrers", fault)
        return
    bundles = [entry for entry in entries if entry.artifact_type.startswith(bundle.PREFIX)]
    for entry in bundles[:PIECES_LIMIT]:
        where = f"referrer {entry.digest[:19]}"
        try:
            for body in await _bundles(repository, image, entry):
                yield replace(rules.of_bundle(body, _what(image)), where=where, digest=image.digest)
        except Fault as fault:
            yield _faulty(image, where, fault)
    if len(bundles) > PIECES_LIMIT:
        yield _too_many(image, "referrers", len(bundles))


async def _referrers(repository: Repository, image: Image) -> list[_Entry]:
    """From the API, page by page, and from the tag that stood for it before the registry had one; each once."""
    manifest = await repository.manifest(oci.referrers_tag(image.digest))
    tagged = _read(manifest.body, _Index, f"the referrers of {image.reference}").manifests if manifest else []
    return list({entry.digest: entry for entry in (*await _listed(repository, image), *tagged)}.values())


async def _listed(repository: Repository, image: Image) -> list[_Entry]:
    found: list[_Entry] = []
    path = f"referrers/{image.digest}"
    for _ in range(PAGES_LIMIT):
        answer = await repository.referrers_page(path)
        is_page = answer.status == 200 and answer.headers.get("Content-Type", "").partition(";")[0].strip() == oci.INDEX_TYPE
        if not is_page:
            break
        found += _read(answer.body, _Index, f"the referrers of {image.reference}").manifests
        path = _following(answer.headers.get("Link", ""), answer.url)
        if not path:
            break
    return found


def _following(link: str, url: str) -> str:
    """The next page (RFC 8288), which is below the one before: nobody is led elsewhere."""
    target, _, relation = link.partition(">")
    begun = target.removeprefix("<")
    if not target.startswith("<") or 'rel="next"' not in relation:
        return ""
    scheme, _, rest = url.partition("://")
    authority = rest.partition("/")[0]
    return f"{scheme}://{authority}{begun}" if begun.startswith("/") else begun


async def _bundles(repository: Repository, image: Image, entry: _Entry) -> Sequence[bytes]:
    """The bundles in one artifact, which must itself say that it is about this image: indexes can say anything."""
    what = f"referrer {entry.digest} of {image.name}"
    if not oci.is_digest(entry.digest):
        raise Untrusted(Reason.INVALID_INPUT, f"{what}: that is no SHA-256 digest")
    manifest = await repository.manifest(entry.digest)
    if manifest is None:
        raise Untrusted(Reason.NOT_FOUND, f"{what}: the registry names it and does not have it")
    return [await repository.blob(layer) for layer in bundle.layers(manifest.body, image.digest, what)[:PIECES_LIMIT]]


def _read(body: bytes, shape: Any, what: str) -> Any:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Untrusted(Reason.INVALID_INPUT, f"{what}: cannot be read: {error}") from error


def _what(image: Image) -> str:
    return f"image {image.name}"


def _faulty(image: Image, where: str, fault: Fault) -> Evidence:
    """What is wrong with a piece is a refusal, unless waiting may help."""
    told = fault if not isinstance(fault, Permanent) else Untrusted(fault.reason, fault.message)
    return Evidence(what=_what(image), where=where, fault=told)


def _junk(image: Image, where: str, fault: Permanent) -> Evidence:
    """What somebody pushed there instead of what belongs there; that we may not look is raised on."""
    if fault.reason not in (Reason.INVALID_INPUT, Reason.TOO_LARGE, Reason.WRONG_DIGEST):
        raise fault
    return _faulty(image, where, fault)


def _too_many(image: Image, where: str, count: int) -> Evidence:
    message = f"{count} pieces, of which the first {PIECES_LIMIT} were looked at"
    return Evidence(what=_what(image), where=where, fault=Untrusted(Reason.TOO_LARGE, message))

"""Image references, tag names, and manifests as bytes.

The reader of references accepts exactly what Tekton Chains accepts (go-containerregistry 0.21, `name.NewDigest`, weak
mode; the registry by Go 1.26's `url.Parse`), because what it accepts decides which images are signed. That is much more
than a registry would: `https://host/x@sha256:...` is an image of the repository `/host/x` in the registry `https:`. So
nobody may use a registry or repository as a path or an address as it stands; `edge/layout.py` maps them to folders.
"""

import hashlib
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import field

import msgspec

from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import value

DEFAULT_REGISTRY = "index.docker.io"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
# What cosign and Chains write where an image has no build time; a time of ours would make equal content differ.
NO_TIME = "0001-01-01T00:00:00Z"

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAG = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_REPOSITORY = re.compile(r"[a-z0-9_./-]{2,255}")
# Go lets an authority hold these and what is outside ASCII (half a surrogate pair is none of its characters); `%` never
# survives its comparison with the decoded text.
_HOST = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"\x80-\ud7ff\ue000-\U0010ffff]*")
_PORT = re.compile(r"(?::[0-9]*)?")


@value
class Image:
    """An image by digest, normalised: `docker.io` is `index.docker.io`, a lone Docker Hub name is below `library/`.

    Every part comes from a result that a build wrote, so nothing in it is safe as a path, a URL or a log field.
    """

    registry: str
    repository: str
    digest: str

    @property
    def name(self) -> str:
        """`registry/repository`: the name of a subject, and simplesigning's `docker-reference`."""
        return f"{self.registry}/{self.repository}"

    @property
    def reference(self) -> str:
        """`registry/repository@sha256:<hex>`."""
        return f"{self.name}@{self.digest}"


@value
class Layer:
    """A layer with its bytes. Order of `annotations` is the order in the manifest."""

    media_type: str
    body: bytes
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def descriptor(self) -> "Descriptor":
        """What a manifest says of this layer."""
        return Descriptor(
            media_type=self.media_type, digest=digest_of(self.body), size=len(self.body), annotations=self.annotations
        )


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A blob as manifests and indexes name it (OCI image specification 1.1, descriptor); other members are left out."""

    media_type: str
    size: int
    digest: str
    annotations: Mapping[str, str] = {}


class Referrer(Descriptor, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An index's entry for a manifest that refers to an image (distribution specification 1.1, "Listing Referrers")."""

    artifact_type: str = ""


class _Index(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    schema_version: int = 2
    media_type: str = INDEX_TYPE
    manifests: list[Referrer] = []


class _Referring(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An image manifest that carries something about another one, `subject`."""

    schema_version: int = 2
    media_type: str = MANIFEST_TYPE
    artifact_type: str
    config: Descriptor
    layers: list[Descriptor]
    subject: Descriptor
    annotations: Mapping[str, str] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An image manifest (OCI image specification 1.1), in the member order that Chains writes."""

    schema_version: int
    media_type: str = MANIFEST_TYPE
    config: Descriptor
    layers: list[Descriptor]


def image(text: str) -> Image:
    """Read `[registry/]repository[:tag]@sha256:<64 lower-case hex>`; the tag is dropped.

    Raises Permanent(INVALID_INPUT).
    """
    base, at, digest = text.partition("@")
    if not at or "@" in digest:
        raise _refused(text, "it needs exactly one '@', between the repository and the digest")
    if not _DIGEST.fullmatch(digest):
        raise _refused(text, "the digest must be 'sha256:' and 64 lower-case hex digits")
    registry, repository = _repository(base, text)
    return Image(registry=registry, repository=repository, digest=digest)


def digest_of(body: bytes) -> str:
    """`sha256:<hex>` of these bytes."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def is_digest(text: str) -> bool:
    """Whether this is `sha256:` and 64 lower-case hex digits, the one form that names a blob here."""
    return _DIGEST.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether this can be a tag (distribution specification 1.1, "Pulling manifests")."""
    return _TAG.fullmatch(text) is not None and text[0] not in ".-"


def signature_tag(digest: str) -> str:
    """The tag under which cosign looks for signatures of the image with this digest."""
    return f"{digest.replace(':', '-')}.sig"


def attestation_tag(digest: str) -> str:
    """The tag under which cosign looks for attestations of the image with this digest."""
    return f"{digest.replace(':', '-')}.att"


def digest_of_tag(tag: str) -> str:
    """The image's digest in a tag that `signature_tag` or `attestation_tag` made; "" for any other tag."""
    stem, _, kind = tag.rpartition(".")
    digest = stem.replace("-", ":", 1)
    return digest if kind in ("sig", "att") and is_digest(digest) else ""


def config(layers: Sequence[Descriptor]) -> bytes:
    """The config blob that cosign and Chains put before layers which are no file systems (chains.md 5.2)."""
    created = {"created": NO_TIME}
    members = {
        "architecture": "",
        **created,
        "history": [created] * len(layers),
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        "config": {},
    }
    return msgspec.json.encode(members)


def manifest(layers: Sequence[Descriptor]) -> bytes:
    """The manifest of these layers over their `config`; equal layers, equal bytes."""
    blob = config(layers)
    described = Descriptor(media_type=CONFIG_TYPE, size=len(blob), digest=digest_of(blob))
    return msgspec.json.encode(Manifest(schema_version=2, config=described, layers=list(layers)))


def read_manifest(body: bytes, what: str) -> Manifest:
    """A manifest that anybody may have written; what is not asked for is ignored. Raises Permanent(INVALID_INPUT)."""
    try:
        found = msgspec.json.decode(body, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: not an OCI image manifest: {error}") from error
    if bad := next((blob.digest for blob in (found.config, *found.layers) if not is_digest(blob.digest)), None):
        raise Permanent(Reason.INVALID_INPUT, f"{what}: {quote(bad)} is not a SHA-256 digest")
    return found


def referring(layer: Layer, artifact_type: str, subject: Descriptor, annotations: Mapping[str, str]) -> bytes:
    """The manifest of one layer that says something about `subject`; its config is EMPTY. Equal input, equal bytes."""
    empty = Descriptor(media_type=EMPTY_TYPE, size=len(EMPTY), digest=digest_of(EMPTY))
    found = _Referring(
        artifact_type=artifact_type, config=empty, layers=[layer.descriptor], subject=subject, annotations=annotations
    )
    return msgspec.json.encode(found)


def referrers_tag(digest: str) -> str:
    """The tag of the index of what refers to an image, where a registry does not list that itself."""
    return digest.replace(":", "-", 1)


def read_index(body: bytes, what: str) -> list[Referrer]:
    """The entries of an index that anybody may have written. Raises Permanent(INVALID_INPUT)."""
    try:
        found = msgspec.json.decode(body, type=_Index).manifests
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: not an OCI image index: {error}") from error
    if bad := next((entry.digest for entry in found if not is_digest(entry.digest)), None):
        raise Permanent(Reason.INVALID_INPUT, f"{what}: {quote(bad)} is not a SHA-256 digest")
    return found


def extended_index(body: bytes | None, entries: Sequence[Referrer], what: str) -> bytes:
    """An index with these entries added at its end, or a new one; all else in it stays as it was. Raises as `read_index`."""
    if body is None:
        return msgspec.json.encode(_Index(manifests=list(entries)))
    read_index(body, what)
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    before = msgspec.json.decode(members["manifests"], type=list[msgspec.Raw]) if "manifests" in members else []
    return msgspec.json.encode({**members, "manifests": [*before, *entries]})


class _Shape(msgspec.Struct, rename="camel"):
    media_type: str = ""
    layers: msgspec.Raw = msgspec.Raw(b"")
    manifests: msgspec.Raw = msgspec.Raw(b"")


def media_type_of(body: bytes, content_type: str, what: str) -> str:
    """What a manifest is: its own word where it has one, else the registry's.

    Raises Permanent(INVALID_INPUT) where the two disagree, or where it is an image and an index at once (CVE-2021-41190): then
    two readers would see two things.
    """
    try:
        found = msgspec.json.decode(body, type=_Shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: not a manifest: {error}") from error
    given = content_type.partition(";")[0].strip()
    if bytes(found.layers) and bytes(found.manifests):
        raise Permanent(Reason.INVALID_INPUT, f"{what}: both an image and an index (layers and manifests)")
    if found.media_type and given and found.media_type != given:
        message = f"{what}: the registry calls it {quote(given)}, it calls itself {quote(found.media_type)}"
        raise Permanent(Reason.INVALID_INPUT, message)
    return found.media_type or given


def extended(body: bytes, layers: Sequence[Descriptor], what: str) -> tuple[bytes, bytes]:
    """A manifest that somebody wrote, with these layers added at its end; and its new config blob.

    All else in it stays as it was, descriptors of the other layers to the byte. Raises as `read_manifest`.
    """
    described = [*read_manifest(body, what).layers, *layers]
    blob = config(described)
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    before = msgspec.json.decode(members["layers"], type=list[msgspec.Raw])
    new_config = Descriptor(media_type=CONFIG_TYPE, size=len(blob), digest=digest_of(blob))
    added = {"config": new_config, "layers": [*before, *layers]}
    return msgspec.json.encode({**members, **added}), blob


def _refused(text: str, why: str) -> Permanent:
    return Permanent(Reason.INVALID_INPUT, f"{quote(text)} is no image reference with a digest: {why}")


def _repository(base: str, text: str) -> tuple[str, str]:
    """Registry and repository, normalised and without the tag."""
    front, colon, tag = base.rpartition(":")
    tagged = colon and "/" not in tag and _TAG.fullmatch(tag)
    # Judged twice, as upstream does: `library/` may carry a name over the limit.
    return _split("/".join(_split(front if tagged else base, text)), text)


def _split(base: str, text: str) -> tuple[str, str]:
    first, slash, rest = base.partition("/")
    named = bool(slash) and (first == "localhost" or "." in first or ":" in first)
    registry, repository = (first, rest) if named else ("", base)
    if not _REPOSITORY.fullmatch(repository):
        raise _refused(text, "the repository must be 2 to 255 characters of 'a-z0-9_./-'")
    if not _is_authority(registry):
        raise _refused(text, "the registry must be a host name or an address, with a port or without")
    if registry in ("", "docker.io"):
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    return registry, repository


def _is_authority(text: str) -> bool:
    """Whether Go's `url.Parse("//" + text)` gives a URL whose Host is this very text."""
    if not _HOST.fullmatch(text):
        return False
    if "[" in text:
        return _is_bracketed(text)
    _, colon, port = text.rpartition(":")
    return _PORT.fullmatch(colon + port) is not None if colon else True


def _is_bracketed(text: str) -> bool:
    """`[IPv6]`, with a port or without. IPv6 in brackets holds no zone here, since Go decodes its `%25`."""
    inside, _, port = text[1:].rpartition("]")
    if text[0] != "[" or "[" in inside or not _PORT.fullmatch(port):
        return False
    try:
        return isinstance(ipaddress.ip_address(inside), ipaddress.IPv6Address)
    except ValueError:
        return False

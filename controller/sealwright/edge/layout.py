"""An OCI image layout on disk: blobs by digest, and `index.json`, which gives tags to manifests.

Source: OCI image specification 1.1, image layout. It is what `skopeo` calls `oci:FOLDER:TAG` and `oras` `--oci-layout`.
What is read was written by anybody, so each blob is compared with the digest under which it is kept.
"""

import os
from collections.abc import Container, Iterator, Mapping
from functools import lru_cache
from operator import itemgetter
from pathlib import Path

import msgspec

from sealwright.core.errors import Permanent, Reason, Untrusted, quote
from sealwright.core.oci import MANIFEST_TYPE, Descriptor, Layer, Manifest, digest_of, is_digest, read_manifest
from sealwright.edge.files import Files, contents, safe_name
from sealwright.edge.reading import translated

TAG = "org.opencontainers.image.ref.name"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"

# Folders of repositories, kept because most runs build what was built before; a bound, since results name repositories.
FOLDERS_KEPT = 1024

# Names that a layout itself uses; a repository `x/blobs/sha256/...` must not lie among the blobs of a repository `x`.
_TAKEN = frozenset({"blobs", "index.json", "oci-layout"})


class _Index(msgspec.Struct, rename="camel", kw_only=True):
    schema_version: int = 2
    media_type: str = INDEX_TYPE
    manifests: list[msgspec.Raw] = []


class Layout:
    """The layout at `root`, which need not exist yet."""

    def __init__(self, root: str | Path) -> None:
        self._root = str(root)

    @property
    def root(self) -> Path:
        """The folder with `index.json`."""
        return Path(self._root)

    def exists(self) -> bool:
        """Whether it has the two files that every layout has."""
        return (self.root / "oci-layout").exists() and (self.root / "index.json").exists()

    def is_whole(self) -> bool:
        """Whether these are there, and the index can be read."""
        try:
            self.tags()
        except Permanent:
            return False
        return self.exists()

    def holds(self, digest: str) -> bool:
        """Whether there is a blob of this name, whatever its bytes."""
        return Path(self._blob(digest)).exists()

    def put(self, body: bytes, files: Files) -> str:
        """Keep a blob, once; its digest. A file that does not hold these very bytes is replaced."""
        digest = digest_of(body)
        path = self._blob(digest)
        if contents(path) != body:
            files.write(path, body)
        return digest

    def blob(self, descriptor: Descriptor) -> bytes:
        """The bytes which `descriptor` names. Raises Permanent(NOT_FOUND), Untrusted(WRONG_DIGEST)."""
        if not is_digest(descriptor.digest):
            raise Permanent(Reason.INVALID_INPUT, f"{self._what}: {quote(descriptor.digest)} is not a SHA-256 digest")
        path = Path(self._blob(descriptor.digest))
        with translated(path):
            if not path.is_file():
                advice = "a layout that is gone is made anew at the next start"
                message = f"{self._what}: the blob {descriptor.digest} is not there; {advice}"
                raise Permanent(Reason.NOT_FOUND, message)
            # Asked before reading: a wrong size needs no hash and no memory.
            body = path.read_bytes() if path.stat().st_size == descriptor.size else None
        if body is None or digest_of(body) != descriptor.digest:
            raise Untrusted(Reason.WRONG_DIGEST, f"{self._what}: the blob {descriptor.digest} holds other bytes than those")
        return body

    def tags(self) -> dict[str, Descriptor]:
        """Tag -> manifest, from `index.json`; empty where there is none yet."""
        found = (_descriptor(raw, self._what) for raw in self._entries())
        return {entry.annotations[TAG]: entry for entry in found if TAG in entry.annotations}

    def manifest(self, descriptor: Descriptor) -> Manifest:
        """The manifest which `descriptor` names."""
        return read_manifest(self.blob(descriptor), self._what)

    def layers(self, tag: str) -> list[Layer]:
        """The layers below a tag, bytes and all; none where there is no such tag."""
        entry = self.tags().get(tag)
        described = self.manifest(entry).layers if entry else []
        return [Layer(media_type=layer.media_type, body=self.blob(layer), annotations=layer.annotations) for layer in described]

    def untagged(self) -> list[Descriptor]:
        """The image manifests that `index.json` gives under no tag: there referrers stand, among others."""
        found = [_descriptor(raw, self._what) for raw in self._entries()]
        return [entry for entry in found if TAG not in entry.annotations and entry.media_type == MANIFEST_TYPE]

    def write_index(self, manifests: Mapping[str, Descriptor], files: Files) -> None:
        """Make `index.json` give these tags. What it gives under other tags stays, if it can be read."""
        entries = self._others(manifests)
        for tag, manifest in manifests.items():
            entry = msgspec.structs.replace(manifest, annotations={TAG: tag})
            entries.append((tag, msgspec.Raw(msgspec.json.encode(entry))))
        # In the order of tags, so that it does not tell in how many steps it was written.
        raws = [raw for _, raw in sorted(entries, key=itemgetter(0))]
        files.write(self.root / "index.json", msgspec.json.encode(_Index(manifests=raws)))
        marker = self.root / "oci-layout"
        if not marker.exists():
            files.write(marker, b'{"imageLayoutVersion":"1.0.0"}')

    @property
    def _what(self) -> str:
        return f"OCI layout {quote(self._root)}"

    def _blob(self, digest: str) -> str:
        return f"{self._root}/blobs/sha256/{digest.removeprefix('sha256:')}"

    def _entries(self) -> list[msgspec.Raw]:
        body = contents(self.root / "index.json")
        try:
            return msgspec.json.decode(body, type=_Index).manifests if body is not None else []
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Permanent(Reason.INVALID_INPUT, f"{self._what}: index.json is no OCI index: {error}") from error

    def _others(self, tags: Container[str]) -> list[tuple[str, msgspec.Raw]]:
        """The entries of other tags; the tag is empty where an entry has none."""
        try:
            found = [(_descriptor(raw, self._what).annotations.get(TAG, ""), raw) for raw in self._entries()]
        except Permanent:
            return []
        return [(tag, raw) for tag, raw in found if tag not in tags]


@lru_cache(FOLDERS_KEPT)
def folder(name: str) -> str:
    """Where the layout of `registry/repository` lies in the folder of all layouts; one to one, and never outside it.

    Each part between slashes is a folder, named by `files.safe_name`.
    """
    return "/".join(safe_name(part, taken=_TAKEN) for part in name.split("/"))


def layouts(root: Path) -> Iterator[Layout]:
    """Every layout at or below `root`, in the order of their paths. Links are not followed."""
    with translated(root):
        for path, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if name != "blobs" and not name.startswith("."))
            if "oci-layout" in names:
                yield Layout(Path(path))


def _descriptor(raw: msgspec.Raw, what: str) -> Descriptor:
    try:
        return msgspec.json.decode(raw, type=Descriptor)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: index.json holds something that is no descriptor: {error}") from error

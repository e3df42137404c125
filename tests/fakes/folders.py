"""Folders as users have them: runs in files, keys in the layout of a Secret, and what the controller left there."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fakes import objects
from fakes.signers import key as private_key

REPOSITORIES = ("registry.test/shop/app", "registry.test/shop/api", "registry.test:5000/web")


def keys(folder: Path, number: int = 0, algorithm: str = "ecdsa-p256") -> Path:
    """A folder with an unencrypted key, which opens at once, and its public half. The same bytes for the same number."""
    folder.mkdir(parents=True, exist_ok=True)
    key = private_key(algorithm, number)
    (folder / "x509.pem").write_bytes(key.material.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "cosign.pub").write_bytes(key.public.pem)
    return folder


def digest(number: int) -> str:
    return f"sha256:{hashlib.sha256(str(number).encode()).hexdigest()}"


def write(folder: Path, *found: Mapping[str, Any]) -> None:
    """Each run in a file NAME.json."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in found:
        (folder / f"{each['metadata']['name']}.json").write_text(json.dumps(each))


def built(number: int, **members: Any) -> objects.Object:
    """A TaskRun that pushed an image; some push to the same repository, and every seventh pushed what another pushed too."""
    image = objects.image(REPOSITORIES[number % len(REPOSITORIES)], digest(number // 7 * 7 if number % 7 == 3 else number))
    return objects.task_run(f"build-{number:03}", results=image, **members)


def many(count: int) -> list[objects.Object]:
    """`count` runs that built images, two of them PipelineRuns with two TaskRuns each."""
    found = [built(number) for number in range(count - 6)]
    for name in ("release-1", "release-2"):
        parent = objects.pipeline_run(name, tasks=("fetch", "push"), results=objects.image(digest=digest(len(name))))
        children = [objects.child(parent, task, results=objects.image(digest=digest(len(task)))) for task in ("fetch", "push")]
        found += [parent, *children]
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def signed(folder: Path) -> dict[str, bytes]:
    """The signed copies below a folder; files that a controller at work is only writing are not looked at."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.signed.json"))}


def layers(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    """Layout, tag, digest and signature of each layer that the layouts below a folder hold. Blobs must have their digests."""
    for marker in sorted(folder.rglob("oci-layout")):
        layout = marker.parent
        for entry in json.loads((layout / "index.json").read_bytes())["manifests"]:
            tag = entry["annotations"]["org.opencontainers.image.ref.name"]
            for layer in json.loads(_blob(layout, entry["digest"]))["layers"]:
                _blob(layout, layer["digest"])
                name = layout.relative_to(folder).as_posix()
                yield name, tag, layer["digest"], layer["annotations"]["dev.cosignproject.cosign/signature"]


def twice(found: Iterator[Any]) -> list[Any]:
    """What there is more than once."""
    return [each for each, count in Counter(found).items() if count > 1]


def _blob(layout: Path, named: str) -> bytes:
    body = (layout / "blobs" / "sha256" / named.removeprefix("sha256:")).read_bytes()
    assert f"sha256:{hashlib.sha256(body).hexdigest()}" == named
    return body

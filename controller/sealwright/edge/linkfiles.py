"""The links of an in-toto layout on disk: `STEP.KEYID8.link`, and folders `STEP.KEYID8` with those of layouts inside."""

import re
from collections.abc import Iterator
from pathlib import Path

from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.layout.classic import DEPTH_LIMIT, LINK_LIMIT
from sealwright.edge.reading import read_argument

SUFFIX = ".link"
# in-toto looks into no other folder; a walk through everything below a home directory would never end.
_FOLDER = re.compile(r".+\.[0-9a-fA-F]{8}")
_BYTES_LIMIT = 256 << 20


def read(folder: Path) -> dict[str, bytes]:
    """Each link by its path below `folder`, with `/`.

    Raises Permanent: NOT_FOUND where the folder cannot be read, TOO_LARGE for more links or bytes than are looked at.
    """
    found: dict[str, bytes] = {}
    left = _BYTES_LIMIT
    for name, path in _walk(folder, "", 0):
        found[name] = read_argument(path)
        left -= len(found[name])
        if len(found) > LINK_LIMIT or left < 0:
            message = f"{quote(folder)}: more than {LINK_LIMIT} links or {_BYTES_LIMIT} bytes of them; name a folder with fewer"
            raise Permanent(Reason.TOO_LARGE, message)
    return found


def _walk(folder: Path, prefix: str, depth: int) -> Iterator[tuple[str, Path]]:
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise Permanent(Reason.NOT_FOUND, f"{quote(folder)}: {error.strerror or error}; name the folder of the links") from error
    for path in paths:
        if path.name.endswith(SUFFIX) and path.is_file():
            yield prefix + path.name, path
        elif depth < DEPTH_LIMIT and _FOLDER.fullmatch(path.name) and path.is_dir():
            yield from _walk(path, f"{prefix}{path.name}/", depth + 1)

"""Patterns of artifact names, as in-toto reads them: Python's fnmatch with case kept, in which `*` crosses `/`.

A pattern is somebody else's text. Python's translation takes the first place where each piece between two stars fits and
never goes back (atomic groups), so time grows with name times pattern and no faster; both are bounded.
"""

import fnmatch
import re
from collections.abc import Callable, Collection
from functools import lru_cache

from sealwright.core.errors import Permanent, Reason, quote

# Paths on Linux end at 4096; a pattern with more is no pattern that a person wrote.
LENGTH_LIMIT = 4096
# Characters of names times characters of patterns, for one list of rules: about two seconds of work.
EFFORT_LIMIT = 200_000_000

_WILD = re.compile(r"[*?\[]")


def check(pattern: str) -> str:
    """The pattern. Raises Permanent(TOO_LARGE)."""
    if len(pattern) > LENGTH_LIMIT:
        raise Permanent(Reason.TOO_LARGE, f"a pattern of {len(pattern)} characters, more than {LENGTH_LIMIT}: {quote(pattern)}")
    return pattern


def effort(pattern: str, characters: int) -> int:
    """What matching costs at worst; nothing where no character has a meaning of its own, or one star takes all."""
    return len(pattern) * characters if _WILD.search(pattern) and pattern != "*" else 0


def matching(names: Collection[str], pattern: str) -> set[str]:
    """Those of the names that the pattern fits, whole."""
    if pattern == "*":
        return set(names)
    if not _WILD.search(pattern):
        return {pattern} if pattern in names else set()
    fits = _compiled(pattern)
    return {name for name in names if fits(name)}


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Callable[[str], object]:
    return re.compile(fnmatch.translate(pattern)).match

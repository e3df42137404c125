"""A file is a member: the words a configuration may use are the files that exist (design D1).

Each plug-in room is a package; each module in it answers to the words in its `NAMES`. Docs, allowed words and contract
tests derive from `members`, so there is no second list to forget. Only listed files can be named, so configuration text
can never import anything else.
"""

import importlib
import pkgutil
from functools import cache
from types import ModuleType


@cache
def members(room: str) -> dict[str, ModuleType]:
    """Word -> module, for each word in the `NAMES` of each module of the package `room`, in alphabetical order.

    Raises RuntimeError, at start, when two files claim one word.
    """
    package = importlib.import_module(room)
    found: dict[str, ModuleType] = {}
    for entry in sorted(pkgutil.iter_modules(package.__path__), key=lambda entry: entry.name):
        module = importlib.import_module(f"{room}.{entry.name}")
        for word in module.NAMES:
            if word in found:
                raise RuntimeError(f"{room}: both {found[word].__name__} and {module.__name__} answer to {word!r}")
            found[word] = module
    return dict(sorted(found.items()))

"""The three operations of RFC 6902 that our writes use, as the API server's library does them.

That library takes a test for null at a place where nothing is as true: how one asks for absence there.
"""

import copy
from typing import Any


class TestFailedError(Exception):
    """The answer is 422 and nothing is changed."""

    __test__ = False  # not a test, whatever pytest thinks of its name


def apply(document: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """A changed copy. Raises TestFailedError, also where a place does not exist."""
    found = copy.deepcopy(document)
    for operation in operations:
        parent, last = _place(found, operation["path"])
        match operation["op"]:
            case "test":
                if _get(parent, last) != operation["value"]:
                    raise TestFailedError(operation["path"])
            case "add":
                _add(parent, last, operation["value"])
            case "remove":
                if _get(parent, last) is None:
                    raise TestFailedError(operation["path"])
                del parent[_index(parent, last)]
            case other:
                raise AssertionError(f"an operation that we never write: {other}")
    return found


def _place(document: Any, path: str) -> tuple[Any, str]:
    *above, last = [token.replace("~1", "/").replace("~0", "~") for token in path.split("/")[1:]]
    for token in above:
        document = _get(document, token)
        if document is None:
            raise TestFailedError(path)
    return document, last


def _get(parent: Any, token: str) -> Any:
    if isinstance(parent, list):
        return parent[int(token)] if token.isdecimal() and int(token) < len(parent) else None
    return parent.get(token)


def _add(parent: Any, token: str, value: Any) -> None:
    if not isinstance(parent, list):
        parent[token] = value
    elif token == "-":
        parent.append(value)
    else:
        parent.insert(int(token), value)


def _index(parent: Any, token: str) -> Any:
    return int(token) if isinstance(parent, list) else token

"""A parsed YAML or JSON document -> the data of a ConfigMap."""

from collections.abc import Mapping
from typing import Any

from sealwright.core.errors import Permanent, Reason, quote

_SHOWN_KEYS = 20
_SORTS = {
    type(None): "nothing (null)",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    dict: "a mapping",
    list: "a list",
}


def from_document(document: Any) -> Mapping[str, str]:
    """The data of a whole ConfigMap object, or of a bare mapping of keys to strings.

    Raises Permanent(INVALID_CONFIG) for anything else, naming every key whose value is not a string.
    """
    data = _data(document)
    wrong = [_complaint(key, value) for key, value in data.items() if not _is_pair(key, value)]
    if wrong:
        more = [f"and {len(wrong) - _SHOWN_KEYS} more"] if len(wrong) > _SHOWN_KEYS else []
        raise Permanent(Reason.INVALID_CONFIG, "\n".join([*wrong[:_SHOWN_KEYS], *more]))
    return data


def _data(document: Any) -> Mapping[str, str]:
    if not isinstance(document, dict):
        raise _refused(f"found {_sort(document)}")
    if "kind" not in document and "apiVersion" not in document:
        return document
    if document.get("kind") != "ConfigMap":
        kind = document.get("kind")
        raise _refused(f"found kind {quote(kind)}" if isinstance(kind, str) else "found an object without a kind")
    data = document.get("data")
    if not isinstance(data, dict | None):
        raise _refused(f"found one whose data is {_sort(data)}")
    return data or {}


def _refused(found: str) -> Permanent:
    wanted = "wanted a ConfigMap, or a mapping of its keys to strings"
    return Permanent(Reason.INVALID_CONFIG, f"{wanted}; {found}")


def _complaint(key: object, value: object) -> str:
    found = f"found {_sort(value)}" if isinstance(key, str) else f"found {_sort(key)} as the key"
    return f"{_name(key)}: wanted a string, {found}; the data of a ConfigMap are strings, so put it in quotes"


def _is_pair(key: object, value: object) -> bool:
    return isinstance(key, str) and isinstance(value, str)


def _name(key: object) -> str:
    return key if isinstance(key, str) and key.isprintable() and len(key) < 256 else quote(key)


def _sort(value: object) -> str:
    """What a thing is, in words; never what it says, which may be a secret."""
    return _SORTS.get(type(value), f"a value of type {type(value).__name__}")

"""YAML as Kubernetes' own tools read it (go-yaml v2 rules), not as PyYAML does.

Booleans include y, n, on and off; dates and 1:30:00 stay text; unknown tags, cycles and alias bombs are refused, and repeated
keys unless the caller asks for Go's way. The result is what JSON can hold, so that one reader serves both.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, Literal, NoReturn

import yaml

from sealwright.core.errors import Permanent, Reason, quote

# Few files of 3 MiB hold more nodes than this; anchors used again and again do. Text counts as a node for each CHUNK.
NODE_LIMIT = 1_000_000
_CHUNK = 16  # characters

_TRUE = {"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"}
_FALSE = {"n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"}
_NULL = {"", "~", "null", "Null", "NULL"}
_INT = re.compile(r"[-+]?(?:0b[01]+|0o[0-7]+|0x[0-9a-fA-F]+|[0-9]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LOOSE = re.compile(r"(?<![0-9])_|_(?![0-9])")  # in a number that begins with a point, Go wants _ between digits
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

_SLASH = re.compile(r"(?<!\\)(?:\\\\)*\\/")
_TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})
_BINARY_TAG = "tag:yaml.org,2002:binary"
_COLLECTION_TAGS = frozenset({None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})


# A key that stands twice: "refuse" it; "merge" lets a key that '<<' brings stand beside a written one, and the later counts;
# "last" is what Go's lenient reader does: the later counts always.
Repeats = Literal["refuse", "merge", "last"]


def load_all(data: bytes, what: str, depth_limit: int) -> list[Any]:
    """Every document but the empty ones, as dicts, lists, strings, numbers, booleans and None. Raises like `load_each`."""
    return [document for document in load_each(data, what, depth_limit, "merge") if document is not None]


def load_each(data: bytes, what: str, depth_limit: int, repeats: Repeats) -> list[Any]:
    """Every document; None for an empty one.

    Raises Permanent: INVALID_INPUT, REPEATED_KEY, TOO_LARGE (nesting, or more nodes than NODE_LIMIT once aliases are followed).
    """
    try:
        text = data.decode()
        reader = _Reader(text, yaml.parse(text, Loader=yaml.CSafeLoader), what, depth_limit, repeats)
        return list(reader.documents())
    except UnicodeDecodeError as error:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: not UTF-8 text: {error}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: not valid YAML: {_one_line(error)}") from error


class _Reader:
    """Builds values from the parser's events.

    From events and not from PyYAML's nodes: its composer in C recurses without a limit, and 100,000 brackets end the process.
    """

    def __init__(self, text: str, events: Iterator[yaml.Event], what: str, depth_limit: int, repeats: Repeats) -> None:
        self.text = text
        self.events = events
        self.what = what
        self.depth_limit = depth_limit
        self.repeats = repeats
        self.count = 0
        self.anchors: dict[str, tuple[Any, int]] = {}  # anchor -> its value, and how many nodes it stands for

    def documents(self) -> Iterator[Any]:
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if event.version not in (None, (1, 1)):
                    self.refuse(event, "only YAML 1.1 is read by Kubernetes' tools")
                self.anchors.clear()
                yield self.node(next(self.events), 0)

    def node(self, event: yaml.Event, depth: int) -> Any:
        before = self.count
        self.add(1, depth)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, depth)
        found = self.scalar(event) if isinstance(event, yaml.ScalarEvent) else self.collection(event, depth)
        anchor = getattr(event, "anchor", None)
        if anchor:
            self.anchors[anchor] = (found, self.count - before)
        return found

    def add(self, nodes: int, depth: int) -> None:
        self.count += nodes
        if self.count > NODE_LIMIT or depth > self.depth_limit:
            limit = f"{self.depth_limit} levels deep or {NODE_LIMIT} nodes wide"
            raise Permanent(Reason.TOO_LARGE, f"{self.what}: more than {limit}")

    def alias(self, event: yaml.AliasEvent, depth: int) -> Any:
        name = event.anchor or ""
        if name not in self.anchors:
            self.refuse(event, f"the alias {quote(f'*{name}')} stands inside or before its anchor")
        found, nodes = self.anchors[name]
        self.add(nodes, depth)
        return found

    def collection(self, event: yaml.Event, depth: int) -> Any:
        tag = getattr(event, "tag", None)
        if tag not in _COLLECTION_TAGS:
            self.refuse(event, f"the tag {quote(tag)} is not accepted")
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(depth)
        return self.sequence(depth)

    def sequence(self, depth: int) -> list[Any]:
        found = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self.node(event, depth + 1))
        return found

    def mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: set[str] = set()
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
                self.merge(found, merged, self.node(next(self.events), depth + 1), event)
                continue
            key = self.key(event)
            if key in found and not (self.repeats == "last" or (self.repeats == "merge" and key in merged)):
                self.refuse_repeat(key, event)
            merged.discard(key)
            found[key] = self.node(next(self.events), depth + 1)
        return found

    def merge(self, found: dict[str, Any], merged: set[str], value: Any, event: yaml.Event) -> None:
        """What '<<' brings, as if written here; of several, the first counts most."""
        for part in reversed(value) if isinstance(value, list) else [value]:
            if not isinstance(part, dict):
                self.refuse(event, "'<<' merges mappings only")
            if self.repeats == "refuse" and (repeated := next((key for key in part if key in found), None)) is not None:
                self.refuse_repeat(repeated, event)
            found.update(part)
            merged.update(part)

    def refuse_repeat(self, key: str, event: yaml.Event) -> NoReturn:
        raise Permanent(Reason.REPEATED_KEY, f"{self.what}: the key {quote(key)} stands twice{_at(event)}")

    def key(self, event: yaml.Event) -> str:
        value = self.scalar(event) if isinstance(event, yaml.ScalarEvent) else None
        if value is None or isinstance(value, float):
            self.refuse(event, "a key must be text")
        return value if isinstance(value, str) else str(value).lower()

    def scalar(self, event: yaml.ScalarEvent) -> Any:
        self.count += len(event.value) // _CHUNK
        if event.tag is None:
            return self.plain(event) if event.implicit[0] else self.quoted(event)
        if event.tag == _BINARY_TAG:
            return self.binary(event)
        if event.tag not in _TEXT_TAGS:
            self.refuse(event, f"the tag {quote(event.tag)} is not accepted")
        if not event.value and event.end_mark and self.text[event.end_mark.index : event.end_mark.index + 1] == ",":
            self.refuse(event, "a tag before a comma is read differently by different readers; quote the empty text")
        return event.value

    def quoted(self, event: yaml.ScalarEvent) -> str:
        start, end = event.start_mark, event.end_mark
        if event.style == '"' and start and end and _SLASH.search(self.text, start.index, end.index):
            self.refuse(event, r"'\/' is an escape of JSON that Kubernetes' YAML reader does not know")
        return event.value

    def binary(self, event: yaml.ScalarEvent) -> str:
        """Base64 that must hold text: JSON has nothing else."""
        try:
            return base64.b64decode(re.sub(r"[\r\n]", "", event.value), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            self.refuse(event, "!!binary must be base64 of UTF-8 text")

    def plain(self, event: yaml.ScalarEvent) -> Any:
        text = event.value
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if _NOT_FINITE.fullmatch(text):
            self.refuse(event, f"{text} has no JSON form")
        return _number(text)

    def refuse(self, event: yaml.Event, message: str) -> NoReturn:
        raise Permanent(Reason.INVALID_INPUT, f"{self.what}: {message}{_at(event)}")


def _number(text: str) -> int | float | str:
    """The number that a plain scalar spells, else the text itself."""
    digits = text.replace("_", "")
    if len(digits) > 400 or text[0] not in "+-.0123456789" or (text[0] == "." and _LOOSE.search(text)):
        return text
    if _INT.fullmatch(digits):
        try:
            number = int(digits, 8 if re.match(r"[-+]?0[0-9]", digits) else 0)
        except ValueError:  # 089 is no octal number, so the next rule takes it
            number = 1 << 64
        if -(1 << 63) <= number < 1 << 64:
            return number
    if _FLOAT.fullmatch(digits):
        number_f = float(digits)
        return number_f if abs(number_f) != float("inf") else text
    return text


def _at(event: yaml.Event) -> str:
    return f" (line {event.start_mark.line + 1})" if event.start_mark else ""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]

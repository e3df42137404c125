"""Writes members into a YAML or JSON text and leaves the rest as it stands: comments, order, quotes and line ends.

Places are found by the YAML parser; whoever edits must read the result again and compare (`resources` does).
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from sealwright.core.errors import Permanent, Reason, quote

_Edit = tuple[int, int, str]  # from, to, what stands there instead
_STEP = 2  # columns of a new level
# Also tabs, and halves of surrogate pairs that JSON escapes; a pair of backslashes escapes nothing.
_NOT_YAML = re.compile(r"(\\\\)|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|[\t\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_WORDS = ("string", "array", "object", "Task")


def with_values(text: str, before: Any, after: Any, what: str) -> str:
    """`text`, which holds `before`, with the members that only `after` has, and those that it has instead of nothing.

    Raises Permanent(INVALID_RESOURCE) where a place cannot be found in the text, as behind a merge.
    """
    return _applied(text, _changes(text, _composed(text, what), before, after, ""))


def with_value(text: str, path: tuple[str, ...], new: str, what: str) -> str:
    """`text` with this text at this path of members, whatever stood there. Raises like `with_values`."""
    return _applied(text, [_placed(text, _composed(text, what), path, new)])


def _composed(text: str, what: str) -> yaml.MappingNode:
    try:
        node = yaml.compose(_shadow(text), Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError) as error:
        told = f"{what}: cannot be edited as YAML: {' '.join(str(error).split())[:300]}"
        raise Permanent(Reason.INVALID_RESOURCE, told) from error
    if not isinstance(node, yaml.MappingNode):
        raise Permanent(Reason.INVALID_RESOURCE, f"{what}: wanted an object")
    return node


def _shadow(text: str) -> str:
    """JSON with what YAML refuses in it replaced by as many other characters: only places are read from it."""
    if not text.lstrip().startswith("{"):
        return text
    return _NOT_YAML.sub(lambda match: match[1] or " " * len(match[0]), text)


def _applied(text: str, edits: list[_Edit]) -> str:
    for start, end, new in sorted(set(edits), reverse=True):  # what aliases share is edited once
        text = text[:start] + new + text[end:]
    return text


def _changes(text: str, node: yaml.Node, before: Any, after: Any, where: str) -> list[_Edit]:
    return list(_walk(text, node, before, after, where))


def _walk(text: str, node: yaml.Node, before: Any, after: Any, where: str) -> Iterator[_Edit]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in after:
            if key not in before:
                yield _added(text, node, ((key, after[key]),))
            elif before[key] != after[key]:
                yield from _walk(text, _child(node, key, f"{where}.{key}"), before[key], after[key], f"{where}.{key}")
    elif isinstance(before, list) and isinstance(after, list):
        for n, (child, old, new) in enumerate(zip(node.value, before, after, strict=True)):
            yield from _walk(text, child, old, new, f"{where}[{n}]")
    elif before != after:
        yield _replaced(text, node, json.dumps(after))


def _placed(text: str, node: yaml.Node, path: tuple[str, ...], new: str) -> _Edit:
    found = node
    for depth, name in enumerate(path):
        members = found.value if isinstance(found, yaml.MappingNode) else ()
        child = next((value for key, value in members if key.value == name), None)
        if child is None:
            return _missing(text, found, path[depth:], new)
        found = child
    return _replaced(text, found, json.dumps(new))


def _missing(text: str, node: yaml.Node, path: tuple[str, ...], new: str) -> _Edit:
    """The rest of the path, in a mapping that lacks it, or in place of the null that stands where the mapping should."""
    if isinstance(node, yaml.MappingNode):
        return _added(text, node, (*((name, None) for name in path[:-1]), (path[-1], new)))
    nested: Any = new
    for name in reversed(path):
        nested = {name: nested}
    return _replaced(text, node, json.dumps(nested))


def _child(node: yaml.Node, key: str, where: str) -> yaml.Node:
    found: yaml.Node | None = next((value for name, value in node.value if name.value == key), None)
    if found is None:
        raise Permanent(
            Reason.INVALID_RESOURCE, f"a default is missing at {quote(where)}, behind a merge; write it there by hand"
        )
    return found


def _added(text: str, node: Any, members: tuple[tuple[str, Any], ...]) -> _Edit:
    """Members, each inside the one before, as the first of a mapping. (Its end is harder to tell from comments.)"""
    is_flow = bool(node.flow_style) or not node.value
    if is_flow:
        start = node.value[0][0].start_mark.index if node.value else text.index("{", node.start_mark.index) + 1
        nested = members[-1][1]
        for name, _ in reversed(members[1:]):
            nested = {name: nested}
        return start, start, f"{json.dumps(members[0][0])}: {json.dumps(nested)}{', ' if node.value else ''}"
    mark = node.value[0][0].start_mark
    line_end = "\r\n" if "\r\n" in text else "\n"
    lines = [
        f"{' ' * (mark.column + _STEP * depth)}{name}:{'' if inner is None else f' {_scalar(inner)}'}"
        for depth, (name, inner) in enumerate(members)
    ]
    return mark.index, mark.index, line_end.join(lines).lstrip(" ") + line_end + " " * mark.column


def _replaced(text: str, node: yaml.Node, new: str) -> _Edit:
    start, end = node.start_mark.index, node.end_mark.index
    old = text[start:end]
    tail = old[len(old.rstrip()) :] if old else ""  # a block of text ends where the next line begins
    lead = "" if old or text[start - 1 : start] in (" ", "\n", "") else " "
    return start, end, f"{lead}{new}{tail}"


def _scalar(found: Any) -> str:
    """Words that no reader takes for something else as they are, anything else as JSON."""
    return found if found in _WORDS else json.dumps(found)

"""Tekton's variables in a task's parameters, worked out again: what a held TaskRun should have been given.

Tekton writes results into parameters as soon as a task ends, before anything is signed. Only working the expressions out
from signed values shows a change between the end of one task and the start of the next.

Known are `$(params...)` of the PipelineRun, `$(tasks.NAME.results...)` and the names in `$(context.pipelineRun...)`; a parameter
with any other variable is not compared, unless it has a result in it too: then nobody could tell whether that arrived.
Source: Tekton Pipelines, docs/variables.md.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import value
from sealwright.core.tekton.runs import PipelineRun, PipelineTask
from sealwright.core.tekton.values import ParamValue, param_value

_VARIABLE = re.compile(r"\$\(([^$()]{1,1024})\)")
_INDEX = re.compile(r"(.*)\[(\*|[0-9]{1,6})\]", re.DOTALL)
_QUOTED = re.compile(r"""params\[(?:"([^"]*)"|'([^']*)')\](.*)""", re.DOTALL)
_RESULT = re.compile(r"tasks\.([^.]+)\.results\.(.+)", re.DOTALL)

# A result of a task of this pipeline, by the names of both; None where there is none.
Results = Callable[[str, str], ParamValue | None]


class _UnknownError(Exception):
    """A variable whose value is not known here."""


@value
class Expected:
    """What one parameter should be: any of `values` (a matrix gives several); None if that cannot be told, `why` says why.

    `results` are the (task, result) that it is made of.
    """

    name: str
    values: tuple[ParamValue, ...] | None
    results: tuple[tuple[str, str], ...]
    why: str = ""


class _Param(msgspec.Struct):
    name: str = ""
    value: msgspec.Raw = msgspec.Raw(b'""')


class _Include(msgspec.Struct):
    params: list[_Param] = []


class _Matrix(msgspec.Struct):
    params: list[_Param] = []
    include: list[_Include] = []


def expected(run: PipelineRun, task: PipelineTask, results: Results) -> list[Expected]:
    """Each parameter that a TaskRun of this task must have. Raises Permanent(INVALID_RUN) for a task that cannot be read."""
    given = _given(run)
    matrix = _decode(_Matrix, task.matrix, task) or _Matrix()
    found = [_of(param.name, [param_value(bytes(param.value))], given, results) for param in _params(task)]
    found += [_of(param.name, [param_value(bytes(param.value))], given, results, spread=True) for param in matrix.params]
    for include in matrix.include:
        found += [_of(param.name, [param_value(bytes(param.value))], given, results) for param in include.params]
    return _joined(found)


def references(run: PipelineRun, task: PipelineTask) -> set[tuple[str, str]]:
    """The (task, result) that the parameters of this task are made of."""
    return {pair for each in expected(run, task, lambda *_: None) for pair in each.results}


def _params(task: PipelineTask) -> list[_Param]:
    found: list[_Param] = _decode(list[_Param], task.params, task) or []
    return found


def _decode(type_: Any, raw: bytes, task: PipelineTask) -> Any:
    try:
        return msgspec.json.decode(raw, type=type_ | None) if raw else None
    except msgspec.MsgspecError as error:
        raise Permanent(Reason.INVALID_RUN, f"the pipeline's task {quote(task.name)}: {error}") from error


def _given(run: PipelineRun) -> dict[str, ParamValue]:
    """Variables that the PipelineRun itself gives: parameters over defaults, and its names."""
    defaults = {spec.name: param_value(bytes(spec.default)) for spec in run.param_specs if spec.has_default}
    params = defaults | {param.name: param.read for param in run.spec.params}
    names = {"name": run.metadata.name, "namespace": run.metadata.namespace, "uid": run.metadata.uid}
    return {f"params.{name}": found for name, found in params.items()} | {
        f"context.pipelineRun.{name}": found for name, found in names.items()
    }


def _joined(found: Sequence[Expected]) -> list[Expected]:
    """A matrix may give one parameter several times; then each of its values will do."""
    by_name: dict[str, Expected] = {}
    for each in found:
        other = by_name.get(each.name)
        by_name[each.name] = each if other is None else _either(other, each)
    return list(by_name.values())


def _either(one: Expected, other: Expected) -> Expected:
    values = None if one.values is None or other.values is None else one.values + other.values
    return Expected(name=one.name, values=values, results=one.results + other.results, why=one.why or other.why)


def _of(
    name: str, parts: Sequence[ParamValue], given: Mapping[str, ParamValue], results: Results, *, spread: bool = False
) -> Expected:
    pairs: list[tuple[str, str]] = []
    try:
        values = tuple(_evaluated(part, given, results, pairs) for part in parts)
    except _UnknownError as unknown:
        return Expected(name=name, values=None, results=_pairs(parts), why=str(unknown))
    if spread:
        values = tuple(item for found in values for item in (found if isinstance(found, list) else [found]))
    return Expected(name=name, values=values, results=tuple(pairs))


def _pairs(parts: Sequence[ParamValue]) -> tuple[tuple[str, str], ...]:
    """The results that are named anywhere in these texts, whatever else is."""
    texts = [text for part in parts for text in _texts(part)]
    found = (_RESULT.fullmatch(match[1]) for text in texts for match in _VARIABLE.finditer(text))
    return tuple((match[1], _path(match[2])[0]) for match in found if match)


def _texts(found: ParamValue) -> list[str]:
    return [found] if isinstance(found, str) else list(found) if isinstance(found, list) else list(found.values())


def _evaluated(found: ParamValue, given: Mapping[str, ParamValue], results: Results, pairs: list[tuple[str, str]]) -> ParamValue:
    def look_up(variable: str) -> ParamValue:
        return _look_up(variable, given, results, pairs)

    if isinstance(found, str):
        return _text(found, look_up)
    if isinstance(found, list):
        parts = [_text(item, look_up) for item in found]
        return [item for part in parts for item in (part if isinstance(part, list) else [_plain(part)])]
    return {key: _plain(_text(item, look_up)) for key, item in found.items()}


def _text(text: str, look_up: Callable[[str], ParamValue]) -> ParamValue:
    """A text that is one variable takes its value, whatever type that has; else each variable must be text."""
    whole = _VARIABLE.fullmatch(text)
    if whole:
        return look_up(whole[1])
    return _VARIABLE.sub(lambda match: _plain(look_up(match[1])), text)


def _plain(found: ParamValue) -> str:
    if isinstance(found, str):
        return found
    raise _UnknownError("a list or object stands where text is wanted")


def _look_up(variable: str, given: Mapping[str, ParamValue], results: Results, pairs: list[tuple[str, str]]) -> ParamValue:
    if match := _RESULT.fullmatch(variable):
        task, (result, path) = match[1], _path(match[2])
        pairs.append((task, result))
        found = results(task, result)
        return _at(_known(found, variable), path, variable)
    if match := _QUOTED.fullmatch(variable):
        found, path = given.get(f"params.{match[1] or match[2]}"), match[3].lstrip(".")
        return _at(_known(found, variable), path, variable)
    name, path = (variable, "") if variable in given else _path(variable, dots=1 if variable.startswith("params.") else 9)
    return _at(_known(given.get(name), variable), path, variable)


def _known(found: ParamValue | None, variable: str) -> ParamValue:
    if found is None:
        raise _UnknownError(f"$({variable}) has no value that is known here")
    return found


def _path(text: str, dots: int = 0) -> tuple[str, str]:
    """A name and what follows it: `[0]`, `[*]`, or `.key`. `dots` in front belong to the name."""
    if match := _INDEX.fullmatch(text):
        return match[1], f"[{match[2]}]"
    parts = text.split(".", dots + 1)
    return (text, "") if len(parts) <= dots + 1 else (".".join(parts[:-1]), parts[-1])


def _at(found: ParamValue, path: str, variable: str) -> ParamValue:
    if path in ("", "[*]"):
        return found
    if path.startswith("[") and isinstance(found, list) and int(path[1:-1]) < len(found):
        return found[int(path[1:-1])]
    if isinstance(found, dict) and path in found:
        return found[path]
    raise _UnknownError(f"$({variable}) names a part that is not there")

"""What every source of runs promises, be it a folder or a cluster in memory."""

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes import objects
from fakes.clock import HandClock, idle
from fakes.runs import MemoryRuns

from sealwright.core.model import Key, Mark
from sealwright.core.tekton import marks
from sealwright.edge.folder import POLL_S, FolderRuns
from sealwright.edge.output import Output

BUILD, RELEASE = objects.task_run("build"), objects.pipeline_run("release")
KEY, RELEASE_KEY = objects.key(BUILD), objects.key(RELEASE)
UID = BUILD["metadata"]["uid"]
MARK = Mark(annotations={marks.SIGNED: "true", "chains.tekton.dev/payload-x": "e30="}, plan="a hash")


class Memory:
    """The twin, and what a test does to it from outside."""

    def __init__(self, _path: Path, *, ends: bool) -> None:  # noqa: ARG002  the other one's arguments
        self.runs = MemoryRuns()

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def end(self) -> None:
        self.runs.end()

    async def settle(self) -> None:
        await idle()

    def add(self, *found: objects.Object) -> None:
        self.runs.add(*found)

    def put(self, key: Key, body: bytes) -> None:
        self.runs.put(key, body)

    def delete(self, key: Key) -> None:
        self.runs.delete(key)

    def annotations(self, key: Key) -> dict[str, Any]:
        return self.runs.annotations(key)


class Folder:
    """The embedded default: files below one folder are the objects, signed copies below another the marks."""

    def __init__(self, path: Path, *, ends: bool) -> None:
        self._source, self._out, self._ends = path / "runs", path / "signed", ends
        self._source.mkdir(exist_ok=True)
        self._clock = HandClock()
        self.problems: list[Any] = []

    def open(self) -> None:
        self._output = Output(self._out)
        self.runs = FolderRuns(self._source, self._output, self._clock, once=self._ends, on_problem=self._on_problem)

    def close(self) -> None:
        self._output.close()

    def end(self) -> None:
        """It ends by itself after one look, being opened so."""
        assert self._ends

    async def settle(self) -> None:
        await self._clock.advance(POLL_S)
        assert self.problems == []

    def add(self, *found: objects.Object) -> None:
        for each in found:
            self.put(objects.key(each), objects.body(each))

    def put(self, key: Key, body: bytes) -> None:
        draft = self._source / ".draft"
        draft.write_bytes(body)
        draft.replace(self._file(key))

    def delete(self, key: Key) -> None:
        self._file(key).unlink()

    def annotations(self, key: Key) -> dict[str, Any]:
        copy = self._out / self._file(key).name.replace(".json", ".signed.json")
        return json.loads(copy.read_bytes() if copy.exists() else self._file(key).read_bytes())["metadata"].get("annotations", {})

    def _file(self, key: Key) -> Path:
        return self._source / f"{key.kind}-{key.namespace}-{key.name}.json"

    def _on_problem(self, *problem: Any) -> None:
        self.problems.append(problem)


@pytest.fixture(params=[Memory, Folder], ids=["in memory", "folder"])
def make(request, tmp_path):
    """Opens the source; twice in one test is a restart, where it has a memory."""
    opened = []

    def open_(*, ends: bool = False):
        found = request.param(tmp_path, ends=ends)
        found.open()
        opened.append(found)
        return found

    yield open_
    for found in opened:
        found.close()


@asynccontextmanager
async def followed(source):
    """The keys that it gives, as they come."""
    keys: list[Key] = []

    async def collect() -> None:
        async for key, _ in source.runs.follow():
            keys.append(key)

    task = asyncio.create_task(collect())
    try:
        await source.settle()
        yield keys
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def fetched(source, key: Key) -> Any:
    body = await source.runs.fetch(key)
    return None if body is None else json.loads(body)


async def test_what_is_there_and_what_comes_is_followed(make):
    """Both kinds, each key at least once, and nothing else."""
    source = make()
    source.add(BUILD)
    async with followed(source) as keys:
        first = list(keys)
        source.add(RELEASE)
        await source.settle()

        assert set(first) == {KEY}
        assert set(keys) == {KEY, RELEASE_KEY}


async def test_what_changes_is_given_again(make):
    """And what does not change is not."""
    source = make()
    source.add(objects.running(BUILD), RELEASE)
    async with followed(source) as keys:
        keys.clear()
        await source.settle()
        quiet = list(keys)
        source.add(BUILD)
        await source.settle()

        assert quiet == []
        assert set(keys) == {KEY}


async def test_an_end_of_the_source_ends_the_following(make):
    """After all that was there."""
    source = make(ends=True)
    source.add(BUILD, RELEASE)
    source.end()

    assert {KEY, RELEASE_KEY} == {key async for key, _ in source.runs.follow()}


async def test_an_object_is_fetched_as_it_is_now(make):
    """Its bytes, before and after a change."""
    source = make()
    source.add(objects.running(BUILD))
    async with followed(source):
        before = await fetched(source, KEY)
        source.add(BUILD)
        await source.settle()

        assert before == objects.running(BUILD)
        assert await fetched(source, KEY) == BUILD


async def test_bytes_are_carried(make):
    """How a number or a text is written can end up in what is signed."""
    source = make()
    body = objects.body(BUILD).replace(b'"spec": {', b'"spec": {"a":1.10,  "b":"\\u00e9\xc3\xa9", ')
    source.put(KEY, body)
    async with followed(source):
        assert await source.runs.fetch(KEY) == body


async def test_what_is_not_there_is_none(make):
    """Never was, is of another kind, or has gone."""
    source = make()
    source.add(BUILD)
    async with followed(source):
        absent = [
            Key(kind="TaskRun", namespace="team", name="nobody"),
            Key(kind="TaskRun", namespace="other", name=KEY.name),
            Key(kind="PipelineRun", namespace="team", name=KEY.name),
        ]
        found = [await source.runs.fetch(key) for key in absent]
        source.delete(KEY)
        await source.settle()

        assert found == [None, None, None]
        assert await source.runs.fetch(KEY) is None


async def test_a_marked_run_stands(make):
    """Not before the mark, and only this run under this uid."""
    source = make()
    source.add(BUILD, RELEASE)
    async with followed(source):
        before = await source.runs.standing(KEY, UID)
        await source.runs.mark(KEY, UID, MARK)

        assert before is False
        assert await source.runs.standing(KEY, UID) is True
        assert await source.runs.standing(KEY, "another") is False
        assert await source.runs.standing(RELEASE_KEY, RELEASE["metadata"]["uid"]) is False
        assert await source.runs.standing(RELEASE_KEY, UID) is False


async def test_a_mark_is_written_beside_what_was_there(make):
    """Annotations of others stay; those of the mark replace older ones."""
    source = make()
    source.add(objects.task_run("build", annotations={"note": "n", marks.SIGNED: "failed"}))
    async with followed(source):
        await source.runs.mark(KEY, UID, MARK)

        assert source.annotations(KEY) == {"note": "n"} | dict(MARK.annotations)


async def test_marking_twice_is_marking_once(make):
    """The second of two writes equal annotations."""
    source = make()
    source.add(BUILD)
    async with followed(source):
        await source.runs.mark(KEY, UID, MARK)
        first = source.annotations(KEY)
        await source.runs.mark(KEY, UID, MARK)

        assert source.annotations(KEY) == first
        assert await source.runs.standing(KEY, UID) is True


async def test_a_mark_that_others_wrote_is_not_believed(make):
    """A tenant can write `signed: "true"`; our own record decides (design D5)."""
    source = make()
    source.add(objects.task_run("build", annotations=dict(MARK.annotations)))
    async with followed(source):
        assert await source.runs.standing(KEY, UID) is False


async def test_a_run_that_is_gone_is_left_alone(make):
    """It was deleted while it was signed: no error, no mark, no record."""
    source = make()
    source.add(BUILD)
    async with followed(source):
        source.delete(KEY)
        await source.settle()
        await source.runs.mark(KEY, UID, MARK)

        assert await source.runs.fetch(KEY) is None
        assert await source.runs.standing(KEY, UID) is False


async def test_a_run_that_was_made_anew_is_another_run(make):
    """Same name, other uid: it gets no mark that was meant for the first, and does not stand by its record."""
    source = make()
    source.add(BUILD)
    async with followed(source):
        await source.runs.mark(KEY, UID, Mark(annotations={"first": "1"}, plan="p"))
        source.add(objects.task_run("build", uid="second"))
        await source.settle()
        stands = await source.runs.standing(KEY, "second")
        await source.runs.mark(KEY, UID, Mark(annotations={"late": "1"}, plan="p"))

        assert stands is False
        assert "late" not in source.annotations(KEY)
        assert await source.runs.standing(KEY, "second") is False


async def test_a_record_outlives_a_restart(make):
    """What was done is not done again; the twin has no restart, and only repeats itself."""
    source = make()
    source.add(BUILD)
    async with followed(source):
        await source.runs.mark(KEY, UID, MARK)
    later = source if isinstance(source, Memory) else make()
    async with followed(later):
        assert await later.runs.standing(KEY, UID) is True

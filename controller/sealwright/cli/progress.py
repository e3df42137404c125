"""Progress of long work: on standard error, only where somebody is looking at it."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from sealwright.cli import show

T = TypeVar("T")


def over(items: Iterable[T], verb: str) -> Iterator[T]:
    """The same items; on a terminal a line counts them as they pass."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn  # noqa: PLC0415  slow to import

    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed}"))
    with Progress(*columns, console=show.console(stderr=True), transient=True) as bar:
        task = bar.add_task(verb, total=None)
        for item in items:
            yield item
            bar.advance(task)

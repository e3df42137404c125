"""A coroutine driven by hand, one await at a time: no loop, so a test can stop a story at each point where it can be stopped."""

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any


@coroutine
def step() -> Generator[None, None, None]:
    """A place where a twin lets others run, and where a story can be cancelled."""
    yield


def finish(story: Coroutine[Any, Any, Any]) -> tuple[Any, int]:
    """Drive a story to its end: what it returned, and how many steps it took."""
    steps = 0
    while True:
        try:
            story.send(None)
        except StopIteration as ended:
            return ended.value, steps
        steps += 1


def cancel_at(story: Coroutine[Any, Any, Any], steps: int) -> None:
    """Drive a story for so many steps and cancel it there. It must not swallow the cancellation."""
    for _ in range(steps):
        story.send(None)
    try:
        story.throw(asyncio.CancelledError())
    except asyncio.CancelledError:
        return
    raise AssertionError(f"cancelled after {steps} steps, the story went on")

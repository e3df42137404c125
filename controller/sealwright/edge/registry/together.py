"""Several awaited at once, none stopped by another."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def together(stories: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Their results in order, when all have ended; then the first error, if there was one, as it was raised."""
    ended = await asyncio.gather(*stories, return_exceptions=True)
    for found in ended:
        if isinstance(found, BaseException):
            raise found
    return [found for found in ended if not isinstance(found, BaseException)]

"""Commits of one stream, one after the other."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Commits:
    """Has one commit under way while its caller prepares the next. None is cut short when the stream breaks."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def start(self, commit: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Waits for the commit before, and begins this one, which deals with its own faults."""
        await self.settle()
        self._task = asyncio.create_task(commit())

    async def settle(self) -> None:
        """Waits until nothing is under way."""
        if self._task is not None:
            await asyncio.wait([self._task])


async def finished(work: Coroutine[Any, Any, T]) -> T:
    """The result of work that must not be cut short: when the stream breaks, it is brought to its end first."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise

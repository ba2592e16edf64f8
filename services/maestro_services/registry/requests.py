"""The requests of a stream, for as long as it makes sense to wait for them."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")


async def requests_until(requests: AsyncIterator[T], *ends: asyncio.Event) -> AsyncIterator[T]:
    """The requests as they come, until the caller sends no more or one of the events is set."""
    waits = [asyncio.ensure_future(end.wait()) for end in ends]
    following = asyncio.ensure_future(anext(requests, None))
    try:
        while True:
            await asyncio.wait([following, *waits], return_when=asyncio.FIRST_COMPLETED)
            if any(end.is_set() for end in ends):
                return
            request = following.result()
            if request is None:
                return
            yield request
            following = asyncio.ensure_future(anext(requests, None))
    finally:
        for task in (following, *waits):
            task.cancel()
        await asyncio.gather(following, *waits, return_exceptions=True)

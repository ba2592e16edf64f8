"""Reading what a process writes, without disturbing it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

CHUNK_BYTES = 65536
_PACE_SECONDS = 0.01


class Pipe:
    """The reading end of a pipe, with bounded memory: whoever writes faster than is read has to wait.

    Between two reads of little it looks away for a moment. A reader that waits is woken by every write, and on a busy
    host that takes the processor from the writer, test by test.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yields what comes, at most 64 KiB at a time, until every writer is gone; then closes the pipe."""
        try:
            while True:
                try:
                    data = os.read(self._descriptor, CHUNK_BYTES)
                except BlockingIOError:
                    await self._readable()
                    continue
                if not data:
                    return
                yield data
                if len(data) < CHUNK_BYTES:
                    await asyncio.sleep(_PACE_SECONDS)
        finally:
            os.close(self._descriptor)

    async def read(self) -> bytes:
        """All that comes."""
        return b"".join([data async for data in self.chunks()])

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._descriptor, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._descriptor)

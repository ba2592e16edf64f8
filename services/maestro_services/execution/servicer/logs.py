"""Reads output from an offset, and waits for more."""

import asyncio
from collections.abc import AsyncIterator

from maestro_services.execution.domain.run import Run
from maestro_services.execution.domain.states import LogStream, RunState
from maestro_services.execution.store.results import LogChunk, ResultStore
from maestro_services.execution.store.runs import RunStore
from maestro_services.runtime.errors import draining
from maestro_services.runtime.wakeups import Wakeups, first_of


class LogReader:
    """Reads what a run (test key "") or a test printed; holds no more than a page of it."""

    def __init__(
        self,
        runs: RunStore,
        results: ResultStore,
        wakeups: Wakeups,
        *,
        drain: asyncio.Event,
        idle_seconds: float,
        poll_seconds: float,
    ) -> None:
        self._runs = runs
        self._results = results
        self._wakeups = wakeups
        self._drain = drain
        self._idle_seconds = idle_seconds
        self._poll_seconds = poll_seconds

    async def read(self, run: Run, test_key: str, stream: LogStream, offset: int) -> AsyncIterator[LogChunk]:
        """The pieces from an offset on that are stored now, each with its offset in what `stream` selects."""
        while chunks := await self._results.read_log(run.key, test_key, stream, offset):
            before = offset
            for chunk in chunks:
                start = chunk.offset if stream is LogStream.BOTH else chunk.stream_offset
                data = chunk.data[max(0, offset - start) :]
                if data:
                    yield LogChunk(offset, offset, chunk.stream, data)
                    offset += len(data)
            if offset == before:
                return

    async def follow(self, run: Run, test_key: str, stream: LogStream, offset: int) -> AsyncIterator[LogChunk]:
        """The same, then what comes until the run is finalized; an empty piece when it was quiet for long."""
        quiet = 0.0
        while True:
            woken = self._wakeups.subscribe(run.topic)
            # The state is read before the output: all that was printed before the end is found behind it.
            run = await self._runs.get(run.project, run.run_id)
            async for chunk in self.read(run, test_key, stream, offset):
                yield chunk
                offset, quiet = chunk.offset + len(chunk.data), 0.0
            if run.state is RunState.FINALIZED:
                return
            wait = max(0.0, min(self._poll_seconds, self._idle_seconds - quiet))
            quiet = 0.0 if await first_of(woken, self._drain, timeout=wait) else quiet + wait
            if self._drain.is_set():
                raise draining()
            if quiet >= self._idle_seconds:
                yield LogChunk(offset, offset, stream, b"")
                quiet = 0.0

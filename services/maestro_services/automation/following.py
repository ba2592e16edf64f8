"""Follows one project's runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from maestro.common.v1 import actor_pb2
from maestro.execution.v1 import execution_service_pb2, run_pb2
from maestro_client import Maestro
from maestro_client.errors import MaestroError, NotFound, ResumeTokenExpired
from maestro_client.watch import resume

from maestro_services.automation.domain.monitor import Monitor
from maestro_services.automation.domain.repair import Creator, Repair, Trigger
from maestro_services.automation.executions import is_own
from maestro_services.automation.failures import REPAIRABLE, is_finalized
from maestro_services.automation.intake import Intake, Request
from maestro_services.automation.store import AutomationStore
from maestro_services.runtime.clock import Clock

_LOG = structlog.get_logger()
_CREATOR = Creator(actor_pb2.Actor.KIND_SERVICE, "automation", "monitor")
_PATIENCE = 5.0
_PAGE = 500


@dataclass(frozen=True)
class Means:
    """What followers work with; `wake` says that there is a new repair."""

    store: AutomationStore
    intake: Intake
    client: Callable[[], Maestro]
    clock: Clock
    wake: Callable[[], None]


class Follower:
    """Follows one project's runs, and makes a repair of each that failed.

    The resume token is written together with the repair that came of the run before it: a crash in between repeats
    the run, and its repair is known already.
    """

    def __init__(self, project: str, means: Means) -> None:
        self._project = project
        self._store = means.store
        self._intake = means.intake
        self._client = means.client
        self._clock = means.clock
        self._wake = means.wake

    async def follow(self) -> None:
        """Follows until it cannot; behind the stored token, or from the monitor's start if it is no longer kept."""
        monitor = await self._monitor()
        if monitor.resume_token:
            try:
                await self._watch(self._stream(monitor.resume_token))
            except ResumeTokenExpired:
                _LOG.warning("resume token expired; listing runs", project=self._project)
        await self._start_over(monitor.update_time if monitor.resume_token else monitor.start_time)

    async def _start_over(self, since: datetime | None) -> None:
        """Watches from now and looks through what ended since; what comes both ways makes one repair."""
        stream = self._stream("")
        first = asyncio.ensure_future(anext(stream))
        try:
            for run in await self._ended_since(since):
                await self._see(run, "")
            await self._see_message(await first)
            await self._watch(stream)
        finally:
            first.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration, MaestroError):
                await first

    def _stream(self, token: str) -> AsyncIterator[execution_service_pb2.WatchRunsResponse]:
        request = execution_service_pb2.WatchRunsRequest(parent=f"projects/{self._project}", resume_token=token)
        return resume(self._client().execution.watch_runs, request, patience=_PATIENCE)

    async def _watch(self, stream: AsyncIterator[execution_service_pb2.WatchRunsResponse]) -> None:
        async for message in stream:
            await self._see_message(message)

    async def _see_message(self, message: execution_service_pb2.WatchRunsResponse) -> None:
        await self._see(message.run if message.HasField("run") else None, message.resume_token)

    async def _see(self, run: run_pb2.Run | None, token: str) -> None:
        """Takes in a change: its repair, if it calls for one, and the token behind it, in one transaction."""
        counted = run is not None and is_finalized(run) and not is_own(run)
        repair = await self._repair_for(run) if run is not None and counted else None
        async with self._store.database.write() as transaction:
            monitor = await self._store.monitor(transaction.connection, self._project)
            if not monitor.follows:
                return
            made = False
            if repair is not None and not await self._store.is_known(
                transaction.connection, self._project, repair.job_key
            ):
                _, made = await self._store.create(transaction, repair, self._clock())
            now = self._clock()
            advanced = monitor.advanced(
                token, now, seen=int(counted), failed=int(repair is not None), repairs=int(made)
            )
            await self._store.put_monitor(transaction, advanced)
        if made:
            self._wake()

    async def _repair_for(self, run: run_pb2.Run) -> Repair | None:
        if run.verdict not in REPAIRABLE:
            return None
        monitor = await self._monitor()
        try:
            return await self._intake.repair_for(run.name, Request(Trigger.MONITOR, _CREATOR, monitor.budget))
        except NotFound:
            # Gone since: the monitor must not stop at it for ever.
            return None

    async def _ended_since(self, since: datetime | None) -> list[run_pb2.Run]:
        request = execution_service_pb2.ListRunsRequest(
            parent=f"projects/{self._project}", filter="state = FINALIZED", page_size=_PAGE
        )
        page = await self._client().execution.list_runs(request)
        return [run for run in reversed(page.runs) if since is None or run.end_time.ToDatetime(since.tzinfo) >= since]

    async def _monitor(self) -> Monitor:
        async with self._store.database.read() as connection:
            return await self._store.monitor(connection, self._project)

    async def record_trouble(self, error: str) -> None:
        """Tells in the monitor what went wrong."""
        async with self._store.database.write() as transaction:
            monitor = await self._store.monitor(transaction.connection, self._project)
            if monitor.follows:
                await self._store.put_monitor(transaction, monitor.troubled(error[:500], self._clock()))

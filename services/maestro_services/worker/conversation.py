"""One stream between a worker and the server."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterable, AsyncIterator
from typing import Protocol

import structlog
from maestro.execution.v1 import worker_service_pb2
from maestro.execution.v1.worker_service_pb2 import WorkRequest, WorkResponse

from maestro_services.worker.board import Board

_LOG = structlog.get_logger()
_FLUSH_SECONDS = 0.05


class WorkerCalls(Protocol):
    """What of the worker client is used here."""

    def work(self, requests: AsyncIterable[WorkRequest], /) -> AsyncIterator[WorkResponse]:
        """Connects a worker."""


class Conversation:
    """Says hello, hears of work, and sends what happens in it, until either side ends the stream."""

    def __init__(self, hello: worker_service_pb2.WorkerHello, board: Board, leaving: asyncio.Event) -> None:
        self._hello = hello
        self._board = board
        self._leaving = leaving
        self._heartbeat_seconds = 1.0
        self._welcome = asyncio.Event()
        self._said_goodbye = False
        # Whether the server has taken any event on this stream.
        self.acknowledged = False

    @property
    def welcomed(self) -> bool:
        """Whether the server took the worker in."""
        return self._welcome.is_set()

    async def hold(self, workers: WorkerCalls) -> None:
        """Holds the conversation. Raises MaestroError when the stream breaks."""
        self._hello.ClearField("held_leases")
        self._hello.held_leases.extend(self._board.leases)
        async for response in workers.work(self._requests()):
            self._hear(response)

    def _hear(self, response: WorkResponse) -> None:
        kind = response.WhichOneof("message")
        board = self._board
        if kind == "acknowledgement":
            self.acknowledged = True
            board.acknowledge(response.acknowledgement.lease, response.acknowledgement.sequence)
        elif kind == "assignment":
            if not self._said_goodbye:
                board.accept(response.assignment)
        elif kind == "cancellation":
            board.cancel(response.cancellation.lease, response.cancellation.cause)
        elif kind == "lease_lost":
            board.lose(response.lease_lost.lease)
        elif kind == "welcome":
            self._begin(response.welcome)
        elif kind == "drain":
            _LOG.info("the server drains")

    def _begin(self, welcome: worker_service_pb2.WorkerWelcome) -> None:
        seconds = welcome.heartbeat_period.ToTimedelta().total_seconds()
        self._heartbeat_seconds = seconds or self._heartbeat_seconds
        self._board.max_unacknowledged_count = welcome.max_unacknowledged_count or 1000
        self._board.resume(welcome.resumed_leases)
        self._welcome.set()

    async def _requests(self) -> AsyncIterator[WorkRequest]:
        yield WorkRequest(hello=self._hello)
        await self._welcome.wait()
        heartbeat = time.monotonic() + self._heartbeat_seconds
        while not self._is_over():
            self._board.changed.clear()
            self._board.hurry.clear()
            if self._leaving.is_set() and not self._said_goodbye:
                self._said_goodbye = True
                yield WorkRequest(goodbye=worker_service_pb2.WorkerGoodbye(reason="the worker was told to end"))
                continue
            batch = self._board.next_batch()
            if batch is not None:
                yield WorkRequest(events=batch)
                await self._gather()
            elif not await self._news_before(heartbeat):
                yield WorkRequest(heartbeat=worker_service_pb2.WorkerHeartbeat(leases=self._board.leases))
                heartbeat = time.monotonic() + self._heartbeat_seconds

    def _is_over(self) -> bool:
        return self._said_goodbye and not self._board.leases

    async def _gather(self) -> None:
        """Lets events come together: a message costs more than what is in it."""
        if not self._board.has_full_batch():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._board.hurry.wait(), _FLUSH_SECONDS)

    async def _news_before(self, moment: float) -> bool:
        try:
            await asyncio.wait_for(self._board.changed.wait(), max(0.0, moment - time.monotonic()))
        except TimeoutError:
            return False
        return True

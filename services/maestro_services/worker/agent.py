"""Keeps a worker connected."""

from __future__ import annotations

import asyncio
import random
import time

import structlog
from maestro.execution.v1 import worker_service_pb2
from maestro_client.errors import Aborted, MaestroError, Unavailable

from maestro_services.worker.board import Board
from maestro_services.worker.conversation import Conversation, WorkerCalls

_LOG = structlog.get_logger()
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_MAX_REFUSALS = 5


class NoServerError(Exception):
    """No server took the worker in for as long as it waits."""


class Agent:
    """Works for the server: connects, and connects again whenever the stream breaks; its actions go on meanwhile."""

    def __init__(
        self,
        hello: worker_service_pb2.WorkerHello,
        workers: WorkerCalls,
        board: Board,
        *,
        grace_seconds: float,
        patience_seconds: float,
    ) -> None:
        self._hello = hello
        self._workers = workers
        self._board = board
        self._grace = grace_seconds
        self._patience = patience_seconds
        # How often in a row the server refused what was sent.
        self._refusals = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set and the actions have ended or the grace is over.

        Raises NoServerError when no server answers for too long. No process is left when this returns or raises.
        """
        leaving = asyncio.create_task(self._leave(stop))
        working = asyncio.create_task(self._keep_connected(stop))
        try:
            await asyncio.wait({leaving, working}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            leaving.cancel()
            working.cancel()
            await self._board.abandon()
            await asyncio.wait({leaving, working})

    async def _leave(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._board.changed.set()
        await asyncio.sleep(self._grace)

    async def _keep_connected(self, stop: asyncio.Event) -> None:
        pause = _FIRST_PAUSE
        last_contact = time.monotonic()
        while not (stop.is_set() and not self._board.leases):
            conversation = Conversation(self._hello, self._board, stop)
            await self._hold(conversation)
            if conversation.welcomed:
                pause, last_contact = _FIRST_PAUSE, time.monotonic()
            elif time.monotonic() - last_contact > self._patience:
                raise NoServerError(f"no server answered for {self._patience:g} seconds")
            if not (stop.is_set() and not self._board.leases):
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _hold(self, conversation: Conversation) -> None:
        try:
            await conversation.hold(self._workers)
        except (Unavailable, Aborted) as error:
            _LOG.warning("connection lost", reason=str(error))
        except MaestroError as error:
            _LOG.warning("connection refused", reason=str(error))
            self._refusals = 0 if conversation.acknowledged else self._refusals + 1
            if self._refusals >= _MAX_REFUSALS:
                # What the server does not take now it will never take: another attempt must decide.
                self._refusals = 0
                for lease in self._board.leases:
                    self._board.lose(lease)

"""A worker that says what a test tells it to."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from maestro.execution.v1 import worker_service_pb2
from maestro_client import Maestro


class FakeWorker:
    """A worker that says exactly what it is told to, and keeps nothing."""

    def __init__(self, maestro: Maestro, worker_id: str = "worker-1", slots: int = 1) -> None:
        self._maestro = maestro
        self._worker_id = worker_id
        self._slots = slots
        self._requests: asyncio.Queue[worker_service_pb2.WorkRequest | None] = asyncio.Queue()
        self._responses: Any = None

    async def connect(self, held: Sequence[str] = ()) -> worker_service_pb2.WorkerWelcome:
        self._requests = asyncio.Queue()
        self._responses = self._maestro.workers.work(self._said())
        hello = worker_service_pb2.WorkerHello(worker_id=self._worker_id, slot_count=self._slots, held_leases=held)
        self.say(hello=hello)
        return (await self.hear()).welcome

    async def _said(self) -> AsyncIterator[worker_service_pb2.WorkRequest]:
        while (request := await self._requests.get()) is not None:
            yield request

    def say(self, **message: Any) -> None:
        self._requests.put_nowait(worker_service_pb2.WorkRequest(**message))

    def report(self, lease: str, first_sequence: int, *events: worker_service_pb2.ActionEvent) -> None:
        batch = worker_service_pb2.EventBatch(lease=lease, first_sequence=first_sequence, events=events)
        self.say(events=batch)

    def beat(self, *leases: str) -> None:
        self.say(heartbeat=worker_service_pb2.WorkerHeartbeat(leases=leases))

    async def hear(self) -> worker_service_pb2.WorkResponse:
        return await asyncio.wait_for(anext(self._responses), 10)

    async def assigned(self) -> worker_service_pb2.Assignment:
        """The next assignment; anything else is a fault."""
        response = await self.hear()
        assert response.HasField("assignment"), response
        return response.assignment

    async def acknowledged(self, sequence: int) -> None:
        """Waits until everything up to a sequence number is acknowledged."""
        while True:
            response = await self.hear()
            assert response.HasField("acknowledgement"), response
            if response.acknowledgement.sequence >= sequence:
                return

    async def cut(self) -> None:
        """Breaks the connection off."""
        if self._responses is not None:
            await self._responses.aclose()
            self._responses = None

    def hang_up(self) -> None:
        """Ends its side of the stream."""
        self._requests.put_nowait(None)

"""What a worker has sent and nobody has worked on yet."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from maestro.execution.v1 import worker_service_pb2 as pb

from maestro_services.runtime.errors import Reason, ServiceError

# How many messages wait at most; more are not read from the connection, which slows the worker down.
_WAITING = 8
_COMMITTED_TOGETHER = 2000


@dataclass
class EventRun:
    """Events of one lease without a gap, from as many messages as had come."""

    lease: str
    first_sequence: int
    events: list[pb.ActionEvent]

    def behind(self, acknowledged: int) -> list[pb.ActionEvent]:
        """Those that are not committed. SEQUENCE_MISMATCH if there is a gap before them."""
        expected = acknowledged + 1
        if self.first_sequence > expected:
            message = f"event {self.first_sequence} came, {expected} is expected; connect again and resend"
            received = str(self.first_sequence)
            raise ServiceError(Reason.SEQUENCE_MISMATCH, message, expected=str(expected), received=received)
        return self.events[expected - self.first_sequence :]


class Inbox:
    """A bounded queue of messages, from which small batches are taken together."""

    def __init__(self, requests: AsyncIterator[pb.WorkRequest]) -> None:
        self._requests = requests
        self._queue: asyncio.Queue[pb.WorkRequest | None] = asyncio.Queue(maxsize=_WAITING)
        self._returned: list[pb.WorkRequest | None] = []

    async def fill(self) -> None:
        """Reads the stream to its end."""
        async for request in self._requests:
            await self._queue.put(request)
        await self._queue.put(None)

    async def items(self) -> AsyncIterator[EventRun | pb.WorkRequest]:
        """What came, in order: runs of events, and other messages as they are."""
        while (request := await self._next()) is not None:
            yield self._gather(request.events) if request.HasField("events") else request

    async def _next(self) -> pb.WorkRequest | None:
        if self._returned:
            return self._returned.pop()
        return await self._queue.get()

    def _gather(self, batch: pb.EventBatch) -> EventRun:
        """A batch with those that wait and continue it; the first that does not is put back."""
        run = EventRun(batch.lease, batch.first_sequence, list(batch.events))
        while not self._queue.empty():
            request = self._queue.get_nowait()
            if request is None or not _continues(run, request):
                self._returned.append(request)
                break
            run.events.extend(request.events.events)
        return run


def _continues(run: EventRun, request: pb.WorkRequest) -> bool:
    """Whether a message is the next batch of the same lease, and both together are not too much for one commit."""
    batch = request.events
    return (
        request.HasField("events")
        and batch.lease == run.lease
        and batch.first_sequence == run.first_sequence + len(run.events)
        and len(run.events) + len(batch.events) <= _COMMITTED_TOGETHER
    )

# ruff: noqa: N802 -- methods have the contract's names
"""WorkerService: the streams of the workers."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
from maestro.execution.v1 import worker_service_pb2 as pb
from maestro.execution.v1.worker_service_pb2_grpc import WorkerServiceServicer

from maestro_services.execution.servicer.session import WorkSession, WorkStores, WorkTerms
from maestro_services.runtime.errors import Reason, ServiceError, draining

Context = grpc.aio.ServicerContext[Any, Any]


class WorkerServicer(WorkerServiceServicer):
    """Has one session a worker; a worker that connects again ends its session before."""

    def __init__(self, stores: WorkStores, terms: WorkTerms, drain: asyncio.Event) -> None:
        self._stores = stores
        self._terms = terms
        self._drain = drain
        self._sessions: dict[str, WorkSession] = {}

    async def Work(
        self, request_iterator: AsyncIterator[pb.WorkRequest], context: Context
    ) -> AsyncIterator[pb.WorkResponse]:
        """Everything that is said to a worker, for as long as it works."""
        first = await anext(request_iterator)
        if not first.HasField("hello"):
            raise ServiceError(Reason.HELLO_EXPECTED, "the first message must be hello", expected="hello")
        if self._drain.is_set():
            raise draining()
        session = self._open(first.hello)
        try:
            async for response in session.converse(request_iterator):
                yield response
        finally:
            self._close(first.hello.worker_id, session)

    def _open(self, hello: pb.WorkerHello) -> WorkSession:
        before = self._sessions.get(hello.worker_id)
        if before is not None:
            before.supersede()
        session = self._sessions[hello.worker_id] = WorkSession(hello, self._stores, self._terms, self._drain)
        return session

    def _close(self, worker_id: str, session: WorkSession) -> None:
        if self._sessions.get(worker_id) is session:
            del self._sessions[worker_id]

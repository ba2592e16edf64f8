# ruff: noqa: ASYNC109 -- the time limit travels to the server, which a local one does not
"""The record of what was done, and its proofs: the audit service."""

from collections.abc import AsyncIterable, AsyncIterator

import grpc.aio
from maestro.audit.v1 import audit_service_pb2
from maestro.audit.v1.audit_service_pb2_grpc import AuditServiceStub

from ._calls import Calls

__all__ = ["AuditClient"]


class AuditClient:
    """Owns the record of what was done: one append-only transparency log a project, that anybody can verify."""

    def __init__(self, calls: Calls, channel: grpc.aio.Channel) -> None:
        self._calls = calls
        self._stub = AuditServiceStub(channel)

    async def append_events(
        self, request: audit_service_pb2.AppendEventsRequest, *, timeout: float | None = None
    ) -> audit_service_pb2.AppendEventsResponse:
        """Append events to the log of a project, all or none."""
        return await self._calls.unary(self._stub.AppendEvents, request, timeout)

    def append_stream(
        self, requests: AsyncIterable[audit_service_pb2.AppendStreamRequest], *, timeout: float | None = None
    ) -> AsyncIterator[audit_service_pb2.AppendStreamResponse]:
        """Take in the events of a producer for as long as it runs."""
        return self._calls.converse(self._stub.AppendStream, requests, timeout)

    async def get_event(
        self, request: audit_service_pb2.GetEventRequest, *, timeout: float | None = None
    ) -> audit_service_pb2.GetEventResponse:
        """Get an event."""
        return await self._calls.unary(self._stub.GetEvent, request, timeout)

    async def list_events(
        self, request: audit_service_pb2.ListEventsRequest, *, timeout: float | None = None
    ) -> audit_service_pb2.ListEventsResponse:
        """List events of a project, newest first."""
        return await self._calls.unary(self._stub.ListEvents, request, timeout)

    def watch_events(
        self, request: audit_service_pb2.WatchEventsRequest, *, timeout: float | None = None
    ) -> AsyncIterator[audit_service_pb2.WatchEventsResponse]:
        """Stream the events of a project as they are appended, without end."""
        return self._calls.stream(self._stub.WatchEvents, request, timeout)

    async def get_checkpoint(
        self, request: audit_service_pb2.GetCheckpointRequest, *, timeout: float | None = None
    ) -> audit_service_pb2.GetCheckpointResponse:
        """Get the newest checkpoint of a project's log."""
        return await self._calls.unary(self._stub.GetCheckpoint, request, timeout)

    async def get_log_key(
        self, request: audit_service_pb2.GetLogKeyRequest, *, timeout: float | None = None
    ) -> audit_service_pb2.GetLogKeyResponse:
        """Get the key that verifies the checkpoints of a project's log."""
        return await self._calls.unary(self._stub.GetLogKey, request, timeout)

    async def get_inclusion_proof(
        self, request: audit_service_pb2.GetInclusionProofRequest, *, timeout: float | None = None
    ) -> audit_service_pb2.GetInclusionProofResponse:
        """Prove that an event stands in the log, with the checkpoint to check it by."""
        return await self._calls.unary(self._stub.GetInclusionProof, request, timeout)

    async def get_consistency_proof(
        self, request: audit_service_pb2.GetConsistencyProofRequest, *, timeout: float | None = None
    ) -> audit_service_pb2.GetConsistencyProofResponse:
        """Prove that the log was only added to between two sizes."""
        return await self._calls.unary(self._stub.GetConsistencyProof, request, timeout)

    async def verify_event(
        self, request: audit_service_pb2.VerifyEventRequest, *, timeout: float | None = None
    ) -> audit_service_pb2.VerifyEventResponse:
        """Have the server verify an event from its stored bytes, and tell the verdict of each step."""
        return await self._calls.unary(self._stub.VerifyEvent, request, timeout)

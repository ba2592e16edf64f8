"""AuditService over the log."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import grpc
from maestro.audit.v1 import audit_service_pb2, audit_service_pb2_grpc

from maestro_services.audit import convert
from maestro_services.audit.appending import Appender
from maestro_services.audit.checkpoints import Checkpoints
from maestro_services.audit.proofs import Prover
from maestro_services.audit.reading import Reader
from maestro_services.audit.verification import Verifier
from maestro_services.runtime.names import PROJECT

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class Log:
    """What the service does, part by part."""

    appender: Appender
    reader: Reader
    checkpoints: Checkpoints
    prover: Prover
    verifier: Verifier


class AuditServicer(audit_service_pb2_grpc.AuditServiceServicer):
    """Answers AuditService."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def AppendEvents(  # noqa: N802 (the contract's name)
        self, request: audit_service_pb2.AppendEventsRequest, context: Context
    ) -> audit_service_pb2.AppendEventsResponse:
        """Appends events, all or none."""
        project = PROJECT.parse(request.parent, "parent")["project"]
        answers = await self._log.appender.append(project, request.events, request.request_id)
        events = [convert.appended(answer, project) for answer in answers]
        return audit_service_pb2.AppendEventsResponse(events=events)

    async def AppendStream(  # noqa: N802 (the contract's name)
        self, request_iterator: AsyncIterator[audit_service_pb2.AppendStreamRequest], context: Context
    ) -> AsyncIterator[audit_service_pb2.AppendStreamResponse]:
        """Takes in a producer's events."""
        async with aclosing(self._log.appender.stream(request_iterator)) as responses:
            async for response in responses:
                yield response

    async def GetEvent(  # noqa: N802 (the contract's name)
        self, request: audit_service_pb2.GetEventRequest, context: Context
    ) -> audit_service_pb2.GetEventResponse:
        """Gets an event."""
        event = await self._log.reader.get(**_event(request.name))
        return audit_service_pb2.GetEventResponse(event=convert.event(event))

    async def ListEvents(  # noqa: N802 (the contract's name)
        self, request: audit_service_pb2.ListEventsRequest, context: Context
    ) -> audit_service_pb2.ListEventsResponse:
        """Lists events."""
        events, token = await self._log.reader.page(request)
        return audit_service_pb2.ListEventsResponse(events=map(convert.event, events), next_page_token=token)

    async def WatchEvents(  # noqa: N802 (the contract's name)
        self, request: audit_service_pb2.WatchEventsRequest, context: Context
    ) -> AsyncIterator[audit_service_pb2.WatchEventsResponse]:
        """Streams events as they are appended."""
        async with aclosing(self._log.reader.watch(request)) as batches:
            async for events, token in batches:
                yield audit_service_pb2.WatchEventsResponse(events=map(convert.event, events), resume_token=token)

    async def GetCheckpoint(  # noqa: N802 (the contract's name)
        self, request: audit_service_pb2.GetCheckpointRequest, context: Context
    ) -> audit_service_pb2.GetCheckpointResponse:
        """Gets the newest checkpoint."""
        log = await self._log.checkpoints.newest(convert.CHECKPOINT.parse(request.name)["project"])
        return audit_service_pb2.GetCheckpointResponse(checkpoint=convert.checkpoint(log))

    async def GetLogKey(  # noqa: N802 (the contract's name)
        self, request: audit_service_pb2.GetLogKeyRequest, context: Context
    ) -> audit_service_pb2.GetLogKeyResponse:
        """Gets the key of a log."""
        state = await self._log.reader.state(convert.LOG_KEY.parse(request.name)["project"], request.name)
        key = str(self._log.checkpoints.key(state))
        return audit_service_pb2.GetLogKeyResponse(log_key=convert.log_key(state, key))

    async def GetInclusionProof(  # noqa: N802 (the contract's name)
        self, request: audit_service_pb2.GetInclusionProofRequest, context: Context
    ) -> audit_service_pb2.GetInclusionProofResponse:
        """Proves that an event stands in the log."""
        proof = await self._log.prover.inclusion(**_event(request.name), size=request.tree_size)
        return audit_service_pb2.GetInclusionProofResponse(
            inclusion_proof=convert.inclusion(proof), checkpoint=convert.checkpoint(proof.log)
        )

    async def GetConsistencyProof(  # noqa: N802 (the contract's name)
        self, request: audit_service_pb2.GetConsistencyProofRequest, context: Context
    ) -> audit_service_pb2.GetConsistencyProofResponse:
        """Proves that the log was only added to."""
        project = PROJECT.parse(request.parent, "parent")["project"]
        proof = await self._log.prover.consistency(project, request.first_size, request.second_size)
        return audit_service_pb2.GetConsistencyProofResponse(
            consistency_proof=convert.consistency(proof), checkpoint=convert.checkpoint(proof.log)
        )

    async def VerifyEvent(  # noqa: N802 (the contract's name)
        self, request: audit_service_pb2.VerifyEventRequest, context: Context
    ) -> audit_service_pb2.VerifyEventResponse:
        """Verifies an event step by step."""
        return convert.verification(await self._log.verifier.verify(**_event(request.name)))


def _event(name: str) -> dict[str, str]:
    parts = convert.EVENT.parse(name)
    return {"project": parts["project"], "event_id": parts["event"]}

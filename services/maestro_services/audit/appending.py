"""Appends what callers send."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import cast

from maestro.audit.v1 import audit_service_pb2, event_pb2

from maestro_services.audit import convert
from maestro_services.audit.domain.event import Actor, ActorKind, event_id
from maestro_services.audit.domain.log import Appended, Refused
from maestro_services.audit.producers import MAX_UNACKNOWLEDGED_BATCHES, Producer, ProducerStream, Requests
from maestro_services.audit.sequencer import Sequencer
from maestro_services.audit.store import AuditStore
from maestro_services.runtime.context import current_call
from maestro_services.runtime.errors import Reason, ServiceError, invalid_field
from maestro_services.runtime.ids import new_uid


class Appender:
    """Appends in the name of the current caller."""

    def __init__(self, store: AuditStore, sequencer: Sequencer, draining: asyncio.Event) -> None:
        self._store = store
        self._sequencer = sequencer
        self._draining = draining

    async def append(self, project: str, events: Sequence[event_pb2.Event], request_id: str) -> list[Appended]:
        """Appends events, all or none."""
        reporter = _caller()
        scope = f"{reporter.kind.name.lower()}:{reporter.subject}"
        drafts = [
            convert.draft(
                event,
                project=project,
                event_id=event_id(scope, *_key(event, request_id, place)),
                reporter=reporter,
            )
            for place, event in enumerate(events)
        ]
        answers = await self._sequencer.append(drafts)
        for place, answer in enumerate(answers):
            if isinstance(answer, Refused):
                raise _refusal(answer, place, events[place])
        return cast("list[Appended]", answers)

    async def stream(self, requests: Requests) -> AsyncGenerator[audit_service_pb2.AppendStreamResponse, None]:
        """Takes in a producer's events."""
        first = await anext(aiter(requests))
        if not first.HasField("hello"):
            raise ServiceError(Reason.HELLO_EXPECTED, "the first message must be hello", expected="hello")
        producer = Producer.of(first.hello, _caller())
        last = await self._store.last_sequence(producer.reporter_key, producer.producer_id, producer.epoch)
        yield audit_service_pb2.AppendStreamResponse(
            welcome=audit_service_pb2.ProducerWelcome(
                last_sequence=last, max_unacknowledged_batch_count=MAX_UNACKNOWLEDGED_BATCHES
            )
        )
        stream = ProducerStream(producer, last, self._sequencer, self._draining)
        async with aclosing(stream.acknowledgements(requests)) as acknowledgements:
            async for acknowledgement in acknowledgements:
                yield audit_service_pb2.AppendStreamResponse(acknowledgement=acknowledgement)


def _caller() -> Actor:
    call = current_call()
    return convert.caller(call.principal) if call else Actor(ActorKind.SERVICE, "audit")


def _key(event: event_pb2.Event, request_id: str, place: int) -> tuple[str | int, ...]:
    if event.idempotency_key:
        return ("key", event.idempotency_key)
    return ("request", request_id, place) if request_id else ("none", new_uid())


def _refusal(answer: Refused, place: int, event: event_pb2.Event) -> ServiceError:
    if answer.reason is Reason.FIELD_INVALID:
        return invalid_field(f"events[{place}]", answer.message)
    message = f"events[{place}]: {answer.message}; nothing was appended"
    return ServiceError(answer.reason, message, key=event.idempotency_key)

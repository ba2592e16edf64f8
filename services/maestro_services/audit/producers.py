"""One producer's stream of events: batches in, acknowledgements out, in the same order."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass

from maestro.audit.v1 import audit_service_pb2

from maestro_services.audit import convert
from maestro_services.audit.domain.event import Actor, Draft, Source, event_id
from maestro_services.audit.domain.log import Refused
from maestro_services.audit.sequencer import Answers, Sequencer, Submission
from maestro_services.audit.store import ProducerMark
from maestro_services.runtime.errors import Reason, ServiceError, draining, invalid_field
from maestro_services.runtime.names import project_of

# How many batches are read ahead of their acknowledgement.
MAX_UNACKNOWLEDGED_BATCHES = 16

Requests = AsyncIterator[audit_service_pb2.AppendStreamRequest]


@dataclass(frozen=True)
class Producer:
    """Who sends: the caller, under the name and epoch of its hello. Without a project each entry names its own."""

    reporter: Actor
    producer_id: str
    epoch: int
    project: str

    @classmethod
    def of(cls, hello: audit_service_pb2.ProducerHello, reporter: Actor) -> "Producer":
        """The producer that says hello."""
        return cls(reporter, hello.producer_id, hello.epoch, project_of(hello.parent))

    @property
    def reporter_key(self) -> str:
        """The caller, by whom producers of the same name are told apart."""
        return f"{self.reporter.kind.name.lower()}:{self.reporter.subject}"

    def draft(self, entry: audit_service_pb2.AppendEntry) -> Draft:
        """The event of an entry."""
        source = Source(self.producer_id, self.epoch, entry.sequence)
        key: tuple[str | int, ...] = ("source", source.producer_id, source.epoch, source.sequence)
        if entry.event.idempotency_key:
            key = ("key", entry.event.idempotency_key)
        return convert.draft(
            entry.event,
            project=self._project(entry.parent),
            event_id=event_id(self.reporter_key, *key),
            reporter=self.reporter,
            source=source,
        )

    def _project(self, parent: str) -> str:
        named = project_of(parent)
        if bool(named) == bool(self.project) and named != self.project:
            raise invalid_field("batch.entries.parent", "must be empty, or what the hello named")
        if not named and not self.project:
            raise invalid_field("batch.entries.parent", "must name a project: the hello named none")
        return named or self.project


@dataclass(frozen=True)
class _Due:
    """A batch on its way."""

    sequences: Sequence[int]
    answers: Answers


class ProducerStream:
    """Reads batches ahead, so that those on their way share a transaction; ends when the server drains."""

    def __init__(self, producer: Producer, last_sequence: int, sequencer: Sequencer, drain: asyncio.Event) -> None:
        self._producer = producer
        self._sequencer = sequencer
        self._drain = drain
        # How far the producer is once everything submitted is durable.
        self._marked = last_sequence
        self._received = 0
        self._due: asyncio.Queue[_Due | Exception | None] = asyncio.Queue(MAX_UNACKNOWLEDGED_BATCHES)

    async def acknowledgements(
        self, requests: Requests
    ) -> AsyncGenerator[audit_service_pb2.AppendAcknowledgement, None]:
        """An acknowledgement for each batch, once it is settled."""
        reading = asyncio.create_task(self._read(requests))
        ending = asyncio.create_task(self._end_when_draining(reading))
        try:
            while (due := await self._due.get()) is not None:
                if isinstance(due, Exception):
                    raise due
                yield _acknowledgement(due.sequences, await due.answers)
        finally:
            ending.cancel()
            reading.cancel()
            await asyncio.wait([reading, ending])

    async def _read(self, requests: Requests) -> None:
        try:
            async for request in requests:
                await self._due.put(self._submit(request))
        except Exception as error:  # noqa: BLE001 (raised behind the acknowledgements that are due)
            await self._due.put(error)
        else:
            await self._due.put(None)

    async def _end_when_draining(self, reading: "asyncio.Task[None]") -> None:
        await self._drain.wait()
        reading.cancel()
        await asyncio.wait([reading])
        await self._due.put(draining())

    def _submit(self, request: audit_service_pb2.AppendStreamRequest) -> _Due:
        if not request.HasField("batch"):
            raise ServiceError(Reason.HELLO_EXPECTED, "hello comes first and once", expected="batch")
        sequences = [entry.sequence for entry in request.batch.entries]
        for sequence in sequences:
            if sequence <= self._received:
                raise invalid_field("batch.entries.sequence", f"must rise: {sequence} follows {self._received}")
            self._received = sequence
        drafts = [self._producer.draft(entry) for entry in request.batch.entries]
        submission = Submission(drafts, atomic=False, mark=self._mark(sequences[-1]))
        return _Due(sequences, self._sequencer.submit(submission))

    def _mark(self, last: int) -> ProducerMark:
        producer = self._producer
        mark = ProducerMark(producer.reporter_key, producer.producer_id, producer.epoch, self._marked, last)
        self._marked = max(self._marked, last)
        return mark


def _acknowledgement(sequences: Sequence[int], answers: Sequence[object]) -> audit_service_pb2.AppendAcknowledgement:
    refusals = [
        convert.refusal(answer, sequence)
        for sequence, answer in zip(sequences, answers, strict=True)
        if isinstance(answer, Refused)
    ]
    return audit_service_pb2.AppendAcknowledgement(sequence=sequences[-1], refusals=refusals)

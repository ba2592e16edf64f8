"""What the server says to a worker."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from google.protobuf.duration_pb2 import Duration
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import worker_service_pb2 as pb

from maestro_services.execution.domain.run import HeldLease


class Terms(Protocol):
    """The terms of a stream; times in seconds."""

    @property
    def lease_seconds(self) -> float:
        """How long a lease lives without a message that names it."""

    @property
    def heartbeat_seconds(self) -> float:
        """How often the worker sends a heartbeat."""

    @property
    def max_unacknowledged_events(self) -> int:
        """How many events may be on their way."""


def _duration(seconds: float) -> Duration:
    message = Duration()
    message.FromTimedelta(timedelta(seconds=seconds))
    return message


def welcome(terms: Terms, held: Sequence[HeldLease]) -> pb.WorkResponse:
    """The answer to hello."""
    resumed = [pb.ResumedLease(lease=one.lease, next_sequence=one.acknowledged + 1) for one in held]
    return pb.WorkResponse(
        welcome=pb.WorkerWelcome(
            lease_ttl=_duration(terms.lease_seconds),
            heartbeat_period=_duration(terms.heartbeat_seconds),
            max_unacknowledged_count=terms.max_unacknowledged_events,
            resumed_leases=resumed,
        )
    )


def acknowledgement(lease: str, sequence: int) -> pb.WorkResponse:
    """Events are committed up to a sequence number."""
    return pb.WorkResponse(acknowledgement=pb.EventAcknowledgement(lease=lease, sequence=sequence))


def cancellation(lease: str) -> pb.WorkResponse:
    """The work of a lease is to end."""
    return pb.WorkResponse(cancellation=pb.ActionCancellation(lease=lease, cause=test_result_pb2.CAUSE_CANCELLED))


def lease_lost(lease: str) -> pb.WorkResponse:
    """A lease is not the worker's any more."""
    return pb.WorkResponse(lease_lost=pb.LeaseLost(lease=lease))


def drain() -> pb.WorkResponse:
    """The server goes."""
    return pb.WorkResponse(drain=pb.ServerDrain())

"""Events of an action, as the contract writes them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from google.protobuf import duration_pb2, timestamp_pb2
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import action_pb2, results_service_pb2, worker_service_pb2

from maestro_services.worker.sandbox.process import Ending, SandboxedProcess

Event = worker_service_pb2.ActionEvent
STDOUT = results_service_pb2.LOG_STREAM_STDOUT
STDERR = results_service_pb2.LOG_STREAM_STDERR


class EventSink(Protocol):
    """Where the events of an action go."""

    async def emit(self, *events: Event) -> None:
        """Takes events in; waits while too many are on their way."""


def timestamp(seconds: float) -> timestamp_pb2.Timestamp:
    """A point in time, from seconds since 1970."""
    whole = int(seconds)
    return timestamp_pb2.Timestamp(seconds=whole, nanos=int((seconds - whole) * 1e9))


def duration(seconds: float) -> duration_pb2.Duration:
    """A span, from seconds."""
    whole = int(seconds)
    return duration_pb2.Duration(seconds=whole, nanos=int((seconds - whole) * 1e9))


def now() -> timestamp_pb2.Timestamp:
    """The time of an event that happens now."""
    return timestamp(time.time())


def output_written(stream: results_service_pb2.LogStream.ValueType, data: bytes, test_id: str = "") -> Event:
    """Something was printed."""
    output = worker_service_pb2.OutputWritten(stream=stream, data=data, test_id=test_id)
    return Event(event_time=now(), output_written=output)


def action_started(arguments: Sequence[str], process: SandboxedProcess) -> Event:
    """The process is about to start, separated from its host as it says."""
    mechanisms = [action_pb2.Isolation.Mechanism.Value(f"MECHANISM_{name}") for name in process.mechanisms]
    isolation = action_pb2.Isolation(mechanisms=mechanisms, missing=process.missing)
    started = worker_service_pb2.ActionStarted(command_line=arguments, isolation=isolation)
    return Event(event_time=now(), action_started=started)


def metrics(endings: Sequence[Ending]) -> list[test_result_pb2.Metric]:
    """What the processes of an action used together."""
    values = {
        "cpu_seconds": sum(ending.cpu_seconds for ending in endings),
        "max_rss_bytes": float(max((ending.max_rss_bytes for ending in endings), default=0)),
        "wall_seconds": sum(ending.wall_seconds for ending in endings),
    }
    return [test_result_pb2.Metric(name=name, value=value) for name, value in values.items()]

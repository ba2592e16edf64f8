"""What the plugin reports, as events of the contract."""

from __future__ import annotations

import hashlib
from typing import Any

from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import worker_service_pb2

from maestro_services.worker import events
from maestro_services.worker.events import Event

_STREAMS = {"stdout": events.STDOUT, "stderr": events.STDERR}
_SKIPPED = test_result_pb2.DISPOSITION_SKIPPED
_COMPLETED = test_result_pb2.DISPOSITION_COMPLETED
# One event must fit into one message, whatever a project comes up with.
_MAX_NAME_BYTES = 4096
_MAX_REASON_BYTES = 16 * 1024
_MAX_FAILURES = 100
_MAX_TRACES_BYTES = 1 << 20


def output(frame: dict[str, Any], data: bytes) -> Event:
    """A test printed something."""
    return events.output_written(_STREAMS[frame["stream"]], data, name(frame["id"]))


def started(frame: dict[str, Any]) -> Event:
    """A test began."""
    start = worker_service_pb2.TestStarted(test_id=name(frame["id"]))
    return Event(event_time=events.timestamp(frame["start"]), test_started=start)


def collected(tests: list[list[Any]]) -> Event:
    """Tests that will run."""
    message = worker_service_pb2.TestsCollected(tests=[_test(fields) for fields in tests])
    return Event(event_time=events.now(), tests_collected=message)


def finished(frame: dict[str, Any]) -> Event:
    """A test ended by itself."""
    failures = _failures(frame.get("failures", []))
    message = worker_service_pb2.TestFinished(
        test=_test(frame["test"]) if "test" in frame else _only_id(frame["id"]),
        disposition=_SKIPPED if frame["outcome"] == "SKIP" else _COMPLETED,
        outcome=test_result_pb2.Outcome.Value(f"OUTCOME_{frame['outcome']}"),
        cause=failures[0].cause if failures else test_result_pb2.CAUSE_UNSPECIFIED,
        reason=_cut(clean(frame.get("reason", "")), _MAX_REASON_BYTES),
        failures=failures,
        start_time=events.timestamp(frame["start"]),
        duration=events.duration(frame["duration"]),
        order_index=frame["order"],
    )
    return Event(event_time=events.now(), test_finished=message)


def interrupted(test_id: str, start: float, cause: test_result_pb2.Cause.ValueType, message: str, trace: str) -> Event:
    """A test was running when its process ended."""
    failure = test_result_pb2.Failure(message=message, stack_trace=trace, phase="call", cause=cause)
    finish = worker_service_pb2.TestFinished(
        test=_only_id(test_id),
        disposition=test_result_pb2.DISPOSITION_INTERRUPTED,
        outcome=test_result_pb2.OUTCOME_ERROR,
        cause=cause,
        failures=[failure],
        start_time=events.timestamp(start),
    )
    moment = events.now()
    finish.duration.CopyFrom(events.duration(max(0.0, moment.ToNanoseconds() / 1e9 - start)))
    return Event(event_time=moment, test_finished=finish)


def _test(fields: list[Any]) -> worker_service_pb2.CollectedTest:
    test_id, suites, case_name, parameters, file, line = fields
    return worker_service_pb2.CollectedTest(
        test_id=name(test_id),
        suite_path=[name(suite) for suite in suites],
        case_name=name(case_name),
        parameters=name(parameters),
        file=name(file),
        line=line,
    )


def _only_id(test_id: str) -> worker_service_pb2.CollectedTest:
    return worker_service_pb2.CollectedTest(test_id=name(test_id))


def _failures(found: list[dict[str, Any]]) -> list[test_result_pb2.Failure]:
    """The failures, with as many of their traces as there is room for."""
    failures = [_failure(failure) for failure in found[:_MAX_FAILURES]]
    room = _MAX_TRACES_BYTES
    for failure in failures:
        room -= len(failure.stack_trace)
        if room < 0:
            failure.stack_trace = "[cut: too many traces]"
    if len(found) > _MAX_FAILURES:
        failures[-1].message = f"[cut: {len(found)} failures in all]"
    return failures


def _failure(failure: dict[str, Any]) -> test_result_pb2.Failure:
    return test_result_pb2.Failure(
        message=clean(failure["message"]),
        exception_type=clean(failure.get("type", "")),
        stack_trace=clean(failure["trace"]),
        file=clean(failure.get("file", "")),
        line=failure.get("line", 0),
        phase=failure["phase"],
        cause=test_result_pb2.Cause.Value(f"CAUSE_{failure['cause']}"),
    )


def clean(text: str) -> str:
    """The text without what UTF-8 cannot carry: lone surrogates are written out."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def name(text: str) -> str:
    """An id or name; a very long one is cut, and kept apart from others by the digest of the whole."""
    text = clean(text)
    if len(text.encode()) <= _MAX_NAME_BYTES:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return _cut(text, _MAX_NAME_BYTES - len(digest) - 1) + "~" + digest


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode("utf-8", "ignore")

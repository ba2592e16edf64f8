"""The hot path from a worker's events to rows: one pass over a batch, no intermediate message.

Everything here runs once an event, tens of thousands of times a second; so it reads each field once and makes
tuples in the order of the columns.
"""

from collections.abc import Iterable
from hashlib import sha256

from maestro.execution.v1 import action_pb2, run_pb2, test_case_pb2, worker_service_pb2

from maestro_services.execution.domain.batch import CHUNK_BYTES, COLLECTED, Batch, Finish, Identity, Output, Progress
from maestro_services.execution.domain.states import ENDED, Cause, Disposition, LogStream, Outcome, Verdict
from maestro_services.execution.domain.verdict import Decision

SUITE_SEPARATOR = "\x1f"
_RUNNING = int(Disposition.RUNNING)
_ENDED: frozenset[int] = ENDED
_OUTCOMES: frozenset[int] = frozenset(Outcome) - {Outcome.UNSPECIFIED}
_VERDICTS: frozenset[int] = frozenset(Verdict)
_CAUSES: frozenset[int] = frozenset(Cause)
_STDERR = int(LogStream.STDERR)
_COMPLETED = int(Disposition.COMPLETED)
_ERROR = int(Outcome.ERROR)
# Named tuples without the price of their constructor, which is a function in Python.
_new = tuple.__new__


def test_key(test_id: str) -> str:
    """The stable key of a test: the same in every run of it."""
    return sha256(test_id.encode()).hexdigest()[:20]


test_key.__test__ = False  # type: ignore[attr-defined]  # not a test, whatever its name makes a collector believe


def fold(first_sequence: int, events: Iterable[worker_service_pb2.ActionEvent], event_count: int) -> Batch:
    """The batch that consecutive events amount to."""
    batch = Batch(first_sequence, event_count)
    for event in events:
        kind = event.WhichOneof("event")
        if kind == "test_finished":
            _finish_test(batch, event.test_finished)
        elif kind == "test_started":
            test_id = event.test_started.test_id
            key = test_key(test_id)
            batch.identities.setdefault(key, _nameless(key, test_id))
            batch.progress[key] = Progress(_RUNNING, 0, 0, "", _microseconds(event.event_time), 0, 0)
            batch.failures.pop(key, None)
        elif kind == "output_written":
            _add_output(batch, event.output_written)
        elif kind == "tests_collected":
            for test in event.tests_collected.tests:
                key = test_key(test.test_id)
                batch.identities[key] = _identity(test, test.test_id, key)
                batch.progress.setdefault(key, COLLECTED)
        elif kind == "action_started":
            batch.execution += _started(event.action_started)
        elif kind == "action_finished":
            batch.execution += _ended(event.action_finished)
            batch.finish = _finish(event.action_finished)
    return batch


def _finish_test(batch: Batch, finished: worker_service_pb2.TestFinished) -> None:
    test = finished.test
    test_id = test.test_id
    key = sha256(test_id.encode()).hexdigest()[:20]
    if test.case_name:
        batch.identities[key] = _identity(test, test_id, key)
    elif key not in batch.identities:
        batch.identities[key] = _nameless(key, test_id)
    disposition, outcome, reason = finished.disposition, finished.outcome, finished.reason
    began, took = finished.start_time, finished.duration
    batch.progress[key] = _new(
        Progress,
        (
            disposition if disposition in _ENDED else _COMPLETED,
            outcome if outcome in _OUTCOMES else _ERROR,
            finished.cause,
            _clean(reason) if reason else reason,
            began.seconds * 1_000_000 + began.nanos // 1000,
            took.seconds * 1_000_000_000 + took.nanos,
            finished.order_index,
        ),
    )
    if finished.failures:
        batch.failures[key] = test_case_pb2.TestCase(failures=finished.failures).SerializeToString()
    elif batch.failures:
        batch.failures.pop(key, None)


def _nameless(key: str, test_id: str) -> Identity:
    """A test of which only the id is known."""
    return Identity(key, _clean(test_id), "", "", "", "", 0)


def _identity(test: worker_service_pb2.CollectedTest, test_id: str, key: str) -> Identity:
    path = test.suite_path
    texts = (
        test_id,
        path[0] if len(path) == 1 else SUITE_SEPARATOR.join(path),
        test.case_name,
        test.parameters,
        test.file,
    )
    if "\0" in "".join(texts):
        texts = (_clean(texts[0]), _clean(texts[1]), _clean(texts[2]), _clean(texts[3]), _clean(texts[4]))
    return _new(Identity, (key, *texts, test.line))


def _clean(text: str) -> str:
    """Text without NUL, which PostgreSQL cannot store."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _microseconds(time: object) -> int:
    return time.seconds * 1_000_000 + time.nanos // 1000  # type: ignore[attr-defined,no-any-return]


def _add_output(batch: Batch, written: worker_service_pb2.OutputWritten) -> None:
    """Appends output, to the piece before where that is from the same source."""
    data = written.data
    if not data:
        return
    key = test_key(written.test_id) if written.test_id else ""
    stream = LogStream.STDERR if written.stream == _STDERR else LogStream.STDOUT
    last = batch.output[-1] if batch.output else None
    if last and last.test_key == key and last.stream is stream and len(last.data) + len(data) <= CHUNK_BYTES:
        batch.output[-1] = Output(key, stream, last.data + data)
        return
    batch.output.extend(
        Output(key, stream, data[start : start + CHUNK_BYTES]) for start in range(0, len(data), CHUNK_BYTES)
    )


def _started(started: worker_service_pb2.ActionStarted) -> bytes:
    execution = action_pb2.ActionExecution(command_line=started.command_line, isolation=started.isolation)
    return execution.SerializeToString()


def _ended(finished: worker_service_pb2.ActionFinished) -> bytes:
    execution = action_pb2.ActionExecution(signal=finished.signal, metrics=finished.metrics)
    if finished.HasField("exit_code"):
        execution.exit_code = finished.exit_code
    return execution.SerializeToString()


def _finish(finished: worker_service_pb2.ActionFinished) -> Finish:
    proposal = Decision(
        Verdict(finished.verdict) if finished.verdict in _VERDICTS else Verdict.UNSPECIFIED,
        Cause(finished.cause) if finished.cause in _CAUSES else Cause.INTERNAL,
        _clean(finished.status_message),
    )
    return Finish(proposal, run_pb2.Run(output_files=finished.output_files).SerializeToString())

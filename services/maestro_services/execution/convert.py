"""Between the contract's messages and the domain; pure."""

from datetime import datetime
from typing import cast

from google.protobuf.timestamp_pb2 import Timestamp
from maestro.common.v1 import actor_pb2, digest_pb2, test_result_pb2
from maestro.execution.v1 import (
    action_pb2,
    artifact_pb2,
    results_service_pb2,
    run_pb2,
    test_case_pb2,
    worker_service_pb2,
)

from maestro_services.execution.domain.counts import TestCounts
from maestro_services.execution.domain.run import Action, Attempt, Creator, LeasedAction, NewRun, Run, TestCase
from maestro_services.execution.domain.states import Disposition, RunState
from maestro_services.execution.domain.tree import BlobRef, Link, Listing, Node, invalid_tree
from maestro_services.runtime.names import NamePattern

RUN = NamePattern("projects/{project}/runs/{run}")
TEST_CASE = NamePattern("projects/{project}/runs/{run}/testCases/{test_case}")
ACTION = NamePattern("projects/{project}/runs/{run}/actions/{action}")

_COUNT_FIELDS = {
    "total_count": "total",
    "completed_count": "completed",
    "interrupted_count": "interrupted",
    "pass_count": "passed",
    "fail_count": "failed",
    "error_count": "errors",
    "skip_count": "skipped",
    "xfail_count": "xfailed",
    "xpass_count": "xpassed",
}


def blob_ref(digest: digest_pb2.Digest) -> BlobRef:
    """The address in a Digest."""
    return BlobRef(digest.sha256, digest.size_bytes)


def digest(blob: BlobRef) -> digest_pb2.Digest:
    """A Digest of an address."""
    return digest_pb2.Digest(sha256=blob.sha256, size_bytes=blob.size_bytes)


def listing(encoded: bytes, path: str) -> Listing:
    """A directory of a tree; TREE_INVALID if the bytes are no canonical Directory."""
    directory = artifact_pb2.Directory()
    try:
        directory.ParseFromString(encoded)
    except Exception as error:
        raise invalid_tree(path, "a directory cannot be decoded") from error
    directory.DiscardUnknownFields()
    if directory.SerializeToString(deterministic=True) != encoded:
        raise invalid_tree(path, "a directory is not in canonical form")
    return Listing(
        files=[Node(file.name, blob_ref(file.digest)) for file in directory.files],
        directories=[Node(child.name, blob_ref(child.digest)) for child in directory.directories],
        links=[Link(link.name, link.target) for link in directory.symlinks],
    )


def new_run(
    run: run_pb2.Run, *, project: str, run_id: str, uid: str, creator: Creator, default_attempts: int, now: datetime
) -> NewRun:
    """The run that a CreateRun asks for."""
    return NewRun(
        project=project,
        run_id=run_id,
        uid=uid,
        spec=run.spec.SerializeToString(deterministic=True),
        display_name=run.display_name,
        labels=dict(run.labels),
        creator=creator,
        max_attempts=run.spec.max_attempts or default_attempts,
        suite=run.spec.WhichOneof("plan") == "pytest",
        create_time=now,
    )


def run_message(run: Run) -> run_pb2.Run:
    """A run as callers see it."""
    message = run_pb2.Run(
        name=run.name,
        counts=counts_message(run.counts),
        state=cast("run_pb2.Run.State.ValueType", int(run.state)),
        verdict=cast("test_result_pb2.Verdict.ValueType", int(run.verdict)),
        cause=cast("test_result_pb2.Cause.ValueType", int(run.cause)),
        status_message=run.status_message,
        etag=f'"{run.change_sequence}"',
        update_time=_timestamp(run.update_time),
        start_time=_timestamp(run.start_time),
        end_time=_timestamp(run.end_time),
    )
    message.MergeFrom(new_run_message(run))
    message.MergeFromString(run.output_files)
    return message


def new_run_message(run: NewRun) -> run_pb2.Run:
    """A run as it would be created: without a name, for it does not exist."""
    creator = actor_pb2.Actor(
        kind=cast("actor_pb2.Actor.Kind.ValueType", run.creator.kind),
        subject=run.creator.subject,
        display_name=run.creator.display_name,
    )
    return run_pb2.Run(
        uid=run.uid,
        display_name=run.display_name,
        labels=run.labels,
        spec=run_pb2.RunSpec.FromString(run.spec),
        creator=creator,
        create_time=_timestamp(run.create_time),
    )


def preview_message(run: NewRun) -> run_pb2.Run:
    """What CreateRun answers when it only validates: the run as it would be queued, without identity."""
    message = new_run_message(run)
    message.state = cast("run_pb2.Run.State.ValueType", int(RunState.QUEUED))
    message.ClearField("uid")
    return message


def encode_run(run: Run) -> bytes:
    """A run as the outbox carries it."""
    return run_message(run).SerializeToString()


def counts_message(counts: TestCounts) -> run_pb2.TestCounts:
    """Counts as callers see them."""
    return run_pb2.TestCounts(**{field: getattr(counts, name) for field, name in _COUNT_FIELDS.items()})


def encode_worker(worker_id: str) -> bytes:
    """The beginning of an action's ActionExecution."""
    return action_pb2.ActionExecution(worker=worker_id).SerializeToString()


def action_message(action: Action) -> action_pb2.Action:
    """An action as callers see it."""
    return action_pb2.Action(
        name=action.name,
        uid=action.uid,
        shard_number=action.shard_number,
        total_shard_count=action.total_shard_count,
        run_number=action.run_number,
        attempt_number=action.attempt_number,
        state=cast("action_pb2.Action.State.ValueType", int(action.state)),
        verdict=cast("test_result_pb2.Verdict.ValueType", int(action.verdict)),
        cause=cast("test_result_pb2.Cause.ValueType", int(action.cause)),
        status_message=action.status_message,
        execution=action_pb2.ActionExecution.FromString(action.execution),
        create_time=_timestamp(action.create_time),
        update_time=_timestamp(action.update_time),
        start_time=_timestamp(action.start_time),
        end_time=_timestamp(action.end_time),
    )


def test_message(case: TestCase) -> test_case_pb2.TestCase:
    """A test as callers see it."""
    message = test_case_pb2.TestCase(
        name=case.name,
        test_id=case.test_id,
        suite_path=case.suite_path,
        case_name=case.case_name,
        parameters=case.parameters,
        file=case.file,
        line=case.line,
        disposition=cast("test_result_pb2.Disposition.ValueType", int(case.disposition)),
        outcome=cast("test_result_pb2.Outcome.ValueType", int(case.outcome)),
        cause=cast("test_result_pb2.Cause.ValueType", int(case.cause)),
        reason=case.reason,
        order_index=case.order_index,
        output_bytes=case.stdout_bytes + case.stderr_bytes,
        earlier_attempts=[_attempt(attempt) for attempt in case.earlier_attempts],
    )
    if case.disposition is not Disposition.NOT_STARTED:
        message.attempt_number = case.attempt_number
        message.duration.FromNanoseconds(case.duration_ns)
    if case.start_time_us:
        message.start_time.FromMicroseconds(case.start_time_us)
    message.MergeFromString(case.failures)
    return message


test_message.__test__ = False  # type: ignore[attr-defined]  # not a test, whatever its name makes a collector believe


def _attempt(attempt: Attempt) -> test_case_pb2.TestAttempt:
    message = test_case_pb2.TestAttempt(
        attempt_number=attempt.attempt_number, cause=cast("test_result_pb2.Cause.ValueType", int(attempt.cause))
    )
    message.start_time.FromMicroseconds(attempt.start_time_us)
    return message


def assignment(leased: LeasedAction, completed: BlobRef | None) -> worker_service_pb2.Assignment:
    """The work that a lease stands for."""
    return worker_service_pb2.Assignment(
        lease=leased.lease,
        action=leased.action_name,
        spec=run_pb2.RunSpec.FromString(leased.spec),
        attempt_number=leased.attempt_number,
        completed_tests=digest(completed) if completed else None,
    )


def log_stream(value: int) -> results_service_pb2.LogStream.ValueType:
    """An output as the contract names it."""
    return cast("results_service_pb2.LogStream.ValueType", value)


def _timestamp(time: datetime | None) -> Timestamp | None:
    if time is None:
        return None
    message = Timestamp()
    message.FromDatetime(time)
    return message

"""Between the contract's messages and the domain."""

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from maestro.automation.v1 import diagnosis_pb2, monitor_pb2, patch_pb2, repair_pb2
from maestro.common.v1 import actor_pb2, digest_pb2, test_result_pb2

from maestro_services.automation.domain.diagnosis import Diagnosis, FailingTest
from maestro_services.automation.domain.monitor import Monitor
from maestro_services.automation.domain.patch import Edit, FileDigest, Patch
from maestro_services.automation.domain.repair import (
    SETTLED,
    Budget,
    Creator,
    EvidenceRun,
    Repair,
    Transition,
    Usage,
)


def timestamp(time: datetime | None) -> Timestamp | None:
    """The message of a time; None leaves a field unset."""
    if time is None:
        return None
    message = Timestamp()
    message.FromDatetime(time.astimezone(UTC))
    return message


def duration(span: timedelta) -> Duration:
    """The message of a span."""
    message = Duration()
    message.FromTimedelta(span)
    return message


def budget_of(message: repair_pb2.RepairBudget) -> Budget:
    """A caller's budget; what is unset or zero has its default."""
    default = Budget()
    return Budget(
        wall_time=message.wall_time.ToTimedelta() or default.wall_time,
        search_time=message.search_time.ToTimedelta() or default.search_time,
        candidate_count=message.candidate_count or default.candidate_count,
        validation_run_count=message.validation_run_count or default.validation_run_count,
    )


def budget_message(budget: Budget) -> repair_pb2.RepairBudget:
    """The message of a budget, defaults filled in."""
    return repair_pb2.RepairBudget(
        wall_time=duration(budget.wall_time),
        search_time=duration(budget.search_time),
        candidate_count=budget.candidate_count,
        validation_run_count=budget.validation_run_count,
    )


def repair_message(repair: Repair) -> repair_pb2.Repair:
    """The message of a repair."""
    message = repair_pb2.Repair(
        name=repair.name,
        uid=repair.uid,
        display_name=repair.display_name,
        run=repair.run,
        failing_tests=[_failing_test(test) for test in repair.failing_tests],
        failing_test_count=repair.failing_test_count,
        trigger=repair_pb2.Repair.Trigger.ValueType(repair.trigger),
        state=repair_pb2.Repair.State.ValueType(repair.state),
        budget=budget_message(repair.budget),
        usage=_usage(repair),
        diagnosis=None if repair.diagnosis is None else _diagnosis(repair.diagnosis),
        patch=None if repair.patch is None else _patch(repair.patch),
        confidence=repair.confidence,
        evidence=[_evidence(run) for run in repair.evidence],
        history=[_transition(one) for one in repair.history],
        creator=_actor(repair.creator),
        etag=str(repair.revision),
        create_time=timestamp(repair.create_time),
        update_time=timestamp(repair.update_time),
        end_time=timestamp(repair.end_time),
    )
    if repair.outcome is not None:
        message.outcome.reason = repair_pb2.RepairOutcome.Reason.ValueType(repair.outcome.reason)
        message.outcome.message = repair.outcome.message
    return message


def monitor_message(monitor: Monitor) -> monitor_pb2.Monitor:
    """The message of a monitor."""
    return monitor_pb2.Monitor(
        name=f"projects/{monitor.project}/monitor",
        state=monitor_pb2.Monitor.State.ValueType(monitor.state),
        budget=budget_message(monitor.budget),
        resume_token=monitor.resume_token,
        last_error=monitor.last_error,
        last_error_time=timestamp(monitor.last_error_time),
        seen_run_count=monitor.seen_runs,
        failed_run_count=monitor.failed_runs,
        repair_count=monitor.repairs,
        start_time=timestamp(monitor.start_time),
        update_time=timestamp(monitor.update_time),
    )


def _failing_test(test: FailingTest) -> diagnosis_pb2.FailingTest:
    return diagnosis_pb2.FailingTest(
        test_case=test.test_case,
        test_id=test.test_id,
        cause=test_result_pb2.Cause.ValueType(test.cause),
        exception_type=test.exception_type,
        message=test.message,
        fingerprint=test.fingerprint,
    )


def _usage(repair: Repair) -> repair_pb2.RepairUsage:
    usage: Usage = repair.usage
    return repair_pb2.RepairUsage(
        wall_time=duration(_wall_time(repair)),
        search_time=duration(usage.search_time),
        generated_candidate_count=usage.generated_candidates,
        tried_candidate_count=usage.tried_candidates,
        plausible_candidate_count=usage.plausible_candidates,
        validated_candidate_count=usage.validated_candidates,
        validation_run_count=usage.validation_runs,
    )


def _wall_time(repair: Repair) -> timedelta:
    if repair.start_time is None:
        return timedelta()
    settled = next((one.time for one in repair.history if one.state in SETTLED), repair.update_time)
    return settled - repair.start_time


def _diagnosis(diagnosis: Diagnosis) -> diagnosis_pb2.Diagnosis:
    return diagnosis_pb2.Diagnosis(
        classification=diagnosis_pb2.Diagnosis.Classification.ValueType(diagnosis.classification),
        summary=diagnosis.summary,
        suspicious_lines=[
            diagnosis_pb2.SuspiciousLine(path=one.path, line=one.line, function=one.function, score=one.score)
            for one in diagnosis.lines
        ],
        failing_test_count=diagnosis.failing_count,
        passing_test_count=diagnosis.passing_count,
    )


def _patch(patch: Patch) -> patch_pb2.Patch:
    return patch_pb2.Patch(
        sha256=patch.sha256,
        unified_diff=patch.unified_diff,
        files=[
            patch_pb2.PatchedFile(path=file.path, base_digest=_digest(file.base), new_digest=_digest(file.new))
            for file in patch.files
        ],
        edits=[_edit(edit) for edit in patch.edits],
    )


def _digest(digest: FileDigest) -> digest_pb2.Digest:
    return digest_pb2.Digest(sha256=digest.sha256, size_bytes=digest.size_bytes)


def _edit(edit: Edit) -> patch_pb2.Edit:
    return patch_pb2.Edit(
        path=edit.path,
        line=edit.line,
        column=edit.column,
        function=edit.function,
        family=edit.family,
        before=edit.before,
        after=edit.after,
        safety=patch_pb2.Edit.SAFETY_SAFE if edit.safe else patch_pb2.Edit.SAFETY_UNSAFE,
    )


def _evidence(run: EvidenceRun) -> repair_pb2.EvidenceRun:
    return repair_pb2.EvidenceRun(
        run=run.run,
        purpose=repair_pb2.EvidenceRun.Purpose.ValueType(run.purpose),
        candidate_number=run.candidate_number,
        verdict=test_result_pb2.Verdict.ValueType(run.verdict),
        accepted=run.accepted,
        summary=run.summary,
    )


def _transition(transition: Transition) -> repair_pb2.Transition:
    return repair_pb2.Transition(
        state=repair_pb2.Repair.State.ValueType(transition.state),
        message=transition.message,
        create_time=timestamp(transition.time),
    )


def _actor(creator: Creator) -> actor_pb2.Actor:
    kind = actor_pb2.Actor.Kind.ValueType(creator.kind)
    return actor_pb2.Actor(kind=kind, subject=creator.subject, display_name=creator.display_name)

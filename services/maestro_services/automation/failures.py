"""From what execution reports of a failed run to the failures of the domain."""

from collections.abc import Iterable

from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import run_pb2, test_case_pb2

from maestro_services.automation.domain.diagnosis import Cause, FailingTest, fingerprint

REPAIRABLE = frozenset(
    {
        test_result_pb2.VERDICT_FAILED,
        test_result_pb2.VERDICT_TIMED_OUT,
        test_result_pb2.VERDICT_INFRA_FAILED,
        test_result_pb2.VERDICT_INCOMPLETE,
        test_result_pb2.VERDICT_INVALID,
    }
)
"""Verdicts of runs that a repair looks into, if only to refuse it with a reason."""

_MESSAGE_LENGTH = 500


def failing_tests(cases: Iterable[test_case_pb2.TestCase]) -> tuple[FailingTest, ...]:
    """The failures in a run's test cases."""
    return tuple(_failing_test(case) for case in cases if has_failed(case))


def has_failed(case: test_case_pb2.TestCase) -> bool:
    """Whether a test failed, or did not survive."""
    failed = (test_result_pb2.OUTCOME_FAIL, test_result_pb2.OUTCOME_ERROR)
    return case.outcome in failed or case.disposition == test_result_pb2.DISPOSITION_INTERRUPTED


def _failing_test(case: test_case_pb2.TestCase) -> FailingTest:
    failure = case.failures[0] if case.failures else test_result_pb2.Failure(cause=case.cause)
    return FailingTest(
        test_case=case.name,
        test_id=case.test_id,
        cause=Cause(case.cause or failure.cause),
        exception_type=failure.exception_type,
        message=failure.message.split("\n", 1)[0][:_MESSAGE_LENGTH],
        phase=failure.phase,
        fingerprint=fingerprint(failure.exception_type, failure.file, failure.line, failure.message),
    )


def is_finalized(run: run_pb2.Run) -> bool:
    """Whether the run has come to its end."""
    return run.state == run_pb2.Run.STATE_FINALIZED


def verdict_name(run: run_pb2.Run) -> str:
    """The verdict as people read it."""
    return test_result_pb2.Verdict.Name(run.verdict).removeprefix("VERDICT_")

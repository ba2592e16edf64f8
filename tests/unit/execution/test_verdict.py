"""The verdict is what the facts allow of the worker's proposal."""

import pytest
from maestro_services.execution.domain.counts import Tally, TestCounts
from maestro_services.execution.domain.states import Cause, Disposition, Outcome, Verdict
from maestro_services.execution.domain.verdict import Decision, Facts, decide


def counted(*ends: tuple[Disposition, Outcome], missing: int = 0) -> TestCounts:
    tally = Tally()
    tally.add("total", len(ends) + missing)
    tally.end_all(ends)
    return TestCounts().plus(tally)


PASS = (Disposition.COMPLETED, Outcome.PASS)
FAIL = (Disposition.COMPLETED, Outcome.FAIL)
ERROR = (Disposition.COMPLETED, Outcome.ERROR)
SKIP = (Disposition.SKIPPED, Outcome.SKIP)
CUT = (Disposition.INTERRUPTED, Outcome.ERROR)


@pytest.mark.parametrize(
    ("proposed", "counts", "verdict", "cause"),
    [
        (Verdict.PASSED, counted(PASS, PASS), Verdict.PASSED, Cause.UNSPECIFIED),
        (Verdict.UNSPECIFIED, counted(PASS), Verdict.PASSED, Cause.UNSPECIFIED),
        (Verdict.PASSED, counted(PASS, FAIL), Verdict.FAILED, Cause.ASSERTION),
        (Verdict.PASSED, counted(PASS, ERROR), Verdict.FAILED, Cause.EXCEPTION),
        (Verdict.PASSED, counted(PASS, missing=1), Verdict.INCOMPLETE, Cause.EXIT_CODE),
        (Verdict.FAILED, counted(FAIL, missing=3), Verdict.FAILED, Cause.ASSERTION),
        (Verdict.INCOMPLETE, counted(FAIL, CUT, missing=3), Verdict.INCOMPLETE, Cause.ASSERTION),
        (Verdict.INCOMPLETE, counted(PASS, PASS), Verdict.INCOMPLETE, Cause.EXIT_CODE),
        (Verdict.PASSED, counted(PASS, CUT), Verdict.INCOMPLETE, Cause.EXIT_CODE),
        (Verdict.PASSED, counted(SKIP, SKIP), Verdict.SKIPPED, Cause.UNSPECIFIED),
        (Verdict.PASSED, counted(SKIP, PASS), Verdict.PASSED, Cause.UNSPECIFIED),
        (Verdict.PASSED, counted(), Verdict.INVALID, Cause.NO_TESTS),
        (Verdict.INVALID, counted(ERROR, missing=9), Verdict.INVALID, Cause.INPUT_ERROR),
        (Verdict.INVALID, counted(ERROR, PASS), Verdict.FAILED, Cause.EXCEPTION),
        (Verdict.TIMED_OUT, counted(FAIL, missing=1), Verdict.TIMED_OUT, Cause.DEADLINE),
        (Verdict.INFRA_FAILED, counted(PASS), Verdict.INFRA_FAILED, Cause.INTERNAL),
        (Verdict.FAILED, counted(PASS), Verdict.FAILED, Cause.EXIT_CODE),
        (Verdict.FLAKY, counted(PASS), Verdict.FLAKY, Cause.EXCEPTION),
        (Verdict.CANCELLED, counted(PASS, missing=1), Verdict.INCOMPLETE, Cause.EXIT_CODE),
    ],
)
def test_results_correct_the_proposal(proposed, counts, verdict, cause):
    decision = decide(Decision(proposed), Facts(counts))

    assert (decision.verdict, decision.cause) == (verdict, cause)
    assert decision.message.endswith(".")


def test_a_command_needs_no_tests():
    assert decide(Decision(Verdict.PASSED), Facts(counted(), suite=False)).verdict is Verdict.PASSED


def test_a_cancelled_run_is_cancelled_whatever_its_worker_says():
    decision = decide(Decision(Verdict.PASSED), Facts(counted(PASS), cancelled=True))

    assert (decision.verdict, decision.cause) == (Verdict.CANCELLED, Cause.CANCELLED)


def test_the_workers_sentence_stays_where_its_verdict_does():
    said = Decision(Verdict.FAILED, Cause.ASSERTION, "Two tests failed.")

    assert decide(said, Facts(counted(FAIL, FAIL))) == said
    assert decide(Decision(Verdict.PASSED, message="All good."), Facts(counted(FAIL))).message == "1 of 1 test failed."


def test_an_attempt_that_finds_nothing_left_to_run_is_judged_by_the_earlier_ones():
    nothing = Decision(Verdict.INVALID, Cause.NO_TESTS, "No tests ran.")

    assert decide(nothing, Facts(counted(PASS, PASS))).verdict is Verdict.PASSED
    assert decide(nothing, Facts(counted(SKIP))).verdict is Verdict.SKIPPED
    assert decide(nothing, Facts(counted(PASS, missing=1))).verdict is Verdict.INCOMPLETE
    assert decide(nothing, Facts(counted())) == nothing

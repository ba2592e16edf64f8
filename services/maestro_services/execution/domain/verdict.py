"""The verdict of an ended action or run: what its worker proposes, corrected by what its tests say."""

from dataclasses import dataclass

from maestro_services.execution.domain.counts import TestCounts
from maestro_services.execution.domain.states import Cause, Verdict


@dataclass(frozen=True)
class Decision:
    """A verdict, its cause, and one sentence that explains both."""

    verdict: Verdict
    cause: Cause = Cause.UNSPECIFIED
    message: str = ""


@dataclass(frozen=True)
class Facts:
    """What is known when an action ends."""

    counts: TestCounts
    # Whether it ran a suite (which must have tests) or a command (which needs none).
    suite: bool = True
    cancelled: bool = False


_KEPT = {
    Verdict.TIMED_OUT: Cause.DEADLINE,
    Verdict.INFRA_FAILED: Cause.INTERNAL,
}


def decide(proposal: Decision, facts: Facts) -> Decision:
    """The verdict that the facts allow. The proposal's cause and message stay where its verdict does."""
    if proposal.cause is Cause.NO_TESTS and facts.counts.total:
        # A later attempt found nothing left to run: earlier ones had run everything.
        proposal = Decision(Verdict.UNSPECIFIED)
    verdict = _verdict(proposal, facts)
    cause = _cause(verdict, proposal, facts)
    if verdict is proposal.verdict and proposal.message:
        return Decision(verdict, cause, proposal.message)
    return Decision(verdict, cause, explain(verdict, cause, facts.counts))


def _verdict(proposal: Decision, facts: Facts) -> Verdict:
    counts = facts.counts
    if facts.cancelled:
        return Verdict.CANCELLED
    if proposal.verdict in _KEPT:
        return proposal.verdict
    if proposal.verdict is Verdict.INVALID and not counts.passed + counts.failed:
        return Verdict.INVALID
    if proposal.verdict is Verdict.INCOMPLETE and counts.missing + counts.interrupted:
        return Verdict.INCOMPLETE
    if counts.failing:
        return Verdict.FAILED
    if counts.missing + counts.interrupted:
        return Verdict.INCOMPLETE
    return _clean(proposal.verdict, facts)


def _clean(proposed: Verdict, facts: Facts) -> Verdict:
    """The verdict when no test failed and none is missing."""
    counts = facts.counts
    if proposed in (Verdict.FAILED, Verdict.INVALID):
        return Verdict.FAILED
    if proposed in (Verdict.INCOMPLETE, Verdict.CANCELLED):
        return Verdict.INCOMPLETE
    if facts.suite and not counts.total:
        return Verdict.INVALID
    if counts.total and counts.skipped == counts.total:
        return Verdict.SKIPPED
    return Verdict.FLAKY if proposed is Verdict.FLAKY else Verdict.PASSED


def _cause(verdict: Verdict, proposal: Decision, facts: Facts) -> Cause:
    if verdict in (Verdict.PASSED, Verdict.SKIPPED):
        return Cause.UNSPECIFIED
    if verdict is Verdict.CANCELLED:
        return Cause.SUPERSEDED if proposal.cause is Cause.SUPERSEDED else Cause.CANCELLED
    if proposal.cause:
        return proposal.cause
    return _default_cause(verdict, facts.counts)


def _default_cause(verdict: Verdict, counts: TestCounts) -> Cause:
    if verdict in _KEPT:
        return _KEPT[verdict]
    if verdict is Verdict.INVALID:
        return Cause.INPUT_ERROR if counts.total else Cause.NO_TESTS
    if counts.failed:
        return Cause.ASSERTION
    return Cause.EXCEPTION if counts.failing or verdict is Verdict.FLAKY else Cause.EXIT_CODE


def explain(verdict: Verdict, cause: Cause, counts: TestCounts) -> str:
    """One sentence for people."""
    tests = f"{counts.total} test{'' if counts.total == 1 else 's'}"
    why = cause.name.lower().replace("_", " ")
    sentences = {
        Verdict.PASSED: f"All of {tests} passed." if counts.total else "The command succeeded.",
        Verdict.FLAKY: f"All of {tests} passed, some only on another attempt.",
        Verdict.FAILED: f"{counts.failing} of {tests} failed." if counts.failing else f"It failed: {why}.",
        Verdict.TIMED_OUT: f"The time limit ended it; {counts.missing} of {tests} have no result.",
        Verdict.CANCELLED: f"It was cancelled; {counts.missing} of {tests} have no result.",
        Verdict.INFRA_FAILED: f"The platform failed: {why}.",
        Verdict.INCOMPLETE: f"It ended early ({why}): {counts.missing + counts.interrupted} of {tests} did not finish.",
        Verdict.SKIPPED: f"All of {tests} were skipped.",
        Verdict.INVALID: f"It could not be tested: {why}.",
    }
    return sentences[verdict]

"""What an adapter makes of an action."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from maestro.common.v1 import test_result_pb2

from maestro_services.worker.guard import Guard
from maestro_services.worker.sandbox.process import Ending
from maestro_services.worker.stage import Stage

_STOPPED = {
    test_result_pb2.CAUSE_DEADLINE: test_result_pb2.VERDICT_TIMED_OUT,
    test_result_pb2.CAUSE_CANCELLED: test_result_pb2.VERDICT_CANCELLED,
    test_result_pb2.CAUSE_SUPERSEDED: test_result_pb2.VERDICT_CANCELLED,
    test_result_pb2.CAUSE_QUOTA: test_result_pb2.VERDICT_INCOMPLETE,
}


@dataclass(frozen=True)
class Conclusion:
    """A verdict with its cause and one sentence for people."""

    verdict: test_result_pb2.Verdict.ValueType
    cause: test_result_pb2.Cause.ValueType = test_result_pb2.CAUSE_UNSPECIFIED
    message: str = ""


class Adapter(Protocol):
    """Runs one kind of plan."""

    async def run(self, stage: Stage) -> Conclusion:
        """Runs the plan on the stage to its end."""


def stopped(guard: Guard) -> Conclusion:
    """The conclusion of an action that did not end by itself."""
    verdict = _STOPPED.get(guard.cause, test_result_pb2.VERDICT_INCOMPLETE)
    return Conclusion(verdict, guard.cause, f"The action was ended: {guard.message}.")


def not_started(ending: Ending) -> Conclusion | None:
    """The conclusion of an action whose process could not be started; None if it was."""
    if ending.failure:
        message = f"The worker could not provide the environment: {ending.failure}."
        return Conclusion(test_result_pb2.VERDICT_INFRA_FAILED, test_result_pb2.CAUSE_PROVISIONING, message)
    if ending.start_failure:
        message = f"The program cannot be started: {ending.start_failure}."
        return Conclusion(test_result_pb2.VERDICT_INVALID, test_result_pb2.CAUSE_INPUT_ERROR, message)
    return None

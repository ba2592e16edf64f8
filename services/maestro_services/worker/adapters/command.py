"""Runs a command; its exit code is the verdict."""

from __future__ import annotations

import signal

from maestro.common.v1 import test_result_pb2

from maestro_services.worker.adapters.conclusion import Conclusion, not_started, stopped
from maestro_services.worker.sandbox.process import Ending
from maestro_services.worker.stage import Program, Stage

_PYTHON = "{python}"


class CommandAdapter:
    """Runs a CommandPlan."""

    async def run(self, stage: Stage) -> Conclusion:
        """Runs the command once."""
        python = stage.interpreter.path
        arguments = [python if part == _PYTHON else part for part in stage.spec.command.arguments]
        ending = await stage.run(Program(arguments))
        if stage.guard.stopped:
            return stopped(stage.guard)
        return not_started(ending) or _conclude(arguments[0], ending)


def _conclude(program: str, ending: Ending) -> Conclusion:
    if ending.exit_code == 0:
        return Conclusion(test_result_pb2.VERDICT_PASSED)
    if ending.exit_code is None:
        message = f"{program} was ended by {signal_name(ending.signal)}."
        return Conclusion(test_result_pb2.VERDICT_FAILED, test_result_pb2.CAUSE_SIGNAL, message)
    message = f"{program} ended with exit code {ending.exit_code}."
    return Conclusion(test_result_pb2.VERDICT_FAILED, test_result_pb2.CAUSE_EXIT_CODE, message)


def signal_name(number: int) -> str:
    """The name of a signal, for people."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

"""One step of a repair: what is due next, made durable before anything else happens."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from maestro.execution.v1 import run_pb2

from maestro_services.automation.diagnosing import Diagnosing
from maestro_services.automation.domain.repair import SETTLED, Refusal, Repair, State, Work
from maestro_services.automation.executions import Executions
from maestro_services.automation.failures import is_finalized
from maestro_services.automation.proposing import Proposing
from maestro_services.automation.validating import Validating
from maestro_services.runtime.clock import Clock

_SHORTEST_WAIT = timedelta(milliseconds=50)
_LONGEST_WAIT = timedelta(seconds=1)
_WAIT_SHARE = 0.1
"""A run is asked for again after this share of the time that it was waited for."""


class Phase(Protocol):
    """A part of a repair that rests on runs."""

    async def begin(self, repair: Repair, now: datetime) -> Repair:
        """Starts the next run, or ends the repair."""

    async def finish(self, repair: Repair, run: run_pb2.Run, now: datetime) -> Repair:
        """Goes on from what the run showed."""


@dataclass(frozen=True)
class Step:
    """What a step led to, and when the next is due; never if automation has done what it can."""

    repair: Repair
    due: datetime | None


class Steps:
    """Takes repairs forward. A step that is taken twice leads to the same runs and the same state."""

    def __init__(self, executions: Executions, clock: Clock, search_processes: int) -> None:
        self._executions = executions
        self._clock = clock
        self._phases: dict[State, Phase] = {
            State.DIAGNOSING: Diagnosing(executions),
            State.PROPOSING: Proposing(executions, search_processes),
            State.VALIDATING: Validating(executions),
        }

    async def take(self, repair: Repair) -> Step:
        """Takes the repair's next step."""
        now = self._clock()
        if repair.state in SETTLED:
            return await self._clean_up(repair)
        if repair.state is State.DETECTED:
            begun = repair.moved(State.DIAGNOSING, "the failing tests are repeated", now, start_time=now)
            return Step(begun, now)
        if repair.deadline is not None and now >= repair.deadline:
            message = f"the repair took longer than its budget of {repair.budget.wall_time}"
            return Step(repair.ended(Refusal.BUDGET_EXHAUSTED, message, now), now)
        return await self._work(repair, self._phases[repair.state], now)

    async def _work(self, repair: Repair, phase: Phase, now: datetime) -> Step:
        if not repair.work.pending_run:
            following = await phase.begin(repair, now)
        else:
            run = await self._executions.run(repair.work.pending_run)
            if not is_finalized(run):
                return Step(repair, now + _wait(now - repair.update_time))
            following = await phase.finish(_without_pending(repair), run, now)
        return Step(_without_failures(following), None if _is_done(following) else self._clock())

    async def abandon(self, repair: Repair, current: Repair) -> None:
        """Ends the run that an overtaken step has started, if the repair has ended meanwhile."""
        if current.state in SETTLED and repair.work.pending_run:
            await self._executions.cancel(repair.work.pending_run)

    async def _clean_up(self, repair: Repair) -> Step:
        if repair.work.pending_run:
            await self._executions.cancel(repair.work.pending_run)
        return Step(_without_pending(repair), None)


def _is_done(repair: Repair) -> bool:
    return repair.state in SETTLED and not repair.work.pending_run


def _without_pending(repair: Repair) -> Repair:
    return dataclasses.replace(repair, work=dataclasses.replace(repair.work, pending_run=""))


def _without_failures(repair: Repair) -> Repair:
    work: Work = dataclasses.replace(repair.work, failures_in_row=0)
    return dataclasses.replace(repair, work=work)


def _wait(waited: timedelta) -> timedelta:
    return min(max(waited * _WAIT_SHARE, _SHORTEST_WAIT), _LONGEST_WAIT)

"""From a failed run to a new repair."""

from dataclasses import dataclass

from maestro.execution.v1 import run_pb2

from maestro_services.automation.domain.diagnosis import FailingTest, job_key
from maestro_services.automation.domain.repair import Budget, Creator, Repair, Trigger
from maestro_services.automation.executions import NOT_PASSED, Executions
from maestro_services.automation.failures import REPAIRABLE, failing_tests, is_finalized, verdict_name
from maestro_services.automation.store import REPAIR
from maestro_services.runtime.clock import Clock
from maestro_services.runtime.errors import Reason, ServiceError, wrong_state
from maestro_services.runtime.ids import new_id, new_uid
from maestro_services.runtime.names import project_of

_TEST_COUNT = 100


@dataclass(frozen=True)
class Request:
    """Who wants a run repaired, and within what."""

    trigger: Trigger
    creator: Creator
    budget: Budget
    test_ids: tuple[str, ...] = ()


class Intake:
    """Looks at failed runs, and describes the repairs that they call for."""

    def __init__(self, executions: Executions, clock: Clock) -> None:
        self._executions = executions
        self._clock = clock

    async def repair_for(self, name: str, request: Request) -> Repair:
        """The repair of a run, not stored yet. STATE_INVALID and NOTHING_TO_REPAIR if there can be none."""
        run = await self._executions.run(name)
        if not is_finalized(run):
            raise wrong_state(name, run_pb2.Run.State.Name(run.state).removeprefix("STATE_"), "heal")
        if run.verdict not in REPAIRABLE:
            raise _nothing(name, f"it ended as {verdict_name(run)}")
        tests = failing_tests(await self._executions.test_cases(name, NOT_PASSED))
        if request.test_ids:
            tests = tuple(test for test in tests if test.test_id in request.test_ids)
            if not tests:
                raise _nothing(name, "none of the given tests failed in it")
        return self._repair(run, tests, request)

    def _repair(self, run: run_pb2.Run, tests: tuple[FailingTest, ...], request: Request) -> Repair:
        now = self._clock()
        what = f"{len(tests)} failing tests" if len(tests) != 1 else tests[0].test_id
        return Repair(
            name=REPAIR.format(project=project_of(run.name), repair=new_id()),
            uid=new_uid(),
            display_name=(run.display_name or what)[:200],
            run=run.name,
            job_key=job_key(run.name, tests),
            failing_tests=tests[:_TEST_COUNT],
            failing_test_count=len(tests),
            trigger=request.trigger,
            budget=request.budget,
            creator=request.creator,
            create_time=now,
            update_time=now,
        ).detected(f"{run.name} ended as {verdict_name(run)} with {what}")


def _nothing(run: str, why: str) -> ServiceError:
    return ServiceError(Reason.NOTHING_TO_REPAIR, f"{run} has nothing to repair: {why}", run=run)

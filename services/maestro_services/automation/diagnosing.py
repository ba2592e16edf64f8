"""The first phase: what kind of failure it is, and whether it fails again."""

import dataclasses
from datetime import datetime

from maestro.execution.v1 import run_pb2

from maestro_services.automation.domain.diagnosis import INFRASTRUCTURE, Cause, Classification, Diagnosis
from maestro_services.automation.domain.repair import EvidenceRun, Purpose, Refusal, Repair, State
from maestro_services.automation.executions import NOT_PASSED, Executions
from maestro_services.automation.failures import has_failed, verdict_name

_Finding = tuple[Classification, Refusal, str]


class Diagnosing:
    """Repeats the failing tests on the same tree."""

    def __init__(self, executions: Executions) -> None:
        self._executions = executions

    async def begin(self, repair: Repair, now: datetime) -> Repair:
        """Refuses what no edit of code can repair; starts the repetition of everything else."""
        run = await self._executions.run(repair.run)
        finding = _beyond_repair(repair, run)
        if finding is not None:
            return _refused(repair, finding, now)
        spec = run_pb2.RunSpec()
        spec.CopyFrom(run.spec)
        del spec.pytest.test_ids[:], spec.output_paths[:]
        spec.pytest.test_ids.extend(repair.test_ids)
        created = await self._executions.create(repair, Purpose.REPRODUCTION, spec)
        return repair.waits_for(EvidenceRun(created.name, Purpose.REPRODUCTION), now)

    async def finish(self, repair: Repair, run: run_pb2.Run, now: datetime) -> Repair:
        """Goes on to the search if every failing test failed again."""
        cases = await self._executions.test_cases(run.name, NOT_PASSED)
        again = {case.test_id for case in cases if has_failed(case)} & set(repair.test_ids)
        summary = f"{len(again)} of {len(repair.test_ids)} failing tests failed again"
        reproduced = len(again) == len(repair.test_ids)
        evidence = repair.learned(run.name, run.verdict, summary, accepted=reproduced)
        repair = dataclasses.replace(repair, evidence=evidence)
        if reproduced:
            found = Diagnosis(Classification.CODE_DEFECT, f"{summary}: it fails every time")
            return repair.moved(State.PROPOSING, found.summary, now, diagnosis=found)
        if run.counts.completed_count + run.counts.interrupted_count == 0:
            message = f"the repetition {run.name} ended as {verdict_name(run)}: {run.status_message}"
            return repair.ended(Refusal.RUN_UNUSABLE, message, now)
        return _refused(repair, _not_reproduced(summary, partly=bool(again)), now)


def _not_reproduced(summary: str, *, partly: bool) -> _Finding:
    if partly:
        return Classification.FLAKY, Refusal.FLAKY, f"{summary}: repeated on the same tree, they end differently"
    message = f"{summary}: alone they pass, so they depend on order, time or place"
    return Classification.NOT_REPRODUCED, Refusal.NOT_REPRODUCED, message


def _refused(repair: Repair, finding: _Finding, now: datetime) -> Repair:
    classification, reason, message = finding
    return dataclasses.replace(repair, diagnosis=Diagnosis(classification, message)).ended(reason, message, now)


def _beyond_repair(repair: Repair, run: run_pb2.Run) -> _Finding | None:
    causes = {test.cause for test in repair.failing_tests} | ({Cause(run.cause)} & INFRASTRUCTURE)
    if causes & INFRASTRUCTURE:
        names = ", ".join(sorted(cause.name.lower().replace("_", " ") for cause in causes & INFRASTRUCTURE))
        message = f"the platform failed, not the project ({names}); run it again"
        return Classification.INFRASTRUCTURE, Refusal.INFRASTRUCTURE, message
    if run.spec.WhichOneof("plan") != "pytest":
        return Classification.OUTSIDE_CODE, Refusal.OUT_OF_SCOPE, "the run is a command; only pytest runs are repaired"
    uncollected = [test.test_id for test in repair.failing_tests if test.phase == "collect"]
    if uncollected or not repair.failing_tests:
        what = uncollected[0] if uncollected else run.status_message or "the run"
        message = f"the tests do not collect ({what}); that is for a person to mend"
        return Classification.COLLECTION_ERROR, Refusal.OUT_OF_SCOPE, message
    return None

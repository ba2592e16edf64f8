"""The second phase: a run of the project that searches for edits."""

import dataclasses
import json
from datetime import datetime, timedelta

from maestro.common.v1 import digest_pb2
from maestro.execution.v1 import run_pb2
from maestro_client.tree import digest_of

from maestro_services.automation import search_program
from maestro_services.automation.domain.diagnosis import Cause, Classification, Diagnosis
from maestro_services.automation.domain.patch import is_test_file
from maestro_services.automation.domain.repair import (
    EvidenceRun,
    Purpose,
    Refusal,
    Repair,
    State,
    Usage,
    Work,
)
from maestro_services.automation.executions import Executions
from maestro_services.automation.failures import verdict_name
from maestro_services.automation.search_report import MAXIMUM_BYTES, SearchReport, UnreadableReport, read_report

_STARTUP = timedelta(seconds=60)
"""What collection and a slow worker may add to the time of the search."""


class Proposing:
    """Adds the search program to the run's tree, and has execution run it there."""

    def __init__(self, executions: Executions, process_count: int) -> None:
        self._executions = executions
        self._process_count = process_count

    async def begin(self, repair: Repair, now: datetime) -> Repair:
        """Starts the search."""
        run = await self._executions.run(repair.run)
        prefix = _prefix(run)
        files = dict(search_program.program_files())
        files[search_program.CONFIGURATION] = self._configuration(repair, run)
        tree = await self._executions.tree(run)
        for path, content in files.items():
            tree = tree.with_file(prefix + path, digest_of(content))
        root = await self._executions.store(run, tree, files.values())
        created = await self._executions.create(repair, Purpose.SEARCH, _search_spec(repair, run, root))
        return repair.waits_for(EvidenceRun(created.name, Purpose.SEARCH), now)

    def _configuration(self, repair: Repair, run: run_pb2.Run) -> bytes:
        # The same whenever it is written, so that a repeated step asks for the same run.
        seconds = min(repair.budget.search_time, repair.budget.wall_time) / timedelta(seconds=1)
        configuration = {
            "failing": repair.test_ids,
            "arguments": [*run.spec.pytest.arguments, *run.spec.pytest.test_ids],
            "root": "/".join([".."] * _prefix(run).count("/")) or ".",
            "wall_seconds": seconds,
            "candidate_count": repair.budget.candidate_count,
            "process_count": self._process_count,
        }
        return json.dumps(configuration).encode()

    async def finish(self, repair: Repair, run: run_pb2.Run, now: datetime) -> Repair:
        """Goes on to the validation of what was found, or refuses."""
        try:
            report = await self._report(run)
        except UnreadableReport as error:
            evidence = repair.learned(run.name, run.verdict, str(error), accepted=False)
            return dataclasses.replace(repair, evidence=evidence).ended(Refusal.RUN_UNUSABLE, str(error), now)
        repair = _with_findings(repair, run, report)
        edits = tuple(edit for edit in report.edits if not is_test_file(edit.path))
        if not edits:
            return repair.ended(*_refusal(repair, report), now)
        message = f"{len(edits)} of {report.tried_count} tried edits make the failing tests pass"
        return repair.moved(State.VALIDATING, message, now, work=Work(candidates=edits))

    async def _report(self, run: run_pb2.Run) -> SearchReport:
        for file in run.output_files:
            if file.path == search_program.RESULT and file.digest.size_bytes <= MAXIMUM_BYTES:
                return read_report(await self._executions.read(run, file.digest))
        raise UnreadableReport(f"the search ended as {verdict_name(run)} without a result: {run.status_message}")


def _prefix(run: run_pb2.Run) -> str:
    folder = run.spec.working_directory.strip("/")
    return "" if folder in ("", ".") else f"{folder}/"


def _search_spec(repair: Repair, run: run_pb2.Run, root: digest_pb2.Digest) -> run_pb2.RunSpec:
    spec = run_pb2.RunSpec()
    spec.CopyFrom(run.spec)
    spec.input_root.CopyFrom(root)
    spec.command.arguments[:] = search_program.COMMAND
    spec.output_paths[:] = [search_program.RESULT]
    spec.limits.run_timeout.FromTimedelta(repair.budget.search_time + _STARTUP)
    spec.limits.ClearField("idle_timeout")
    return spec


def _with_findings(repair: Repair, run: run_pb2.Run, report: SearchReport) -> Repair:
    outside = report.stop == "no-product-code"
    summary = _summary(report)
    diagnosis = Diagnosis(
        Classification.OUTSIDE_CODE if outside else Classification.CODE_DEFECT,
        summary,
        report.lines,
        report.failing_count,
        report.passing_count,
    )
    usage = Usage(
        search_time=timedelta(seconds=report.seconds),
        generated_candidates=report.generated_count,
        tried_candidates=report.tried_count,
        plausible_candidates=len(report.edits),
    )
    found = f"{report.tried_count} edits tried, {len(report.edits)} plausible ({report.stop})"
    evidence = repair.learned(run.name, run.verdict, found, accepted=bool(report.edits))
    return dataclasses.replace(repair, diagnosis=diagnosis, usage=usage, evidence=evidence)


def _summary(report: SearchReport) -> str:
    if not report.lines:
        return "no product code of the tree runs in the failing tests"
    first = report.lines[0]
    place = f"{first.path}:{first.line}" + (f" in {first.function}" if first.function else "")
    if not report.passing_count:
        return f"fails every time; no test passes, so every executed line is equally suspicious, such as {place}"
    return f"fails every time; the failing tests point at {place}"


def _refusal(repair: Repair, report: SearchReport) -> tuple[Refusal, str]:
    if report.edits:
        return Refusal.WOULD_WEAKEN_TEST, "only edits of the tests themselves would make them pass"
    tried = f"{report.tried_count} edits were tried"
    match report.stop:
        case "not-reproduced":
            return Refusal.NOT_REPRODUCED, "the failing tests pass when each runs alone"
        case "no-product-code":
            return Refusal.OUT_OF_SCOPE, "no product code of the tree runs in the failing tests"
        case "time" | "candidates":
            what = "time" if report.stop == "time" else "number of candidates"
            return Refusal.BUDGET_EXHAUSTED, f"{tried} and none passed before the budget's {what} ran out"
        case "exhausted" | "enough":
            return _exhausted(repair, tried)
        case _:
            return Refusal.RUN_UNUSABLE, f"the search broke: {report.message.strip()[-500:] or report.stop}"


def _exhausted(repair: Repair, tried: str) -> tuple[Refusal, str]:
    if any(test.cause is Cause.ASSERTION for test in repair.failing_tests):
        message = f"a real regression: an assertion on a value fails every time, {tried}, and none restores it"
        return Refusal.REAL_REGRESSION, message
    return Refusal.NO_CANDIDATE, f"{tried}, and none makes the failing tests pass"

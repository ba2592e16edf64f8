"""The third phase: candidates are proved by runs of their own, best first."""

import dataclasses
from datetime import datetime

from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import run_pb2
from maestro_client.tree import digest_of

from maestro_services.automation.domain.patch import Edit, UnusableEdit, apply_edit, make_patch
from maestro_services.automation.domain.repair import (
    EvidenceRun,
    Purpose,
    Refusal,
    Repair,
    State,
    Usage,
    confidence,
)
from maestro_services.automation.executions import NOT_PASSED, Executions
from maestro_services.automation.failures import has_failed, verdict_name

_ORDER = (Purpose.FAILING_TESTS, Purpose.WHOLE_SUITE, Purpose.REPEAT)
_GREEN = (test_result_pb2.VERDICT_PASSED, test_result_pb2.VERDICT_FLAKY)


class Validating:
    """Runs the failing tests, then the whole suite twice, on the tree with a candidate's edit made."""

    def __init__(self, executions: Executions) -> None:
        self._executions = executions

    async def begin(self, repair: Repair, now: datetime) -> Repair:
        """Starts the next run of the current candidate, or of the next one if its edit does not fit."""
        number = repair.work.candidate_number
        if number >= len(repair.work.candidates):
            message = f"{number} edits made the failing tests pass, and none passed the whole suite twice"
            return repair.ended(Refusal.VALIDATION_FAILED, message, now)
        if repair.usage.validation_runs >= repair.budget.validation_run_count:
            message = f"no edit was proved within {repair.usage.validation_runs} validation runs"
            return repair.ended(Refusal.BUDGET_EXHAUSTED, message, now)
        run = await self._executions.run(repair.run)
        purpose = self._next_purpose(repair)
        try:
            spec = await self._spec(repair, run, repair.work.candidates[number], purpose)
        except UnusableEdit:
            return _next_candidate(repair, now)
        created = await self._executions.create(repair, purpose, spec, number + 1)
        usage = _used(repair, runs=1, candidates=int(purpose is Purpose.FAILING_TESTS))
        evidence = EvidenceRun(created.name, purpose, number + 1)
        return dataclasses.replace(repair, usage=usage).waits_for(evidence, now)

    def _next_purpose(self, repair: Repair) -> Purpose:
        number = repair.work.candidate_number + 1
        done = [one for one in repair.evidence if one.candidate_number == number]
        return _ORDER[len(done)]

    async def _spec(self, repair: Repair, run: run_pb2.Run, edit: Edit, purpose: Purpose) -> run_pb2.RunSpec:
        new = apply_edit(await self._base(run, edit), edit)
        tree = (await self._executions.tree(run)).with_file(edit.path, digest_of(new))
        spec = run_pb2.RunSpec()
        spec.CopyFrom(run.spec)
        del spec.output_paths[:]
        spec.input_root.CopyFrom(await self._executions.store(run, tree, [new]))
        if purpose is Purpose.FAILING_TESTS:
            spec.pytest.test_ids[:] = repair.test_ids
        return spec

    async def _base(self, run: run_pb2.Run, edit: Edit) -> bytes:
        entry = (await self._executions.tree(run)).files.get(edit.path)
        if entry is None:
            raise UnusableEdit(f"{edit.path} is not a file of the tree")
        return await self._executions.read(run, entry.digest)

    async def finish(self, repair: Repair, run: run_pb2.Run, now: datetime) -> Repair:
        """Goes on to the candidate's next run, to the next candidate, or to the proved patch."""
        original = await self._executions.run(repair.run)
        purpose = next(one.purpose for one in repair.evidence if one.run == run.name)
        objection = await self._objection(repair, original, run, purpose)
        summary = objection or f"{run.counts.pass_count} tests passed, and none failed that had passed"
        evidence = repair.learned(run.name, run.verdict, summary, accepted=not objection)
        repair = dataclasses.replace(repair, evidence=evidence)
        if objection:
            return _next_candidate(repair, now)
        if purpose is not _ORDER[-1]:
            return repair.changed(now)
        return await self._proved(repair, original, now)

    async def _proved(self, repair: Repair, original: run_pb2.Run, now: datetime) -> Repair:
        candidates = repair.work.candidates
        edit = candidates[repair.work.candidate_number]
        patch = make_patch(await self._base(original, edit), edit)
        message = f"{edit.path}:{edit.line} is proved by the failing tests and by the whole suite, twice"
        sure = confidence(repair, edit, candidates)
        return repair.moved(State.AWAITING_APPROVAL, message, now, patch=patch, confidence=sure)

    async def _objection(self, repair: Repair, original: run_pb2.Run, run: run_pb2.Run, purpose: Purpose) -> str:
        """Why the run does not speak for the candidate; empty if it does."""
        failed = {case.test_id for case in await self._executions.test_cases(run.name, NOT_PASSED) if has_failed(case)}
        still = failed.intersection(repair.test_ids)
        if still:
            return f"{min(still)} still fails"
        if purpose is Purpose.FAILING_TESTS:
            missing = run.counts.pass_count < len(repair.test_ids)
            return f"not every failing test passed ({verdict_name(run)})" if missing else ""
        before = await self._executions.test_cases(original.name, NOT_PASSED)
        new = failed.difference(case.test_id for case in before if has_failed(case))
        if new:
            return f"{min(new)} fails, which passed before"
        return _incomplete(original, run, known_failures=bool(failed))


def _incomplete(original: run_pb2.Run, run: run_pb2.Run, *, known_failures: bool) -> str:
    before, after = original.counts, run.counts
    if after.total_count < before.total_count or after.completed_count < after.total_count:
        return f"only {after.completed_count} of {before.total_count} tests ran to their end"
    if after.skip_count > before.skip_count or after.xfail_count > before.xfail_count:
        return "tests are skipped, or expected to fail, that were not before"
    if run.verdict in _GREEN or (known_failures and run.verdict == test_result_pb2.VERDICT_FAILED):
        return ""
    return f"the run ended as {verdict_name(run)}: {run.status_message}"


def _next_candidate(repair: Repair, now: datetime) -> Repair:
    work = dataclasses.replace(repair.work, candidate_number=repair.work.candidate_number + 1)
    return repair.changed(now, work=work)


def _used(repair: Repair, *, runs: int, candidates: int) -> Usage:
    usage = repair.usage
    return dataclasses.replace(
        usage,
        validation_runs=usage.validation_runs + runs,
        validated_candidates=usage.validated_candidates + candidates,
    )

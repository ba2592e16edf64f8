"""A platform killed in the middle of a run, and started again, finishes it: no test lost, none counted twice."""

import asyncio
import textwrap
from pathlib import Path

from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import execution_service_pb2, results_service_pb2, run_pb2
from maestro_client import Maestro

from tests.e2e.conftest import PlatformProcess, platform_process

TESTS = 60
PROJECT = textwrap.dedent("""
    import time, pytest

    @pytest.mark.parametrize("number", range({tests}))
    def test_number(number):
        time.sleep(0.05)
        assert number != 7
""")


def client_of(platform: PlatformProcess) -> Maestro:
    return Maestro(platform.address, token=platform.token)


async def begun_run(platform: PlatformProcess, project: Path, finished: int) -> str:
    """Starts a run and returns its name once so many tests have ended."""
    async with client_of(platform) as maestro:
        run = await maestro.run_tree("projects/default", project)
        ended = set()
        request = execution_service_pb2.WatchRunRequest(name=run.name)
        async for event in maestro.execution.watch_run(request):
            ended |= {case.test_id for case in event.test_cases if case.outcome}
            if len(ended) >= finished:
                return run.name
    raise AssertionError("the run ended too early")


async def finished_run(platform: PlatformProcess, name: str) -> tuple[run_pb2.Run, list[tuple[str, int, int]]]:
    """Waits for a run's end; returns it with (test, outcome, attempt) of each test."""
    async with client_of(platform) as maestro:
        async with asyncio.timeout(120):
            run = await maestro.wait_run(name)
        request = results_service_pb2.ListTestCasesRequest(parent=name, page_size=1000)
        cases = (await maestro.results.list_test_cases(request)).test_cases
        return run, [(case.test_id, case.outcome, case.attempt_number) for case in cases]


async def test_a_run_outlives_a_killed_platform(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "test_numbers.py").write_text(PROJECT.format(tests=TESTS))
    state = tmp_path / "state"
    with platform_process(state) as platform:
        name = await begun_run(platform, project, finished=10)
        platform.kill()
    with platform_process(state) as platform:
        run, cases = await finished_run(platform, name)

    assert len({test for test, _outcome, _attempt in cases}) == len(cases) == TESTS
    failed = [test for test, outcome, _attempt in cases if outcome == test_result_pb2.OUTCOME_FAIL]
    assert failed == ["test_numbers.py::test_number[7]"]
    assert all(outcome for _test, outcome, _attempt in cases)
    assert {attempt for _test, _outcome, attempt in cases} == {1, 2}
    assert run.verdict == test_result_pb2.VERDICT_FAILED
    assert (run.counts.completed_count, run.counts.pass_count, run.counts.fail_count) == (TESTS, TESTS - 1, 1)

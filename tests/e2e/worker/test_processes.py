"""Real worker processes beside a real execution service: killed, drained, left alone."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import execution_service_pb2, results_service_pb2, run_pb2
from maestro_client import Maestro
from maestro_services.execution.compose import compose_with
from maestro_services.execution.settings import ExecutionSettings
from maestro_services.registry.compose import compose as registry
from maestro_services.runtime.server import Running
from maestro_services.runtime.service import Platform, Service

TESTS = 40
PROJECT = f"""
import pytest, time

@pytest.mark.parametrize("number", range({TESTS}))
def test_number(number):
    print(number)
    time.sleep(0.05)
    assert number != 7
"""

Start = Callable[..., "subprocess.Popen[bytes]"]


async def compose(platform: Platform) -> Service:
    """An execution service that misses its workers soon."""
    return await compose_with(platform, ExecutionSettings(lease_seconds=2, heartbeat_seconds=0.5, expiry_seconds=0.1))


@pytest.fixture
async def running(host: Callable[..., object]) -> AsyncIterator[Running]:
    async with host(registry, compose) as running:  # type: ignore[attr-defined]
        yield running


@pytest.fixture
async def start(running: Running, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a worker process; all are gone at the end of the test."""
    started: list[subprocess.Popen[bytes]] = []

    def one(name: str, *arguments: str) -> "subprocess.Popen[bytes]":
        token = tmp_path / f"{name}.token"
        token.write_text(running.platform.secret.token_for(name))
        command = [sys.executable, "-m", "maestro_services.worker", "--server", running.address, "--id", name]
        command += ["--token-file", str(token), "--work-directory", str(tmp_path / name), *arguments]
        started.append(subprocess.Popen(command))
        return started[-1]

    yield one
    for process in started:
        process.kill()
        await asyncio.to_thread(process.wait)


@pytest.fixture
async def maestro(running: Running) -> AsyncIterator[Maestro]:
    async with Maestro(running.address, token=running.token) as maestro:
        yield maestro


def write(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "test_a.py").write_text(text)


def process_runs(mark: str) -> bool:
    return subprocess.run(["pgrep", "-f", mark], capture_output=True, check=False).returncode == 0


async def begun(maestro: Maestro, folder: Path, text: str = PROJECT, finished: int = 5) -> str:
    """The name of a run of which so many tests have ended."""
    write(folder, text)
    spec = run_pb2.RunSpec(pytest=run_pb2.PytestPlan(), environment={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    run = await maestro.run_tree("projects/default", folder, run_pb2.Run(spec=spec))
    ended: set[str] = set()
    async for event in maestro.execution.watch_run(execution_service_pb2.WatchRunRequest(name=run.name)):
        ended |= {case.test_id for case in event.test_cases if case.outcome}
        if len(ended) >= finished:
            break
    return run.name


async def outcomes(maestro: Maestro, name: str) -> tuple[run_pb2.Run, dict[str, str]]:
    async with asyncio.timeout(60):
        run = await maestro.wait_run(name)
    request = results_service_pb2.ListTestCasesRequest(parent=name, page_size=1000)
    cases = (await maestro.results.list_test_cases(request)).test_cases
    assert len({case.test_id for case in cases}) == len(cases)
    return run, {case.test_id: test_result_pb2.Outcome.Name(case.outcome) for case in cases}


async def whole(maestro: Maestro, name: str) -> None:
    """Asserts that the project's run is complete, each test counted once."""
    run, cases = await outcomes(maestro, name)
    assert run.verdict == test_result_pb2.VERDICT_FAILED
    assert len(cases) == TESTS
    assert [test for test, outcome in cases.items() if outcome != "OUTCOME_PASS"] == ["test_a.py::test_number[7]"]
    assert (run.counts.completed_count, run.counts.fail_count) == (TESTS, 1)


async def test_another_worker_finishes_what_a_killed_one_began(maestro: Maestro, start: Start, tmp_path: Path) -> None:
    first = start("worker-1")
    name = await begun(maestro, tmp_path / "project")
    first.kill()
    start("worker-2")
    await whole(maestro, name)


async def test_a_restarted_worker_goes_on(maestro: Maestro, start: Start, tmp_path: Path) -> None:
    first = start("worker-1")
    name = await begun(maestro, tmp_path / "project")
    first.kill()
    start("worker-1")
    async with asyncio.timeout(30):
        await whole(maestro, name)


async def test_a_terminated_worker_hands_its_work_on(maestro: Maestro, start: Start, tmp_path: Path) -> None:
    first = start("worker-1")
    name = await begun(maestro, tmp_path / "project", PROJECT.replace("0.05", "0.2"))
    first.send_signal(signal.SIGTERM)
    start("worker-2")
    assert await asyncio.to_thread(first.wait, 10) == 0
    await whole(maestro, name)


async def test_two_workers_share_two_runs(maestro: Maestro, start: Start, tmp_path: Path) -> None:
    start("worker-1")
    start("worker-2")
    names = [await begun(maestro, tmp_path / name, finished=1) for name in ("one", "two")]
    for name in names:
        await whole(maestro, name)
    requests = [results_service_pb2.ListActionsRequest(parent=name) for name in names]
    actions = [(await maestro.results.list_actions(request)).actions for request in requests]
    assert {action.execution.worker for (action,) in actions} == {"worker-1", "worker-2"}


async def test_a_cancelled_run_ends_long_before_its_tests_would(maestro: Maestro, start: Start, tmp_path: Path) -> None:
    start("worker-1")
    text = "import time\ndef test_1(): pass\ndef test_2(): time.sleep(300)\n"
    name = await begun(maestro, tmp_path / "project", text, finished=1)
    await maestro.execution.cancel_run(execution_service_pb2.CancelRunRequest(name=name))
    async with asyncio.timeout(10):
        run, cases = await outcomes(maestro, name)
    assert run.verdict == test_result_pb2.VERDICT_CANCELLED
    assert cases["test_a.py::test_1"] == "OUTCOME_PASS"


async def test_a_process_that_outlives_a_killed_worker_does_not_exist(
    maestro: Maestro, start: Start, tmp_path: Path
) -> None:
    first = start("worker-1")
    text = (
        "import subprocess, sys, time\n"
        "def test_1(): pass\n"
        "def test_2():\n"
        "    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)', 'mark-e2e-child'],"
        " start_new_session=True).wait()\n"
    )
    await begun(maestro, tmp_path / "project", text, finished=1)
    first.kill()
    await asyncio.to_thread(first.wait)
    deadline = time.monotonic() + 5
    while process_runs("mark-e2e-child") and time.monotonic() < deadline:
        time.sleep(0.05)  # noqa: ASYNC251 -- nothing else is waited for
    assert not process_runs("mark-e2e-child")


def test_a_worker_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "maestro_services.worker", "--server", "127.0.0.1:1"]
    command += ["--work-directory", str(tmp_path / "mark-parentless")]
    parent = subprocess.Popen([sys.executable, "-c", f"import subprocess; subprocess.run({command!r})"])
    deadline = time.monotonic() + 20
    while not list(tmp_path.glob("mark-parentless/blobs")) and time.monotonic() < deadline:
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    while process_runs("maestro_services.worker.*mark-parentless") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not process_runs("maestro_services.worker.*mark-parentless")


async def test_a_second_process_on_one_work_directory_is_refused(
    maestro: Maestro, start: Start, tmp_path: Path
) -> None:
    start("worker-1")
    await begun(maestro, tmp_path / "project", "def test_1(): pass\n", finished=1)
    second = start("worker-2", "--work-directory", str(tmp_path / "worker-1"))
    assert await asyncio.to_thread(second.wait, 20) == 1

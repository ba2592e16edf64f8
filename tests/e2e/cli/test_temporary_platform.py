import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import Shell

PYTHON = ("--python", sys.executable)


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    folder = tmp_path / "slow"
    folder.mkdir()
    (folder / "test_slow.py").write_text("import time\ndef test_slow(): time.sleep(60)\n")
    return folder


def await_running(shell: Shell) -> None:
    """Wait until a worker runs the tests."""
    log = shell.state / "platform.log"
    while not (log.exists() and "action begins" in log.read_text()):
        time.sleep(0.1)


def await_none(shell: Shell) -> None:
    deadline = time.monotonic() + 20
    while shell.processes() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert shell.processes() == []


def test_a_run_brings_its_own_platform_and_leaves_no_process(lone: Shell, project: Path) -> None:
    assert "1 failed" in lone("run", project, *PYTHON, expected=1)
    assert lone.processes() == []
    assert not (lone.state / "endpoint.json").exists()
    assert "failed" in lone("runs")
    assert (lone.state / "token").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_ended_run_takes_its_platform_along(lone: Shell, slow: Path, number: signal.Signals) -> None:
    running = lone.start("run", slow, *PYTHON)
    await_running(lone)
    running.send_signal(number)
    running.communicate(timeout=30)
    assert running.returncode == (2 if number != signal.SIGKILL else -signal.SIGKILL)
    await_none(lone)


def test_a_mistake_leaves_no_process(lone: Shell, project: Path) -> None:
    (project / "link").symlink_to("/etc")
    assert "absolute path /etc" in lone("run", project, *PYTHON, expected=2)
    assert lone.processes() == []


def test_a_platform_that_cannot_start_says_why(lone: Shell, project: Path) -> None:
    lone.state.mkdir(mode=0o700)
    (lone.state / "token").write_text("readable by all")
    (lone.state / "token").chmod(0o644)
    said = lone("run", project, *PYTHON, expected=2)
    assert "the platform did not start" in said
    assert "platform.log" in said


def test_commands_that_start_together_share_one_platform(lone: Shell, project: Path) -> None:
    running = [lone.start("run", project, *PYTHON, stderr=subprocess.DEVNULL) for _ in range(3)]
    for process in running:
        written, _ = process.communicate(timeout=90)
        assert process.returncode == 1
        assert "1 failed" in written
    assert lone.processes() == []
    assert len(lone.json("runs")["runs"]) == 3


def test_a_detached_run_needs_a_platform_that_stays(lone: Shell, project: Path) -> None:
    assert "maestro up" in lone("run", project, *PYTHON, "--detach", expected=2)

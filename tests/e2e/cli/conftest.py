"""A platform started as a person would, and a way to type commands at it."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from maestro_cli.main import run

CALC = "def add(a, b):\n    return a - b\n"
TESTS = """
import pytest
from calc import add


def test_zero():
    print("added")
    assert add(2, 0) == 2


def test_sum():
    assert add(1, 2) == 3


@pytest.mark.skip(reason="not now")
def test_later():
    pass


@pytest.mark.xfail(reason="known")
def test_known():
    assert add(0, 1) == 2
"""


class Shell:
    """Types `maestro …` with a state directory of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        others = {name: value for name, value in os.environ.items() if not name.startswith("MAESTRO_")}
        self.environment = others | {"MAESTRO_STATE_DIRECTORY": str(state)}

    def start(self, *words: str | Path, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "maestro_cli", *map(str, words)]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen(command, env=self.environment, text=True, **streams)

    def __call__(self, *words: str | Path, expected: int = 0) -> str:
        """Run a command in this process, which saves the start of another one."""
        output, errors = io.TextIOWrapper(io.BytesIO()), io.StringIO()
        with (
            mock.patch.dict(os.environ, self.environment, clear=True),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
        ):
            code = run([str(word) for word in words])
        output.flush()
        written = output.buffer.getvalue().decode()  # type: ignore[attr-defined]
        assert code == expected, f"{words} ended with {code}\n{written}\n{errors.getvalue()}"
        return written or errors.getvalue()

    def json(self, *words: str | Path, expected: int = 0) -> Any:
        return json.loads(self(*words, "--output", "json", expected=expected))

    def processes(self) -> list[str]:
        """The command lines of all processes that know the state directory."""
        found = []
        for folder in Path("/proc").iterdir():
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if (str(self.state) in line and "embedded" in line) or (str(self.state) in line and ".worker" in line):
                found.append(line)
        return found


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """`maestro up`, for the tests of a module."""
    shell = Shell(tmp_path_factory.mktemp("platform") / "state")
    up = shell.start("up", stderr=subprocess.DEVNULL)
    assert up.stdout
    assert up.stdout.readline().startswith("MAESTRO answers on 127.0.0.1:")
    yield shell
    up.terminate()
    up.communicate(timeout=30)
    assert shell.processes() == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one defect."""
    folder = tmp_path / "sample"
    folder.mkdir()
    (folder / "calc.py").write_text(CALC)
    (folder / "test_calc.py").write_text(TESTS)
    return folder


@pytest.fixture
def lone(tmp_path: Path) -> Shell:
    """A shell on a machine where no platform runs."""
    return Shell(tmp_path / "state")

"""Projects that do not collect, hang, crash, print without end: each gets its verdict and cause; nothing is lost."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import duration_pb2
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import run_pb2


def pytest_run(*arguments: str, **fields: Any) -> run_pb2.RunSpec:
    return run_pb2.RunSpec(pytest=run_pb2.PytestPlan(arguments=arguments), **fields)


def processes_with(mark: str) -> list[str]:
    found = subprocess.run(["pgrep", "-f", mark], capture_output=True, text=True, check=False).stdout.split()
    return [process for process in found if process != str(os.getpid())]


async def test_a_project_without_tests(execute: Any) -> None:
    done = await execute({"code.py": "x = 1\n"})
    assert (done.verdict, done.cause) == ("INVALID", "NO_TESTS")
    assert "testpaths" in done.message


async def test_a_module_with_a_syntax_error(execute: Any) -> None:
    done = await execute({"test_a.py": "def test_a(): pass\n", "test_b.py": "def broken(:\n"})
    assert (done.verdict, done.cause) == ("INVALID", "INPUT_ERROR")
    assert "test_b.py" in done.message
    failure = done.test("test_b.py").failures[0]
    assert (failure.exception_type, failure.file, failure.line) == ("builtins.SyntaxError", "test_b.py", 1)
    assert failure.phase == "collect"
    assert done.outcomes == {"test_b.py": "ERROR"}


async def test_a_module_that_does_not_import_beside_one_that_does(execute: Any) -> None:
    files = {"test_a.py": "def test_a(): pass\n", "test_b.py": "import nothing_of_this_name\n"}
    done = await execute(files, spec=pytest_run("--continue-on-collection-errors"))
    assert (done.verdict, done.cause) == ("FAILED", "EXCEPTION")
    assert done.outcomes == {"test_a.py::test_a": "PASS", "test_b.py": "ERROR"}
    assert done.test("test_b.py").failures[0].exception_type == "builtins.ModuleNotFoundError"


async def test_a_conftest_that_raises(execute: Any) -> None:
    done = await execute({"conftest.py": "raise RuntimeError('not today')\n", "test_a.py": "def test_a(): pass\n"})
    assert (done.verdict, done.cause) == ("INVALID", "INPUT_ERROR")
    assert "not today" in done.message


async def test_options_that_pytest_does_not_know(execute: Any) -> None:
    done = await execute({"test_a.py": "def test_a(): pass\n"}, spec=pytest_run("--no-such-option"))
    assert (done.verdict, done.cause) == ("INVALID", "INPUT_ERROR")
    assert "--no-such-option" in done.message


async def test_a_chosen_test_that_does_not_exist(execute: Any) -> None:
    plan = run_pb2.PytestPlan(test_ids=["test_a.py::test_b"])
    done = await execute({"test_a.py": "def test_a(): pass\n"}, spec=run_pb2.RunSpec(pytest=plan))
    assert (done.verdict, done.cause) == ("INVALID", "INPUT_ERROR")
    assert "test_a.py::test_b" in done.message


async def test_pytest_that_breaks_itself(execute: Any) -> None:
    conftest = "def pytest_runtest_logfinish(): raise RuntimeError('hook')\n"
    done = await execute({"conftest.py": conftest, "test_a.py": "def test_a(): pass\n"})
    assert (done.verdict, done.cause) == ("INFRA_FAILED", "INTERNAL")
    assert "hook" in done.message


@pytest.fixture
def bare_python(tmp_path: Path) -> str:
    """An interpreter that has no packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    return str(tmp_path / "venv/bin/python")


async def test_an_interpreter_without_pytest(execute: Any, bare_python: str) -> None:
    spec = pytest_run(python=bare_python)
    done = await execute({"test_a.py": "def test_a(): pass\n"}, spec=spec)
    assert (done.verdict, done.cause) == ("INVALID", "INPUT_ERROR")
    assert f"{bare_python} cannot import pytest" in done.message


async def test_an_interpreter_that_does_not_exist(execute: Any) -> None:
    done = await execute({"test_a.py": ""}, spec=pytest_run(python="/nowhere/python"))
    assert (done.verdict, done.cause) == ("INVALID", "INPUT_ERROR")
    assert "/nowhere/python" in done.message


@pytest.mark.parametrize(
    ("death", "cause", "words"),
    [
        ("os._exit(7)", "EXIT_CODE", "exit code 7"),
        ("os._exit(0)", "EXIT_CODE", "exit code 0"),
        ("os.kill(os.getpid(), 9)", "SIGNAL", "SIGKILL"),
        ("os.abort()", "SIGNAL", "SIGABRT"),
    ],
)
async def test_a_test_that_takes_its_process_along_costs_only_itself(
    execute: Any, death: str, cause: str, words: str
) -> None:
    text = f"import os\ndef test_1(): print('one')\ndef test_2(): {death}\ndef test_3(): pass\n"
    done = await execute({"test_a.py": text})
    assert done.outcomes == {f"test_a.py::test_{n}": o for n, o in ((1, "PASS"), (2, "ERROR"), (3, "PASS"))}
    dead = done.test("test_2")
    assert test_result_pb2.Disposition.Name(dead.disposition) == "DISPOSITION_INTERRUPTED"
    assert test_result_pb2.Cause.Name(dead.cause) == f"CAUSE_{cause}"
    assert words in dead.failures[0].message
    assert (done.verdict, done.cause) == ("FAILED", cause)
    assert done.output("test_a.py::test_1") == b"one\n"


async def test_a_suite_that_always_dies_is_given_up(execute: Any) -> None:
    text = "import os, pytest\n@pytest.mark.parametrize('n', range(20))\ndef test_dies(n): os._exit(3)\n"
    done = await execute({"test_a.py": text})
    assert (done.verdict, done.cause) == ("INCOMPLETE", "EXIT_CODE")
    assert len(done.finished) == 11


async def test_a_conftest_that_ends_the_process(execute: Any) -> None:
    done = await execute({"conftest.py": "import os\nos._exit(9)\n", "test_a.py": "def test_a(): pass\n"})
    assert (done.verdict, done.cause) == ("INVALID", "EXIT_CODE")


async def test_a_test_that_hangs_is_ended_and_shows_where(execute: Any) -> None:
    text = "import time\ndef test_1(): pass\ndef test_hangs():\n    print('stuck')\n    time.sleep(600)\n"
    begin = time.monotonic()
    done = await execute({"test_a.py": text}, run_seconds=3)
    assert time.monotonic() - begin < 15
    assert (done.verdict, done.cause) == ("TIMED_OUT", "DEADLINE")
    hung = done.test("test_hangs")
    assert test_result_pb2.Disposition.Name(hung.disposition) == "DISPOSITION_INTERRUPTED"
    assert hung.cause == test_result_pb2.CAUSE_DEADLINE
    assert "test_a.py" in hung.failures[0].stack_trace
    assert "in test_hangs" in hung.failures[0].stack_trace


async def test_a_conftest_that_hangs_is_ended_and_shows_where(execute: Any) -> None:
    files = {"conftest.py": "import time\ntime.sleep(600)\n", "test_a.py": "def test_a(): pass\n"}
    done = await execute(files, run_seconds=3)
    assert (done.verdict, done.cause) == ("TIMED_OUT", "DEADLINE")
    assert b"conftest.py" in done.output()


async def test_a_test_that_ignores_sigterm_is_ended_all_the_same(execute: Any) -> None:
    text = (
        "import signal, subprocess, sys, time\n"
        "def test_stubborn():\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)', 'mark-stubborn'],"
        " start_new_session=True)\n"
        "    time.sleep(300)\n"
    )
    cancelling: list[asyncio.Task[float]] = []

    def cancel(guard: Any, sink: Any) -> None:
        async def once_it_runs() -> float:
            await sink.seen("test_started")
            await asyncio.sleep(0.2)
            guard.stop(test_result_pb2.CAUSE_CANCELLED, "cancelled")
            return time.monotonic()

        cancelling.append(asyncio.create_task(once_it_runs()))

    done = await execute({"test_a.py": text}, meanwhile=cancel)
    assert time.monotonic() - await cancelling[0] < 5
    assert (done.verdict, done.cause) == ("CANCELLED", "CANCELLED")
    assert done.test("test_stubborn").cause == test_result_pb2.CAUSE_CANCELLED
    assert processes_with("mark-stubborn") == []


async def test_silence_is_ended_by_the_idle_timeout(execute: Any) -> None:
    limits = run_pb2.Limits(idle_timeout=duration_pb2.Duration(seconds=2))
    text = "import time\ndef test_1(): time.sleep(1)\ndef test_2(): time.sleep(600)\n"
    done = await execute({"test_a.py": text}, spec=pytest_run(limits=limits))
    assert (done.verdict, done.cause) == ("TIMED_OUT", "DEADLINE")
    assert "idle_timeout" in done.message
    assert done.outcomes["test_a.py::test_1"] == "PASS"


async def test_a_child_that_outlives_its_parent_is_gone_with_the_action(execute: Any) -> None:
    text = (
        "import os, subprocess, sys\n"
        "def test_daemon():\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        if os.fork() == 0:\n"
        "            os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(300)', 'mark-daemon'])\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
    )
    done = await execute({"test_a.py": text})
    assert done.verdict == "PASSED"
    assert processes_with("mark-daemon") == []


async def test_a_forked_child_reports_nothing_twice(execute: Any) -> None:
    text = "import os\ndef test_fork():\n    if os.fork() == 0:\n        raise SystemExit(3)\n    os.wait()\n"
    done = await execute({"test_a.py": text})
    assert done.outcomes == {"test_a.py::test_fork": "PASS"}
    assert len(done.finished) == 1


async def test_twenty_megabytes_come_through_whole(execute: Any) -> None:
    text = "import os\ndef test_loud():\n    for n in range(320): os.write(1, b'x' * 65535 + b'\\n')\n"
    done = await execute({"test_a.py": text})
    assert done.verdict == "PASSED"
    assert done.output("test_a.py::test_loud") == (b"x" * 65535 + b"\n") * 320


async def test_more_output_than_allowed_ends_the_action(execute: Any) -> None:
    limits = run_pb2.Limits(output_bytes=1 << 20)
    text = "import os\ndef test_1(): pass\ndef test_loud():\n    while True: os.write(1, b'x' * 65536)\n"
    done = await execute({"test_a.py": text}, spec=pytest_run("-s", limits=limits))
    assert (done.verdict, done.cause) == ("INCOMPLETE", "QUOTA")
    assert done.test("test_loud").cause == test_result_pb2.CAUSE_QUOTA
    assert done.outcomes["test_a.py::test_1"] == "PASS"


async def test_the_memory_limit_is_named_as_the_cause(execute: Any) -> None:
    limits = run_pb2.Limits(memory_bytes=1 << 30)
    text = "def test_big():\n    assert bytearray(4 << 30)\n"
    done = await execute({"test_a.py": text}, spec=pytest_run(limits=limits))
    assert done.test("test_big").cause == test_result_pb2.CAUSE_OUT_OF_MEMORY
    assert (done.verdict, done.cause) == ("FAILED", "OUT_OF_MEMORY")


async def test_an_exit_in_the_middle_is_incomplete(execute: Any) -> None:
    text = "import pytest\ndef test_1(): pass\ndef test_2(): pytest.exit('enough')\ndef test_3(): pass\n"
    done = await execute({"test_a.py": text})
    assert (done.verdict, done.cause) == ("INCOMPLETE", "EXIT_CODE")
    assert "enough" in done.message


async def test_text_that_no_encoding_carries_does_no_harm(execute: Any) -> None:
    text = "import pytest\n@pytest.mark.parametrize('x', ['\\udc80'])\ndef test_a(x): assert 0, '\\ud800 ' + x\n"
    done = await execute({"test_a.py": text})
    assert list(done.outcomes.values()) == ["FAIL"]
    assert "\\ud800" in done.finished[0].failures[0].message


async def test_long_messages_are_cut_and_say_so(execute: Any) -> None:
    text = "def test_a(): raise ValueError('é' * 1_000_000)\n"
    done = await execute({"test_a.py": text})
    failure = done.finished[0].failures[0]
    assert len(failure.message.encode()) <= 16 * 1024
    assert "cut" in failure.message
    assert len(failure.stack_trace.encode()) <= 256 * 1024
    assert "cut" in failure.stack_trace


@pytest.mark.parametrize(
    ("arguments", "verdict", "cause"),
    [
        (["{python}", "-c", "print('hi')"], "PASSED", "UNSPECIFIED"),
        (["sh", "-c", "exit 3"], "FAILED", "EXIT_CODE"),
        (["sh", "-c", "kill -9 $$"], "FAILED", "SIGNAL"),
        (["no-such-program"], "INVALID", "INPUT_ERROR"),
    ],
)
async def test_a_commands_exit_is_its_verdict(execute: Any, arguments: list[str], verdict: str, cause: str) -> None:
    done = await execute({}, spec=run_pb2.RunSpec(command=run_pb2.CommandPlan(arguments=arguments)))
    assert (done.verdict, done.cause) == (verdict, cause)

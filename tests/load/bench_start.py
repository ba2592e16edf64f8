"""How soon the platform serves, what it holds in memory, and how soon the command line helps."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.load.figures import Figure

_ROUNDS = 5


def _resident_megabytes(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _platform() -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as state:
        command = [sys.executable, "-m", "maestro_services.embedded", "--port", "0", "--workers", "1"]
        began = time.perf_counter()
        with subprocess.Popen(
            [*command, "--state-directory", state, "--log-level", "error"], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert "answers on" in process.stdout.readline()
            seconds = time.perf_counter() - began
            time.sleep(3)
            memory = _resident_megabytes(process.pid)
            process.terminate()
            process.wait(20)
    return seconds, memory


def _seconds(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"})
    return time.perf_counter() - began


async def run() -> list[Figure]:
    """Medians of a few rounds; the interpreter's own start is the baseline of `--help`."""
    starts = [_platform() for _ in range(_ROUNDS)]
    helps = [_seconds(str(Path(sys.executable).with_name("maestro")), "--help") for _ in range(_ROUNDS)]
    bare = statistics.median(_seconds(sys.executable, "-c", "pass") for _ in range(_ROUNDS))
    serving = statistics.median(seconds for seconds, _memory in starts)
    memory = statistics.median(memory for _seconds, memory in starts)
    return [
        Figure("maestro up to serving", serving, "s", "<=", 2.0),
        Figure("platform's resident memory, idle", memory, "MB", "<=", 200, "one process, five services"),
        Figure("maestro --help", statistics.median(helps), "s", "<=", 0.3, f"bare interpreter {bare:.2f} s"),
    ]

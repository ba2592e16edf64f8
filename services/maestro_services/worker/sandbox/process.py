"""A process in a sandbox, as the worker sees it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from dataclasses import dataclass

from maestro_services.worker.sandbox import supervisor
from maestro_services.worker.sandbox.pipe import Pipe
from maestro_services.worker.sandbox.policy import Report


@dataclass(frozen=True)
class Ending:
    """How a process ended, and what it used."""

    # Unset if a signal ended it, or if it was never started.
    exit_code: int | None
    signal: int
    cpu_seconds: float
    max_rss_bytes: int
    wall_seconds: float
    # Why the sandbox could not be made; empty if it was.
    failure: str = ""
    # Why the program could not be started in it; empty if it ran.
    start_failure: str = ""


class SandboxedProcess:
    """A running process with its output, and the launcher's word on it."""

    def __init__(self, launcher: subprocess.Popen[bytes], pipes: tuple[int, int, int, int]) -> None:
        self._launcher = launcher
        self._control, self._report_pipe, stdout, stderr = pipes
        self._start = time.monotonic()
        self._report: Report = {}
        self.mechanisms: list[str] = []
        self.missing: list[str] = []
        self.stdout = Pipe(stdout)
        self.stderr = Pipe(stderr)

    async def listen(self) -> None:
        """Hears what is in force."""
        self._reports = asyncio.StreamReader()
        reports = os.fdopen(self._report_pipe, "rb", buffering=0)
        protocol = asyncio.StreamReaderProtocol(self._reports)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, reports)
        await self._hear()
        self.mechanisms = self._report.get("mechanisms", [])
        self.missing = self._report.get("missing", [])

    async def _hear(self) -> bool:
        line = await self._reports.readline()
        if line:
            self._report.update(json.loads(line))
        return bool(line)

    def dump_stacks(self) -> None:
        """Asks the process to write down where it is; only for one that expects the signal."""
        self._order(supervisor.DUMP_STACKS)

    def terminate(self) -> None:
        """Ends the process and all it started: politely, then, after a moment, by force."""
        self._order(supervisor.TERMINATE)

    def kill(self) -> None:
        """Ends the process and all it started at once."""
        self._order(supervisor.KILL)

    def _order(self, order: bytes) -> None:
        if self._control < 0:
            return
        try:
            os.write(self._control, order)
        except BrokenPipeError:
            return

    async def wait(self) -> Ending:
        """Waits until nothing of the process is left."""
        while await self._hear():
            pass
        await asyncio.to_thread(self._launcher.wait)
        os.close(self._control)
        self._control = -1
        report = self._report
        failure, start_failure = report.get("failure", ""), report.get("start_failure", "")
        if "exit_code" not in report and not failure and not start_failure:
            failure = f"the launcher ended with {self._launcher.returncode}"
        return Ending(
            exit_code=report.get("exit_code"),
            signal=report.get("signal", 0),
            cpu_seconds=report.get("cpu_seconds", 0.0),
            max_rss_bytes=report.get("max_rss_bytes", 0),
            wall_seconds=time.monotonic() - self._start,
            failure=failure,
            start_failure=start_failure,
        )

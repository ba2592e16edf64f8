"""Runs single tests inside a forked child, under a limit of CPU time."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Sequence
from types import FrameType

import pytest

from .forks import Send
from .tracing import FileSelection, line_recorder

PASS, FAIL, SKIP, TIMEOUT = "pass", "fail", "skip", "timeout"
_REPEAT_SECONDS = 0.02


class Verdicts:
    """A plugin that keeps the reports of the test that runs now."""

    def __init__(self) -> None:
        self.reports: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keeps a report."""
        self.reports.append(report)

    def verdict(self) -> str:
        """What the kept reports amount to; expected failures and unexpected passes say nothing, like skips."""
        if any(report.failed for report in self.reports):
            return FAIL
        passed = all(report.passed and not hasattr(report, "wasxfail") for report in self.reports)
        return PASS if self.reports and passed else SKIP


class CaseRunner:
    """Runs tests one after the other in this process."""

    def __init__(self, verdicts: Verdicts, files: FileSelection, send: Send) -> None:
        self._verdicts = verdicts
        self._files = files
        self._send = send

    def trace(self, number: int, item: pytest.Item, following: pytest.Item | None, limit: float) -> str:
        """Runs a test, and sends its verdict, the lines that it executed and the time that it took."""
        started, cpu = time.monotonic(), _cpu_seconds()
        recorder = line_recorder(self._files)

        def report(verdict: str) -> None:
            lines = {path: sorted(numbers) for path, numbers in recorder.lines.items()}
            self._send(
                {
                    "case": number,
                    "verdict": verdict,
                    "lines": lines,
                    "cpu": _cpu_seconds() - cpu,
                    "wall": time.monotonic() - started,
                }
            )

        with CpuLimit(limit, lambda: report(TIMEOUT)), recorder:
            verdict = self._run(item, following)
        report(verdict)
        return verdict

    def check(self, item: pytest.Item, following: pytest.Item | None, limit: float, passed: int) -> bool:
        """Runs a test; sends the verdict if it is not a pass, together with how many passed before."""

        def report(verdict: str) -> None:
            self._send({"verdict": verdict, "passed": passed})

        with CpuLimit(limit, lambda: report(TIMEOUT)):
            verdict = self._run(item, following)
        if verdict != PASS:
            report(verdict)
        return verdict == PASS

    def _run(self, item: pytest.Item, following: pytest.Item | None) -> str:
        self._verdicts.reports.clear()
        # The text of a failure is not wanted, and takes longer than most tests.
        item.repr_failure = _nothing  # type: ignore[method-assign,assignment]
        try:
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        except BaseException:  # noqa: BLE001  # pytest.exit, KeyboardInterrupt and SystemExit of the project's code too
            return FAIL
        return self._verdicts.verdict()


class CpuLimit:
    """Ends the process, after a last word, when its body uses too much CPU time.

    It neither raises, so that no code can swallow it, nor relies on one signal, so that no handler can lose it.
    """

    def __init__(self, seconds: float, last_word: Callable[[], None]) -> None:
        self._seconds = seconds
        self._last_word = last_word

    def __enter__(self) -> None:
        signal.signal(signal.SIGPROF, self._expire)
        signal.setitimer(signal.ITIMER_PROF, self._seconds, _REPEAT_SECONDS)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _expire(self, signum: int, frame: FrameType | None) -> None:
        self._last_word()
        os._exit(0)


def _nothing(*_: object) -> str:
    return ""


def followed(items: Sequence[pytest.Item]) -> list[tuple[pytest.Item, pytest.Item | None]]:
    """Each item with the one behind it, which tells pytest what fixtures to keep."""
    return list(zip(items, [*items[1:], None], strict=True))


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

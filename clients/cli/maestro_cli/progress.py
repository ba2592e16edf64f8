"""How a run is shown while it goes on: a live line on a terminal, plain lines elsewhere, nothing for programs."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import test_case_pb2
from rich.console import Console
from rich.text import Text

from .tally import Tally
from .text import plural, span

if TYPE_CHECKING:
    from rich.live import Live

_QUIET_SECONDS = 10.0
_COUNTS = (
    (test_result_pb2.OUTCOME_PASS, "passed", "green"),
    (test_result_pb2.OUTCOME_FAIL, "failed", "red"),
    (test_result_pb2.OUTCOME_ERROR, "errors", "red"),
    (test_result_pb2.OUTCOME_SKIP, "skipped", "yellow"),
    (test_result_pb2.OUTCOME_XFAIL, "xfailed", "green"),
    (test_result_pb2.OUTCOME_XPASS, "xpassed", "yellow"),
)


class Progress(Protocol):
    """Shows a run."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def failed(self, case: test_case_pb2.TestCase) -> None:
        """Show a test that failed."""

    def moved(self, tally: Tally) -> None:
        """Show how far the run is."""

    def note(self, text: str) -> None:
        """Show a sentence."""


class Silent:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def failed(self, case: test_case_pb2.TestCase) -> None:
        """Show nothing."""

    def moved(self, tally: Tally) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""


class Plain(Silent):
    """Writes lines: failures as they come, and how far the run is now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = time.monotonic()
        self._said = ""

    def failed(self, case: test_case_pb2.TestCase) -> None:
        """Write the failure."""
        write_failure(self._console, case)

    def moved(self, tally: Tally) -> None:
        """Write how far the run is, at most every ten seconds."""
        now, text = time.monotonic(), counts_of(tally).plain
        if tally.known and now - self._last >= _QUIET_SECONDS and text != self._said:
            self._console.print(text)
            self._last, self._said = now, text

    def note(self, text: str) -> None:
        """Write the sentence."""
        self._console.print(text)


class OnTerminal:
    """Keeps one line at the bottom up to date; failures scroll by above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = time.monotonic()
        self._tally: Tally | None = None
        self._phase = "waiting for a worker"
        self._live: Live | None = None

    def __enter__(self) -> Self:
        from rich.live import Live

        self._live = Live(get_renderable=self._line, console=self._console, refresh_per_second=8, transient=True)
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def failed(self, case: test_case_pb2.TestCase) -> None:
        """Write the failure above the line."""
        write_failure(self._console, case)

    def moved(self, tally: Tally) -> None:
        """Bring the line up to date with its next refresh."""
        self._tally = tally

    def note(self, text: str) -> None:
        """Write the sentence above the line."""
        self._console.print(text, style="dim")

    def _line(self) -> Text:
        from rich.spinner import Spinner

        spinner = Spinner("dots").render(time.monotonic())
        clock = Text(f"  {span(time.monotonic() - self._begun)}", style="dim")
        if self._tally is None or not self._tally.known:
            return Text.assemble(spinner, f" {self._phase}", clock)  # type: ignore[arg-type]  # dots are Text
        current = Text(f"  {self._tally.current}", style="dim") if self._tally.current else Text()
        line = Text.assemble(spinner, " ", counts_of(self._tally), clock, current)  # type: ignore[arg-type]
        line.truncate(self._console.width - 1, overflow="ellipsis")
        return line


def counts_of(tally: Tally) -> Text:
    """Return how many of how many tests ended, and how."""
    parts = [Text(f"{tally.ended}/{tally.known}", style="bold")]
    parts += [Text(plural(tally.count(one), label), style=style) for one, label, style in _COUNTS if tally.count(one)]
    return Text("  ").join(parts)


def write_failure(console: Console, case: test_case_pb2.TestCase) -> None:
    """Write a failed test in two lines: where, and what it says."""
    kind = "ERROR" if case.outcome == test_result_pb2.OUTCOME_ERROR else "FAIL"
    first = case.failures[0] if case.failures else None
    place = f"{first.file}:{first.line}" if first and first.file and first.line else f"{case.file}:{case.line}"
    console.print(Text.assemble((f"{kind:<5} ", "red"), case.test_id, (f"  {place}", "dim")), soft_wrap=True)
    if first and (first.message or first.exception_type):
        console.print(Text.assemble("      ", *_sentence(first)), soft_wrap=True)


def _sentence(failure: test_result_pb2.Failure) -> tuple[str, tuple[str, str]]:
    """Return the first line of a failure's message with its exception, and how many lines follow."""
    lines = failure.message.strip().splitlines() or [""]
    kind = failure.exception_type.rpartition(".")[2]
    first = lines[0] if not kind or kind == "AssertionError" or lines[0].startswith(kind) else f"{kind}: {lines[0]}"
    return first, (f" (+{len(lines) - 1} lines)" if len(lines) > 1 else "", "dim")

"""Text for people: tables, durations, times and the colours of outcomes."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import run_pb2
from rich.console import Console
from rich.text import Text

_STYLES = {
    "PASS": "green",
    "PASSED": "green",
    "XFAIL": "green",
    "READY": "green",
    "APPLIED": "green",
    "AWAITING_APPROVAL": "green",
    "FLAKY": "yellow",
    "SKIP": "yellow",
    "SKIPPED": "yellow",
    "XPASS": "yellow",
    "CANCELLED": "yellow",
    "REFUSED": "yellow",
    "RUNNING": "cyan",
    "QUEUED": "dim",
    "DRAINING": "yellow",
}
_BAD = {"FAIL", "FAILED", "ERROR", "TIMED_OUT", "INFRA_FAILED", "INCOMPLETE", "INVALID", "UNHEALTHY"}


def make_console(*, stderr: bool = False) -> Console:
    """Return a console that never breaks lines where no one looks at them."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else 4096, soft_wrap=False)


def word(text: str) -> Text:
    """Return a state, verdict or outcome in its colour."""
    style = "red" if text in _BAD else _STYLES.get(text, "")
    return Text(text.replace("_", " ").lower(), style=style)


def table(
    console: Console, headings: Sequence[str], rows: Iterable[Sequence[str | Text]], *, none: str, wrap: bool = False
) -> None:
    """Write an aligned table, or the sentence `none` if there are no rows.

    A heading that begins with `>` is of a column of numbers. On a narrow terminal the last column gives way, or with
    `wrap` all of them.
    """
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in headings:
        drawn.add_column(
            heading.lstrip(">"),
            justify="right" if heading.startswith(">") else "left",
            no_wrap=not wrap and heading != headings[-1],
        )
    for row in rows:
        drawn.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    if not drawn.row_count:
        console.print(none, style="dim")
    elif console.is_terminal:
        console.print(drawn)
    else:
        with console.capture() as capture:
            console.print(drawn)
        console.print(Text("\n".join(line.rstrip() for line in capture.get().splitlines())), soft_wrap=True)


def seconds(duration: Duration) -> float:
    """Return a duration in seconds."""
    return duration.seconds + duration.nanos / 1e9


def span(value: float) -> str:
    """Return seconds as people say them: 12 ms, 3.4 s, 2 min 5 s, 1 h 12 min."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def when(time: Timestamp) -> str:
    """Return a point in time: how long ago if that is less than a day, else the local date and time."""
    if not time.seconds:
        return "-"
    moment = time.ToDatetime(tzinfo=UTC)
    age = (datetime.now(UTC) - moment).total_seconds()
    if 0 <= age < 86_400:
        return "just now" if age < 1 else f"{_roughly(age)} ago"
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _roughly(age: float) -> str:
    if age < 60:
        return f"{age:.0f} s"
    return f"{age // 60:.0f} min" if age < 3600 else f"{age // 3600:.0f} h"


def elapsed(run: run_pb2.Run) -> str:
    """Return how long a run took, or takes; - before it starts."""
    if not run.start_time.seconds:
        return "-"
    end = run.end_time.ToDatetime(tzinfo=UTC) if run.end_time.seconds else datetime.now(UTC)
    return span((end - run.start_time.ToDatetime(tzinfo=UTC)).total_seconds())


def short(name: str) -> str:
    """Return the id at the end of a resource name."""
    return name.rpartition("/")[2]


def verdict_of(run: run_pb2.Run) -> str:
    """Return a run's verdict, or its state while it has none."""
    if run.verdict:
        return test_result_pb2.Verdict.Name(run.verdict).removeprefix("VERDICT_")
    return run_pb2.Run.State.Name(run.state).removeprefix("STATE_")


def outcome_of(case_outcome: int) -> str:
    """Return the word for an outcome."""
    return test_result_pb2.Outcome.Name(case_outcome).removeprefix("OUTCOME_")  # type: ignore[arg-type]


def plural(count: int, label: str) -> str:
    """Return a count with its label: 1 error, 2 errors, 3 passed."""
    return f"{count} {label[:-1] if count == 1 and label == 'errors' else label}"


def brief(tests: run_pb2.TestCounts) -> Text:
    """Return how many tests passed and how many did not: expected failures pass, errors fail."""
    good, bad = tests.pass_count + tests.xfail_count, tests.fail_count + tests.error_count
    parts = [(good, "passed", "green"), (bad, "failed", "red")]
    shown = [Text(f"{count} {label}", style=style) for count, label, style in parts if count]
    return Text(", ").join(shown) if shown else Text("none ran", style="dim")


def counts(tests: run_pb2.TestCounts) -> Text:
    """Return how many tests ended how, without zeros."""
    parts = [
        (tests.pass_count, "passed", "green"),
        (tests.fail_count, "failed", "red"),
        (tests.error_count, "errors", "red"),
        (tests.skip_count, "skipped", "yellow"),
        (tests.xfail_count, "xfailed", "green"),
        (tests.xpass_count, "xpassed", "yellow"),
    ]
    shown = [Text(plural(count, label), style=style) for count, label, style in parts if count]
    return Text(", ").join(shown) if shown else Text("no tests", style="dim")

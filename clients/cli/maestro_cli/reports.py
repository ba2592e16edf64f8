"""What is said of a run when it has ended."""

from pathlib import Path

from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import action_pb2, results_service_pb2, run_pb2, test_case_pb2
from rich.console import Console
from rich.text import Text

from .session import Session
from .text import counts, elapsed, short, verdict_of, word


def write_summary(console: Console, run: run_pb2.Run) -> None:
    """Write the verdict, the counts and where to look further."""
    verdict = word(verdict_of(run))
    verdict.stylize("bold")
    console.print(Text.assemble(verdict, "  ", counts(run.counts), (f"  in {elapsed(run)}", "dim")))
    if run.status_message and not _plain_result(run):
        console.print(Text(run.status_message), soft_wrap=True)
    console.print(Text(f"run {short(run.name)}  maestro results {short(run.name)}", style="dim"))


def _plain_result(run: run_pb2.Run) -> bool:
    """Tell whether the counts say all that there is to say."""
    return verdict_of(run) in {"PASSED", "FAILED", "SKIPPED"} and bool(run.counts.total_count)


def write_case(console: Console, case: test_case_pb2.TestCase) -> None:
    """Write a test's failures with their traces."""
    for failure in case.failures:
        phase = f" ({failure.phase})" if failure.phase not in {"", "call"} else ""
        console.print(Text.assemble(("── ", "dim"), (case.test_id, "bold"), phase), soft_wrap=True)
        console.print(Text(failure.stack_trace.rstrip() or failure.message), soft_wrap=True)
        console.print()


async def write_actions(session: Session, run: run_pb2.Run) -> None:
    """Write who worked on a run, what separated the work from its host, what did not, and what it used."""
    request = results_service_pb2.ListActionsRequest(parent=run.name)
    page = await session.maestro.results.list_actions(request)
    if session.json:
        session.document(page)
        return
    for action in page.actions:
        execution = action.execution
        verdict = test_result_pb2.Verdict.Name(action.verdict).removeprefix("VERDICT_")
        title = f"attempt {action.attempt_number} by {execution.worker or 'no worker yet'}  "
        session.console.print(Text.assemble((title, "bold"), word(verdict if action.verdict else "RUNNING")))
        for mechanism in execution.isolation.mechanisms:
            name = action_pb2.Isolation.Mechanism.Name(mechanism).removeprefix("MECHANISM_")
            session.console.print(Text.assemble(("  in force  ", "green"), name.replace("_", " ").lower()))
        for missing in execution.isolation.missing:
            session.console.print(Text.assemble(("  missing   ", "yellow"), missing), soft_wrap=True)
        for metric in execution.metrics:
            session.console.print(Text(f"  {metric.name:<16} {metric.value:,.2f}", style="dim"))


async def save_junit(session: Session, run: run_pb2.Run, file: Path) -> None:
    """Write the run as JUnit XML into a file, which appears only when it is whole."""
    request = results_service_pb2.ExportRunRequest(
        name=run.name, format=results_service_pb2.ExportRunRequest.FORMAT_JUNIT_XML
    )
    partial = file.with_name(f".{file.name}.part")
    try:
        with partial.open("wb") as stream:
            async for piece in session.maestro.results.export_run(request):
                stream.write(piece.data)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)

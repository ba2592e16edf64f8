"""`maestro runs`: the runs of a project."""

from typing import TYPE_CHECKING

import click

from maestro_cli.options import on_platform

if TYPE_CHECKING:
    from maestro_cli.session import Session


@click.command(epilog="Example: maestro runs --filter 'verdict = FAILED AND labels.branch = main'")
@click.option("--limit", "-n", type=click.IntRange(1, 500), default=20, show_default=True, help="At most so many.")
@click.option("--filter", "condition", default="", metavar="CONDITION", help="Only runs that meet it (AIP-160).")
@click.option("--all", "everything", is_flag=True, help="Also the runs that repairs make for themselves.")
@on_platform
async def runs(session: "Session", limit: int, condition: str, *, everything: bool) -> None:
    """List the runs of the project, newest first."""
    from maestro.execution.v1 import execution_service_pb2
    from maestro_client import ASKED_FOR

    from maestro_cli.text import brief, elapsed, short, table, verdict_of, when, word

    conditions = (f"({condition})" if condition else "", "" if everything else ASKED_FOR)
    request = execution_service_pb2.ListRunsRequest(
        parent=session.parent, page_size=limit, filter=" AND ".join(filter(None, conditions))
    )
    page = await session.maestro.execution.list_runs(request)
    if session.json:
        session.document(page)
        return
    rows = [
        (
            short(run.name),
            word(verdict_of(run)),
            brief(run.counts),
            elapsed(run),
            when(run.create_time),
            run.display_name,
        )
        for run in page.runs
    ]
    headings = ("run", "verdict", "tests", ">took", "created", "name")
    table(session.console, headings, rows, none="no runs yet: `maestro run PATH` makes one")

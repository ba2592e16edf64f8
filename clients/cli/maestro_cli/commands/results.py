"""`maestro results`: the tests of a run."""

from typing import TYPE_CHECKING, Any

import click

from maestro_cli.options import on_platform

if TYPE_CHECKING:
    from maestro_cli.session import Session


@click.command(epilog="Example: maestro results latest --failed")
@click.argument("run", default="latest")
@click.option("--filter", "condition", default="", metavar="CONDITION", help="Only tests that meet it (AIP-160).")
@click.option("--failed", is_flag=True, help="Only tests that failed.")
@click.option("--log", is_flag=True, help="Write what the run printed instead; with --test, what the test printed.")
@click.option("--test", "test_id", metavar="ID", help="Only the test with this id.")
@click.option("--actions", is_flag=True, help="Show instead who worked on the run, how isolated, and what it used.")
@on_platform
async def results(
    session: "Session", run: str, *, condition: str, failed: bool, log: bool, test_id: str | None, actions: bool
) -> None:
    """Show the tests of RUN and the traces of those that failed.

    RUN is an id, the beginning of one, or latest.
    """
    from maestro_cli.failures import Failure
    from maestro_cli.reports import write_actions, write_case, write_summary

    found = await session.maestro.find_run(session.parent, run)
    if actions:
        await write_actions(session, found)
        return
    conditions = [condition, "(outcome = FAIL OR outcome = ERROR)" if failed else "", _equals(test_id)]
    page = await _all_cases(session, found.name, " AND ".join(filter(None, conditions)))
    if test_id and not page.test_cases:
        raise Failure(f"no test {test_id} in {found.name}", f"list them with `maestro results {run}`")
    if log:
        await _write_log(session, page.test_cases[0].name if test_id else found.name)
        return
    if session.json:
        session.document(page)
        return
    _write_table(session, page)
    for case in page.test_cases:
        write_case(session.console, case)
    write_summary(session.console, found)


def _equals(test_id: str | None) -> str:
    if test_id is None:
        return ""
    escaped = test_id.replace("\\", "\\\\").replace('"', '\\"')
    return f'test_id = "{escaped}"'


async def _all_cases(session: "Session", run: str, condition: str) -> Any:
    from maestro.execution.v1 import results_service_pb2
    from maestro_client.paging import pages

    request = results_service_pb2.ListTestCasesRequest(parent=run, filter=condition, page_size=1000)
    whole = results_service_pb2.ListTestCasesResponse()
    async for page in pages(session.maestro.results.list_test_cases, request):
        whole.test_cases.extend(page.test_cases)
    return whole


def _write_table(session: "Session", page: Any) -> None:
    from maestro_cli.text import outcome_of, seconds, span, table, word

    rows = [
        (word(outcome_of(case.outcome) if case.outcome else "NOT_RUN"), span(seconds(case.duration)), case.test_id)
        for case in page.test_cases
    ]
    table(session.console, ("outcome", ">took", "test"), rows, none="no tests")
    session.console.print()


async def _write_log(session: "Session", name: str) -> None:
    import sys

    from maestro.execution.v1 import results_service_pb2
    from maestro_client.watch import follow_log

    request = results_service_pb2.ReadLogRequest(name=name)
    async for chunk in follow_log(session.maestro.results.read_log, request, patience=60):
        if session.json:
            session.line(chunk)
        else:
            sys.stdout.buffer.write(chunk.data)
            sys.stdout.buffer.flush()

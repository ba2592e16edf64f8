"""`maestro cancel`: end a run."""

from typing import TYPE_CHECKING

import click

from maestro_cli.options import on_platform

if TYPE_CHECKING:
    from maestro_cli.session import Session


@click.command()
@click.argument("run")
@click.option("--reason", default="", metavar="TEXT", help="Why, for the record.")
@on_platform
async def cancel(session: "Session", run: str, reason: str) -> None:
    """End RUN and all its processes; results so far are kept.

    RUN is an id, the beginning of one, or latest.
    """
    from maestro.execution.v1 import execution_service_pb2

    from maestro_cli.text import short, verdict_of

    found = await session.maestro.find_run(session.parent, run)
    request = execution_service_pb2.CancelRunRequest(name=found.name, reason=reason)
    response = await session.maestro.execution.cancel_run(request)
    if session.json:
        session.document(response)
    else:
        click.echo(f"run {short(found.name)} is {verdict_of(response.run).lower()}")

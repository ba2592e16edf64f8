"""`maestro watch`: follow a run."""

from typing import TYPE_CHECKING

import click

from maestro_cli.options import on_platform

if TYPE_CHECKING:
    from maestro_cli.session import Session


@click.command()
@click.argument("run", default="latest")
@on_platform
async def watch(session: "Session", run: str) -> int:
    """Follow RUN until it ends; Ctrl-C leaves the run alone. With --output json, one event a line.

    RUN is an id, the beginning of one, or latest.
    """
    from maestro_cli.following import exit_code, follow
    from maestro_cli.reports import write_summary

    found = await session.maestro.find_run(session.parent, run)
    tally = await follow(session, found, events_as_json=session.json)
    if not session.json:
        write_summary(session.console, tally.run)
    return exit_code(tally.run)

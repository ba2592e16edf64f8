"""`maestro watch`: follow a run."""

from typing import TYPE_CHECKING

import click

from ..options import on_platform

if TYPE_CHECKING:
    from ..session import Session


@click.command()
@click.argument("run", default="latest")
@on_platform
async def watch(session: "Session", run: str) -> int:
    """Follow RUN until it ends; Ctrl-C leaves the run alone. With --output json, one event a line.

    RUN is an id, the beginning of one, or latest.
    """
    from ..following import exit_code, follow
    from ..reports import write_summary

    tally = await follow(session, await session.maestro.find_run(session.parent, run), cancel_on_interrupt=False)
    if not session.json:
        write_summary(session.console, tally.run)
    return exit_code(tally.run)

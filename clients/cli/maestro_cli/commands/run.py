"""`maestro run`: upload a project, run its tests, show what became of them."""

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maestro_cli.options import on_platform

if TYPE_CHECKING:
    from maestro_cli.session import Session


@click.command(epilog="Example: maestro run . --timeout 5m --label branch=main -- -k parser")
@click.argument("path", type=click.Path(path_type=Path, exists=True, file_okay=False), default=".")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--command", is_flag=True, help="Run the arguments behind -- as a command instead of pytest.")
@click.option("--python", metavar="PATH", help="The interpreter. Default: PATH/.venv, $VIRTUAL_ENV, python3.")
@click.option("--timeout", metavar="SPAN", help="End the run after this time, such as 90s or 5m.")
@click.option(
    "--network", type=click.Choice(["loopback", "host"]), help="How tests see the network. Default: loopback."
)
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="A label of the run; may be repeated.")
@click.option(
    "--env", "environment", multiple=True, metavar="KEY=VALUE", help="A variable for the tests; may be repeated."
)
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML into this file.")
@click.option("--no-gitignore", is_flag=True, help="Send files that .gitignore names, too.")
@click.option("--detach", is_flag=True, help="Queue the run and return; needs a platform that keeps running.")
@on_platform
async def run(session: "Session", path: Path, junit: Path | None, no_gitignore: bool, detach: bool, **said: Any) -> int:
    """Run the tests of the project at PATH, and show them as they end.

    The project is sent as it is, without what .gitignore names; arguments behind -- go to pytest. A platform is
    started for the time of the run if none answers. Ctrl-C cancels the run.
    """
    from maestro_cli.failures import Failure
    from maestro_cli.plan import Wish, plan_run

    _check_report(junit)
    if detach and session.temporary:
        raise Failure("nothing would run a detached run once this command ends", "start a platform with `maestro up`")
    queued = await _queue(session, path, plan_run(Wish(path, **said)), gitignore=not no_gitignore)
    if detach:
        _say_queued(session, queued)
        return 0
    try:
        return await _show(session, queued, junit)
    except asyncio.CancelledError:
        await _cancel(session, queued.name)
        raise


def _check_report(junit: Path | None) -> None:
    """Refuse before anything runs what could not be written after it."""
    from maestro_cli.failures import Failure

    if junit and not junit.absolute().parent.is_dir():
        raise Failure(f"{junit} has no folder to be written into", "make the folder, or name another file")


async def _cancel(session: "Session", name: str) -> None:
    from maestro.execution.v1 import execution_service_pb2
    from maestro_client.errors import MaestroError

    # It may have ended, or be cancelled already.
    with contextlib.suppress(MaestroError):
        await session.maestro.execution.cancel_run(execution_service_pb2.CancelRunRequest(name=name), timeout=5)


async def _show(session: "Session", queued: Any, junit: Path | None) -> int:
    # Imported while a worker already prepares the run.
    from maestro_cli.following import exit_code, follow
    from maestro_cli.reports import save_junit, write_summary

    tally = await follow(session, queued, cancel_on_interrupt=True)
    if session.json:
        _write_document(tally.run, tally.failures)
    else:
        write_summary(session.console, tally.run)
    if junit:
        await save_junit(session, tally.run, junit)
    return exit_code(tally.run)


async def _queue(session: "Session", path: Path, wanted: Any, *, gitignore: bool) -> Any:
    from maestro.execution.v1 import execution_service_pb2
    from maestro_client.tree import upload_tree

    root = await upload_tree(session.maestro.artifacts, session.parent, path, gitignore=gitignore)
    wanted.spec.input_root.CopyFrom(root)
    request = execution_service_pb2.CreateRunRequest(parent=session.parent, run=wanted)
    return (await session.maestro.execution.create_run(request)).run


def _say_queued(session: "Session", queued: Any) -> None:
    if session.json:
        session.document(queued)
    else:
        click.echo(queued.name)


def _write_document(finished: Any, failures: list[Any]) -> None:
    import json

    from google.protobuf.json_format import MessageToDict

    content = {"run": MessageToDict(finished), "failures": [MessageToDict(case) for case in failures]}
    click.echo(json.dumps(content, indent=2))

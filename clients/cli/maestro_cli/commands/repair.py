"""`maestro repair`: repairs of failed runs."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maestro_cli.options import on_platform

if TYPE_CHECKING:
    from maestro_cli.session import Session


@click.group()
def repair() -> None:
    """Find, show and apply repairs of failed runs.

    A repair is a patch that was proved: with it the failing tests pass, and the whole suite twice. REPAIR is an id,
    the beginning of one, or latest.
    """


@repair.command()
@click.argument("run", default="latest")
@click.option("--test", "tests", multiple=True, metavar="ID", help="Repair this failure only; may be repeated.")
@click.option("--detach", is_flag=True, help="Begin the repair and return; needs a platform that keeps running.")
@on_platform
async def heal(session: "Session", run: str, tests: tuple[str, ...], detach: bool) -> int:
    """Make a repair for the failed RUN, and follow it to its end. Changes no file.

    Exit code 0: there is a proved patch; 1: there is none, and it is said why.
    """
    from maestro.automation.v1 import automation_service_pb2

    from maestro_cli.repairs import exit_code, follow_repair, write_repair

    found = await session.maestro.find_run(session.parent, run)
    request = automation_service_pb2.HealRunRequest(name=found.name, test_ids=tests)
    made = (await session.maestro.automation.heal_run(request)).repair
    if detach:
        click.echo(made.name)
        return 0
    ended = await follow_repair(session, made.name)
    if not session.json:
        session.console.print()
        write_repair(session.console, ended)
    return exit_code(ended)


@repair.command(name="list")
@click.option("--limit", "-n", type=click.IntRange(1, 200), default=20, show_default=True, help="At most so many.")
@click.option("--filter", "condition", default="", metavar="CONDITION", help="Only those that meet it (AIP-160).")
@on_platform
async def list_repairs(session: "Session", limit: int, condition: str) -> None:
    """List the repairs of the project, newest first."""
    from maestro.automation.v1 import automation_service_pb2

    from maestro_cli.repairs import state_of
    from maestro_cli.text import short, table, when, word

    request = automation_service_pb2.ListRepairsRequest(parent=session.parent, page_size=limit, filter=condition)
    page = await session.maestro.automation.list_repairs(request)
    if session.json:
        session.document(page)
        return
    rows = [
        (short(one.name), word(state_of(one)), short(one.run), when(one.create_time), one.display_name)
        for one in page.repairs
    ]
    none = "no repairs yet: `maestro repair heal RUN` makes one"
    table(session.console, ("repair", "state", "run", "made", "name"), rows, none=none)


@repair.command()
@click.argument("reference", metavar="REPAIR", default="latest")
@click.option("--diff", is_flag=True, help="Only the patch, as `git apply` reads it.")
@on_platform
async def show(session: "Session", reference: str, diff: bool) -> None:
    """Show what is known of REPAIR: diagnosis, evidence, patch."""
    from maestro_cli.repairs import find_repair, write_repair

    found = await find_repair(session, reference)
    if diff:
        click.echo(found.patch.unified_diff, nl=False)
    elif session.json:
        session.document(found)
    else:
        write_repair(session.console, found)


@repair.command()
@click.argument("reference", metavar="REPAIR", default="latest")
@on_platform
async def watch(session: "Session", reference: str) -> int:
    """Follow REPAIR until it ends or waits for approval. With --output json, one event a line."""
    from maestro_cli.repairs import exit_code, find_repair, follow_repair

    found = await find_repair(session, reference)
    return exit_code(await follow_repair(session, found.name))


@repair.command()
@click.argument("reference", metavar="REPAIR", default="latest")
@click.argument("path", type=click.Path(path_type=Path, exists=True, file_okay=False), default=".")
@click.option("--yes", is_flag=True, help="Apply without asking.")
@on_platform
async def apply(session: "Session", reference: str, path: Path, yes: bool) -> int:
    """Apply the patch of REPAIR to the project at PATH: shows it, asks, writes all files or none.

    A file that was changed since the run is never overwritten.
    """
    from maestro_cli.failures import Failure
    from maestro_cli.patches import pending
    from maestro_cli.repairs import find_repair, state_of, write_diff

    found = await find_repair(session, reference)
    if not found.patch.unified_diff:
        raise Failure(
            f"the repair has no patch: it is {state_of(found).replace('_', ' ').lower()}",
            "show it: maestro repair show",
        )
    waiting = pending(path, found.patch)
    if waiting and not session.json:
        write_diff(session.console, found.patch.unified_diff)
    if waiting and not yes and not _agreed(path):
        return 1
    await _write(session, path, waiting)
    recorded = await _record(session, found)
    if session.json:
        session.document(recorded)
    else:
        click.echo(
            f"applied to {len(waiting)} file{'' if len(waiting) == 1 else 's'}" if waiting else "was applied already"
        )
    return 0


def _agreed(path: Path) -> bool:
    """Ask. Ctrl-C ends the question at once: the loop would keep it for when there is an answer."""
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return click.confirm(f"apply this to {path.resolve()}?", err=True)
    finally:
        signal.signal(signal.SIGINT, kept)


async def _write(session: "Session", root: Path, waiting: list[Any]) -> None:
    from maestro_client.tree import download_blob

    from maestro_cli.patches import Replacement, inside, replace_all

    replacements = [
        Replacement(
            inside(root, file.path), await download_blob(session.maestro.artifacts, session.parent, file.new_digest)
        )
        for file in waiting
    ]
    replace_all(replacements, {inside(root, file.path): file.base_digest for file in waiting})


async def _record(session: "Session", found: Any) -> Any:
    from maestro.automation.v1 import automation_service_pb2

    request = automation_service_pb2.RecordApplicationRequest(name=found.name, patch_sha256=found.patch.sha256)
    return await session.maestro.automation.record_application(request)


@repair.command()
@click.argument("reference", metavar="REPAIR")
@click.option("--reason", default="", metavar="TEXT", help="Why, for the record.")
@on_platform
async def cancel(session: "Session", reference: str, reason: str) -> None:
    """End REPAIR, or reject its patch."""
    from maestro.automation.v1 import automation_service_pb2

    from maestro_cli.repairs import find_repair, state_of

    found = await find_repair(session, reference)
    request = automation_service_pb2.CancelRepairRequest(name=found.name, reason=reason)
    response = await session.maestro.automation.cancel_repair(request)
    if session.json:
        session.document(response)
    else:
        click.echo(f"the repair is {state_of(response.repair).lower()}")


@repair.command()
@on_platform
async def start(session: "Session") -> None:
    """Repair every run of the project that fails from now on."""
    from maestro.automation.v1 import automation_service_pb2

    request = automation_service_pb2.StartMonitoringRequest(name=f"{session.parent}/monitor")
    _write_monitor(session, (await session.maestro.automation.start_monitoring(request)).monitor)


@repair.command()
@on_platform
async def stop(session: "Session") -> None:
    """Stop repairing runs by themselves; repairs that were made go on."""
    from maestro.automation.v1 import automation_service_pb2

    request = automation_service_pb2.StopMonitoringRequest(name=f"{session.parent}/monitor")
    _write_monitor(session, (await session.maestro.automation.stop_monitoring(request)).monitor)


@repair.command()
@on_platform
async def status(session: "Session") -> None:
    """Show whether failed runs are repaired by themselves."""
    from maestro.automation.v1 import automation_service_pb2

    request = automation_service_pb2.GetMonitorRequest(name=f"{session.parent}/monitor")
    _write_monitor(session, (await session.maestro.automation.get_monitor(request)).monitor)


def _write_monitor(session: "Session", monitor: Any) -> None:
    from maestro.automation.v1 import monitor_pb2

    if session.json:
        session.document(monitor)
        return
    state = monitor_pb2.Monitor.State.Name(monitor.state).removeprefix("STATE_").lower()
    click.echo(
        f"monitoring of {session.parent} is {state}: {monitor.seen_run_count} runs seen, "
        f"{monitor.failed_run_count} failed, {monitor.repair_count} repairs made"
    )
    if monitor.last_error:
        click.secho(f"last error: {monitor.last_error}", fg="yellow")

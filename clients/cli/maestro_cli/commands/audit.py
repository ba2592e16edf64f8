"""`maestro audit`: the record of what was done, and its proofs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maestro_cli.options import on_platform

if TYPE_CHECKING:
    from maestro_cli.session import Session

_HEADINGS = (">#", "when", "actor", "what", "target", "outcome")


@click.group()
def audit() -> None:
    """Read and verify the record of what was done.

    EVENT is an id or a full name.
    """


@audit.command(name="list")
@click.option("--limit", "-n", type=click.IntRange(1, 500), default=30, show_default=True, help="At most so many.")
@click.option("--filter", "condition", default="", metavar="CONDITION", help="Only events that meet it (AIP-160).")
@on_platform
async def list_events(session: "Session", limit: int, condition: str) -> None:
    """List the events of the project, newest first."""
    from maestro.audit.v1 import audit_service_pb2

    from maestro_cli.text import short, table

    request = audit_service_pb2.ListEventsRequest(parent=session.parent, page_size=limit, filter=condition)
    page = await session.maestro.audit.list_events(request)
    if session.json:
        session.document(page)
        return
    rows = [(*_row(event), short(event.name)) for event in page.events]
    table(session.console, (*_HEADINGS, "event"), rows, none="nothing is recorded yet")


def _row(event: Any) -> tuple[Any, ...]:
    from maestro_cli.text import when, word

    outcome = word(event.outcome.reason or "ok" if event.HasField("outcome") else "")
    if event.outcome.code:
        outcome.stylize("red")
    # Of a project's own name nothing is learned in its own record.
    target = "/".join(event.target.split("/")[2:][-2:])
    actor = event.actor.display_name or event.actor.subject
    return (str(event.log_index), when(event.create_time), actor, event.kind, target, outcome)


@audit.command()
@click.argument("event")
@on_platform
async def show(session: "Session", event: str) -> None:
    """Show EVENT."""
    from google.protobuf.json_format import MessageToDict
    from maestro.audit.v1 import audit_service_pb2

    request = audit_service_pb2.GetEventRequest(name=_event_name(session, event))
    found = (await session.maestro.audit.get_event(request)).event
    if session.json:
        session.document(found)
        return
    for name, value in MessageToDict(found).items():
        shown = ", ".join(f"{key}={one}" for key, one in value.items()) if isinstance(value, dict) else value
        session.console.print(f"[dim]{name:<14}[/dim]{shown}", soft_wrap=True)


def _event_name(session: "Session", event: str) -> str:
    return event if "/" in event else f"{session.parent}/events/{event}"


@audit.command()
@click.argument("event", default="latest")
@click.option("--key", metavar="KEY", help="The log's verifier key. Default: the one first seen on this machine.")
@on_platform
async def verify(session: "Session", event: str, key: str | None) -> None:
    """Prove that EVENT stands in the log unaltered.

    The proof is checked here, not by the server: leaf, inclusion proof, signature of the checkpoint, and that the log
    only grew since this machine last saw it.
    """
    from maestro_cli.known_logs import KnownLogs
    from maestro_cli.proving import prove

    name = await _latest(session) if event == "latest" else _event_name(session, event)
    proved = await prove(session.maestro, session.parent, name, KnownLogs(_memory(session)), key)
    if session.json:
        _write_json(proved)
    else:
        _write_proved(session, proved)


def _memory(session: "Session") -> Path:
    from maestro_client import default_state_directory

    state = session.options.state_directory
    return (Path(state) if state else default_state_directory()) / "known-logs.json"


async def _latest(session: "Session") -> str:
    from maestro.audit.v1 import audit_service_pb2

    from maestro_cli.failures import Failure

    request = audit_service_pb2.ListEventsRequest(parent=session.parent, page_size=1)
    page = await session.maestro.audit.list_events(request)
    if not page.events:
        raise Failure(f"nothing is recorded of {session.parent} yet")
    return page.events[0].name


def _write_proved(session: "Session", proved: Any) -> None:
    lines = [
        f"event {proved.event}",
        f"the leaf {proved.log_index} of {proved.checkpoint.size} is the event's, and leads to the signed root",
        f"root {proved.checkpoint.root.hex()}",
        f"signed by {proved.key}" + ("" if proved.key_was_known else " (first seen now, and kept)"),
    ]
    if proved.consistent_from:
        lines.append(f"the log only grew since it had {proved.consistent_from} events")
    session.console.print("verified", style="bold green")
    for line in lines:
        session.console.print(f"  {line}", soft_wrap=True)


def _write_json(proved: Any) -> None:
    import json

    content = {
        "verified": True,
        "event": proved.event,
        "logIndex": proved.log_index,
        "treeSize": proved.checkpoint.size,
        "rootHash": proved.checkpoint.root.hex(),
        "verifierKey": str(proved.key),
        "keyWasKnown": proved.key_was_known,
        "consistentFrom": proved.consistent_from,
        "leaf": proved.leaf,
    }
    click.echo(json.dumps(content, indent=2))


@audit.command()
@click.option("--filter", "condition", default="", metavar="CONDITION", help="Only events that meet it (AIP-160).")
@on_platform
async def tail(session: "Session", condition: str) -> None:
    """Follow the events of the project as they are recorded, until Ctrl-C. With --output json, one a line."""
    from maestro.audit.v1 import audit_service_pb2
    from maestro_client.watch import resume
    from rich.text import Text

    request = audit_service_pb2.WatchEventsRequest(parent=session.parent, filter=condition)
    async for message in resume(session.maestro.audit.watch_events, request):
        for event in message.events:
            if session.json:
                session.line(event)
            else:
                _, _, actor, kind, target, outcome = _row(event)
                clock = event.create_time.ToDatetime().strftime("%H:%M:%S")
                line = Text.assemble((f"{clock}  ", "dim"), f"{actor:<16} {kind:<34} {target}  ", outcome)
                session.console.print(line, soft_wrap=True)

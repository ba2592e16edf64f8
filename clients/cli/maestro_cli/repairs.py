"""Finds and shows repairs."""

from typing import TYPE_CHECKING

from maestro.automation.v1 import automation_service_pb2, diagnosis_pb2, repair_pb2
from maestro.common.v1 import test_result_pb2
from maestro_client.watch import resume
from rich.console import Console
from rich.text import Text

from .failures import Failure
from .text import seconds, short, span, when, word

if TYPE_CHECKING:
    from .session import Session

_PATIENCE = 60.0
_PROVED = {repair_pb2.Repair.STATE_AWAITING_APPROVAL, repair_pb2.Repair.STATE_APPLIED}


def state_of(repair: repair_pb2.Repair) -> str:
    """Return the word for a repair's state."""
    return repair_pb2.Repair.State.Name(repair.state).removeprefix("STATE_")


def exit_code(repair: repair_pb2.Repair) -> int:
    """Return 0 for a proved patch, 1 if there is nothing to propose, 2 if the work could not be done."""
    if repair.state in _PROVED:
        return 0
    return 1 if repair.state == repair_pb2.Repair.STATE_REFUSED else 2


async def find_repair(session: "Session", reference: str) -> repair_pb2.Repair:
    """Return the repair that a person means: a full name, an id, the beginning of one, or `latest`."""
    if reference.startswith("projects/"):
        request = automation_service_pb2.GetRepairRequest(name=reference)
        return (await session.maestro.automation.get_repair(request)).repair
    listing = automation_service_pb2.ListRepairsRequest(parent=session.parent, page_size=200)
    page = await session.maestro.automation.list_repairs(listing)
    found = [one for one in page.repairs if reference == "latest" or short(one.name).startswith(reference)]
    if not found or (len(found) > 1 and reference != "latest"):
        said = f"{len(found)} repairs begin with {reference}" if found else f"there is no repair {reference}"
        raise Failure(said, "list them: `maestro repair list`")
    return await find_repair(session, found[0].name)


async def follow_repair(session: "Session", name: str) -> repair_pb2.Repair:
    """Show each step of a repair until automation has done what it can."""
    repair, shown = repair_pb2.Repair(name=name), 0
    request = automation_service_pb2.WatchRepairRequest(name=name)
    async for event in resume(session.maestro.automation.watch_repair, request, patience=_PATIENCE):
        if not event.HasField("repair"):
            continue
        repair = event.repair
        if session.json:
            session.line(event)
            continue
        for step in repair.history[shown:]:
            write_step(session.console, step)
        shown = len(repair.history)
    return repair


def write_step(console: Console, step: repair_pb2.Transition) -> None:
    """Write a change of state in one line."""
    state = word(repair_pb2.Repair.State.Name(step.state).removeprefix("STATE_"))
    state.pad_right(max(0, 18 - len(state)))
    console.print(Text.assemble(state, " ", step.message), soft_wrap=True)


def write_repair(console: Console, repair: repair_pb2.Repair) -> None:
    """Write everything of a repair that helps to decide: what failed, why, the patch, and what proves it."""
    console.print(Text.assemble(("repair ", "dim"), short(repair.name), "  ", word(state_of(repair))))
    console.print(Text(f"of run {short(repair.run)}, made {when(repair.create_time)}", style="dim"))
    for test in repair.failing_tests:
        console.print(Text.assemble(("failing ", "red"), test.test_id), soft_wrap=True)
    if repair.diagnosis.summary:
        kind = diagnosis_pb2.Diagnosis.Classification.Name(repair.diagnosis.classification)
        console.print(
            Text.assemble((kind.removeprefix("CLASSIFICATION_").replace("_", " ").lower(), "bold"), ": "), end=""
        )
        console.print(Text(repair.diagnosis.summary), soft_wrap=True)
    if repair.outcome.message and repair.outcome.message != repair.diagnosis.summary:
        console.print(Text.assemble(("no patch: ", "yellow"), repair.outcome.message), soft_wrap=True)
    _write_evidence(console, repair)
    if repair.patch.unified_diff:
        console.print()
        write_diff(console, repair.patch.unified_diff)
        console.print(Text(f"confidence {repair.confidence:.0%}", style="dim"))
    if repair.state == repair_pb2.Repair.STATE_AWAITING_APPROVAL:
        console.print(Text(f"apply it: maestro repair apply {short(repair.name)}", style="dim"))


def _write_evidence(console: Console, repair: repair_pb2.Repair) -> None:
    for run in repair.evidence:
        mark = Text("proved " if run.accepted else "refuted", style="green" if run.accepted else "yellow")
        verdict = test_result_pb2.Verdict.Name(run.verdict).removeprefix("VERDICT_").lower()
        console.print(
            Text.assemble(mark, f" {run.summary}", (f"  run {short(run.run)} {verdict}", "dim")), soft_wrap=True
        )
    if repair.usage.tried_candidate_count:
        usage = repair.usage
        console.print(
            Text(
                f"tried {usage.tried_candidate_count} of {usage.generated_candidate_count} edits in "
                f"{span(seconds(usage.search_time))}; {usage.plausible_candidate_count} pass the failing tests",
                style="dim",
            )
        )


def write_diff(console: Console, diff: str) -> None:
    """Write a unified diff in the usual colours."""
    for line in diff.splitlines():
        style = ""
        if line.startswith(("+++", "---")):
            style = "bold"
        elif line.startswith("@@"):
            style = "cyan"
        elif line.startswith("+"):
            style = "green"
        elif line.startswith("-"):
            style = "red"
        console.print(Text(line, style=style), soft_wrap=True)

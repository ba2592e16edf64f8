"""Watches a run to its end, shows it, and cancels it when the user interrupts."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import execution_service_pb2, run_pb2
from maestro_client import Maestro
from maestro_client.errors import FailedPrecondition
from maestro_client.watch import resume

from .failures import Failure
from .progress import OnTerminal, Plain, Progress, Silent
from .session import Session
from .tally import Tally

# How long the platform may be away before the watch gives up.
_PATIENCE = 60.0
_PASSED = {test_result_pb2.VERDICT_PASSED, test_result_pb2.VERDICT_FLAKY, test_result_pb2.VERDICT_SKIPPED}
_FAILED = {test_result_pb2.VERDICT_FAILED, test_result_pb2.VERDICT_TIMED_OUT}


def exit_code(run: run_pb2.Run) -> int:
    """Return 0 if the run passed, 1 if it failed, 2 if it could not run to its end."""
    if run.verdict in _PASSED:
        return 0
    # A test that takes its process along leaves the run incomplete, and has failed.
    failures = run.counts.fail_count + run.counts.error_count
    broken = run.verdict == test_result_pb2.VERDICT_INCOMPLETE and failures > 0
    return 1 if run.verdict in _FAILED or broken else 2


async def follow(
    session: Session, run: run_pb2.Run, *, cancel_on_interrupt: bool = False, events_as_json: bool = False
) -> Tally:
    """Show a run until it is finalized; with `cancel_on_interrupt`, Ctrl-C cancels it and its end is still awaited."""
    tally = Tally(run)
    request = execution_service_pb2.WatchRunRequest(name=run.name)
    with _progress(session) as progress:
        async with _interrupts(session.maestro, run.name, progress, enabled=cancel_on_interrupt):
            async for event in resume(session.maestro.execution.watch_run, request, patience=_PATIENCE):
                for case in tally.take(event):
                    progress.failed(case)
                progress.moved(tally)
                if events_as_json:
                    session.line(event)
    if tally.run.state != run_pb2.Run.STATE_FINALIZED:
        raise Failure(f"the watch of {run.name} ended before the run did", f"maestro watch {run.name}")
    return tally


def _progress(session: Session) -> Progress:
    if session.json:
        return Silent()
    return OnTerminal(session.console) if session.console.is_terminal else Plain(session.console)


@contextlib.asynccontextmanager
async def _interrupts(maestro: Maestro, name: str, progress: Progress, *, enabled: bool) -> AsyncIterator[None]:
    """Turn the first Ctrl-C or SIGTERM into a cancellation of the run, and the second into the end of the command."""
    if not enabled:
        yield
        return
    loop, asked = asyncio.get_running_loop(), set[asyncio.Task[None]]()
    command = asyncio.current_task()

    def interrupted() -> None:
        if asked:
            if command:
                command.cancel()
            return
        progress.note("cancelling the run; once more to leave at once")
        asked.add(asyncio.create_task(_cancel(maestro, name)))

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        await asyncio.gather(*asked, return_exceptions=True)


async def _cancel(maestro: Maestro, name: str) -> None:
    request = execution_service_pb2.CancelRunRequest(name=name, reason="interrupted at the command line")
    # It may have ended meanwhile.
    with contextlib.suppress(FailedPrecondition):
        await maestro.execution.cancel_run(request)

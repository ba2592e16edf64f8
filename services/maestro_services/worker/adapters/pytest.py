"""Runs a project's tests with the project's own pytest."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path

from maestro.common.v1 import test_result_pb2

from maestro_services.worker import events
from maestro_services.worker.adapters import pytest_events
from maestro_services.worker.adapters.conclusion import Conclusion, not_started, stopped
from maestro_services.worker.adapters.frames import read_frames
from maestro_services.worker.adapters.pytest_conclusion import conclude, death
from maestro_services.worker.adapters.pytest_session import History, Session
from maestro_services.worker.sandbox.pipe import Pipe
from maestro_services.worker.sandbox.process import Ending
from maestro_services.worker.stage import Program, Stage

_PLUGIN = Path(__file__).parent / "pytest_plugin"
_RESTARTS = 10
_PIPE_BYTES = 1 << 20
_MAX_TRACE_BYTES = 256 * 1024
_MAX_OUTPUT_BYTES = 65536


class PytestAdapter:
    """Runs a PytestPlan.

    A process that dies while a test runs costs that test only: the others run in another process, ten times over.
    """

    async def run(self, stage: Stage) -> Conclusion:
        """Runs pytest until every test has a result, or it cannot go on."""
        history = History(completed=set(stage.completed))
        for _ in range(_RESTARTS + 1):
            session = Session(history)
            ending = await PytestProcess(stage, session).run()
            if stage.guard.stopped and not session.finished:
                await _interrupt(stage, session, stage.guard.cause, f"The action was ended: {stage.guard.message}.")
                return stopped(stage.guard)
            if not _can_go_on(session, ending):
                python = stage.interpreter.path
                return not_started(ending) or conclude(session, ending, python, stage.last_words)
            history.death_cause, history.death = death(ending)
            words = f"{history.death[0].upper()}{history.death[1:]} while this test ran."
            await _interrupt(stage, session, history.death_cause, words)
        message = f"The process died {_RESTARTS + 1} times; the last time {history.death}."
        return Conclusion(test_result_pb2.VERDICT_INCOMPLETE, history.death_cause, message)


def _can_go_on(session: Session, ending: Ending) -> bool:
    """Whether the process died among its tests, so that another one can run the rest."""
    started = not ending.failure and not ending.start_failure
    return started and session.collected and not session.finished


async def _interrupt(stage: Stage, session: Session, cause: test_result_pb2.Cause.ValueType, message: str) -> None:
    trace = _stacks(stage)
    if trace and not session.running:
        await stage.sink.emit(events.output_written(events.STDERR, trace.encode()[:_MAX_OUTPUT_BYTES]))
    for test_id, start in session.running.items():
        session.history.completed.add(test_id)
        session.history.fail(cause)
        await stage.sink.emit(pytest_events.interrupted(test_id, start, cause, message, trace))


def _stacks(stage: Stage) -> str:
    path = stage.folder.adapter / "stacks"
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return file.read(_MAX_TRACE_BYTES).decode("utf-8", "replace")


class PytestProcess:
    """One pytest process with the plugin in it."""

    def __init__(self, stage: Stage, session: Session) -> None:
        self._stage = stage
        self._session = session

    async def run(self) -> Ending:
        """Runs the process to its end; its events have all been emitted when this returns."""
        read, write = os.pipe()
        with contextlib.suppress(OSError):
            fcntl.fcntl(read, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        writer = os.fdopen(write, "wb")

        async def follow() -> None:
            # The launcher holds the writing end now: when all of the action is gone, reading comes to its end.
            writer.close()
            await self._follow(read)

        with writer:
            return await self._stage.run(self._program(write), follow)

    async def _follow(self, descriptor: int) -> None:
        guard = self._stage.guard
        async for frames in read_frames(Pipe(descriptor).chunks()):
            guard.progress()
            guard.spend(sum(len(data) for _, data in frames))
            await self._stage.sink.emit(*self._session.take(frames))

    def _program(self, descriptor: int) -> Program:
        stage = self._stage
        adapter = stage.folder.adapter
        selection = adapter / "selection.json"
        chosen = list(stage.spec.pytest.test_ids)
        selection.write_text(json.dumps({"chosen": chosen, "completed": sorted(self._session.history.completed)}))
        arguments = [stage.interpreter.path, "-m", "pytest", "-p", "maestro_pytest", "-o", f"cache_dir={adapter}/cache"]
        variables = {
            "MAESTRO_PYTEST_EVENTS_FD": str(descriptor),
            "MAESTRO_PYTEST_ROOT": str(stage.folder.tree),
            "MAESTRO_PYTEST_SELECTION": str(selection),
            "MAESTRO_PYTEST_STACKS": str(adapter / "stacks"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": self._python_path(),
        }
        program = [*arguments, *stage.spec.pytest.arguments]
        return Program(program, variables, [_PLUGIN], [descriptor], dumps_stacks=True)

    def _python_path(self) -> str:
        """The tree first, so that it is tested and not an installed copy of it."""
        tree = self._stage.folder.tree
        places = [str(tree), str(_PLUGIN), self._stage.spec.environment.get("PYTHONPATH", "")]
        if (tree / "src").is_dir():
            places.insert(0, str(tree / "src"))
        return os.pathsep.join(place for place in places if place)

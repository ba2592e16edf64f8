"""Runs plans in real sandboxes, without a server."""

import asyncio
import dataclasses
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import duration_pb2
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import run_pb2, worker_service_pb2
from maestro_services.worker.adapters.command import CommandAdapter
from maestro_services.worker.adapters.pytest import PytestAdapter
from maestro_services.worker.environment import Interpreter
from maestro_services.worker.guard import Guard
from maestro_services.worker.sandbox.folder import ActionFolder
from maestro_services.worker.sandbox.sandbox import Sandbox
from maestro_services.worker.stage import Stage


@dataclasses.dataclass
class Executed:
    """What came of a plan."""

    events: list[worker_service_pb2.ActionEvent]
    folder: ActionFolder
    verdict: str = ""
    cause: str = ""
    message: str = ""

    def of(self, kind: str) -> list[Any]:
        return [getattr(event, kind) for event in self.events if event.WhichOneof("event") == kind]

    @property
    def finished(self) -> list[worker_service_pb2.TestFinished]:
        return self.of("test_finished")

    @property
    def outcomes(self) -> dict[str, str]:
        return {
            test.test.test_id: test_result_pb2.Outcome.Name(test.outcome).removeprefix("OUTCOME_")
            for test in self.finished
        }

    def test(self, name: str) -> worker_service_pb2.TestFinished:
        (found,) = [test for test in self.finished if test.test.test_id.endswith(name)]
        return found

    def output(self, test_id: str = "", stream: int = 0) -> bytes:
        written = self.of("output_written")
        return b"".join(
            part.data for part in written if part.test_id == test_id and (not stream or part.stream == stream)
        )


class Sink:
    """Keeps all events."""

    def __init__(self) -> None:
        self.events: list[worker_service_pb2.ActionEvent] = []
        self._more = asyncio.Condition()

    async def emit(self, *events: worker_service_pb2.ActionEvent) -> None:
        self.events += events
        async with self._more:
            self._more.notify_all()

    async def seen(self, kind: str) -> None:
        """Waits for an event of this kind."""
        async with self._more:
            await self._more.wait_for(lambda: any(event.WhichOneof("event") == kind for event in self.events))


Execute = Callable[..., Awaitable[Executed]]


@pytest.fixture
def execute(tmp_path: Path) -> Execute:
    """Executes a plan on a tree of the given files; `meanwhile` gets the guard and the sink."""

    async def run(
        files: Mapping[str, str],
        *,
        spec: run_pb2.RunSpec | None = None,
        run_seconds: float = 60,
        completed: frozenset[str] = frozenset(),
        hidden: tuple[Path, ...] = (),
        meanwhile: Callable[[Guard, Sink], None] | None = None,
    ) -> Executed:
        spec = spec or run_pb2.RunSpec(pytest=run_pb2.PytestPlan())
        # What is installed here by chance is no part of the project, and costs half the time.
        spec.environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        folder = ActionFolder(tmp_path / "actions" / "a")
        folder.create()
        for name, text in files.items():
            path = folder.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        if not spec.limits.HasField("run_timeout"):
            timeout = duration_pb2.Duration()
            timeout.FromNanoseconds(int(run_seconds * 1e9))
            spec.limits.run_timeout.CopyFrom(timeout)
        sink, guard = Sink(), Guard(spec.limits)
        sandbox = Sandbox(hidden=(tmp_path / "actions", *hidden))
        interpreter = Interpreter.find(spec.python or sys.executable)
        stage = Stage(spec, folder, interpreter, completed, sandbox, sink, guard)
        if meanwhile is not None:
            meanwhile(guard, sink)
        adapter = PytestAdapter() if spec.WhichOneof("plan") == "pytest" else CommandAdapter()
        conclusion = await adapter.run(stage)
        return Executed(
            sink.events,
            folder,
            test_result_pb2.Verdict.Name(conclusion.verdict).removeprefix("VERDICT_"),
            test_result_pb2.Cause.Name(conclusion.cause).removeprefix("CAUSE_"),
            conclusion.message,
        )

    return run

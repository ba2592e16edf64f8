"""One action, from its assignment to its last event."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import artifact_pb2, run_pb2, worker_service_pb2
from maestro_client.errors import MaestroError
from maestro_client.tree import Artifacts, DigestMismatch, TreeError

from maestro_services.worker import events, outputs
from maestro_services.worker.adapters.conclusion import Adapter, Conclusion, stopped
from maestro_services.worker.blobs import BlobCache
from maestro_services.worker.environment import Interpreter
from maestro_services.worker.events import EventSink
from maestro_services.worker.guard import Guard
from maestro_services.worker.sandbox.folder import ActionFolder
from maestro_services.worker.sandbox.process import Ending
from maestro_services.worker.sandbox.sandbox import Sandbox
from maestro_services.worker.stage import Stage
from maestro_services.worker.tree import materialize

_LOG = structlog.get_logger()


@dataclass(frozen=True)
class Workshop:
    """What all actions of a worker share."""

    actions_directory: Path
    sandbox: Sandbox
    blobs: BlobCache
    artifacts: Artifacts
    # By the field of RunSpec.plan.
    adapters: Mapping[str, Adapter]


class Action:
    """Executes an assignment and emits all its events; the last one is ActionFinished."""

    def __init__(self, workshop: Workshop, assignment: worker_service_pb2.Assignment, sink: EventSink) -> None:
        self._workshop = workshop
        self._assignment = assignment
        self._spec: run_pb2.RunSpec = assignment.spec
        self._sink = sink
        self._project = "/".join(assignment.action.split("/")[:2])
        self._folder = ActionFolder(workshop.actions_directory / assignment.action.rsplit("/", 1)[-1])
        self._endings: list[Ending] = []
        self.guard = Guard(assignment.spec.limits)

    async def run(self) -> None:
        """Executes the action. Whatever goes wrong becomes its verdict."""
        try:
            conclusion, kept = await self._execute()
        except TreeError as error:
            conclusion, kept = _invalid(f"the tree is not valid: {error}"), []
        except (MaestroError, DigestMismatch) as error:
            conclusion, kept = _not_provided(f"its files could not be loaded or kept: {error}"), []
        except Exception as error:  # noqa: BLE001 - whatever breaks, the run must be told
            _LOG.exception("action broke", action=self._assignment.action)
            conclusion, kept = _broken(error), []
        await self._sink.emit(_finished(conclusion, self._endings, kept))
        await asyncio.to_thread(self._folder.remove)

    async def _execute(self) -> tuple[Conclusion, list[artifact_pb2.OutputFile]]:
        await asyncio.to_thread(self._folder.create)
        if not await self._materialize():
            return stopped(self.guard), []
        directory = (self._folder.tree / self._spec.working_directory).resolve()
        if not directory.is_dir() or not directory.is_relative_to(self._folder.tree.resolve()):
            return _invalid(f"working_directory {self._spec.working_directory!r} is no directory of the tree"), []
        adapter = self._workshop.adapters[self._spec.WhichOneof("plan") or ""]
        conclusion = await adapter.run(await self._stage())
        return await self._keep(conclusion, directory)

    async def _materialize(self) -> bool:
        """Makes the tree; False if the action must end before it is there."""
        tree = materialize(self._workshop.blobs, self._project, self._spec.input_root, self._folder.tree)
        making = asyncio.create_task(tree)
        ending = asyncio.create_task(self.guard.wait())
        await asyncio.wait({making, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if making.done():
            making.result()
            return True
        making.cancel()
        await asyncio.wait({making})
        return False

    async def _stage(self) -> Stage:
        completed: list[str] = []
        if self._assignment.HasField("completed_tests"):
            completed = json.loads(await self._workshop.blobs.read(self._project, self._assignment.completed_tests))
        return Stage(
            spec=self._spec,
            folder=self._folder,
            interpreter=Interpreter.find(self._spec.python),
            completed=frozenset(completed),
            sandbox=self._workshop.sandbox,
            sink=self._sink,
            guard=self.guard,
            endings=self._endings,
        )

    async def _keep(self, conclusion: Conclusion, directory: Path) -> tuple[Conclusion, list[artifact_pb2.OutputFile]]:
        globs = list(self._spec.output_paths)
        if not globs:
            return conclusion, []
        stage = self._folder.root / "outputs"
        try:
            return conclusion, await outputs.keep(self._workshop.artifacts, self._project, directory, globs, stage)
        except outputs.TooMuchOutputError as error:
            note = f"{conclusion.message} No output file is kept: {error}.".strip()
            return dataclasses.replace(conclusion, message=note), []


def _finished(
    conclusion: Conclusion, endings: Sequence[Ending], kept: Sequence[artifact_pb2.OutputFile]
) -> events.Event:
    finished = worker_service_pb2.ActionFinished(
        verdict=conclusion.verdict,
        cause=conclusion.cause,
        status_message=conclusion.message,
        metrics=events.metrics(endings),
        output_files=kept,
    )
    if endings:
        finished.signal = endings[-1].signal
        if endings[-1].exit_code is not None:
            finished.exit_code = endings[-1].exit_code
    return events.Event(event_time=events.now(), action_finished=finished)


def _invalid(what: str) -> Conclusion:
    message = f"The run cannot be executed: {what}."
    return Conclusion(test_result_pb2.VERDICT_INVALID, test_result_pb2.CAUSE_INPUT_ERROR, message)


def _not_provided(what: str) -> Conclusion:
    message = f"The worker could not provide the environment: {what}."
    return Conclusion(test_result_pb2.VERDICT_INFRA_FAILED, test_result_pb2.CAUSE_PROVISIONING, message)


def _broken(error: Exception) -> Conclusion:
    message = f"The worker broke: {type(error).__name__}."
    return Conclusion(test_result_pb2.VERDICT_INFRA_FAILED, test_result_pb2.CAUSE_INTERNAL, message)

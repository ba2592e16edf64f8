"""Where an adapter runs its processes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from maestro.execution.v1 import results_service_pb2, run_pb2

from maestro_services.worker import events
from maestro_services.worker.environment import Interpreter, environment
from maestro_services.worker.events import EventSink
from maestro_services.worker.guard import Guard
from maestro_services.worker.sandbox.folder import ActionFolder
from maestro_services.worker.sandbox.pipe import Pipe
from maestro_services.worker.sandbox.process import Ending
from maestro_services.worker.sandbox.sandbox import Command, Sandbox

_DEFAULT_PROCESS_COUNT = 4096
_LAST_WORDS_BYTES = 8192


@dataclass(frozen=True)
class Program:
    """What an adapter wants to run."""

    arguments: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)
    # Folders outside the action's that it reads.
    exposed: Sequence[Path] = ()
    # Descriptors that it inherits.
    descriptors: Sequence[int] = ()
    # Whether it writes its stacks when asked.
    dumps_stacks: bool = False


@dataclass
class Stage:
    """An action's folder, limits and events, for its adapter."""

    spec: run_pb2.RunSpec
    folder: ActionFolder
    interpreter: Interpreter
    completed: frozenset[str]
    sandbox: Sandbox
    sink: EventSink
    guard: Guard
    endings: list[Ending] = field(default_factory=list)
    # The last of what was printed to stderr, for messages.
    last_words: bytes = b""

    @property
    def working_directory(self) -> Path:
        """Where the process starts."""
        return self.folder.tree / self.spec.working_directory

    async def run(self, program: Program, spawned: Callable[[], Awaitable[None]] | None = None) -> Ending:
        """Runs a program to its end, or to the action's; what it prints is streamed.

        `spawned` runs beside it, and is waited for: it reads what the program writes to its descriptors.
        """
        process = await self.sandbox.start(self._command(program))
        if not self.endings:
            await self.sink.emit(events.action_started(program.arguments, process))
        enforcing = asyncio.create_task(self.guard.enforce(process, dumps_stacks=program.dumps_stacks))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._stream(process.stdout, events.STDOUT))
                group.create_task(self._stream(process.stderr, events.STDERR))
                if spawned is not None:
                    group.create_task(_awaited(spawned))
                ended = group.create_task(process.wait())
        finally:
            enforcing.cancel()
            process.kill()
        self.endings.append(ended.result())
        return ended.result()

    def _command(self, program: Program) -> Command:
        limits = self.spec.limits
        return Command(
            arguments=program.arguments,
            environment=environment(self.folder, self.interpreter, {**self.spec.environment, **program.variables}),
            working_directory=self.working_directory,
            folder=self.folder,
            exposed=(*self.interpreter.folders, *program.exposed),
            host_network=limits.network == run_pb2.Limits.NETWORK_HOST,
            memory_bytes=limits.memory_bytes,
            process_count=limits.process_count or _DEFAULT_PROCESS_COUNT,
            descriptors=program.descriptors,
        )

    async def _stream(self, pipe: Pipe, stream: results_service_pb2.LogStream.ValueType) -> None:
        async for data in pipe.chunks():
            self.guard.spend(len(data))
            if stream == events.STDERR:
                self.last_words = (self.last_words + data)[-_LAST_WORDS_BYTES:]
            await self.sink.emit(events.output_written(stream, data))


async def _awaited(action: Callable[[], Awaitable[None]]) -> None:
    await action()

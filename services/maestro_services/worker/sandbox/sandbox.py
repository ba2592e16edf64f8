"""Starts processes in a sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from maestro_services.worker.sandbox.folder import ActionFolder
from maestro_services.worker.sandbox.policy import Config
from maestro_services.worker.sandbox.process import SandboxedProcess

_SERVICES = Path(__file__).parents[3]
_LAUNCH = (
    f"import sys; sys.path.insert(0, {str(_SERVICES)!r})\n"
    "from maestro_services.worker.sandbox.launcher import main\n"
    "main(int(sys.argv[1]))"
)
_GRACE_SECONDS = 0.5


@dataclass(frozen=True)
class Command:
    """A program to run in the folder of an action."""

    arguments: Sequence[str]
    environment: dict[str, str]
    working_directory: Path
    folder: ActionFolder
    # Folders that must stay in sight: the interpreter's, the adapter's.
    exposed: Sequence[Path] = ()
    host_network: bool = False
    memory_bytes: int = 0
    process_count: int = 0
    # Descriptors that the program inherits.
    descriptors: Sequence[int] = field(default=())

    def limits(self) -> dict[str, int]:
        """The resource limits, by the names of setrlimit."""
        limits = {"CORE": 0}
        if self.memory_bytes:
            limits["AS"] = self.memory_bytes
        if self.process_count:
            limits["NPROC"] = self.process_count
        return limits


@dataclass(frozen=True)
class Sandbox:
    """How this worker separates its processes from the host."""

    # What no process may see: the platform's state, the folders of all actions.
    hidden: Sequence[Path] = ()
    # Refuse to run what cannot be separated completely.
    required: bool = False
    pid_namespace: bool = True

    async def start(self, command: Command) -> SandboxedProcess:
        """Starts the program; its isolation or the reason why it does not run is known when this returns."""
        pipes = Pipes()
        process = SandboxedProcess(self._spawn(command, pipes), pipes.kept)
        pipes.close_inherited()
        await process.listen()
        return process

    def _spawn(self, command: Command, pipes: Pipes) -> subprocess.Popen[bytes]:
        config = self._config(command, pipes)
        os.pwrite(pipes.config, json.dumps(config).encode(), 0)
        inherited = (pipes.config, pipes.control, pipes.report_write, *command.descriptors)
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCH, str(pipes.config)],
            stdin=subprocess.DEVNULL,
            stdout=pipes.stdout_write,
            stderr=pipes.stderr_write,
            pass_fds=inherited,
            env={},
            start_new_session=True,
        )

    def _config(self, command: Command, pipes: Pipes) -> Config:
        folder = command.folder
        return {
            "arguments": list(command.arguments),
            "environment": command.environment,
            "shared_tmp_environment": {"TMPDIR": str(folder.temporary)},
            "working_directory": str(command.working_directory),
            "directory": str(folder.root),
            "temporary": str(folder.temporary),
            "exposed": [str(path) for path in command.exposed],
            "hidden": [str(path) for path in self.hidden],
            "host_network": command.host_network,
            "pid_namespace": self.pid_namespace,
            "required": self.required,
            "limits": command.limits(),
            "grace_seconds": _GRACE_SECONDS,
            "control_descriptor": pipes.control,
            "report_descriptor": pipes.report_write,
        }


class Pipes:
    """The pipes between the worker, the launcher and the program."""

    def __init__(self) -> None:
        # A file, because the orders may be larger than what a pipe holds.
        self.config = os.memfd_create("maestro-orders")
        self.control, self.control_write = os.pipe()
        self.report, self.report_write = os.pipe()
        self.stdout, self.stdout_write = os.pipe()
        self.stderr, self.stderr_write = os.pipe()

    @property
    def kept(self) -> tuple[int, int, int, int]:
        """The worker's ends: control, report, stdout, stderr."""
        return self.control_write, self.report, self.stdout, self.stderr

    def close_inherited(self) -> None:
        """Closes the launcher's ends in this process."""
        for descriptor in (self.config, self.control, self.report_write, self.stdout_write, self.stderr_write):
            os.close(descriptor)

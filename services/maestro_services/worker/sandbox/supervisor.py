# ruff: noqa: PTH123, PTH208 -- importing pathlib costs the launcher too much
"""Starts the process, obeys the worker, and leaves no process behind."""

from __future__ import annotations

import os
import resource
import select
import signal
import time

from maestro_services.worker.sandbox import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from maestro_services.worker.sandbox.policy import Config

DUMP_STACKS = b"d"
TERMINATE = b"t"
KILL = b"k"


class StartError(Exception):
    """The program could not be started."""


def start(config: Config) -> int:
    """Starts the program in a session of its own and returns its process id once it really runs."""
    failed_read, failed_write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _become(config)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent must hear of it, and the child end
            os.write(failed_write, str(error).encode("utf-8", "replace"))
        os._exit(127)
    os.close(failed_write)
    message = os.read(failed_read, 4096).decode("utf-8", "replace")
    os.close(failed_read)
    if message:
        os.waitpid(child, 0)
        raise StartError(message)
    return child


def _become(config: Config) -> None:
    os.setsid()
    kernel.die_with_parent(signal.SIGKILL)
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    os.chdir(config["working_directory"])
    for name, value in config["limits"].items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))
    kernel.renounce_privileges()
    arguments = config["arguments"]
    os.execvpe(arguments[0], arguments, config["environment"])  # noqa: S606 - a list, as everywhere


class Supervisor:
    """Waits for the program while listening to the worker; the worker's end ends the program."""

    def __init__(self, config: Config, *, alone: bool) -> None:
        self._control = config["control_descriptor"]
        self._grace = config["grace_seconds"]
        self._alone = alone
        self._deadline: float | None = None
        self._wake, wake_write = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._child = start(config)

    def wait(self) -> int:
        """Waits until the program has ended and returns its wait status."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while True:
            status = self._reap()
            if status is not None:
                return status
            for descriptor, _ in poll.poll(self._patience()):
                if descriptor == self._control:
                    self._obey(os.read(self._control, 1), poll)
                else:
                    os.read(self._wake, 4096)
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self._deadline = None
                self.kill_all()

    def _reap(self) -> int | None:
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return None
            if process == self._child:
                return status
            if process == 0:
                return None

    def _patience(self) -> float | None:
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - time.monotonic()) * 1000

    def _obey(self, order: bytes, poll: select.poll) -> None:
        if order == DUMP_STACKS:
            os.kill(self._child, signal.SIGRTMAX - 1)
        elif order == TERMINATE:
            _signal_group(self._child, signal.SIGTERM)
            self._deadline = time.monotonic() + self._grace
        else:
            if not order:
                poll.unregister(self._control)
            self.kill_all()

    def kill_all(self) -> None:
        """Kills every process of the action that is left."""
        if self._alone:
            _kill(-1)
            return
        _signal_group(self._child, signal.SIGKILL)
        for process in descendants(os.getpid()):
            _kill(process)

    def sweep(self) -> None:
        """Ends what outlived the program, and returns when none of it is left."""
        while True:
            self.kill_all()
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            time.sleep(0.002)


def descendants(ancestor: int) -> list[int]:
    """The process ids of all descendants, from /proc."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    waiting = [ancestor]
    while waiting:
        generation = children.get(waiting.pop(), [])
        found += generation
        waiting += generation
    return found


def _kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return

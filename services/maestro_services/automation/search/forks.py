"""Forked children: each runs a task under limits and reports in JSON lines over a pipe."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import resource
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Message = dict[str, Any]
Send = Callable[[Message], None]

_LOOKAHEAD = 32


@dataclasses.dataclass(frozen=True)
class Job(Generic[T]):
    """A task for one child.

    It may use so much CPU time, and may go on for so long without using any: a child that only waits for its turn on
    a busy machine is not ended.
    """

    subject: T
    task: Callable[[Send], None]
    wall_seconds: float
    cpu_seconds: float


@dataclasses.dataclass
class _Child(Generic[T]):
    job: Job[T]
    number: int
    process: int
    pipe: int
    deadline: float
    received: bytes = b""
    cpu_seconds: float = 0.0


class Forks:
    """Runs jobs in forked children, a few at once."""

    def __init__(self, process_count: int, memory_bytes: int) -> None:
        self._process_count = process_count
        self._memory_bytes = memory_bytes

    def run(self, jobs: Iterator[Job[T]], deadline: float) -> Iterator[tuple[T, list[Message]]]:
        """Yields what each job reported, in the order of the jobs; a child that dies or hangs reports what it had.

        No job begins after the deadline (of `time.monotonic`), and none outlives it. Closing the iterator ends all
        children.
        """
        running: dict[int, _Child[T]] = {}
        finished: dict[int, tuple[T, list[Message]]] = {}
        next_number, next_result, exhausted = 0, 0, False
        try:
            while True:
                while not exhausted and len(running) < self._process_count and next_number - next_result < _LOOKAHEAD:
                    job = next(jobs, None) if time.monotonic() < deadline else None
                    if job is None:
                        exhausted = True
                        break
                    child = self._fork(job, next_number)
                    running[child.pipe] = child
                    next_number += 1
                if not running:
                    return
                for child in _wait(running, deadline):
                    finished[child.number] = (child.job.subject, _messages(child.received))
                while next_result in finished:
                    yield finished.pop(next_result)
                    next_result += 1
        finally:
            for child in running.values():
                _end(child)

    def _fork(self, job: Job[T], number: int) -> _Child[T]:
        reader, writer = os.pipe()
        process = os.fork()
        if process == 0:
            _run_child(job, writer, self._memory_bytes)
        os.close(writer)
        os.set_blocking(reader, False)
        return _Child(job, number, process, reader, time.monotonic() + job.wall_seconds)


def _run_child(job: Job[Any], writer: int, memory_bytes: int) -> None:
    """Runs the task and ends the process, whatever happens."""
    try:
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        _limit(memory_bytes, job.cpu_seconds)
        job.task(lambda message: _write(writer, message))
    finally:
        os._exit(0)


def _limit(memory_bytes: int, cpu_seconds: float) -> None:
    for kind, value in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CPU, int(cpu_seconds) + 5)):
        _, hard = resource.getrlimit(kind)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _write(writer: int, message: Message) -> None:
    data = json.dumps(message).encode() + b"\n"
    while data:
        data = data[os.write(writer, data) :]


def _wait(running: dict[int, _Child[T]], deadline: float) -> list[_Child[T]]:
    """Reads from the children until some have ended or run out of time; ends those."""
    with selectors.DefaultSelector() as selector:
        for child in running.values():
            selector.register(child.pipe, selectors.EVENT_READ, child)
        timeout = min(deadline, *(child.deadline for child in running.values())) - time.monotonic()
        ready = selector.select(max(timeout, 0))
    ended = [key.data for key, _ in ready if not _read(key.data)]
    now = time.monotonic()
    late = [child for child in running.values() if child.deadline <= now and child not in ended]
    ended += [child for child in late if not _goes_on(child, now)]
    if now >= deadline:
        ended += [child for child in running.values() if child not in ended]
    for child in ended:
        del running[child.pipe]
        _end(child)
    return ended


def _goes_on(child: _Child[Any], now: float) -> bool:
    """Whether a late child has used CPU time since it was last asked; then it gets as much time again."""
    used = _cpu_seconds(child.process)
    progressed = used > child.cpu_seconds
    child.cpu_seconds = used
    if progressed:
        child.deadline = now + child.job.wall_seconds
    return progressed


def _cpu_seconds(process: int) -> float:
    """What a process has used so far; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _read(child: _Child[Any]) -> bool:
    """Takes what the child has written; whether it may write more."""
    with contextlib.suppress(BlockingIOError):
        while data := os.read(child.pipe, 1 << 16):
            child.received += data
        return False
    return True


def _end(child: _Child[Any]) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(child.process, signal.SIGKILL)
    os.waitpid(child.process, 0)
    os.close(child.pipe)


def _messages(received: bytes) -> list[Message]:
    return [json.loads(line) for line in received.split(b"\n")[:-1]]

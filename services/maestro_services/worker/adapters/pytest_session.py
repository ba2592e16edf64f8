"""One pytest process, as its plugin reports it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from maestro.common.v1 import test_result_pb2

from maestro_services.worker.adapters import pytest_events
from maestro_services.worker.adapters.frames import Frame
from maestro_services.worker.events import Event


@dataclass
class History:
    """What the pytest processes of an action have done together."""

    # Tests that have a result and must not run again.
    completed: set[str]
    announced: set[str] = field(default_factory=set)
    # The cause of the first test that failed.
    cause: test_result_pb2.Cause.ValueType = test_result_pb2.CAUSE_UNSPECIFIED
    failed_count: int = 0
    collect_errors: list[str] = field(default_factory=list)
    # Why the last process that died did so, and in words.
    death_cause: test_result_pb2.Cause.ValueType = test_result_pb2.CAUSE_UNSPECIFIED
    death: str = ""

    def fail(self, cause: test_result_pb2.Cause.ValueType) -> None:
        """Counts a test that did not pass."""
        self.failed_count += 1
        self.cause = self.cause or cause


@dataclass
class Session:
    """The state of one process."""

    history: History
    began: bool = False
    collected: bool = False
    finished: bool = False
    removed_count: int = 0
    ended_count: int = 0
    selected_count: int = 0
    skipped_modules: int = 0
    broken: str = ""
    interrupted: str = ""
    # Tests that started and have not ended, with their start.
    running: dict[str, float] = field(default_factory=dict)

    def take(self, frames: Iterable[Frame]) -> list[Event]:
        """Takes frames in; returns the events that they amount to."""
        found = (self._take(frame, data) for frame, data in frames)
        return [event for event in found if event is not None]

    def _take(self, frame: dict[str, Any], data: bytes) -> Event | None:
        kind = frame["e"]
        if kind == "output":
            return pytest_events.output(frame, data)
        if kind == "start":
            # Where others collect (pytest-xdist), this is the first sign that it is done.
            self.collected = True
            self.running[frame["id"]] = frame["start"]
            return pytest_events.started(frame)
        if kind == "end":
            return self._end(frame)
        if kind == "module":
            return self._module(frame)
        if kind == "collected":
            return self._collected(frame["tests"])
        self._note(kind, frame)
        return None

    def _end(self, frame: dict[str, Any]) -> Event | None:
        test_id = frame["id"]
        self.running.pop(test_id, None)
        if test_id in self.history.completed:
            return None
        self.history.completed.add(test_id)
        self.ended_count += 1
        event = pytest_events.finished(frame)
        if frame["outcome"] in ("FAIL", "ERROR"):
            self.history.fail(event.test_finished.cause)
        return event

    def _module(self, frame: dict[str, Any]) -> Event | None:
        event = self._end(frame)
        if frame["outcome"] == "SKIP":
            self.skipped_modules += 1
        elif event is not None:
            self.history.collect_errors.append(frame["id"])
        return event

    def _collected(self, tests: list[list[Any]]) -> Event | None:
        fresh = [test for test in tests if test[0] not in self.history.announced]
        self.history.announced.update(test[0] for test in fresh)
        return pytest_events.collected(fresh) if fresh else None

    def _note(self, kind: str, frame: dict[str, Any]) -> None:
        if kind == "session":
            self.began = True
        elif kind == "selected":
            self.collected = True
            self.selected_count, self.removed_count = frame["count"], frame["removed"]
        elif kind == "broken":
            self.broken = frame["message"]
        elif kind == "interrupted":
            self.interrupted = frame["message"]
        elif kind == "finish":
            self.finished = True

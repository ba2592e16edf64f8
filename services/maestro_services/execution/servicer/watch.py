"""Watches: a run with its tests, and the runs of a project."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from maestro.execution.v1 import execution_service_pb2 as pb
from maestro.execution.v1 import run_pb2

from maestro_services.execution.convert import run_message, test_message
from maestro_services.execution.domain.run import Run
from maestro_services.execution.domain.states import RunState
from maestro_services.execution.store.changes import project_topic
from maestro_services.execution.store.results import Changes, ResultStore
from maestro_services.runtime.errors import Reason, draining
from maestro_services.runtime.outbox import Outbox
from maestro_services.runtime.tokens import OpaqueTokens
from maestro_services.runtime.wakeups import Wakeups, first_of

_TESTS_A_MESSAGE = 500
# Behind every test of a commit.
_LAST = 2**62


@dataclass(frozen=True)
class Position:
    """How far a watcher of a run is: behind a test of a commit."""

    sequence: int = 0
    test: int = 0


class Watcher:
    """Follows runs for callers. Each reads the database at its own pace, so a slow one holds nothing in memory."""

    def __init__(
        self,
        results: ResultStore,
        outbox: Outbox,
        wakeups: Wakeups,
        tokens: OpaqueTokens,
        *,
        drain: asyncio.Event,
        idle_seconds: float,
        poll_seconds: float,
    ) -> None:
        self._results = results
        self._outbox = outbox
        self._wakeups = wakeups
        self._tokens = tokens
        self._drain = drain
        self._idle_seconds = idle_seconds
        # How soon a change is found that no wake-up told of.
        self._poll_seconds = poll_seconds

    async def run(self, run: Run, resume_token: str) -> AsyncIterator[pb.WatchRunResponse]:
        """The run and its tests from a token on, until the run is finalized."""
        scope = f"WatchRun {run.name}"
        position = self._open(scope, resume_token)
        quiet, greet = 0.0, not resume_token
        while True:
            woken = self._wakeups.subscribe(run.topic)
            changes = await self._results.changes(run.key, position.sequence, position.test, _TESTS_A_MESSAGE)
            whole = len(changes.tests) < _TESTS_A_MESSAGE
            ended = whole and changes.run.state is RunState.FINALIZED
            changed = greet or ended or (whole and changes.run.change_sequence > position.sequence)
            position = _behind(changes, whole=whole)
            if changes.tests or changed or quiet >= self._idle_seconds:
                quiet, greet = 0.0, False
                yield self._message(changes, self._tokens.seal(scope, position.sequence, position.test), changed)
            if ended:
                return
            if whole:
                quiet += await self._wait(woken, self._idle_seconds - quiet)

    def _open(self, scope: str, resume_token: str) -> Position:
        if not resume_token:
            return Position()
        sequence, test = self._tokens.open(scope, resume_token, Reason.RESUME_TOKEN_INVALID)
        return Position(int(sequence), int(test))

    async def _wait(self, woken: asyncio.Event, longest: float) -> float:
        """Waits for a change; answers how long the stream was quiet. DRAINING if the server goes."""
        wait = max(0.0, min(self._poll_seconds, longest))
        changed = await first_of(woken, self._drain, timeout=wait)
        if self._drain.is_set():
            raise draining()
        return 0.0 if changed else wait

    def _message(self, changes: Changes, token: str, with_run: bool) -> pb.WatchRunResponse:
        return pb.WatchRunResponse(
            run=run_message(changes.run) if with_run else None,
            test_cases=[test_message(test) for test in changes.tests],
            resume_token=token,
        )

    async def runs(self, project: str, resume_token: str) -> AsyncIterator[pb.WatchRunsResponse]:
        """The changes of a project's runs from a token on, or from now on, without end."""
        scope = f"WatchRuns {project}"
        if resume_token:
            (after,) = self._tokens.open(scope, resume_token, Reason.RESUME_TOKEN_INVALID)
        else:
            after = await self._outbox.head()
            yield pb.WatchRunsResponse(resume_token=self._tokens.seal(scope, after))
        follow = self._outbox.follow(project_topic(project), int(after), stop=self._drain, heartbeat=self._idle_seconds)
        async for batch in follow:
            for row in batch.rows:
                token = self._tokens.seal(scope, row.sequence)
                yield pb.WatchRunsResponse(run=run_pb2.Run.FromString(row.payload), resume_token=token)
            if not batch.rows:
                yield pb.WatchRunsResponse(resume_token=self._tokens.seal(scope, batch.position))
        raise draining()


def _behind(changes: Changes, *, whole: bool) -> Position:
    if whole:
        return Position(changes.run.change_sequence, _LAST)
    last = changes.tests[-1]
    return Position(last.change_sequence, last.position)

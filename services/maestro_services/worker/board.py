"""The leases that this worker holds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog
from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import worker_service_pb2

from maestro_services.worker.action import Action, Workshop
from maestro_services.worker.spool import Spool

_LOG = structlog.get_logger()


class Board:
    """Works on assignments and keeps their events until the server has them; outlives every stream."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._actions: dict[str, Action] = {}
        self._spools: dict[str, Spool] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        # Set when there may be something to send, or nothing left to do.
        self.changed = asyncio.Event()
        # Set when what there is to send should not wait for more.
        self.hurry = asyncio.Event()
        self.max_unacknowledged_count = 1000

    @property
    def leases(self) -> list[str]:
        """The leases held: those with events that the server has not acknowledged, or that are still worked on."""
        return list(self._spools)

    def accept(self, assignment: worker_service_pb2.Assignment) -> None:
        """Begins to work on an assignment; one that is worked on already is not begun again."""
        lease = assignment.lease
        if lease in self._spools:
            return
        spool = Spool(lease, self.max_unacknowledged_count, self._notify)
        action = Action(self._workshop, assignment, spool)
        self._spools[lease], self._actions[lease] = spool, action
        self._tasks[lease] = asyncio.create_task(self._work(lease, action), name=assignment.action)
        _LOG.info("action begins", action=assignment.action, attempt=assignment.attempt_number)

    def _notify(self, hurry: bool) -> None:
        self.changed.set()
        if hurry:
            self.hurry.set()

    async def _work(self, lease: str, action: Action) -> None:
        try:
            await action.run()
        finally:
            del self._actions[lease], self._tasks[lease]
            self._settle(lease)

    def _settle(self, lease: str) -> None:
        """Forgets a lease when its action has ended and the server has all its events."""
        spool = self._spools.get(lease)
        if spool is not None and lease not in self._actions and spool.is_empty:
            del self._spools[lease]
        self.changed.set()

    def acknowledge(self, lease: str, sequence: int) -> None:
        """Notes that the server has a lease's events up to `sequence`."""
        if lease in self._spools:
            self._spools[lease].acknowledge(sequence)
            self._settle(lease)

    def cancel(self, lease: str, cause: test_result_pb2.Cause.ValueType) -> None:
        """Ends an action; its events still go to the server."""
        if lease in self._actions:
            name = test_result_pb2.Cause.Name(cause).removeprefix("CAUSE_").lower()
            self._actions[lease].guard.stop(cause or test_result_pb2.CAUSE_CANCELLED, name)

    def lose(self, lease: str) -> None:
        """Ends the action of a lease that is another worker's now, and drops its events."""
        if lease in self._spools:
            _LOG.warning("lease lost", lease=lease)
            self._spools.pop(lease).drop()
        if lease in self._actions:
            self._actions[lease].guard.stop(test_result_pb2.CAUSE_WORKER_LOST, "the lease was lost")
        self.changed.set()

    def resume(self, leases: Iterable[worker_service_pb2.ResumedLease]) -> None:
        """Goes on, on a new stream, with the leases that are still this worker's."""
        resumed = {lease.lease: lease.next_sequence for lease in leases}
        for lease in self.leases:
            if lease not in resumed:
                self.lose(lease)
                continue
            self._spools[lease].rewind(resumed[lease])
            self._settle(lease)
        self.changed.set()

    def next_batch(self) -> worker_service_pb2.EventBatch | None:
        """The next events of some lease, or None."""
        for lease, spool in self._spools.items():
            batch = spool.next_batch()
            if batch is not None:
                # The others come first next time.
                self._spools[lease] = self._spools.pop(lease)
                return batch
        return None

    def has_full_batch(self) -> bool:
        """Whether waiting for more events would only cost time."""
        return any(spool.has_full_batch() for spool in self._spools.values())

    async def abandon(self) -> None:
        """Ends all actions and drops their events; returns when no process is left."""
        for lease in self.leases:
            self.lose(lease)
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks)

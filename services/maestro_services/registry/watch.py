"""Follows the instances of a service."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from maestro_services.registry.domain.changes import Change
from maestro_services.registry.domain.instance import Instance
from maestro_services.registry.domain.leases import Leases
from maestro_services.runtime.outbox import HEARTBEAT
from maestro_services.runtime.wakeups import first_of


@dataclass(frozen=True)
class Update:
    """What a watcher is told, and the position behind it: a snapshot, a change, or neither as a heartbeat."""

    position: int
    snapshot: tuple[Instance, ...] | None = None
    change: Change | None = None


class InstanceWatch:
    """Follows one service's instances, or all of them by `-`."""

    def __init__(self, leases: Leases, service: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._leases = leases
        self._service = service
        self._monotonic = monotonic

    async def follow(
        self, position: int | None, *, stop: asyncio.Event, heartbeat: float = HEARTBEAT
    ) -> AsyncIterator[Update]:
        """Every change behind a position, in order, until `stop` is set.

        Without a position, or where changes behind it are no longer kept, it begins with a snapshot; so does a reader
        that falls behind later. An idle stream carries a heartbeat every `heartbeat` seconds.
        """
        due = self._monotonic() + heartbeat
        while not stop.is_set():
            woken = self._leases.changes.next_change()
            updates = self._behind(position)
            for update in updates:
                yield update
            position = updates[-1].position if updates else self._leases.changes.head
            if updates:
                due = self._monotonic() + heartbeat
            elif self._monotonic() >= due:
                due = self._monotonic() + heartbeat
                yield Update(position)
            await first_of(woken, stop, timeout=max(0.0, due - self._monotonic()))

    def _behind(self, position: int | None) -> list[Update]:
        changes = None if position is None else self._leases.changes.since(position)
        if changes is None:
            snapshot = tuple(self._leases.instances(self._service))
            return [Update(self._leases.changes.head, snapshot=snapshot)]
        return [Update(one.sequence, change=one) for one in changes if one.instance.is_of(self._service)]

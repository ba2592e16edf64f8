"""What changed among the instances: a bounded log, read by position.

Readers keep a position and nothing is queued for them, so a slow one costs no memory: when the log has moved past its
position, it starts again from a snapshot. Every consumer of the registry's state hangs on this log.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from itertools import islice

from maestro_services.registry.domain.instance import Instance


@dataclass(frozen=True)
class Change:
    """An instance that came or changed or, with `removed`, one that went, as it was last."""

    sequence: int
    instance: Instance
    removed: bool = False


class Changes:
    """The newest changes, oldest first.

    `epoch` names this log: positions of another epoch mean nothing here. Sequence numbers have no gaps.
    """

    def __init__(self, epoch: str, kept: int) -> None:
        self.epoch = epoch
        self._log: deque[Change] = deque(maxlen=kept)
        self._head = 0
        self._next = asyncio.Event()

    @property
    def head(self) -> int:
        """The sequence number of the newest change, 0 before the first."""
        return self._head

    def add(self, instance: Instance, *, removed: bool = False) -> None:
        """Appends a change and wakes whoever waits for the next."""
        self._head += 1
        self._log.append(Change(self._head, instance, removed))
        woken, self._next = self._next, asyncio.Event()
        woken.set()

    def next_change(self) -> asyncio.Event:
        """An event that is set at the next change. Take it before reading, so that none is missed."""
        return self._next

    def since(self, sequence: int) -> list[Change] | None:
        """The changes behind a position, or None if they are not all kept: a snapshot is needed."""
        missing = self._head - sequence
        if missing < 0 or missing > len(self._log):
            return None
        return list(islice(self._log, len(self._log) - missing, None))

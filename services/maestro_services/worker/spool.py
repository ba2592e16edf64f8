"""Events on their way to the server."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable

from maestro.execution.v1 import worker_service_pb2

from maestro_services.worker.events import Event

MAX_BATCH_EVENTS = 1000
_MAX_BATCH_BYTES = 3 << 20
_MAX_HELD_BYTES = 32 << 20
# What a repeated field adds to each event's own bytes.
_FRAMING_BYTES = 8


class Spool:
    """The events of one lease: numbered, kept until they are acknowledged, and bounded.

    Whoever emits waits while too much is on its way, so that a slow or absent server slows the tests down instead
    of filling the memory. `notify` is called with each event, and told whether somebody waits for it.
    """

    def __init__(self, lease: str, max_events: int, notify: Callable[[bool], None]) -> None:
        self.lease = lease
        self._max_events = max_events
        self._notify = notify
        self._events: deque[tuple[Event, int]] = deque()
        self._bytes = 0
        # The sequence number of the oldest event that is kept, and how many of the kept ones were sent.
        self._first = 1
        self._sent = 0
        self._dropped = False
        self._room = asyncio.Event()
        self._room.set()

    async def emit(self, *events: Event) -> None:
        """Takes events in; waits while too many are on their way."""
        for event in events:
            await self._room.wait()
            if self._dropped:
                return
            size = event.ByteSize() + _FRAMING_BYTES
            self._events.append((event, size))
            self._bytes += size
            self._update_room()
            self._notify(event.HasField("action_finished"))

    def _update_room(self) -> None:
        if self._dropped or (len(self._events) < self._max_events and self._bytes < _MAX_HELD_BYTES):
            self._room.set()
        else:
            self._room.clear()

    def next_batch(self) -> worker_service_pb2.EventBatch | None:
        """The next events to send, or None."""
        if self._sent == len(self._events):
            return None
        first = self._first + self._sent
        chosen: list[Event] = []
        total = 0
        for event, size in itertools.islice(self._events, self._sent, self._sent + MAX_BATCH_EVENTS):
            if chosen and total + size > _MAX_BATCH_BYTES:
                break
            chosen.append(event)
            total += size
        self._sent += len(chosen)
        return worker_service_pb2.EventBatch(lease=self.lease, first_sequence=first, events=chosen)

    def has_full_batch(self) -> bool:
        """Whether waiting for more events would only cost time."""
        waiting = len(self._events) - self._sent
        return waiting >= MAX_BATCH_EVENTS or (waiting > 0 and self._bytes >= _MAX_BATCH_BYTES)

    def acknowledge(self, sequence: int) -> None:
        """Forgets the events up to `sequence`: the server has them."""
        while self._events and self._first <= sequence:
            self._bytes -= self._events.popleft()[1]
            self._first += 1
            self._sent = max(0, self._sent - 1)
        self._update_room()

    def rewind(self, next_sequence: int) -> None:
        """Goes on from `next_sequence` on a new stream."""
        self.acknowledge(next_sequence - 1)
        self._sent = 0

    def drop(self) -> None:
        """Forgets everything, and takes nothing more: the lease is lost."""
        self._dropped = True
        self._events.clear()
        self._bytes = self._sent = 0
        self._update_room()

    @property
    def is_empty(self) -> bool:
        """Whether every event so far is acknowledged."""
        return not self._events

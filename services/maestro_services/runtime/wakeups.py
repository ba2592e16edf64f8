"""Wake-ups: the hint that a topic of the outbox has something new. Losing one costs latency, never data."""

import asyncio
from collections.abc import Iterable
from weakref import WeakValueDictionary


class Wakeups:
    """Wake-ups within one process. `distributed` ones reach the other replicas too."""

    distributed = False

    def __init__(self) -> None:
        # Weak, so that a topic nobody waits for any more takes no memory.
        self._events: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()

    def subscribe(self, topic: str) -> asyncio.Event:
        """An event that is set at the topic's next wake-up. Subscribe before reading, so that none is missed."""
        event = self._events.get(topic)
        if event is None:
            event = self._events[topic] = asyncio.Event()
        return event

    def notify(self, topics: Iterable[str]) -> None:
        """Wakes everybody who waits for one of the topics."""
        for topic in topics:
            event = self._events.pop(topic, None)
            if event is not None:
                event.set()

    async def publish(self, topics: Iterable[str]) -> None:
        """Called after a commit; a distributed form tells the other replicas too."""
        self.notify(topics)

    async def close(self) -> None:
        """Called when nothing is published any more."""


async def first_of(*events: asyncio.Event, timeout: float) -> bool:  # noqa: ASYNC109 (a wait with a deadline of its own)
    """Waits until one of the events is set; False if none was within `timeout` seconds."""
    if any(event.is_set() for event in events):
        return True
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    return bool(done)

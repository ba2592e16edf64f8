"""Background loops: started together, started again when they fail, stopped together."""

import asyncio
import random
from collections.abc import Sequence

import structlog

from maestro_services.runtime.service import Loop
from maestro_services.runtime.wakeups import first_of

_LOG = structlog.get_logger()
_LONGEST_PAUSE = 30.0


class Supervisor:
    """Keeps loops running until it is stopped."""

    def __init__(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, loops: Sequence[Loop]) -> None:
        """Starts loops."""
        self._tasks += [asyncio.create_task(self._keep(loop), name=type(loop).__name__) for loop in loops]

    async def stop(self, grace: float) -> None:
        """Asks every loop to end, and cancels those that have not after `grace` seconds."""
        self._stop.set()
        if not self._tasks:
            return
        _done, late = await asyncio.wait(self._tasks, timeout=grace)
        for task in late:
            _LOG.warning("loop did not stop in time", loop=task.get_name())
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, loop: Loop) -> None:
        pause = 0.1
        while not self._stop.is_set():
            try:
                await loop.run(self._stop)
                return
            except Exception:  # noqa: BLE001 (what a loop works on is durable: it goes on where it was)
                _LOG.exception("loop failed; starting it again", loop=type(loop).__name__, pause_seconds=pause)
            await first_of(self._stop, timeout=pause * random.uniform(0.8, 1.2))  # noqa: S311 (jitter)
            pause = min(pause * 2, _LONGEST_PAUSE)

"""Ends the leases of those who fell silent."""

import asyncio
import time
from collections.abc import Callable

import structlog

from maestro_services.registry.domain.leases import Leases
from maestro_services.runtime.wakeups import first_of

_LOG = structlog.get_logger()
_TICK = 0.25
# A tick that comes later than this was missed because the process did not run, in seconds.
_LATE = 1.0


class Expiry:
    """Looks for silent leases every quarter of a second.

    Lease time stands still while this process does not run: paused by its host or stuck, it has heard nobody's beats,
    and ending their leases would take the whole mesh away at once.
    """

    def __init__(self, leases: Leases, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._leases = leases
        self._monotonic = monotonic
        self._expected: float | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Expires leases until told to stop."""
        self._expected = None
        while not await first_of(stop, timeout=_TICK):
            self.tick()

    def tick(self) -> None:
        """Ends what is silent, after giving back the time in which nobody was heard."""
        now = self._monotonic()
        late = 0.0 if self._expected is None else now - self._expected
        if late > _LATE:
            _LOG.warning("the registry did not run; leases are prolonged", seconds=round(late, 1))
            self._leases.prolong(late)
        self._expected = now + _TICK
        for instance in self._leases.expire():
            _LOG.warning("lease expired", instance=instance.name, address=instance.address)

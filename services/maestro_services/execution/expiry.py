"""Takes work back from workers that are lost."""

import asyncio

import structlog

from maestro_services.execution.store.leases import LeaseStore
from maestro_services.runtime.wakeups import first_of

_LOG = structlog.get_logger()


class LeaseExpiry:
    """Looks for expired leases. After a start every lease lives anew, so that workers can come back to it."""

    def __init__(self, leases: LeaseStore, period: float) -> None:
        self._leases = leases
        self._period = period

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop."""
        await self._leases.extend_all()
        while not await first_of(stop, timeout=self._period):
            for lease in await self._leases.expire():
                _LOG.warning("lease expired; its work begins again", lease=lease)

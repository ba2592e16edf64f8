"""Keeps what every database has beside its service's own tables from growing for ever."""

import asyncio
from datetime import timedelta

from maestro_services.runtime import idempotency
from maestro_services.runtime.database import Database
from maestro_services.runtime.outbox import Outbox
from maestro_services.runtime.wakeups import first_of

# How long a consumer of a watch may be away before it has to list again.
OUTBOX_KEPT = timedelta(days=7)
_PERIOD = 3600.0


class Housekeeping:
    """Prunes the outbox and the answers to repeated requests, once an hour."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, stop: asyncio.Event) -> None:
        """Prunes until told to stop."""
        while not await first_of(stop, timeout=_PERIOD):
            await Outbox(self._database).prune(OUTBOX_KEPT)
            await idempotency.prune(self._database)

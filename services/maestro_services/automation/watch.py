"""Follows one repair through the outbox."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from maestro_services.automation import documents
from maestro_services.automation.domain.repair import SETTLED, Repair
from maestro_services.automation.store import AutomationStore
from maestro_services.runtime.errors import draining
from maestro_services.runtime.outbox import Outbox


@dataclass(frozen=True)
class Sighting:
    """A repair as of a change, or None in a heartbeat, and the position behind it."""

    position: int
    repair: Repair | None = None


class RepairWatch:
    """Streams the changes of repairs."""

    def __init__(self, store: AutomationStore, outbox: Outbox) -> None:
        self._store = store
        self._outbox = outbox

    async def follow(self, name: str, after: int | None, stop: asyncio.Event) -> AsyncIterator[Sighting]:
        """Every change behind a position until the repair is settled; without one, first the repair as it is.

        DRAINING when `stop` is set before that.
        """
        # The position is read first: a change in between comes twice rather than never.
        position = await self._outbox.head() if after is None else after
        async with self._store.database.read() as connection:
            current = await self._store.get(connection, name)
        if after is None:
            yield Sighting(position, current)
            if current.state in SETTLED:
                return
        async for batch in self._outbox.follow(name, position, stop=stop):
            for row in batch.rows:
                repair = documents.parse(Repair, row.payload)
                yield Sighting(row.sequence, repair)
                if repair.state in SETTLED:
                    return
            if not batch.rows:
                yield Sighting(batch.position)
        raise draining()

"""The outbox: every change as a row of its own transaction, followed with a position that never misses one."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select, update

from maestro_services.runtime.clock import Clock, utc_now
from maestro_services.runtime.database import Database
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.tables import OUTBOX, runtime_tables
from maestro_services.runtime.wakeups import first_of

__all__ = ["HEARTBEAT", "Batch", "Outbox", "OutboxRow", "runtime_tables"]

# The period of heartbeats that every watch of the contract promises, in seconds.
HEARTBEAT = 10.0
# How soon a replica without wake-ups from the others looks by itself, in seconds.
_POLL = 1.0
_BATCH = 500
# The topic of the row that marks how far the outbox was pruned.
_PRUNED = ""


@dataclass(frozen=True)
class OutboxRow:
    """A change: what it is about, and its content as the publisher wrote it."""

    sequence: int
    topic: str
    key: str
    payload: bytes


@dataclass(frozen=True)
class Batch:
    """Rows in order, and the position behind them. Without rows it is a heartbeat."""

    position: int
    rows: tuple[OutboxRow, ...] = ()


class Outbox:
    """Reads a database's outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._polls = database.shared and not database.wakeups.distributed

    async def head(self) -> int:
        """The position of the newest row, 0 if there is none."""
        async with self._database.read() as connection:
            return int((await connection.execute(select(func.coalesce(func.max(OUTBOX.c.sequence), 0)))).scalar_one())

    async def follow(
        self, topic: str, after: int, *, stop: asyncio.Event, heartbeat: float = HEARTBEAT
    ) -> AsyncIterator[Batch]:
        """The topic's rows behind a position, as they come, until `stop` is set.

        Every row comes once and in order. An idle stream yields a batch without rows every `heartbeat` seconds,
        whose position is further on when other topics have moved. RESUME_TOKEN_EXPIRED if rows behind `after` were
        pruned.
        """
        await self._check_kept(after)
        position, quiet = after, 0.0
        while not stop.is_set():
            woken = self._database.wakeups.subscribe(topic)
            batch = await self.read(topic, position)
            position = batch.position
            if batch.rows or quiet >= heartbeat:
                quiet = 0.0
                yield batch
            else:
                wait = min(heartbeat - quiet, _POLL if self._polls else heartbeat)
                quiet = quiet if await first_of(woken, stop, timeout=wait) else quiet + wait

    async def read(self, topic: str, after: int, limit: int = _BATCH) -> Batch:
        """The topic's next rows behind a position, without waiting."""
        rows = (
            select(OUTBOX.c.sequence, OUTBOX.c.topic, OUTBOX.c.key, OUTBOX.c.payload)
            .where(OUTBOX.c.topic == topic, OUTBOX.c.sequence > after)
            .order_by(OUTBOX.c.sequence)
            .limit(limit)
        )
        async with self._database.read() as connection:
            # The head is read first: what commits between the two statements is behind it and comes next time.
            head = (await connection.execute(select(func.coalesce(func.max(OUTBOX.c.sequence), 0)))).scalar_one()
            found = tuple(OutboxRow(*row) for row in (await connection.execute(rows)).all())
        return Batch(found[-1].sequence if found else max(after, int(head)), found)

    async def prune(self, keep: timedelta, clock: Clock = utc_now) -> int:
        """Forgets rows older than `keep`, but never the newest; answers the position up to which they are gone."""
        newest = select(func.max(OUTBOX.c.sequence)).scalar_subquery()
        old = select(func.max(OUTBOX.c.sequence)).where(
            OUTBOX.c.create_time < clock() - keep, OUTBOX.c.sequence < newest
        )
        async with self._database.write() as transaction:
            through = (await transaction.execute(old)).scalar_one_or_none()
            if through is None:
                return 0
            await transaction.execute(delete(OUTBOX).where(OUTBOX.c.sequence < through))
            # The last of them stays as a mark without topic: numbers have gaps, so their first one tells nothing.
            mark = update(OUTBOX).where(OUTBOX.c.sequence == through)
            await transaction.execute(mark.values(topic=_PRUNED, key="", payload=b""))
            return int(through)

    async def _check_kept(self, after: int) -> None:
        pruned = select(func.coalesce(func.max(OUTBOX.c.sequence), 0)).where(OUTBOX.c.topic == _PRUNED)
        async with self._database.read() as connection:
            through = (await connection.execute(pruned)).scalar_one()
        # A position beyond the head is of a database that was replaced by an older one.
        if after < through or after > await self.head():
            message = "changes behind this token are no longer kept; list again and watch without a token"
            raise ServiceError(Reason.RESUME_TOKEN_EXPIRED, message)

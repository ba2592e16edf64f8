"""Follows a log as it grows."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from maestro_services.audit.store import AuditStore, StoredEntry, topic_of
from maestro_services.audit.tables import entries
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.outbox import HEARTBEAT
from maestro_services.runtime.wakeups import first_of

# How soon a replica looks by itself, in seconds: another's append may come without a wake-up.
_POLL = 1.0
_BATCH = 500


@dataclass(frozen=True)
class Piece:
    """The next entries of a log, and the position behind them. Without entries it is a heartbeat."""

    position: int
    entries: Sequence[StoredEntry] = ()


class Tail:
    """Reads a log from a position on, and waits where it ends. The log is its own outbox: it has no holes."""

    def __init__(self, store: AuditStore, *, heartbeat: float = HEARTBEAT) -> None:
        self._store = store
        self._heartbeat = heartbeat

    async def head(self, project: str) -> int:
        """The position behind the newest entry."""
        state = await self._store.state(project)
        return state.size if state else 0

    async def follow(
        self, project: str, position: int, conditions: Sequence[ColumnElement[bool]], *, stop: asyncio.Event
    ) -> AsyncGenerator[Piece, None]:
        """The entries from a position on that meet the conditions, as they come, until `stop` is set.

        RESUME_TOKEN_EXPIRED if the log does not reach the position: it was restored from an older copy.
        """
        if position > await self.head(project):
            message = "the log does not hold what this token names; list again and watch without a token"
            raise ServiceError(Reason.RESUME_TOKEN_EXPIRED, message)
        loop = asyncio.get_running_loop()
        due = loop.time() + self._heartbeat
        while not stop.is_set():
            woken = self._store.database.wakeups.subscribe(topic_of(project))
            piece = await self._read(project, position, conditions)
            moved, position = piece.position > position, piece.position
            if piece.entries or loop.time() >= due:
                due = loop.time() + self._heartbeat
                yield piece
            elif not moved:
                rest = max(due - loop.time(), 0.0)
                await first_of(woken, stop, timeout=min(rest, _POLL) if self._store.database.shared else rest)

    async def _read(self, project: str, position: int, conditions: Sequence[ColumnElement[bool]]) -> Piece:
        # The head is read first: what comes between the two statements is behind it and comes next time.
        head = await self.head(project)
        span = entries.c.log_index >= position, entries.c.log_index < head
        found = await self._store.entries(project, *span, *conditions, limit=_BATCH)
        return Piece(found[-1].log_index + 1 if len(found) == _BATCH else max(head, position), found)

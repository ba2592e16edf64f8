"""Logs in the database: what is read of them, and the one place where they grow."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from maestro_services.audit.domain.event import Event, LeafError, read_leaf
from maestro_services.audit.domain.log import LogState, LogWriter
from maestro_services.audit.domain.merkle import EMPTY_ROOT, HASH_BYTES
from maestro_services.audit.domain.tiles import LogDamageError, TileId, edge
from maestro_services.audit.rows import columns_of, entry_row, log_row, log_state, micros
from maestro_services.audit.tables import entries, logs, producers, tiles
from maestro_services.runtime.database import Database, Transaction

_ENTRY_COLUMNS = [column for column in entries.c if column.name != "project"]


@dataclass(frozen=True)
class StoredEntry:
    """An entry as it is stored: nothing of it is checked."""

    log_index: int
    leaf: bytes
    columns: dict[str, Any]

    def event(self) -> Event:
        """The event of the leaf; LogDamageError if it cannot be read."""
        try:
            return read_leaf(self.leaf, self.log_index)
        except LeafError as error:
            raise LogDamageError(f"leaf {self.log_index} cannot be read: {error}") from error

    def agrees_with(self, event: Event) -> bool:
        """Whether queries are answered as the event says."""
        return columns_of(event) == self.columns


@dataclass(frozen=True)
class ProducerMark:
    """How far a producer is once a submission is durable; `previous` is how far it was in front of it."""

    reporter: str
    producer_id: str
    epoch: int
    previous: int
    last: int

    def is_followed_by(self, other: "ProducerMark") -> bool:
        """Whether the other goes on where this one ends, in the same epoch of the same producer."""
        mine = self.reporter, self.producer_id, self.epoch
        return mine == (other.reporter, other.producer_id, other.epoch) and other.previous <= self.last


class AuditStore:
    """Reads logs, and grows them in the caller's transactions."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._insert: Any = postgresql.insert if database.shared else sqlite.insert

    async def states(self) -> list[LogState]:
        """Every log."""
        async with self.database.read() as connection:
            return [log_state(row) for row in await connection.execute(select(logs).order_by(logs.c.project))]

    async def state(self, project: str) -> LogState | None:
        """A project's log, or None if it has none."""
        async with self.database.read() as connection:
            row = (await connection.execute(select(logs).where(logs.c.project == project))).one_or_none()
        return log_state(row) if row else None

    async def entry(self, project: str, event_id: str) -> StoredEntry | None:
        """The entry of an event, or None if the log has none."""
        found = await self.entries(project, entries.c.id == event_id, limit=1)
        return found[0] if found else None

    async def entries(
        self, project: str, *conditions: ColumnElement[bool], limit: int, newest_first: bool = False
    ) -> list[StoredEntry]:
        """The entries of a log that meet the conditions, in its order or against it."""
        order = entries.c.log_index.desc() if newest_first else entries.c.log_index
        found = select(*_ENTRY_COLUMNS).where(entries.c.project == project, *conditions).order_by(order).limit(limit)
        async with self.database.read() as connection:
            return [_stored_entry(row) for row in await connection.execute(found)]

    async def leaves(self, project: str, start: int, end: int) -> list[tuple[int, bytes]]:
        """The stored leaves with an index from `start` to before `end`."""
        span = select(entries.c.log_index, entries.c.leaf).where(
            entries.c.project == project, entries.c.log_index >= start, entries.c.log_index < end
        )
        async with self.database.read() as connection:
            return [(row.log_index, row.leaf) for row in await connection.execute(span.order_by(entries.c.log_index))]

    async def tiles(self, project: str, wanted: Collection[TileId]) -> dict[TileId, bytes]:
        """Those of the wanted tiles that are stored."""
        async with self.database.read() as connection:
            return await _tiles(connection, project, wanted)

    async def level(self, project: str, level: int, start: int, end: int) -> dict[TileId, bytes]:
        """The tiles of a level from position `start` to before `end`."""
        span = and_(tiles.c.level == level, tiles.c.position >= start, tiles.c.position < end)
        async with self.database.read() as connection:
            return await _tiles_where(connection, project, span)

    async def last_sequence(self, reporter: str, producer_id: str, epoch: int) -> int:
        """The highest sequence of a producer's epoch that is durable, 0 if none."""
        known = select(producers.c.last_sequence).where(
            producers.c.reporter == reporter, producers.c.producer_id == producer_id, producers.c.epoch == epoch
        )
        async with self.database.read() as connection:
            return (await connection.execute(known)).scalar_one_or_none() or 0

    async def locked(self, transaction: Transaction, project: str, origin: str, now: datetime) -> LogState:
        """A project's log, begun if it has none; nobody else changes it until the transaction ends."""
        found = select(logs).where(logs.c.project == project).with_for_update()
        row = (await transaction.execute(found)).one_or_none()
        if row is None:
            empty = {"project": project, "origin": origin, "size": 0, "root": EMPTY_ROOT, "update_time": micros(now)}
            unsigned = {"note": "", "note_size": -1, "note_time": 0}
            await transaction.execute(self._insert(logs).on_conflict_do_nothing(), empty | unsigned)
            row = (await transaction.execute(found)).one()
        return log_state(row)

    async def writer(self, transaction: Transaction, state: LogState, ids: Collection[str]) -> LogWriter:
        """What appends to a locked log, knowing the entries with these ids."""
        known = select(entries.c.id, entries.c.log_index, entries.c.leaf).where(
            entries.c.project == state.project, entries.c.id.in_(ids)
        )
        found = {row.id: (row.log_index, row.leaf) for row in await transaction.execute(known)}
        return LogWriter(state, await _tiles(transaction.connection, state.project, edge(state.size)), found)

    async def save(self, transaction: Transaction, writer: LogWriter) -> None:
        """Stores what a log gained: entries, tiles and root together."""
        if not writer.entries:
            return
        state, changed = writer.finish()
        await transaction.execute(entries.insert(), [entry_row(entry) for entry in writer.entries])
        await self._save_tiles(transaction, state.project, changed)
        await transaction.execute(update(logs).where(logs.c.project == state.project).values(log_row(state)))
        transaction.topics.add(topic_of(state.project))

    async def save_note(self, transaction: Transaction, state: LogState, note: str, now: datetime) -> None:
        """Stores the signed checkpoint of a log's whole tree."""
        values = {"note": note, "note_size": state.size, "note_time": micros(now)}
        await transaction.execute(update(logs).where(logs.c.project == state.project).values(values))

    async def advance(self, transaction: Transaction, mark: ProducerMark) -> None:
        """Moves a producer's mark on, unless something in front of the submission is not durable."""
        key = {"reporter": mark.reporter, "producer_id": mark.producer_id}
        begun = self._insert(producers).on_conflict_do_nothing()
        await transaction.execute(begun, key | {"epoch": mark.epoch, "last_sequence": 0})
        mine = and_(producers.c.reporter == mark.reporter, producers.c.producer_id == mark.producer_id)
        newer = update(producers).where(mine, producers.c.epoch < mark.epoch)
        await transaction.execute(newer.values(epoch=mark.epoch, last_sequence=0))
        behind = and_(producers.c.last_sequence >= mark.previous, producers.c.last_sequence < mark.last)
        onward = update(producers).where(mine, producers.c.epoch == mark.epoch, behind)
        await transaction.execute(onward.values(last_sequence=mark.last))

    async def _save_tiles(self, transaction: Transaction, project: str, changed: dict[TileId, bytes]) -> None:
        rows = [
            {"project": project, "level": tile.level, "position": tile.position, "width": len(data) // HASH_BYTES}
            | {"data": data}
            for tile, data in changed.items()
        ]
        statement = self._insert(tiles)
        grown = {"width": statement.excluded.width, "data": statement.excluded.data}
        key = [tiles.c.project, tiles.c.level, tiles.c.position]
        await transaction.execute(statement.on_conflict_do_update(index_elements=key, set_=grown), rows)


def topic_of(project: str) -> str:
    """The topic that wakes those who wait for events of a project."""
    return f"projects/{project}/events"


def _stored_entry(row: Any) -> StoredEntry:
    columns = dict(row._mapping)  # noqa: SLF001 (the documented name of a row's mapping)
    return StoredEntry(columns.pop("log_index"), columns.pop("leaf"), columns)


async def _tiles(connection: AsyncConnection, project: str, wanted: Collection[TileId]) -> dict[TileId, bytes]:
    if not wanted:
        return {}
    each = [and_(tiles.c.level == tile.level, tiles.c.position == tile.position) for tile in wanted]
    return await _tiles_where(connection, project, or_(*each))


async def _tiles_where(
    connection: AsyncConnection, project: str, condition: ColumnElement[bool]
) -> dict[TileId, bytes]:
    found = select(tiles.c.level, tiles.c.position, tiles.c.data).where(tiles.c.project == project, condition)
    return {TileId(row.level, row.position): row.data for row in await connection.execute(found)}

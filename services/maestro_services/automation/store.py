"""Repairs and monitors in the database; every change of a repair is a row of the outbox in its transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from maestro_services.automation import documents
from maestro_services.automation.domain.monitor import Monitor
from maestro_services.automation.domain.repair import Repair, State
from maestro_services.automation.tables import monitors, repairs
from maestro_services.runtime.database import Database, Transaction
from maestro_services.runtime.errors import not_found
from maestro_services.runtime.names import NamePattern

REPAIR = NamePattern("projects/{project}/repairs/{repair}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REFUSED = (State.REFUSED, State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class Lease:
    """The right to take a repair's next step, for as long as nobody else has a newer one."""

    key: int
    fence: int
    repair: Repair


@dataclass(frozen=True)
class ListedRepair:
    """A repair with its place in the list."""

    key: int
    repair: Repair


class AutomationStore:
    """Speaks domain objects; all reads and writes of the service's data."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def create(self, transaction: Transaction, repair: Repair, due: datetime) -> tuple[Repair, bool]:
        """Adds a repair, due at once, unless its job has one that was not refused; answers the one that stands."""
        existing = await self._standing(transaction.connection, repair)
        if existing is not None:
            return existing, False
        parts = REPAIR.parse(repair.name)
        row = {
            **_columns(repair),
            "project": parts["project"],
            "repair_id": parts["repair"],
            "job_key": repair.job_key,
            "run": repair.run,
            "trigger_kind": int(repair.trigger),
            "create_time": microseconds(repair.create_time),
            "due_time": microseconds(due),
            "lease_expire_time": 0,
            "fence": 0,
        }
        await transaction.execute(insert(repairs), row)
        await self._publish(transaction, repair)
        return repair, True

    async def is_known(self, connection: AsyncConnection, project: str, job_key: str) -> bool:
        """Whether the job ever had a repair, refused ones included."""
        statement = select(repairs.c.key).where(repairs.c.project == project, repairs.c.job_key == job_key).limit(1)
        return (await connection.execute(statement)).first() is not None

    async def _standing(self, connection: AsyncConnection, repair: Repair) -> Repair | None:
        project = REPAIR.parse(repair.name)["project"]
        statement = select(repairs.c.document).where(
            repairs.c.project == project,
            repairs.c.job_key == repair.job_key,
            repairs.c.state.not_in([int(state) for state in _REFUSED]),
        )
        document = (await connection.execute(statement)).scalars().first()
        return None if document is None else documents.parse(Repair, document)

    async def get(self, connection: AsyncConnection, name: str) -> Repair:
        """A repair by its name; RESOURCE_NOT_FOUND if there is none."""
        statement = select(repairs.c.document).where(_named(name))
        document = (await connection.execute(statement)).scalar_one_or_none()
        if document is None:
            raise not_found(name)
        return documents.parse(Repair, document)

    async def list_repairs(
        self, project: str, condition: ColumnElement[bool] | None, before: int | None, limit: int
    ) -> Sequence[ListedRepair]:
        """A project's repairs behind a place in the list, newest first."""
        statement = select(repairs.c.key, repairs.c.document).where(repairs.c.project == project)
        if condition is not None:
            statement = statement.where(condition)
        if before is not None:
            statement = statement.where(repairs.c.key < before)
        async with self.database.read() as connection:
            rows = (await connection.execute(statement.order_by(repairs.c.key.desc()).limit(limit))).all()
        return [ListedRepair(row.key, documents.parse(Repair, row.document)) for row in rows]

    async def claim(self, now: datetime, lease: timedelta) -> Lease | None:
        """Leases the repair whose step has been due for longest; None if none is due."""
        at = microseconds(now)
        due = (
            select(repairs.c.key)
            .where(repairs.c.due_time <= at, repairs.c.lease_expire_time <= at)
            .order_by(repairs.c.due_time)
            .limit(1)
        )
        async with self.database.read() as connection:
            if (await connection.execute(due)).first() is None:
                return None
        async with self.database.write() as transaction:
            return await self._take(transaction, due.with_for_update(skip_locked=True), at, lease)

    async def _take(self, transaction: Transaction, due: Any, at: int, lease: timedelta) -> Lease | None:
        statement = (
            update(repairs)
            .where(repairs.c.key == due.scalar_subquery())
            .values(fence=repairs.c.fence + 1, lease_expire_time=at + lease // timedelta(microseconds=1))
            .returning(repairs.c.key, repairs.c.fence, repairs.c.document)
        )
        row: Row[Any] | None = (await transaction.execute(statement)).one_or_none()
        return None if row is None else Lease(row.key, row.fence, documents.parse(Repair, row.document))

    async def next_due(self) -> datetime | None:
        """When the next step is due that nobody holds a lease on, or whose lease runs out."""
        statement = (
            select(repairs.c.due_time, repairs.c.lease_expire_time)
            .where(repairs.c.due_time.is_not(None))
            .order_by(repairs.c.due_time)
            .limit(100)
        )
        async with self.database.read() as connection:
            rows = (await connection.execute(statement)).all()
        times = [max(row.due_time, row.lease_expire_time) for row in rows]
        return _EPOCH + timedelta(microseconds=min(times)) if times else None

    async def save(self, lease: Lease, repair: Repair, due: datetime | None) -> bool:
        """Writes what a step led to and gives the lease back; False, and no change, if the lease is not the newest."""
        async with self.database.write() as transaction:
            statement = (
                update(repairs)
                .where(repairs.c.key == lease.key, repairs.c.fence == lease.fence)
                .values(**_columns(repair), due_time=_optional(due), lease_expire_time=0)
            )
            written = (await transaction.execute(statement)).rowcount == 1
            if written and repair.revision != lease.repair.revision:
                await self._publish(transaction, repair)
        return written

    async def replace(self, transaction: Transaction, repair: Repair, due: datetime | None) -> None:
        """Writes a repair from outside its steps; a step under way finds its lease gone."""
        statement = (
            update(repairs)
            .where(_named(repair.name))
            .values(**_columns(repair), due_time=_optional(due), lease_expire_time=0, fence=repairs.c.fence + 1)
        )
        await transaction.execute(statement)
        await self._publish(transaction, repair)

    async def lock(self, transaction: Transaction, name: str) -> Repair:
        """A repair as it is, kept as it is until the transaction ends."""
        statement = select(repairs.c.document).where(_named(name)).with_for_update()
        document = (await transaction.execute(statement)).scalar_one_or_none()
        if document is None:
            raise not_found(name)
        return documents.parse(Repair, document)

    async def _publish(self, transaction: Transaction, repair: Repair) -> None:
        await transaction.publish(repair.name, repair.name, documents.dump(repair).encode())

    async def monitor(self, connection: AsyncConnection, project: str) -> Monitor:
        """A project's monitor; one that was never started is stopped."""
        statement = select(monitors.c.document).where(monitors.c.project == project)
        document = (await connection.execute(statement)).scalar_one_or_none()
        return Monitor(project) if document is None else documents.parse(Monitor, document)

    async def followed(self) -> list[Monitor]:
        """The monitors of all projects whose runs are to be followed."""
        statement = select(monitors.c.document).where(monitors.c.follows).order_by(monitors.c.project)
        async with self.database.read() as connection:
            rows = (await connection.execute(statement)).scalars().all()
        return [documents.parse(Monitor, document) for document in rows]

    async def put_monitor(self, transaction: Transaction, monitor: Monitor) -> None:
        """Writes a monitor."""
        values = {"follows": monitor.follows, "document": documents.dump(monitor)}
        changed = await transaction.execute(
            update(monitors).where(monitors.c.project == monitor.project).values(**values)
        )
        if changed.rowcount == 0:
            await transaction.execute(insert(monitors), {"project": monitor.project, **values})


def microseconds(time: datetime) -> int:
    """A time as it is stored."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def _optional(time: datetime | None) -> int | None:
    return None if time is None else microseconds(time)


def _named(name: str) -> ColumnElement[bool]:
    parts = REPAIR.parse(name)
    return (repairs.c.project == parts["project"]) & (repairs.c.repair_id == parts["repair"])


def _columns(repair: Repair) -> dict[str, Any]:
    reason = 0 if repair.outcome is None else int(repair.outcome.reason)
    return {"state": int(repair.state), "reason": reason, "document": documents.dump(repair)}

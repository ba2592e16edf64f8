"""A service's own database: SQLite when embedded, PostgreSQL when deployed, one code for both."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable, event, insert, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from maestro_services.runtime import audit_spool, migrations
from maestro_services.runtime.clock import Clock, utc_now
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.tables import OUTBOX
from maestro_services.runtime.wakeups import Wakeups

# Writers of one service's outbox take this lock, so that sequence numbers become visible in their order.
_OUTBOX_LOCK = text("SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.outbox'))")
_MIGRATION_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('maestro migrations of ' || :service))")
# Classes of PostgreSQL's SQLSTATE under which a transaction may work another time: connection lost, rolled back for
# another's sake, out of disk or connections, shut down.
_PASSING_STATES = ("08", "40", "53", "57")

# SQLite refuses at once, without waiting, while another process makes the same new file ready; in seconds.
_OPENING_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.5)


class Transaction:
    """One write transaction; everything in it becomes durable together, outbox and audit record included."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self.connection = connection
        self.topics: set[str] = set()
        self._clock = clock

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Runs a statement."""
        return await self.connection.execute(statement, parameters)

    async def publish(self, topic: str, key: str, payload: bytes) -> int:
        """Adds an outbox row and answers its sequence number; watchers of the topic wake after the commit.

        On PostgreSQL the first row takes the outbox's lock until the commit: publish last, after every other change.
        """
        if self.connection.dialect.name == "postgresql" and not self.topics:
            await self.connection.execute(_OUTBOX_LOCK)
        row = {"topic": topic, "key": key, "payload": payload, "create_time": self._clock()}
        result = await self.connection.execute(insert(OUTBOX).returning(OUTBOX.c.sequence), row)
        self.topics.add(topic)
        return int(result.scalar_one())


class Database:
    """Opens, migrates, reads and writes one service's database.

    `url` is `sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://…`; on PostgreSQL the service has a schema of its
    own. Writers of one process take turns on SQLite, so that none ever meets a locked database.
    """

    def __init__(self, url: str, *, service: str, wakeups: Wakeups | None = None, clock: Clock = utc_now) -> None:
        self.service = service
        self.wakeups = wakeups or Wakeups()
        self.shared = make_url(url).get_backend_name() == "postgresql"
        self._clock = clock
        self._engine = _postgresql_engine(url, service) if self.shared else _sqlite_engine(url)
        self._closed = False
        self._turn = asyncio.Semaphore(10_000 if self.shared else 1)

    async def open(self) -> None:
        """Connects and brings the schema to its newest version.

        Open the databases of one process one after the other: Alembic's operations are global to it.
        """
        for pause in () if self.shared else _OPENING_PAUSES:
            with suppress(ServiceError):
                await self._migrate()
                return
            await asyncio.sleep(pause)
        await self._migrate()

    async def _migrate(self) -> None:
        async with self._connection(write=True) as connection:
            if self.shared:
                # Replicas that start together take turns.
                await connection.execute(_MIGRATION_LOCK, {"service": self.service})
                await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {self.service}"))
            await connection.run_sync(_upgrade, self.service)

    async def close(self) -> None:
        """Closes every connection; nothing is read or written any more."""
        self._closed = True
        await self._engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection with one consistent view of the data."""
        async with self._connection(write=False) as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """A transaction that commits at the end of the block, or leaves no trace if the block raises."""
        async with self._turn, self._connection(write=True) as connection:
            transaction = Transaction(connection, self._clock)
            yield transaction
            await audit_spool.record_call(connection, self._clock())
        if transaction.topics:
            await self.wakeups.publish(transaction.topics)

    @asynccontextmanager
    async def _connection(self, *, write: bool) -> AsyncIterator[AsyncConnection]:
        with _storage_errors():
            plain = await self._connect()
            try:
                connection = await plain.execution_options(**self._options(write))
                async with connection.begin():
                    yield connection
            finally:
                await plain.close()

    def _options(self, write: bool) -> dict[str, Any]:
        # SQLite's readers have one view by nature.
        return {"isolation_level": "REPEATABLE READ"} if self.shared and not write else {"maestro_write": write}

    async def _connect(self) -> AsyncConnection:
        if self._closed:
            raise _unavailable("the storage is closed")
        try:
            return await self._engine.connect()
        except (OSError, PoolTimeoutError) as error:
            raise _unavailable("the storage does not answer; nothing was changed") from error


def _upgrade(connection: Connection, service: str) -> None:
    migrations.upgrade(connection, service)


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise _unavailable("the storage cannot be written or read now; nothing was changed") from error
    except DBAPIError as error:
        state = str(getattr(error.orig, "sqlstate", None) or "")
        if error.connection_invalidated or state.startswith(_PASSING_STATES):
            raise _unavailable("the storage gave the transaction up; nothing was changed") from error
        raise


def _unavailable(message: str) -> ServiceError:
    return ServiceError(Reason.STORAGE_UNAVAILABLE, message)


def _postgresql_engine(url: str, service: str) -> AsyncEngine:
    settings = {"server_settings": {"search_path": service}}
    return create_async_engine(url, connect_args=settings, pool_size=10, max_overflow=20, pool_pre_ping=True)


def _sqlite_engine(url: str) -> AsyncEngine:
    engine = create_async_engine(url, connect_args={"timeout": 30})

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # The driver must not begin transactions by itself: it would begin them too late and as readers.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("maestro_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine

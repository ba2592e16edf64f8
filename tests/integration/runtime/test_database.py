"""A service's database on SQLite and PostgreSQL: all or nothing, in turn, and honest when it cannot."""

import asyncio
from datetime import UTC, datetime

import pytest
from maestro_services.runtime.database import Database
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.tables import OUTBOX
from sqlalchemy import func, insert, select, text

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def publish(database: Database, *payloads: bytes, error: Exception | None = None) -> None:
    """Writes rows in one transaction, which fails at its end with the error."""
    async with database.write() as transaction:
        for payload in payloads:
            await transaction.publish("t", "k", payload)
        if error is not None:
            raise error


async def rows(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(OUTBOX))).scalar_one())


async def test_what_a_block_wrote_is_there_after_it_and_nothing_if_it_raised(database):
    await publish(database, b"1")
    with pytest.raises(KeyError):
        await publish(database, b"2", error=KeyError())
    assert await rows(database) == 1


async def test_a_block_that_is_cancelled_leaves_no_trace(database):
    began = asyncio.Event()

    async def write() -> None:
        async with database.write() as transaction:
            await transaction.publish("t", "k", b"1")
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await rows(database) == 0
    await publish(database, b"2")
    assert await rows(database) == 1


async def test_a_reader_has_one_view_while_others_write(database):
    count = select(func.count()).select_from(OUTBOX)
    async with database.read() as connection:
        before = (await connection.execute(count)).scalar_one()
        await publish(database, b"")
        assert (await connection.execute(count)).scalar_one() == before
    assert await rows(database) == before + 1


async def test_many_writers_at_once_all_succeed(database, connect):
    other = connect()
    await other.open()

    await asyncio.gather(*(publish(one, b"") for one in [database, other] * 25))
    assert await rows(database) == 50


async def test_processes_that_start_at_once_migrate_once(connect):
    databases = [connect() for _ in range(4)]
    await asyncio.gather(*(database.open() for database in databases))
    assert await rows(databases[0]) == 0


async def test_opening_again_keeps_what_is_there(database, connect):
    await publish(database, b"")
    await database.close()
    again = connect()
    await again.open()
    assert await rows(again) == 1


async def test_a_closed_database_says_that_it_is_unavailable(database):
    await database.close()
    with pytest.raises(ServiceError) as caught:
        await rows(database)
    assert caught.value.reason is Reason.STORAGE_UNAVAILABLE


async def test_a_full_disk_is_said_and_changes_nothing(tmp_path):
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'full.db'}", service="registry")
    await database.open()
    async with database.write() as transaction:
        pages = (await transaction.execute(text("PRAGMA page_count"))).scalar_one()
        await transaction.execute(text(f"PRAGMA max_page_count = {pages + 2}"))
    with pytest.raises(ServiceError) as caught:
        await publish(database, b"small", bytes(1_000_000))
    assert caught.value.reason is Reason.STORAGE_UNAVAILABLE
    assert "full" not in caught.value.message
    assert await rows(database) == 0
    await database.close()


async def test_a_database_server_that_is_away_is_said():
    database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none", service="registry")
    with pytest.raises(ServiceError) as caught:
        await database.open()
    assert caught.value.reason is Reason.STORAGE_UNAVAILABLE
    await database.close()


async def test_a_connection_that_the_server_ends_is_said_and_the_next_one_works(postgres_url):
    database = Database(postgres_url, service="registry")
    await database.open()

    async def write_on_an_ended_connection() -> None:
        async with database.write() as transaction:
            await transaction.publish("t", "k", b"")
            pid = (await transaction.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            async with database.read() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            await transaction.publish("t", "k", b"")

    with pytest.raises(ServiceError) as caught:
        await write_on_an_ended_connection()
    assert caught.value.reason is Reason.STORAGE_UNAVAILABLE
    assert await rows(database) == 0
    await database.close()


async def test_transactions_that_block_each_other_are_given_up_and_may_be_repeated(postgres_url):
    database = Database(postgres_url, service="registry")
    await database.open()
    async with database.write() as transaction:
        for key in ("a", "b"):
            row = {"topic": "t", "key": key, "payload": b"", "create_time": NOW}
            await transaction.execute(insert(OUTBOX), row)
    both = asyncio.Barrier(2)

    async def update(first: str, second: str) -> None:
        async with database.write() as transaction:
            lock = text("SELECT 1 FROM outbox WHERE key = :key FOR UPDATE")
            await transaction.execute(lock, {"key": first})
            await both.wait()
            await transaction.execute(lock, {"key": second})

    outcomes = await asyncio.gather(update("a", "b"), update("b", "a"), return_exceptions=True)
    failed = [outcome for outcome in outcomes if outcome is not None]
    assert [error.reason for error in failed] == [Reason.STORAGE_UNAVAILABLE]
    await database.close()


async def test_each_service_has_a_schema_of_its_own(postgres_url):
    registry, audit = (Database(postgres_url, service=name) for name in ("registry", "audit"))
    await registry.open()
    await audit.open()
    await publish(registry, b"")
    assert (await rows(registry), await rows(audit)) == (1, 0)
    await registry.close()
    await audit.close()

"""The outbox on SQLite and PostgreSQL: every row once and in order, however writers and readers interleave."""

import asyncio
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from maestro_services.runtime.database import Database
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.outbox import Outbox


async def publish(database: Database, *payloads: str, topic: str = "t") -> int:
    async with database.write() as transaction:
        for payload in payloads:
            last = await transaction.publish(topic, "k", payload.encode())
    return last


async def take(outbox: Outbox, after: int, count: int, topic: str = "t") -> list[str]:
    """The next payloads behind a position, as a watch sees them."""
    seen: list[str] = []
    async for batch in outbox.follow(topic, after, stop=asyncio.Event()):
        seen += [row.payload.decode() for row in batch.rows]
        if len(seen) >= count:
            return seen
    return seen


async def test_a_follower_sees_what_is_there_and_what_comes(database):
    await publish(database, "1", "2")
    following = asyncio.create_task(take(Outbox(database), 0, 4))
    await publish(database, "other", topic="u")
    await publish(database, "3")
    await publish(database, "4")
    assert await asyncio.wait_for(following, 10) == ["1", "2", "3", "4"]


async def test_going_on_behind_any_position_misses_nothing(database):
    positions = [0, *[await publish(database, str(number)) for number in range(5)]]
    for number, position in enumerate(positions[:-1]):
        assert await take(Outbox(database), position, 5 - number) == [str(one) for one in range(number, 5)]


async def test_nothing_is_lost_or_doubled_under_concurrent_writers_and_rollbacks(database, connect):
    """Two processes write in transactions of different length, some of which fail; a third follows."""
    other, reader = connect(), connect()
    await other.open()
    await reader.open()
    writers, each = 8, 15
    chance = random.Random(7)

    async def write(where: Database, writer: int) -> None:
        for number in range(each):
            with suppress(KeyError):
                async with where.write() as transaction:
                    await transaction.publish("t", str(writer), f"{number}".encode())
                    await asyncio.sleep(chance.random() * 0.003)
                    if chance.random() < 0.2:
                        await transaction.publish("t", "rolled back", b"")
                        raise KeyError
                    continue
            await publish_retry(where, writer, number)

    async def publish_retry(where: Database, writer: int, number: int) -> None:
        async with where.write() as transaction:
            await transaction.publish("t", str(writer), f"{number}".encode())

    seen: dict[str, list[int]] = {str(writer): [] for writer in range(writers)}

    async def follow() -> None:
        async for batch in Outbox(reader).follow("t", 0, stop=asyncio.Event(), heartbeat=0.05):
            for row in batch.rows:
                seen[row.key].append(int(row.payload))
            if sum(map(len, seen.values())) >= writers * each:
                return

    following = asyncio.create_task(follow())
    await asyncio.gather(*(write((database, other)[writer % 2], writer) for writer in range(writers)))
    await asyncio.wait_for(following, 20)
    assert seen == {str(writer): list(range(each)) for writer in range(writers)}


async def test_an_idle_follower_beats_and_its_position_moves_on_with_other_topics(database):
    position = await publish(database, "1")
    stop = asyncio.Event()
    batches = Outbox(database).follow("t", position, stop=stop, heartbeat=0.02)
    assert (await anext(batches)).rows == ()
    moved = await publish(database, "other", topic="u")
    beats = [await anext(batches) for _ in range(2)]
    assert [batch.rows for batch in beats] == [(), ()]
    assert beats[-1].position == moved
    stop.set()
    assert [batch async for batch in batches] == []


async def test_a_follower_ends_as_soon_as_it_should_stop(database):
    stop = asyncio.Event()
    following = asyncio.create_task(anext(Outbox(database).follow("t", 0, stop=stop), None))
    await asyncio.sleep(0.05)
    stop.set()
    assert await asyncio.wait_for(following, 5) is None


async def test_a_backlog_comes_in_batches(database):
    await publish(database, *map(str, range(1200)))
    batch = await Outbox(database).read("t", 0)
    assert len(batch.rows) == 500
    assert await take(Outbox(database), 0, 1200) == [str(number) for number in range(1200)]


async def test_a_position_behind_what_was_pruned_has_expired_and_newer_ones_have_not(connect):
    time = [datetime(2026, 1, 1, tzinfo=UTC)]
    database = connect(clock=lambda: time[0])
    await database.open()
    old = [await publish(database, "old") for _ in range(3)]
    time[0] += timedelta(days=8)
    new = await publish(database, "new")
    outbox = Outbox(database)
    assert await outbox.prune(timedelta(days=7), lambda: time[0]) == old[-1]
    assert await outbox.prune(timedelta(days=7), lambda: time[0]) == old[-1]
    for position in (0, old[0], old[1]):
        with pytest.raises(ServiceError) as caught:
            await take(outbox, position, 1)
        assert caught.value.reason is Reason.RESUME_TOKEN_EXPIRED
    assert await take(outbox, old[-1], 1) == ["new"]
    assert await outbox.head() == new


async def test_pruning_never_takes_the_newest_row(database):
    await publish(database, "1")
    position = await publish(database, "2")
    later = datetime.now(UTC) + timedelta(days=30)
    await Outbox(database).prune(timedelta(days=7), lambda: later)
    assert await Outbox(database).head() == position
    await publish(database, "3")
    assert await take(Outbox(database), position, 1) == ["3"]


async def test_numbers_lost_to_a_rollback_are_no_loss(database):
    with suppress(KeyError):
        async with database.write() as transaction:
            await transaction.publish("t", "k", b"")
            raise KeyError
    await publish(database, "1")
    assert await take(Outbox(database), 0, 1) == ["1"]


async def test_a_position_beyond_the_head_is_of_another_database(database):
    position = await publish(database, "1")
    with pytest.raises(ServiceError) as caught:
        await take(Outbox(database), position + 1, 1)
    assert caught.value.reason is Reason.RESUME_TOKEN_EXPIRED


async def test_replicas_without_redis_find_each_others_rows_soon(postgres_url):
    one, two = (Database(postgres_url, service="registry") for _ in range(2))
    await one.open()
    await two.open()
    following = asyncio.create_task(take(Outbox(two), 0, 1))
    await asyncio.sleep(0.1)
    await publish(one, "1")
    assert await asyncio.wait_for(following, 5) == ["1"]
    await one.close()
    await two.close()

"""The store's promises, on both databases."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from maestro_services.automation.domain.monitor import Monitor
from maestro_services.automation.domain.repair import Refusal, Repair, State
from maestro_services.automation.store import AutomationStore
from maestro_services.runtime.database import Database
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.outbox import Outbox

from tests.unit.automation.test_repair import NOW, a_repair

LEASE = timedelta(seconds=30)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/automation.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def store(url: str) -> AsyncIterator[AutomationStore]:
    database = Database(url, service="automation")
    await database.open()
    yield AutomationStore(database)
    await database.close()


def repair(number: int = 1, job: str = "") -> Repair:
    name = f"projects/p/repairs/x{number}"
    return dataclasses.replace(a_repair(), name=name, job_key=job or f"job {number}")


async def create(store: AutomationStore, one: Repair) -> tuple[Repair, bool]:
    async with store.database.write() as transaction:
        return await store.create(transaction, one, NOW)


async def get(store: AutomationStore, name: str) -> Repair:
    async with store.database.read() as connection:
        return await store.get(connection, name)


async def test_a_job_has_one_repair_until_it_was_refused(store):
    first, made = await create(store, repair(1, "job"))
    assert made
    assert await create(store, repair(2, "job")) == (first, False)
    async with store.database.write() as transaction:
        await store.replace(transaction, first.ended(Refusal.FLAKY, "flaky", NOW), None)
    assert (await create(store, repair(3, "job")))[1]


async def test_an_unknown_repair_is_not_found(store):
    with pytest.raises(ServiceError) as error:
        await get(store, "projects/p/repairs/none")
    assert error.value.reason is Reason.RESOURCE_NOT_FOUND


async def test_a_due_repair_is_leased_to_one(store):
    await create(store, repair())
    leases = await asyncio.gather(*(store.claim(NOW, LEASE) for _ in range(5)))
    assert len([lease for lease in leases if lease is not None]) == 1


async def test_leases_go_to_what_has_been_due_for_longest(store):
    await create(store, repair(1))
    lease = await store.claim(NOW, LEASE)
    assert await store.save(lease, lease.repair, NOW + timedelta(seconds=5))
    await create(store, repair(2))
    later = NOW + timedelta(seconds=10)
    assert (await store.claim(later, LEASE)).repair.name.endswith("x2")
    assert (await store.claim(later, LEASE)).repair.name.endswith("x1")


async def test_an_expired_lease_is_given_again_and_its_old_holder_writes_nothing(store):
    await create(store, repair())
    old = await store.claim(NOW, LEASE)
    assert await store.claim(NOW + LEASE / 2, LEASE) is None
    new = await store.claim(NOW + LEASE, LEASE)
    assert new.fence > old.fence
    moved = new.repair.moved(State.DIAGNOSING, "on", NOW)
    assert not await store.save(old, old.repair.ended(Refusal.FLAKY, "late", NOW), None)
    assert await store.save(new, moved, None)
    assert (await get(store, moved.name)).state is State.DIAGNOSING


async def test_a_cancellation_overtakes_the_step_under_way(store):
    await create(store, repair())
    lease = await store.claim(NOW, LEASE)
    async with store.database.write() as transaction:
        current = await store.lock(transaction, lease.repair.name)
        await store.replace(transaction, current.cancelled("", NOW), None)
    assert not await store.save(lease, lease.repair.moved(State.DIAGNOSING, "on", NOW), NOW)
    assert (await get(store, lease.repair.name)).state is State.CANCELLED


async def test_what_is_settled_is_not_due(store):
    await create(store, repair())
    assert await store.next_due() == NOW
    lease = await store.claim(NOW, LEASE)
    await store.save(lease, lease.repair.ended(Refusal.FLAKY, "flaky", NOW), None)
    assert await store.next_due() is None
    assert await store.claim(NOW + timedelta(days=1), LEASE) is None


async def test_every_change_is_in_the_outbox_once(store):
    one, _ = await create(store, repair())
    lease = await store.claim(NOW, LEASE)
    await store.save(lease, lease.repair, NOW)
    lease = await store.claim(NOW, LEASE)
    await store.save(lease, lease.repair.moved(State.DIAGNOSING, "on", NOW), NOW)
    batch = await Outbox(store.database).read(one.name, 0)
    assert len(batch.rows) == 2


async def test_monitors_are_kept(store):
    async with store.database.write() as transaction:
        assert await store.monitor(transaction.connection, "p") == Monitor("p")
        started = Monitor("p").started(None, NOW)
        await store.put_monitor(transaction, started)
    assert await store.followed() == [started]
    async with store.database.write() as transaction:
        await store.put_monitor(transaction, started.stopped(NOW))
    assert await store.followed() == []

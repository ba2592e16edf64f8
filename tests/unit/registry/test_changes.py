"""The bounded log of changes, and readers that follow it."""

import asyncio

from maestro_services.registry.domain.changes import Changes
from maestro_services.registry.domain.instance import Instance
from maestro_services.registry.watch import InstanceWatch

ONE = Instance("services/audit/instances/one", "10.0.0.1:7000")
OTHER = Instance("services/registry/instances/r", "10.0.0.2:7000")


def test_changes_behind_a_position_come_in_order():
    changes = Changes("e", kept=10)
    for _ in range(3):
        changes.add(ONE)
    assert [one.sequence for one in changes.since(1) or []] == [2, 3]
    assert changes.since(3) == []


def test_a_position_that_is_no_longer_kept_or_never_was_needs_a_snapshot():
    changes = Changes("e", kept=2)
    for _ in range(5):
        changes.add(ONE)
    assert changes.since(2) is None
    assert changes.since(6) is None
    assert [one.sequence for one in changes.since(3) or []] == [4, 5]


async def test_whoever_waits_for_the_next_change_is_woken():
    changes = Changes("e", kept=2)
    waiting = changes.next_change()
    changes.add(ONE)
    assert waiting.is_set()
    assert not changes.next_change().is_set()


async def test_a_watch_without_a_position_begins_with_a_snapshot_and_goes_on_with_changes(leases, ttl):
    leases.hold(ONE, ttl)
    stop = asyncio.Event()
    updates = InstanceWatch(leases, "audit").follow(None, stop=stop)
    first = await anext(updates)
    assert [one.name for one in first.snapshot] == [ONE.name]
    leases.hold(OTHER, ttl)
    leases.deregister(ONE.name)
    second = await anext(updates)
    assert second.change.removed
    assert second.position == 3
    stop.set()
    assert [update async for update in updates] == []


async def test_an_empty_service_has_an_empty_snapshot(leases):
    updates = InstanceWatch(leases, "audit").follow(None, stop=asyncio.Event())
    assert (await anext(updates)).snapshot == ()


async def test_a_reader_that_fell_behind_is_sent_a_snapshot_again(leases, ttl):
    updates = InstanceWatch(leases, "audit").follow(None, stop=asyncio.Event())
    await anext(updates)
    for _ in range(101):
        leases.hold(ONE, ttl)
    again = await anext(updates)
    assert [one.name for one in again.snapshot] == [ONE.name]
    assert again.position == leases.changes.head


async def test_an_idle_watch_beats_even_while_other_services_change(leases, ttl):
    updates = InstanceWatch(leases, "audit").follow(None, stop=asyncio.Event(), heartbeat=0.01)
    await anext(updates)
    leases.hold(OTHER, ttl)
    beat = await anext(updates)
    assert (beat.snapshot, beat.change) == (None, None)
    assert beat.position == leases.changes.head

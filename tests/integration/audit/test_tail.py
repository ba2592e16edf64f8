"""A watch that finds nothing still shows that it lives, and still moves on."""

import asyncio
from contextlib import aclosing
from typing import Any

from maestro_services.audit.domain.event import Actor, ActorKind, Draft, event_id
from maestro_services.audit.queries import conditions_of
from maestro_services.audit.sequencer import Sequencer
from maestro_services.audit.tail import Tail

SELF = Actor(ActorKind.SERVICE, "shipper")


def draft(number: int) -> Draft:
    return Draft(event_id(number), "demo", "execution.run.create", SELF)


async def append_for_ever(sequencer: Sequencer) -> None:
    number = 0
    while True:
        await sequencer.append([draft(number)])
        number += 1


async def test_an_idle_log_gives_heartbeats(store: Any, sequencer: Sequencer) -> None:
    await sequencer.append([draft(1)])
    stop = asyncio.Event()
    async with aclosing(Tail(store, heartbeat=0.05).follow("demo", 1, [], stop=stop)) as pieces:
        for _ in range(3):
            piece = await asyncio.wait_for(anext(pieces), 5)
            assert (piece.position, list(piece.entries)) == (1, [])


async def test_events_that_a_filter_hides_do_not_hold_up_heartbeats(store: Any, sequencer: Sequencer) -> None:
    appending = asyncio.create_task(append_for_ever(sequencer))
    conditions = conditions_of("kind = auth.token.create")
    tail = Tail(store, heartbeat=0.1)
    async with aclosing(tail.follow("demo", 0, conditions, stop=asyncio.Event())) as pieces:
        first = await asyncio.wait_for(anext(pieces), 5)
        second = await asyncio.wait_for(anext(pieces), 5)
    appending.cancel()
    await asyncio.wait([appending])
    await sequencer.close()
    assert not first.entries
    assert not second.entries
    assert second.position > first.position > 0


async def test_a_stopped_tail_ends(store: Any) -> None:
    stop = asyncio.Event()
    stop.set()
    assert [piece async for piece in Tail(store).follow("demo", 0, [], stop=stop)] == []

"""Events on their way: numbered, bounded, resent."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maestro.execution.v1 import worker_service_pb2
from maestro_services.worker import events
from maestro_services.worker.spool import Spool


def said(number: int, size: int = 1) -> events.Event:
    return events.output_written(events.STDOUT, b"x" * size, str(number))


def ids(batch: worker_service_pb2.EventBatch | None) -> list[int]:
    return [] if batch is None else [int(event.output_written.test_id) for event in batch.events]


async def filled(count: int, max_events: int = 100_000, size: int = 1) -> Spool:
    spool = Spool("lease", max_events, lambda _: None)
    await spool.emit(*(said(number, size) for number in range(1, count + 1)))
    return spool


async def test_batches_are_numbered_and_bounded_in_count() -> None:
    spool = await filled(2500)
    batches = [spool.next_batch() for _ in range(4)]
    assert [batch and (batch.first_sequence, len(batch.events)) for batch in batches] == [
        (1, 1000),
        (1001, 1000),
        (2001, 500),
        None,
    ]


async def test_batches_are_bounded_in_bytes() -> None:
    spool = await filled(100, size=65536)
    sizes = []
    while (batch := spool.next_batch()) is not None:
        sizes.append(batch.ByteSize())
    assert len(sizes) > 1
    assert max(sizes) <= 3 << 20


async def test_what_is_not_acknowledged_is_sent_again() -> None:
    spool = await filled(10)
    assert ids(spool.next_batch()) == list(range(1, 11))
    spool.acknowledge(3)
    assert spool.next_batch() is None
    spool.rewind(6)
    batch = spool.next_batch()
    assert (batch and batch.first_sequence, ids(batch)) == (6, [6, 7, 8, 9, 10])
    spool.acknowledge(10)
    assert spool.is_empty


async def test_emitting_waits_for_room() -> None:
    spool = Spool("lease", 10, lambda _: None)
    emitting = asyncio.create_task(spool.emit(*(said(number) for number in range(1, 16))))
    await asyncio.sleep(0)
    assert len(ids(spool.next_batch())) == 10
    assert not emitting.done()
    spool.acknowledge(7)
    await emitting
    assert ids(spool.next_batch()) == [11, 12, 13, 14, 15]


async def test_a_dropped_spool_lets_everybody_go() -> None:
    spool = Spool("lease", 1, lambda _: None)
    emitting = asyncio.create_task(spool.emit(said(1), said(2)))
    await asyncio.sleep(0)
    spool.drop()
    await asyncio.wait_for(emitting, 1)
    assert spool.next_batch() is None
    assert spool.is_empty


@given(st.lists(st.tuples(st.sampled_from(["emit", "send", "acknowledge", "cut"]), st.integers(1, 40)), max_size=60))
def test_whatever_happens_the_server_gets_each_event_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    async def play() -> None:
        spool, emitted, server = Spool("lease", 10_000, lambda _: None), 0, 0
        for step, count in [*steps, ("cut", 1), ("send", 1)]:
            if step == "emit":
                await spool.emit(*(said(emitted + number) for number in range(1, count + 1)))
                emitted += count
            elif step == "send":
                batch = spool.next_batch()
                for offset, number in enumerate(ids(batch)):
                    assert batch is not None
                    assert batch.first_sequence + offset == number
                    assert number <= server + 1
                    server = max(server, number)
            elif step == "acknowledge":
                spool.acknowledge(min(server, count))
            else:
                spool.rewind(server + 1)
        assert server == emitted

    asyncio.run(play())


@pytest.mark.parametrize("sequence", [0, 5, 99])
async def test_an_odd_acknowledgement_does_no_harm(sequence: int) -> None:
    spool = await filled(5)
    spool.acknowledge(sequence)
    assert len(ids(spool.next_batch())) == (5 if sequence == 0 else 0)

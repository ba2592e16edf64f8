"""What the sequencer does when the storage fails under it."""

import asyncio
from typing import Any

import pytest
from maestro_services.audit.domain.event import Actor, ActorKind, Draft, event_id
from maestro_services.audit.domain.log import Appended
from maestro_services.audit.sequencer import Sequencer, Submission
from maestro_services.audit.store import ProducerMark
from maestro_services.runtime.errors import ServiceError

SELF = Actor(ActorKind.SERVICE, "shipper")


def draft(number: int, project: str = "demo") -> Draft:
    return Draft(event_id(number), project, "execution.run.create", SELF, attributes={"n": str(number)})


def submission(number: int, previous: int) -> Submission:
    return Submission([draft(number)], atomic=False, mark=ProducerMark("service:shipper", "p", 1, previous, number))


async def test_a_failed_commit_appends_nothing_and_the_next_goes_on(store: Any, sequencer: Sequencer) -> None:
    await sequencer.append([draft(1)])
    store.failing = True
    with pytest.raises(ServiceError):
        await sequencer.append([draft(2)])
    store.failing = False
    assert await sequencer.append([draft(3)]) == [Appended(event_id(3), 1)]


async def test_a_producers_mark_does_not_pass_what_failed(store: Any, sequencer: Sequencer) -> None:
    await sequencer.submit(submission(1, previous=0))
    store.failing = True
    with pytest.raises(ServiceError):
        await sequencer.submit(submission(2, previous=1))
    store.failing = False
    await sequencer.submit(submission(3, previous=2))
    assert await store.last_sequence("service:shipper", "p", 1) == 1
    # The producer comes back, is told 1, and sends what it kept.
    await sequencer.submit(submission(2, previous=1))
    assert (await sequencer.submit(submission(3, previous=2)))[0] == Appended(event_id(3), 1, repeated=True)
    assert await store.last_sequence("service:shipper", "p", 1) == 3


async def test_submissions_of_one_moment_share_a_commit_and_keep_their_order(store: Any, sequencer: Sequencer) -> None:
    waiting = [sequencer.submit(submission(number, number - 1)) for number in range(1, 101)]
    answers = await asyncio.gather(*waiting)
    assert [one.log_index for (one,) in answers if isinstance(one, Appended)] == list(range(100))
    assert await store.last_sequence("service:shipper", "p", 1) == 100


async def test_an_older_epoch_does_not_move_the_mark_of_a_newer_one(store: Any, sequencer: Sequencer) -> None:
    for number, epoch in ((1, 2), (2, 1)):
        mark = ProducerMark("service:shipper", "p", epoch, 0, number)
        await sequencer.submit(Submission([draft(number)], atomic=False, mark=mark))
    assert await store.last_sequence("service:shipper", "p", 2) == 1
    assert await store.last_sequence("service:shipper", "p", 1) == 0


async def test_a_caller_that_goes_away_does_not_take_its_events_back(store: Any, sequencer: Sequencer) -> None:
    leaving = asyncio.create_task(sequencer.append([draft(1)]))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    await sequencer.close()
    assert await sequencer.append([draft(1)]) == [Appended(event_id(1), 0, repeated=True)]

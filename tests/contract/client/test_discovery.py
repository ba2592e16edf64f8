import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import pytest
from maestro.execution.v1 import execution_service_pb2
from maestro.execution.v1.execution_service_pb2_grpc import add_ExecutionServiceServicer_to_server
from maestro.registry.v1 import instance_pb2, registry_service_pb2
from maestro.registry.v1.registry_service_pb2_grpc import (
    RegistryServiceServicer,
    add_RegistryServiceServicer_to_server,
)
from maestro_client import Maestro, connect, errors

from .fakes import FakeExecution

GET = execution_service_pb2.GetRunRequest(name="projects/p/runs/r")
Change = registry_service_pb2.WatchInstancesResponse


class FakeRegistry(RegistryServiceServicer):  # type: ignore[misc]  # the contract's other methods are not called
    """Tells the changes that the test puts in."""

    def __init__(self) -> None:
        self.changes: asyncio.Queue[Change] = asyncio.Queue()
        self.listed: list[instance_pb2.Instance] = []

    async def ListInstances(self, request: Any, context: Any) -> Any:
        return registry_service_pb2.ListInstancesResponse(instances=self.listed)

    async def WatchInstances(self, request: Any, context: Any) -> Any:
        while True:
            yield await self.changes.get()


FakeRegistry.__abstractmethods__ = frozenset()


def instance(address: str, name: str = "a", state: int = instance_pb2.Instance.STATE_READY) -> instance_pb2.Instance:
    full = f"services/execution/instances/{name}"
    return instance_pb2.Instance(name=full, address=address, state=state)  # type: ignore[arg-type]


def snapshot(*instances: instance_pb2.Instance) -> Change:
    return Change(snapshot=registry_service_pb2.InstanceSnapshot(instances=instances))


@asynccontextmanager
async def serving(*services: Any) -> AsyncIterator[str]:
    server = grpc.aio.server()
    for service in services:
        kind = isinstance(service, FakeRegistry)
        (add_RegistryServiceServicer_to_server if kind else add_ExecutionServiceServicer_to_server)(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRegistry]:
    monkeypatch.delenv("MAESTRO_TOKEN", raising=False)
    return FakeRegistry()


async def until_called(maestro: Maestro, service: FakeExecution) -> None:
    async with asyncio.timeout(10):
        while not service.calls:
            await maestro.execution.get_run(GET)


async def test_calls_follow_the_instances_that_the_registry_lists(registry: FakeRegistry) -> None:
    old, new = FakeExecution(), FakeExecution()
    async with serving(registry) as place, serving(old) as first, serving(new) as second:
        registry.changes.put_nowait(snapshot(instance(first)))
        async with connect(registry=place) as maestro:
            await until_called(maestro, old)
            registry.changes.put_nowait(Change(instance=instance(second, "b")))
            await until_called(maestro, new)
            registry.changes.put_nowait(Change(removed_name=instance(first).name))
            await asyncio.sleep(0)
            calls = new.calls
            async with asyncio.timeout(10):
                while new.calls < calls + 10:
                    await maestro.execution.get_run(GET)


async def test_an_instance_that_drains_is_not_called(registry: FakeRegistry) -> None:
    draining, ready = FakeExecution(), FakeExecution()
    async with serving(registry) as place, serving(draining) as first, serving(ready) as second:
        leaving = instance(first, "a", instance_pb2.Instance.STATE_DRAINING)
        registry.changes.put_nowait(snapshot(leaving, instance(second, "b")))
        async with connect(registry=place) as maestro:
            for _ in range(5):
                await maestro.execution.get_run(GET)
    assert (draining.calls, ready.calls) == (0, 5)


async def test_a_service_that_nobody_serves_is_unavailable(registry: FakeRegistry) -> None:
    async with serving(registry) as place:
        registry.changes.put_nowait(snapshot())
        async with connect(registry=place) as maestro:
            with pytest.raises(errors.Unavailable, match="no instance of execution that is ready"):
                await maestro.execution.get_run(GET)


async def test_the_last_known_instances_stay_when_the_registry_forgets(registry: FakeRegistry) -> None:
    service = FakeExecution()
    async with serving(registry) as place, serving(service) as first:
        registry.changes.put_nowait(snapshot(instance(first)))
        async with connect(registry=place) as maestro:
            await until_called(maestro, service)
            registry.changes.put_nowait(snapshot())
            while not registry.changes.empty():
                await maestro.execution.get_run(GET)
            await maestro.execution.get_run(GET)


async def test_a_registry_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maestro_client._discovery.PATIENCE", 0.3)
    with pytest.raises(errors.Unavailable):
        async with connect(registry="127.0.0.1:1"):
            pass


async def test_addresses_are_resolved_by_name(registry: FakeRegistry) -> None:
    registry.listed = [instance("10.0.0.1:1"), instance("10.0.0.2:1", "b", instance_pb2.Instance.STATE_STARTING)]
    async with serving(registry) as place, Maestro(place) as maestro:
        assert await maestro.resolve("execution") == ["10.0.0.1:1"]

"""A plain blocking client, as pytest-grpc gives it, works against the asynchronous server."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from maestro.registry.v1 import registry_service_pb2, registry_service_pb2_grpc
from maestro_services.registry.compose import compose
from maestro_services.runtime.server import Running, Server
from maestro_services.runtime.server_settings import ServerSettings


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The registry, hosted by the project's own server in a thread with a loop of its own."""
    settings = ServerSettings(state_directory=str(tmp_path_factory.mktemp("state")), grace_seconds=1.0)
    started: Future[Running] = Future()
    stop: Future[asyncio.Event] = Future()

    async def serve() -> None:
        event = asyncio.Event()
        async with Server([compose], settings).running() as server:
            stop.set_result(event)
            started.set_result(server)
            await event.wait()

    def host() -> None:
        with asyncio.Runner() as runner:
            loop.set_result(runner.get_loop())
            runner.run(serve())

    loop: Future[asyncio.AbstractEventLoop] = Future()
    thread = threading.Thread(target=host)
    thread.start()
    yield started.result(timeout=20)
    loop.result().call_soon_threadsafe(stop.result().set)
    thread.join(timeout=20)


@pytest.fixture(scope="module")
def grpc_addr(running: Running) -> str:
    """Where pytest-grpc's channel connects; its own server serves synchronous servicers only."""
    return running.address


@pytest.fixture(scope="module")
def grpc_server() -> None:
    """Keeps pytest-grpc from starting a server of its own."""


@pytest.fixture(scope="module")
def grpc_stub_cls(grpc_channel: grpc.Channel) -> Any:
    """The blocking stub that pytest-grpc makes."""
    return registry_service_pb2_grpc.RegistryServiceStub


def test_a_blocking_stub_is_answered(grpc_stub: Any, running: Running) -> None:
    metadata = (("authorization", f"Bearer {running.token}"),)
    request = registry_service_pb2.ListInstancesRequest(parent="services/-")
    assert grpc_stub.ListInstances(request, metadata=metadata, timeout=10).instances is not None


def test_a_blocking_stub_is_refused_without_a_token(grpc_stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        grpc_stub.ListInstances(registry_service_pb2.ListInstancesRequest(parent="services/-"), timeout=10)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_health_needs_no_token(grpc_channel: grpc.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(grpc_channel)
    answer = stub.Check(health_pb2.HealthCheckRequest(service="maestro.registry.v1.RegistryService"), timeout=10)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING

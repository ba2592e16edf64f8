from collections.abc import AsyncIterator

import grpc.aio
import pytest
from maestro.execution.v1.artifact_service_pb2_grpc import add_ArtifactServiceServicer_to_server
from maestro.execution.v1.execution_service_pb2_grpc import add_ExecutionServiceServicer_to_server
from maestro_client import Maestro

from .fakes import FakeArtifacts, FakeExecution


@pytest.fixture
def execution() -> FakeExecution:
    return FakeExecution()


@pytest.fixture
def artifacts() -> FakeArtifacts:
    return FakeArtifacts()


@pytest.fixture
async def address(execution: FakeExecution, artifacts: FakeArtifacts) -> AsyncIterator[str]:
    server = grpc.aio.server()
    add_ExecutionServiceServicer_to_server(execution, server)
    add_ArtifactServiceServicer_to_server(artifacts, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(0)


@pytest.fixture
async def maestro(address: str) -> AsyncIterator[Maestro]:
    async with Maestro(address, token="secret") as connection:
        yield connection

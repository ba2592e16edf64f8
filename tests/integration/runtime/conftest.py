"""A service's database on each engine that there is, and a service that does what a test tells it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from maestro.execution.v1 import artifact_service_pb2 as pb
from maestro.execution.v1 import artifact_service_pb2_grpc, worker_service_pb2, worker_service_pb2_grpc
from maestro_services.runtime.context import Call, current_call
from maestro_services.runtime.database import Database
from maestro_services.runtime.principal import Grant, Kind, Principal, Role
from maestro_services.runtime.service import Compose, Endpoint, Platform, Service

Open = Callable[..., Database]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}"


@pytest.fixture
async def connect(database_url: str) -> AsyncIterator[Open]:
    """Makes databases over the same data, as processes would; opened by the test."""
    made: list[Database] = []

    def make(**options: object) -> Database:
        made.append(Database(database_url, service="registry", **options))
        return made[-1]

    yield make
    for database in made:
        await database.close()


@pytest.fixture
async def database(connect: Open) -> Database:
    """An opened database."""
    database = connect()
    await database.open()
    return database


async def nothing() -> None:
    """What a probe does unless it is told otherwise."""


class Probe(artifact_service_pb2_grpc.ArtifactServiceServicer):
    """A service with a method of each kind; runs `act` in each of them, after the first message of a stream."""

    database: Database

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forgets what it was told and what it saw."""
        self.act: Callable[[], Awaitable[None]] = nothing
        self.calls: list[Call] = []
        self.ended = asyncio.Event()

    async def do(self) -> None:
        call = current_call()
        assert call is not None
        self.calls.append(call)
        await self.act()

    async def FindMissingBlobs(self, request: Any, context: Any) -> pb.FindMissingBlobsResponse:
        await self.do()
        return pb.FindMissingBlobsResponse()

    async def UploadBlobs(self, requests: AsyncIterator[Any], context: Any) -> pb.UploadBlobsResponse:
        async for _request in requests:
            await self.do()
        return pb.UploadBlobsResponse()

    async def DownloadBlob(self, request: Any, context: Any) -> AsyncIterator[pb.DownloadBlobResponse]:
        try:
            yield pb.DownloadBlobResponse(data=b"first")
            await self.do()
            yield pb.DownloadBlobResponse(data=b"second")
        finally:
            self.ended.set()


class ProbeWorkers(worker_service_pb2_grpc.WorkerServiceServicer):
    """The bidirectional method of the probe: answers each message."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe

    async def Work(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        try:
            async for _request in requests:
                yield worker_service_pb2.WorkResponse()
                await self._probe.do()
        finally:
            self._probe.ended.set()


class ProjectTokens:
    """Knows tokens such as `shop-DEVELOPER`."""

    async def authenticate(self, token: str) -> Principal | None:
        project, _, role = token.partition("-")
        return Principal(Kind.USER, token, grants=(Grant(project, Role[role]),)) if role in Role.__members__ else None


@pytest.fixture(scope="module")
def module_probe() -> Probe:
    """The probe of a module's tests, which may share its server."""
    return Probe()


@pytest.fixture
def probe(module_probe: Probe) -> Probe:
    """The probe, fresh for a test."""
    module_probe.forget()
    return module_probe


@pytest.fixture(scope="module")
def compose_probe(module_probe: Probe) -> Compose:
    """The probe's composition root; its database has the tables that every service has."""

    async def compose(platform: Platform) -> Service:
        database = module_probe.database = platform.database("registry")
        await database.open()
        endpoints = [
            Endpoint(module_probe, artifact_service_pb2_grpc.add_ArtifactServiceServicer_to_server),
            Endpoint(ProbeWorkers(module_probe), worker_service_pb2_grpc.add_WorkerServiceServicer_to_server),
        ]
        return Service(name="probe", endpoints=endpoints, database=database, authenticator=ProjectTokens())

    return compose

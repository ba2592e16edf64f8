"""A running execution service, clients of it, and a worker that says what a test tells it to."""

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from maestro.common.v1 import digest_pb2
from maestro.execution.v1 import artifact_service_pb2, run_pb2
from maestro_client import Maestro
from maestro_services.execution.compose import compose_with
from maestro_services.execution.settings import ExecutionSettings
from maestro_services.runtime.server import Running
from maestro_services.runtime.service import Compose

from tests.contract.execution.fake_worker import FakeWorker
from tests.contract.execution.messages import run_request, stream_of, tree_blobs, upload_messages

SETTINGS = ExecutionSettings(
    max_blob_bytes=3_000_000,
    max_queued_runs=5,
    lease_seconds=30.0,
    heartbeat_seconds=0.2,
    expiry_seconds=0.05,
    idle_seconds=0.3,
)


def composing(settings: ExecutionSettings) -> Compose:
    """A composition root with these settings."""

    async def compose(platform: Any) -> Any:
        return await compose_with(platform, settings)

    return compose


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> ExecutionSettings:
    """The service's settings; a test that waits for a lease to expire is marked with a shorter one."""
    return dataclasses.replace(SETTINGS, **getattr(request, "param", {}))


@pytest.fixture
def compose(settings: ExecutionSettings) -> Compose:
    return composing(settings)


@pytest.fixture
async def running(host, compose: Compose) -> AsyncIterator[Running]:
    async with host(compose) as running:
        yield running


@pytest.fixture
async def maestro(running: Running) -> AsyncIterator[Maestro]:
    async with Maestro(running.address, token=running.token) as maestro:
        yield maestro


@pytest.fixture
def upload(maestro: Maestro) -> Callable[..., Awaitable[artifact_service_pb2.UploadBlobsResponse]]:
    """Uploads blobs to the project."""

    async def call(*blobs: bytes) -> artifact_service_pb2.UploadBlobsResponse:
        return await maestro.artifacts.upload_blobs(stream_of(upload_messages(*blobs)))

    return call


@pytest.fixture
async def root(upload) -> digest_pb2.Digest:
    """An uploaded tree."""
    digest, blobs = tree_blobs()
    await upload(*blobs)
    return digest


@pytest.fixture
def create_run(maestro: Maestro, root: digest_pb2.Digest) -> Callable[..., Awaitable[run_pb2.Run]]:
    """Creates runs of the uploaded tree."""

    async def create(**fields: Any) -> run_pb2.Run:
        return (await maestro.execution.create_run(run_request(root, **fields))).run

    return create


@pytest.fixture
async def workers(running: Running) -> AsyncIterator[Callable[..., FakeWorker]]:
    """Makes workers; each has a client of its own, with a worker's token."""
    made: list[FakeWorker] = []
    async with Maestro(running.address, token=running.platform.secret.token_for("worker")) as maestro:

        def make(worker_id: str = "worker-1", slots: int = 1) -> FakeWorker:
            made.append(FakeWorker(maestro, worker_id, slots))
            return made[-1]

        yield make
        for worker in made:
            await worker.cut()

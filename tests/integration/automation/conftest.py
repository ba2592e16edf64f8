"""Execution, a worker and automation, all real, in one loop."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from maestro_client import Maestro
from maestro_services.automation.compose import compose as compose_automation
from maestro_services.execution.compose import compose as compose_execution
from maestro_services.runtime.server import Running
from maestro_services.worker.compose import compose as compose_worker
from maestro_services.worker.settings import WorkerSettings

from tests.integration.automation.projects import Project


@pytest.fixture
async def running(host) -> AsyncIterator[Running]:
    async with host(compose_execution, compose_automation) as running:
        yield running


@pytest.fixture
async def maestro(running: Running, worker: None) -> AsyncIterator[Maestro]:
    async with Maestro(running.address, token=running.token) as maestro:
        yield maestro


@pytest.fixture
async def worker(running: Running, tmp_path: Path) -> AsyncIterator[None]:
    token_file = tmp_path / "worker.token"
    token_file.write_text(running.platform.secret.token_for("worker-1"))
    settings = WorkerSettings(
        server=running.address,
        id="worker-1",
        slots=1,
        token_file=str(token_file),
        work_directory=str(tmp_path / "work"),
        grace_seconds=0.5,
    )
    stop = asyncio.Event()
    async with compose_worker(settings) as agent:
        working = asyncio.create_task(agent.run(stop))
        yield
        stop.set()
        await working


@pytest.fixture
def project(maestro: Maestro, tmp_path: Path) -> Project:
    return Project(maestro, tmp_path / "project")

"""Composes a worker from its settings."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from maestro.execution.v1 import worker_service_pb2
from maestro_client import Maestro, connect

from maestro_services.worker.action import Workshop
from maestro_services.worker.adapters.command import CommandAdapter
from maestro_services.worker.adapters.conclusion import Adapter
from maestro_services.worker.adapters.pytest import PytestAdapter
from maestro_services.worker.agent import Agent
from maestro_services.worker.blobs import BlobCache
from maestro_services.worker.board import Board
from maestro_services.worker.exclusive import exclusive
from maestro_services.worker.sandbox.probe import probe
from maestro_services.worker.settings import WorkerSettings


@asynccontextmanager
async def compose(settings: WorkerSettings) -> AsyncIterator[Agent]:
    """A worker that is ready to run, and closed with the context."""
    work = settings.work()
    with await exclusive(work):
        actions = await asyncio.to_thread(_empty, work / "actions")
        sandbox = await probe(actions, settings.hidden(), required=settings.require_isolation)
        token = _token(settings.token_file) if settings.token_file else None
        async with connect(settings.server or None, token) as client:
            blobs = BlobCache(work / "blobs", client.artifacts, settings.cache_bytes)
            blobs.open()
            adapters: dict[str, Adapter] = {"pytest": PytestAdapter(), "command": CommandAdapter()}
            board = Board(Workshop(actions, sandbox, blobs, client.artifacts, adapters))
            yield _agent(settings, client, board)
            blobs.close()


def _empty(actions: Path) -> Path:
    """Removes the folders of an earlier process of this worker: nobody works in them any more."""
    shutil.rmtree(actions, ignore_errors=True)
    actions.mkdir(parents=True, mode=0o700)
    return actions


def _token(path: str) -> Callable[[], str]:
    """Reads the token anew for each call, so that it can be replaced while the worker runs."""

    def read() -> str:
        return Path(path).read_text(encoding="utf-8").strip()

    return read


def _agent(settings: WorkerSettings, client: Maestro, board: Board) -> Agent:
    hello = worker_service_pb2.WorkerHello(
        worker_id=settings.id or _default_id(),
        host_name=socket.gethostname(),
        slot_count=settings.slots,
        labels={**_host_labels(), **dict(label.partition("=")[::2] for label in settings.labels)},
    )
    return Agent(
        hello,
        client.workers,
        board,
        grace_seconds=settings.grace_seconds,
        patience_seconds=settings.patience_seconds,
    )


def _default_id() -> str:
    host = re.sub(r"[^a-z0-9]+", "-", socket.gethostname().lower()).strip("-")[:40]
    return f"worker-{host}-{os.getpid()}"


def _host_labels() -> dict[str, str]:
    return {
        "os": platform.system().lower(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
    }

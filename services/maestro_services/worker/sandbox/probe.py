"""Finds out what this host allows, by doing it."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from maestro_services.worker.sandbox import cgroup
from maestro_services.worker.sandbox.folder import ActionFolder
from maestro_services.worker.sandbox.process import Ending, SandboxedProcess
from maestro_services.worker.sandbox.sandbox import Command, Sandbox

_LOG = structlog.get_logger()
# Any number: what is tried is whether it can be limited.
_PROCESS_COUNT = 64


async def probe(actions_directory: Path, hidden: Sequence[Path], *, required: bool) -> Sandbox:
    """The best sandbox that works here; logs what it lacks."""
    folder = ActionFolder(actions_directory / "probe")
    folder.create()
    cgroup.sweep()
    try:
        for pid_namespace in (True, False):
            sandbox = Sandbox(hidden, pid_namespace=pid_namespace)
            process, ending = await _try(sandbox, folder)
            if not ending.failure:
                break
    finally:
        folder.remove()
    if ending.failure:
        _LOG.error("no process can be started in a sandbox", reason=ending.failure)
    for missing in process.missing:
        _LOG.warning("isolation is incomplete", missing=missing)
    return dataclasses.replace(sandbox, required=required)


async def _try(sandbox: Sandbox, folder: ActionFolder) -> tuple[SandboxedProcess, Ending]:
    arguments = [sys.executable, "-I", "-S", "-c", ""]
    exposed = [Path(sys.prefix), Path(sys.base_prefix)]
    process = await sandbox.start(Command(arguments, {}, folder.tree, folder, exposed, process_count=_PROCESS_COUNT))
    await asyncio.gather(process.stdout.read(), process.stderr.read())
    return process, await process.wait()

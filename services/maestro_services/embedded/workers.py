"""The local worker pool: child processes that are kept running and never outlive the platform."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from maestro_services.runtime.authentication import MeshSecret
from maestro_services.runtime.service import Loop
from maestro_services.runtime.wakeups import first_of

_LOG = structlog.get_logger()
# How long a worker may take to end what it does when the platform stops, in seconds.
_GRACE = 4.0
_PAUSE = 1.0
# A worker of a platform that was killed ends by itself soon; its leases expire and are given out again.
_ENVIRONMENT = {"MAESTRO_WORKER_PATIENCE_SECONDS": "5"}


class LocalWorker(Loop):
    """Keeps one worker process connected to the platform; starts another when it ends."""

    def __init__(self, subject: str, address: str, state: Path, slots: int, secret: MeshSecret) -> None:
        self._subject = subject
        self._token_file = state / f"{subject}.token"
        self._token = secret.token_for(subject)
        self._arguments = self._command(address, state, slots)

    def _command(self, address: str, state: Path, slots: int) -> Sequence[str]:
        return (
            *(sys.executable, "-m", "maestro_services.worker"),
            *("--server", address, "--id", self._subject, "--slots", str(slots)),
            *("--token-file", str(self._token_file), "--work-directory", str(state / "work" / self._subject)),
            *("--hide", str(state)),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Keeps the process until told to stop."""
        self._write_token()
        while not stop.is_set():
            process = await asyncio.create_subprocess_exec(
                *self._arguments, stdin=asyncio.subprocess.DEVNULL, env=os.environ | _ENVIRONMENT
            )
            ended = asyncio.create_task(process.wait())
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if ended.done():
                _LOG.warning("worker ended; starting another", worker=self._subject, exit_code=process.returncode)
                await first_of(stop, timeout=_PAUSE)
            else:
                await _end(process, ended)

    def _write_token(self) -> None:
        descriptor = os.open(self._token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self._token)


async def _end(process: asyncio.subprocess.Process, ended: "asyncio.Task[int]") -> None:
    process.terminate()
    done, _late = await asyncio.wait({ended}, timeout=_GRACE)
    if not done:
        process.kill()
        await ended

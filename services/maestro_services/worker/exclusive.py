"""One worker a work directory."""

from __future__ import annotations

import asyncio
import fcntl
import time
from pathlib import Path
from typing import IO

from maestro_services.runtime.settings import SettingsError

_PATIENCE_SECONDS = 5.0
_PAUSE_SECONDS = 0.05


async def exclusive(work: Path) -> IO[str]:
    """Holds a work directory for this process until the returned file is closed.

    Waits a moment for an earlier process of the worker that is about to end; then raises SettingsError.
    """
    lock = _open(work)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                lock.close()
                raise SettingsError(f"another worker works in {work}; give this one its own work_directory") from None
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return lock


def _open(work: Path) -> IO[str]:
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    return (work / "lock").open("w")

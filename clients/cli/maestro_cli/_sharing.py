"""Several commands on one platform that one of them started: it stays until the last of them has ended.

The locks are the kernel's, so a command that is killed leaves none behind.
"""

import asyncio
import contextlib
import fcntl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

import click

_PERIOD = 0.05
_NOTE_AFTER_SECONDS = 1.0


class Use:
    """One command's hold on the platform of a state directory."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    async def begin(self) -> None:
        """Join the others; waits while the one that started the platform is ending it."""
        while not _locked(self._file, fcntl.LOCK_SH):  # noqa: ASYNC110 -- the lock is another process's
            await asyncio.sleep(_PERIOD)

    async def alone(self) -> None:
        """Wait until no other command uses the platform; from then on none joins."""
        waited = 0.0
        while not _locked(self._file, fcntl.LOCK_EX):
            if waited < _NOTE_AFTER_SECONDS <= waited + _PERIOD:
                text = "another command uses this platform: waiting for its end; Ctrl-C ends the platform"
                click.secho(text, dim=True, err=True)
            waited += _PERIOD
            await asyncio.sleep(_PERIOD)


@contextlib.asynccontextmanager
async def using(state: Path) -> AsyncIterator[Use]:
    """Hold the platform of a state directory in use."""
    with _open(state / "users") as file:
        use = Use(file)
        await use.begin()
        yield use


def another_starts(state: Path) -> bool:
    """Tell whether a platform holds the state directory."""
    with _open(state / "lock") as lock:
        return not _locked(lock, fcntl.LOCK_EX)


def _open(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path.open("a")


def _locked(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

"""How others on this machine find the embedded platform: a lock and an endpoint file in its state directory."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from maestro_services.runtime.settings import SettingsError


@contextmanager
def exclusive(state: Path) -> Iterator[None]:
    """Holds the state directory for this process; SettingsError if another one has it."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (state / "lock").open("w")
    except OSError as error:
        raise SettingsError(f"{state} cannot be the state directory: {error.strerror}") from error
    with lock:
        if not _locked(lock):
            message = f"another platform runs in {state}; use it, stop it, or choose another --state-directory"
            raise SettingsError(message)
        yield


def _locked(lock: IO[str]) -> bool:
    """Takes the lock; tries for a moment, since whoever looks for a platform holds it for an instant."""
    for _attempt in range(20):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.05)
    return False


@contextmanager
def published(state: Path, address: str) -> Iterator[None]:
    """Tells where the platform answers, for as long as it does."""
    path = state / "endpoint.json"
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps({"address": address, "pid": os.getpid()}) + "\n")
    fresh.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)

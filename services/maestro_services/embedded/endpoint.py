"""How others on this machine find the embedded platform: a lock and an endpoint file in its state directory."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maestro_services.runtime.settings import SettingsError


@contextmanager
def exclusive(state: Path) -> Iterator[None]:
    """Holds the state directory for this process; SettingsError if another one has it."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"another platform runs in {state}; use it, stop it, or choose another --state-directory"
            raise SettingsError(message) from None
        yield


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

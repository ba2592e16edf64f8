"""Shows where a hanging process hangs."""

from __future__ import annotations

import faulthandler
import os
import signal


def dump_stacks_on_signal(path: str) -> None:
    """Makes the last but one real-time signal write the stacks of all threads to `path`.

    It is written by the signal handler itself, so it works where no Python code runs any more.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    faulthandler.register(signal.SIGRTMAX - 1, file=descriptor, all_threads=True)

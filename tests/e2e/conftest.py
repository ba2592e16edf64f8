"""Real processes: the embedded platform as its users start it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class PlatformProcess:
    """An embedded platform in a process of its own."""

    process: subprocess.Popen[str]
    address: str
    state: Path

    @property
    def token(self) -> str:
        """The administrator's token."""
        return (self.state / "token").read_text().strip()

    def kill(self) -> None:
        """Ends it as a power failure would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@contextmanager
def platform_process(state: Path, *, workers: int = 1, port: int = 0) -> Iterator[PlatformProcess]:
    """Starts a platform on a state directory; ends it at the end of the block if it still runs."""
    command = [sys.executable, "-m", "maestro_services.embedded", "--state-directory", str(state)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAESTRO_")}
    with (state.parent / "platform.log").open("a") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--workers", str(workers)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert "answers on" in line, (state.parent / "platform.log").read_text()[-4000:]
            yield PlatformProcess(process, line.split()[-1], state)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(30)
            process.stdout.close()  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformProcess]:
    """A running platform with one worker, for the tests of a module that leave it whole."""
    with platform_process(tmp_path_factory.mktemp("platform") / "state") as running:
        yield running

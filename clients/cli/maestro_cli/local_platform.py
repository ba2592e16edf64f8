"""Finds the platform, or starts one on this machine for as long as a command needs it."""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import click
from maestro_client import Endpoint, Maestro, connect, default_state_directory, read_endpoint

from ._sharing import Use, another_starts, using
from .failures import Failure
from .options import Options

_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_PR_SET_PDEATHSIG = 1


@contextlib.asynccontextmanager
async def platform_for(options: Options) -> AsyncIterator[tuple[Maestro, bool]]:
    """Connect to the platform that was named, to the one that runs here, or to one started for the time being.

    Yields the connection, and whether the platform ends with the block.
    """
    state = Path(options.state_directory) if options.state_directory else default_state_directory()
    if options.address or os.environ.get("MAESTRO_REGISTRY"):
        async with connect(options.address, state_directory=state) as maestro:
            yield maestro, False
        return
    async with contextlib.AsyncExitStack() as stack:
        use = await stack.enter_async_context(using(state))
        endpoint = _running(state)
        temporary = endpoint is None
        if endpoint is None:
            endpoint = await stack.enter_async_context(started_platform(state, use))
        # An own token narrows what the command may do, on one's own platform too.
        token = os.environ.get("MAESTRO_TOKEN") or endpoint.token
        yield await stack.enter_async_context(connect(endpoint.address, token)), temporary


def _running(state: Path) -> Endpoint | None:
    """Return the endpoint of the platform that uses a state directory, if it really answers."""
    endpoint = read_endpoint(state)
    if endpoint is None:
        return None
    host, _, port = endpoint.address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return None
    return endpoint


@contextlib.asynccontextmanager
async def started_platform(state: Path, use: Use | None = None) -> AsyncIterator[Endpoint]:
    """Start a platform, wait until it serves, and end it with all its processes afterwards.

    With this command's `use` of the state directory, it stays until no other command uses it.
    """
    log = _log_of(state)
    if sys.stderr.isatty():
        click.secho("starting a platform for this command; `maestro up` keeps one running", dim=True, err=True)
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "maestro_services.embedded", "--port", "0", "--state-directory", str(state)),
            *("--log-level", "info"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stream,
            start_new_session=True,
            preexec_fn=_die_with(os.getpid()),
        )
    try:
        yield await _serving(process, state, log)
        if use and process.returncode is None:
            await use.alone()
    finally:
        await _end(process)


def _log_of(state: Path) -> Path:
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    return state / "platform.log"


async def _serving(process: asyncio.subprocess.Process, state: Path, log: Path) -> Endpoint:
    said = asyncio.create_task(process.stdout.readline() if process.stdout else process.wait())
    deadline = time.monotonic() + _START_SECONDS
    # A child that ends without a word may have met another command that was faster to start a platform.
    while time.monotonic() < deadline and (not said.done() or said.result() or another_starts(state)):
        endpoint = _running(state)
        if endpoint is not None and (said.done() or endpoint.pid != process.pid):
            return endpoint
        await asyncio.sleep(0.02)
    said.cancel()
    raise Failure(f"the platform did not start: {_last_line(log)}", f"read {log}")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _die_with(parent: int) -> Callable[[], None] | None:
    """Return what makes a child end when this process dies, however it dies; None where that cannot be had."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return prepare

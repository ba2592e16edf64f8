"""The parent's side: starts children, speaks frames with them, and ends them in any case."""

import asyncio
import contextlib
import json
import os
import signal
import struct
import sys
import sysconfig
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import maestro_services

PIECE_BYTES = 256 << 10
_MAX_HEADER_BYTES = 8 << 20
# Where a private certificate authority is; nothing else of the environment reaches a child.
_ENVIRONMENT = ("SSL_CERT_FILE", "SSL_CERT_DIR")
# An interpreter without `site` starts in half the time; it finds this distribution and its dependencies here.
_PATHS = os.pathsep.join((str(Path(next(iter(maestro_services.__path__))).parent), sysconfig.get_path("platlib")))
_BOOT = """import sys
module, paths = sys.argv[1:3]
sys.path += paths.split(":")
del sys.argv[1:3]
__import__(module, fromlist=["main"]).main()"""


class ChildLimitError(Exception):
    """The child reached a limit and is gone: `wall_seconds`, `cpu_seconds` or `memory_bytes`."""

    def __init__(self, limit: str) -> None:
        super().__init__(limit)
        self.limit = limit


class ChildCrashError(Exception):
    """The child is gone without a reason that it or the kernel gave."""


class Child:
    """A running child. Only the time spent waiting for it counts against its wall limit."""

    def __init__(self, process: asyncio.subprocess.Process, wall_seconds: float) -> None:
        self._process = process
        self._stdin = cast("asyncio.StreamWriter", process.stdin)
        self._stdout = cast("asyncio.StreamReader", process.stdout)
        self._seconds = wall_seconds

    async def send(self, header: Mapping[str, Any], data: bytes = b"") -> None:
        """Sends a frame."""
        encoded = json.dumps(header).encode()
        async with self._waiting():
            self._stdin.write(struct.pack(">II", len(encoded), len(data)) + encoded + data)
            await self._stdin.drain()

    async def receive(self) -> tuple[dict[str, Any], int]:
        """The header of the next frame, and how many bytes `pieces` has to read behind it."""
        async with self._waiting():
            header_size, data_size = struct.unpack(">II", await self._stdout.readexactly(8))
            if header_size > _MAX_HEADER_BYTES:
                raise ChildCrashError
            header: dict[str, Any] = json.loads(await self._stdout.readexactly(header_size))
        return header, data_size

    async def pieces(self, size: int) -> AsyncIterator[bytes]:
        """The bytes of a frame, piece by piece."""
        while size:
            async with self._waiting():
                piece = await self._stdout.readexactly(min(size, PIECE_BYTES))
            size -= len(piece)
            yield piece

    @contextlib.asynccontextmanager
    async def _waiting(self) -> AsyncIterator[None]:
        begin = time.monotonic()
        try:
            async with asyncio.timeout(self._seconds):
                yield
        except TimeoutError:
            raise ChildLimitError("wall_seconds") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await self._cause_of_death() from None
        finally:
            self._seconds -= time.monotonic() - begin

    async def _cause_of_death(self) -> Exception:
        code = await self._process.wait()
        if code in {-signal.SIGXCPU, -signal.SIGKILL}:
            return ChildLimitError("cpu_seconds")
        # A failed allocation in native code aborts.
        return ChildLimitError("memory_bytes") if code == -signal.SIGABRT else ChildCrashError(f"exit code {code}")

    async def end(self) -> None:
        """Ends the process, whatever it does, and takes in its exit code."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._stdin.close()
        # The loop tells of the exit only when the pipe is read to its end.
        while await self._stdout.read(PIECE_BYTES):
            pass
        await self._process.wait()


class Children:
    """Starts children, never more at once than `count`; the others wait for their turn."""

    def __init__(self, count: int) -> None:
        self._turns = asyncio.Semaphore(count)

    @contextlib.asynccontextmanager
    async def start(self, module: str, arguments: Sequence[str], wall_seconds: float) -> AsyncIterator[Child]:
        """A child that runs a module's `main` in an isolated interpreter, ended with the block."""
        async with self._turns:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-c", _BOOT, module, _PATHS, *arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd="/",
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                start_new_session=True,
            )
            child = Child(process, wall_seconds)
            try:
                yield child
            finally:
                await asyncio.shield(child.end())

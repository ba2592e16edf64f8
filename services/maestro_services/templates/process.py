"""Child processes that work on what is not trusted: frames in, frames out, and an end in any case.

A frame is two big-endian 32-bit lengths, a JSON header, and bytes.
"""

import asyncio
import contextlib
import json
import signal
import struct
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

PIECE_BYTES = 256 << 10
_MAX_HEADER_BYTES = 8 << 20


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
    async def start(self, script: Path, arguments: Sequence[str], wall_seconds: float) -> AsyncIterator[Child]:
        """A child that runs a script in an isolated interpreter with an empty environment, ended with the block."""
        async with self._turns:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(script), *arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd="/",
                env={},
                start_new_session=True,
            )
            child = Child(process, wall_seconds)
            try:
                yield child
            finally:
                await asyncio.shield(child.end())

"""The limits of an action."""

from __future__ import annotations

import asyncio
import time

from maestro.common.v1 import test_result_pb2
from maestro.execution.v1 import run_pb2

from maestro_services.worker.sandbox.process import SandboxedProcess

_DEFAULT_RUN_SECONDS = 3600.0
_DEFAULT_OUTPUT_BYTES = 1 << 30
_DUMP_SECONDS = 0.2

Cause = test_result_pb2.Cause


class Guard:
    """Ends the process of an action when a limit is exceeded or somebody cancels; the first cause is kept."""

    def __init__(self, limits: run_pb2.Limits) -> None:
        run_timeout = limits.run_timeout.ToTimedelta().total_seconds() or _DEFAULT_RUN_SECONDS
        self._idle_timeout = limits.idle_timeout.ToTimedelta().total_seconds()
        self._deadline = time.monotonic() + run_timeout
        self._output_left = limits.output_bytes or _DEFAULT_OUTPUT_BYTES
        self._last_sign = time.monotonic()
        self._stopped = asyncio.Event()
        self.cause: Cause.ValueType = test_result_pb2.CAUSE_UNSPECIFIED
        self.message = ""
        self._run_timeout = run_timeout

    def stop(self, cause: Cause.ValueType, message: str) -> None:
        """Ends the action for this cause, unless another came first."""
        if not self._stopped.is_set():
            self.cause, self.message = cause, message
            self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether the action must end."""
        return self._stopped.is_set()

    def progress(self) -> None:
        """A sign of life of the tests."""
        self._last_sign = time.monotonic()

    def spend(self, size: int) -> None:
        """Counts output."""
        self._output_left -= size
        if self._output_left < 0:
            self.stop(test_result_pb2.CAUSE_QUOTA, "it printed more than output_bytes allows")

    async def wait(self) -> None:
        """Waits until the action must end."""
        while not self.stopped:
            now = time.monotonic()
            if now >= self._deadline:
                self.stop(test_result_pb2.CAUSE_DEADLINE, f"it ran longer than run_timeout, {self._run_timeout:g} s")
            elif self._idle_timeout and now >= self._last_sign + self._idle_timeout:
                message = f"no test started or ended for idle_timeout, {self._idle_timeout:g} s"
                self.stop(test_result_pb2.CAUSE_DEADLINE, message)
            else:
                await self._sleep(now)

    async def _sleep(self, now: float) -> None:
        moment = self._deadline
        if self._idle_timeout:
            moment = min(moment, self._last_sign + self._idle_timeout)
        try:
            await asyncio.wait_for(self._stopped.wait(), moment - now)
        except TimeoutError:
            return

    async def enforce(self, process: SandboxedProcess, *, dumps_stacks: bool) -> None:
        """Ends the process when the action must end."""
        await self.wait()
        if dumps_stacks and self.cause == test_result_pb2.CAUSE_DEADLINE:
            process.dump_stacks()
            await asyncio.sleep(_DUMP_SECONDS)
        process.terminate()

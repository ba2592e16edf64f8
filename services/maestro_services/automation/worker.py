"""The loop that takes repairs forward, step by step."""

import asyncio
import dataclasses
from datetime import datetime, timedelta

import structlog
from maestro_client.errors import MaestroError

from maestro_services.automation.domain.repair import Refusal, Repair, State
from maestro_services.automation.settings import AutomationSettings
from maestro_services.automation.steps import Step, Steps
from maestro_services.automation.store import AutomationStore, Lease
from maestro_services.runtime.clock import Clock
from maestro_services.runtime.errors import ServiceError
from maestro_services.runtime.wakeups import first_of

_LOG = structlog.get_logger()
_LONGEST_SLEEP = timedelta(seconds=1)
_FIRST_PAUSE = timedelta(milliseconds=250)
_LONGEST_PAUSE = timedelta(seconds=30)


class RepairWorker:
    """Claims repairs whose step is due, takes it, and writes what it led to.

    Several may work on one store: a repair has one lease at a time, and only its newest holder can write.
    """

    def __init__(self, store: AutomationStore, steps: Steps, settings: AutomationSettings, clock: Clock) -> None:
        self._store = store
        self._steps = steps
        self._settings = settings
        self._clock = clock
        self._woken = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Says that a step may be due earlier than expected."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop; steps under way are finished."""
        try:
            while not stop.is_set():
                self._woken.clear()
                if not await self._claim():
                    await first_of(stop, self._woken, timeout=await self._sleep())
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks)

    async def _claim(self) -> bool:
        """Begins a step if one is due and there is room for it."""
        if len(self._tasks) >= self._settings.concurrent_repairs:
            return False
        lease = await self._store.claim(self._clock(), timedelta(seconds=self._settings.lease_seconds))
        if lease is None:
            return False
        task = asyncio.create_task(self._take(lease), name=lease.repair.name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return True

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.wake()
        if not task.cancelled() and task.exception() is not None:
            # The step's lease runs out and it is taken again.
            _LOG.error("step not written", repair=task.get_name(), exc_info=task.exception())

    async def _take(self, lease: Lease) -> None:
        step = await self._step(lease.repair)
        if not await self._store.save(lease, step.repair, step.due):
            _LOG.info("step overtaken", repair=lease.repair.name)
            async with self._store.database.read() as connection:
                current = await self._store.get(connection, lease.repair.name)
            await self._steps.abandon(step.repair, current)

    async def _step(self, repair: Repair) -> Step:
        try:
            return await self._steps.take(repair)
        except (MaestroError, ServiceError) as error:
            _LOG.warning("step failed", repair=repair.name, state=repair.state.name, error=str(error))
            return self._failed(repair, error)
        except Exception as error:  # noqa: BLE001 (one repair's trouble must not stop the others)
            _LOG.exception("step broke", repair=repair.name, state=repair.state.name)
            return self._failed(repair, error)

    def _failed(self, repair: Repair, error: Exception) -> Step:
        failures = repair.work.failures_in_row + 1
        now = self._clock()
        if repair.state is State.CANCELLED or repair.outcome is not None:
            return self._again(repair, failures, now) if failures < self._settings.max_failures else Step(repair, None)
        if failures < self._settings.max_failures:
            return self._again(repair, failures, now)
        message = f"{failures} attempts in a row failed, the last with: {error}"
        return Step(repair.ended(Refusal.ATTEMPTS_EXHAUSTED, message[:500], now), now)

    def _again(self, repair: Repair, failures: int, now: datetime) -> Step:
        work = dataclasses.replace(repair.work, failures_in_row=failures)
        pause = min(_FIRST_PAUSE * 2**failures, _LONGEST_PAUSE)
        return Step(dataclasses.replace(repair, work=work), now + pause)

    async def _sleep(self) -> float:
        if len(self._tasks) >= self._settings.concurrent_repairs:
            return _LONGEST_SLEEP.total_seconds()
        due = await self._store.next_due()
        wait = _LONGEST_SLEEP if due is None else min(max(due - self._clock(), timedelta()), _LONGEST_SLEEP)
        return max(wait.total_seconds(), 0.01)

"""The loop that follows the runs of monitored projects."""

import asyncio

import structlog
from maestro_client.errors import MaestroError

from maestro_services.automation.following import Follower, Means
from maestro_services.runtime.errors import ServiceError
from maestro_services.runtime.wakeups import first_of

_LOG = structlog.get_logger()
_LOOK = 1.0
_PAUSE = 2.0


class Monitoring:
    """Keeps one follower for each project whose monitoring is on."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._woken = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Says that a monitor was started or stopped."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Follows until told to stop."""
        try:
            while not stop.is_set():
                self._woken.clear()
                await self._adjust()
                await first_of(stop, self._woken, timeout=_LOOK)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _adjust(self) -> None:
        """Begins and ends followers as the store has it."""
        wanted = {monitor.project for monitor in await self._means.store.followed()}
        for project in [name for name, task in self._tasks.items() if name not in wanted or task.done()]:
            task = self._tasks.pop(project)
            if task.done() and not task.cancelled() and task.exception() is not None:
                _LOG.error("follower broke; starting another", project=project, exc_info=task.exception())
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for project in wanted - self._tasks.keys():
            self._tasks[project] = asyncio.create_task(self._keep(project), name=f"monitor {project}")

    async def _keep(self, project: str) -> None:
        follower = Follower(project, self._means)
        while True:
            try:
                await follower.follow()
            except (MaestroError, ServiceError) as error:
                _LOG.warning("monitor interrupted", project=project, error=str(error))
                await follower.record_trouble(str(error))
            await asyncio.sleep(_PAUSE)

"""What callers do to repairs and monitors, each in one transaction."""

from collections.abc import Callable
from datetime import datetime

from maestro.automation.v1 import automation_service_pb2 as pb
from maestro_client.errors import NotFound, Unavailable

from maestro_services.automation import convert
from maestro_services.automation.domain.monitor import Monitor
from maestro_services.automation.domain.repair import Budget, Creator, Repair, Trigger
from maestro_services.automation.intake import Intake, Request
from maestro_services.automation.store import AutomationStore
from maestro_services.runtime.clock import Clock
from maestro_services.runtime.context import current_call, name_resource
from maestro_services.runtime.errors import Reason, ServiceError, not_found
from maestro_services.runtime.idempotency import remember, replay, request_key
from maestro_services.runtime.principal import NOBODY

Wake = Callable[[], None]


class Healing:
    """Makes, cancels and completes repairs, and switches monitoring on and off."""

    def __init__(self, store: AutomationStore, intake: Intake, clock: Clock, wake: Wake) -> None:
        self._store = store
        self._intake = intake
        self._clock = clock
        self._wake = wake

    async def heal(self, request: pb.HealRunRequest) -> pb.HealRunResponse:
        """Makes a repair for a run, or answers the one that stands."""
        key = request_key(request)
        repair = await self._described(request)
        if request.validate_only:
            return pb.HealRunResponse(repair=convert.repair_message(repair))
        async with self._store.database.write() as transaction:
            kept = await replay(transaction, key)
            if kept is not None:
                return pb.HealRunResponse.FromString(kept)
            repair, _ = await self._store.create(transaction, repair, self._clock())
            name_resource(repair.name)
            response = pb.HealRunResponse(repair=convert.repair_message(repair))
            await remember(transaction, key, response.SerializeToString(), self._clock)
        self._wake()
        return response

    async def _described(self, request: pb.HealRunRequest) -> Repair:
        wanted = Request(
            Trigger.REQUEST, _caller(), convert.budget_of(request.budget), test_ids=tuple(request.test_ids)
        )
        try:
            return await self._intake.repair_for(request.name, wanted)
        except NotFound:
            raise not_found(request.name) from None
        except Unavailable as error:
            message = "execution does not answer; call again"
            raise ServiceError(Reason.DEPENDENCY_UNAVAILABLE, message, retry_after=1.0, service="execution") from error

    async def cancel(self, request: pb.CancelRepairRequest) -> pb.CancelRepairResponse:
        """Ends a repair; the run that it waits for is cancelled by the next step."""
        key = request_key(request)
        async with self._store.database.write() as transaction:
            kept = await replay(transaction, key)
            if kept is not None:
                return pb.CancelRepairResponse.FromString(kept)
            now = self._clock()
            repair = (await self._store.lock(transaction, request.name)).cancelled(request.reason, now)
            await self._store.replace(transaction, repair, _due(repair, now))
            response = pb.CancelRepairResponse(repair=convert.repair_message(repair))
            await remember(transaction, key, response.SerializeToString(), self._clock)
        self._wake()
        return response

    async def record_application(self, name: str, patch_sha256: str) -> Repair:
        """Marks a repair's patch as applied; a repeat changes nothing."""
        async with self._store.database.write() as transaction:
            before = await self._store.lock(transaction, name)
            repair = before.applied(patch_sha256, self._clock())
            if repair is not before:
                await self._store.replace(transaction, repair, None)
        return repair

    async def start_monitoring(self, project: str, budget: Budget | None) -> Monitor:
        """Switches a project's monitoring on."""
        async with self._store.database.write() as transaction:
            monitor = (await self._store.monitor(transaction.connection, project)).started(budget, self._clock())
            await self._store.put_monitor(transaction, monitor)
        self._wake()
        return monitor

    async def stop_monitoring(self, project: str) -> Monitor:
        """Switches a project's monitoring off."""
        async with self._store.database.write() as transaction:
            monitor = (await self._store.monitor(transaction.connection, project)).stopped(self._clock())
            await self._store.put_monitor(transaction, monitor)
        self._wake()
        return monitor


def _due(repair: Repair, now: datetime) -> datetime | None:
    return now if repair.work.pending_run else None


def _caller() -> Creator:
    call = current_call()
    principal = NOBODY if call is None else call.principal
    return Creator(int(principal.kind), principal.subject, principal.display_name)

"""AutomationService over gRPC: convert, call, convert."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from maestro.automation.v1 import automation_service_pb2 as pb
from maestro.automation.v1 import automation_service_pb2_grpc

from maestro_services.automation import convert
from maestro_services.automation.healing import Healing
from maestro_services.automation.listing import FIELDS
from maestro_services.automation.store import AutomationStore
from maestro_services.automation.watch import RepairWatch
from maestro_services.runtime.errors import Reason
from maestro_services.runtime.filters import compile_filter
from maestro_services.runtime.names import project_of
from maestro_services.runtime.pages import page_size
from maestro_services.runtime.tokens import OpaqueTokens

Context = grpc.aio.ServicerContext[Any, Any]


class AutomationServicer(automation_service_pb2_grpc.AutomationServiceServicer):
    """Answers AutomationService."""

    def __init__(
        self,
        healing: Healing,
        store: AutomationStore,
        watch: RepairWatch,
        tokens: OpaqueTokens,
        draining: asyncio.Event,
    ) -> None:
        self._healing = healing
        self._store = store
        self._watch = watch
        self._tokens = tokens
        self._draining = draining

    async def HealRun(self, request: pb.HealRunRequest, context: Context) -> pb.HealRunResponse:  # noqa: N802 (the contract's name)
        """Makes a repair for a failed run."""
        return await self._healing.heal(request)

    async def GetRepair(self, request: pb.GetRepairRequest, context: Context) -> pb.GetRepairResponse:  # noqa: N802
        """Gets a repair."""
        async with self._store.database.read() as connection:
            repair = await self._store.get(connection, request.name)
        return pb.GetRepairResponse(repair=convert.repair_message(repair))

    async def ListRepairs(self, request: pb.ListRepairsRequest, context: Context) -> pb.ListRepairsResponse:  # noqa: N802
        """Lists repairs, newest first."""
        scope = f"ListRepairs {request.parent} {request.filter}"
        size = page_size(request.page_size, 50, 200)
        condition = compile_filter(request.filter, FIELDS)
        before = None
        if request.page_token:
            before = int(self._tokens.open(scope, request.page_token, Reason.PAGE_TOKEN_INVALID)[0])
        found = await self._store.list_repairs(project_of(request.parent), condition, before, size + 1)
        more = self._tokens.seal(scope, found[size - 1].key) if len(found) > size else ""
        messages = [convert.repair_message(one.repair) for one in found[:size]]
        return pb.ListRepairsResponse(repairs=messages, next_page_token=more)

    async def WatchRepair(  # noqa: N802
        self, request: pb.WatchRepairRequest, context: Context
    ) -> AsyncIterator[pb.WatchRepairResponse]:
        """Follows a repair until automation has done what it can."""
        scope = f"WatchRepair {request.name}"
        after = None
        if request.resume_token:
            after = int(self._tokens.open(scope, request.resume_token, Reason.RESUME_TOKEN_INVALID)[0])
        async for sighting in self._watch.follow(request.name, after, self._draining):
            repair = None if sighting.repair is None else convert.repair_message(sighting.repair)
            yield pb.WatchRepairResponse(repair=repair, resume_token=self._tokens.seal(scope, sighting.position))

    async def CancelRepair(self, request: pb.CancelRepairRequest, context: Context) -> pb.CancelRepairResponse:  # noqa: N802
        """Cancels a repair, or rejects its patch."""
        return await self._healing.cancel(request)

    async def RecordApplication(  # noqa: N802
        self, request: pb.RecordApplicationRequest, context: Context
    ) -> pb.RecordApplicationResponse:
        """Records that a patch was applied."""
        repair = await self._healing.record_application(request.name, request.patch_sha256)
        return pb.RecordApplicationResponse(repair=convert.repair_message(repair))

    async def StartMonitoring(  # noqa: N802
        self, request: pb.StartMonitoringRequest, context: Context
    ) -> pb.StartMonitoringResponse:
        """Begins to follow a project's runs."""
        budget = convert.budget_of(request.budget) if request.HasField("budget") else None
        monitor = await self._healing.start_monitoring(project_of(request.name), budget)
        return pb.StartMonitoringResponse(monitor=convert.monitor_message(monitor))

    async def StopMonitoring(  # noqa: N802
        self, request: pb.StopMonitoringRequest, context: Context
    ) -> pb.StopMonitoringResponse:
        """Stops following a project's runs."""
        monitor = await self._healing.stop_monitoring(project_of(request.name))
        return pb.StopMonitoringResponse(monitor=convert.monitor_message(monitor))

    async def GetMonitor(self, request: pb.GetMonitorRequest, context: Context) -> pb.GetMonitorResponse:  # noqa: N802
        """Gets a project's monitor."""
        async with self._store.database.read() as connection:
            monitor = await self._store.monitor(connection, project_of(request.name))
        return pb.GetMonitorResponse(monitor=convert.monitor_message(monitor))

# ruff: noqa: ASYNC109 -- the time limit travels to the server, which a local one does not
"""Repairs and monitoring: the automation service."""

from collections.abc import AsyncIterator

import grpc.aio
from maestro.automation.v1 import automation_service_pb2
from maestro.automation.v1.automation_service_pb2_grpc import AutomationServiceStub

from ._calls import Calls

__all__ = ["AutomationClient"]


class AutomationClient:
    """Owns repairs: follows failed runs, diagnoses them, proposes edits of the code, and has execution prove them."""

    def __init__(self, calls: Calls, channel: grpc.aio.Channel) -> None:
        self._calls = calls
        self._stub = AutomationServiceStub(channel)

    async def heal_run(
        self, request: automation_service_pb2.HealRunRequest, *, timeout: float | None = None
    ) -> automation_service_pb2.HealRunResponse:
        """Make a repair for a failed run now, whether the project is monitored or not."""
        return await self._calls.unary(self._stub.HealRun, request, timeout)

    async def get_repair(
        self, request: automation_service_pb2.GetRepairRequest, *, timeout: float | None = None
    ) -> automation_service_pb2.GetRepairResponse:
        """Get a repair with its diagnosis, patch, evidence and history."""
        return await self._calls.unary(self._stub.GetRepair, request, timeout)

    async def list_repairs(
        self, request: automation_service_pb2.ListRepairsRequest, *, timeout: float | None = None
    ) -> automation_service_pb2.ListRepairsResponse:
        """List repairs of a project, newest first."""
        return await self._calls.unary(self._stub.ListRepairs, request, timeout)

    def watch_repair(
        self, request: automation_service_pb2.WatchRepairRequest, *, timeout: float | None = None
    ) -> AsyncIterator[automation_service_pb2.WatchRepairResponse]:
        """Stream one repair: as it is, then each of its changes, until automation has done what it can."""
        return self._calls.stream(self._stub.WatchRepair, request, timeout)

    async def cancel_repair(
        self, request: automation_service_pb2.CancelRepairRequest, *, timeout: float | None = None
    ) -> automation_service_pb2.CancelRepairResponse:
        """End a repair: cancel one that is under way, or reject the patch of one that waits for approval."""
        return await self._calls.unary(self._stub.CancelRepair, request, timeout)

    async def record_application(
        self, request: automation_service_pb2.RecordApplicationRequest, *, timeout: float | None = None
    ) -> automation_service_pb2.RecordApplicationResponse:
        """Record that the patch of a repair was applied to the user's files."""
        return await self._calls.unary(self._stub.RecordApplication, request, timeout)

    async def start_monitoring(
        self, request: automation_service_pb2.StartMonitoringRequest, *, timeout: float | None = None
    ) -> automation_service_pb2.StartMonitoringResponse:
        """Begin to follow the runs of a project: each one that fails from now on makes a repair."""
        return await self._calls.unary(self._stub.StartMonitoring, request, timeout)

    async def stop_monitoring(
        self, request: automation_service_pb2.StopMonitoringRequest, *, timeout: float | None = None
    ) -> automation_service_pb2.StopMonitoringResponse:
        """Stop following the runs of a project."""
        return await self._calls.unary(self._stub.StopMonitoring, request, timeout)

    async def get_monitor(
        self, request: automation_service_pb2.GetMonitorRequest, *, timeout: float | None = None
    ) -> automation_service_pb2.GetMonitorResponse:
        """Get the state of a project's monitor."""
        return await self._calls.unary(self._stub.GetMonitor, request, timeout)

# ruff: noqa: ASYNC109 -- the time limit travels to the server, which a local one does not
"""Runs, blobs, results and workers: the execution service."""

from collections.abc import AsyncIterable, AsyncIterator

import grpc.aio
from maestro.execution.v1 import artifact_service_pb2, execution_service_pb2, results_service_pb2, worker_service_pb2
from maestro.execution.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from maestro.execution.v1.execution_service_pb2_grpc import ExecutionServiceStub
from maestro.execution.v1.results_service_pb2_grpc import ResultsServiceStub
from maestro.execution.v1.worker_service_pb2_grpc import WorkerServiceStub

from ._calls import Calls

__all__ = ["ArtifactClient", "ExecutionClient", "ResultsClient", "WorkerClient"]


class ExecutionClient:
    """Owns runs: accepts them, has workers execute them, and tells what became of them."""

    def __init__(self, calls: Calls, channel: grpc.aio.Channel) -> None:
        self._calls = calls
        self._stub = ExecutionServiceStub(channel)

    async def create_run(
        self, request: execution_service_pb2.CreateRunRequest, *, timeout: float | None = None
    ) -> execution_service_pb2.CreateRunResponse:
        """Queue a run of a suite or command on an uploaded tree."""
        return await self._calls.unary(self._stub.CreateRun, request, timeout)

    async def get_run(
        self, request: execution_service_pb2.GetRunRequest, *, timeout: float | None = None
    ) -> execution_service_pb2.GetRunResponse:
        """Get a run."""
        return await self._calls.unary(self._stub.GetRun, request, timeout)

    async def list_runs(
        self, request: execution_service_pb2.ListRunsRequest, *, timeout: float | None = None
    ) -> execution_service_pb2.ListRunsResponse:
        """List runs of a project, newest first."""
        return await self._calls.unary(self._stub.ListRuns, request, timeout)

    async def cancel_run(
        self, request: execution_service_pb2.CancelRunRequest, *, timeout: float | None = None
    ) -> execution_service_pb2.CancelRunResponse:
        """Ask for the end of a run and of all its processes."""
        return await self._calls.unary(self._stub.CancelRun, request, timeout)

    def watch_run(
        self, request: execution_service_pb2.WatchRunRequest, *, timeout: float | None = None
    ) -> AsyncIterator[execution_service_pb2.WatchRunResponse]:
        """Stream one run: its changes, and its tests as they start and end, until it is finalized."""
        return self._calls.stream(self._stub.WatchRun, request, timeout)

    def watch_runs(
        self, request: execution_service_pb2.WatchRunsRequest, *, timeout: float | None = None
    ) -> AsyncIterator[execution_service_pb2.WatchRunsResponse]:
        """Stream the changes of all runs of a project, without end."""
        return self._calls.stream(self._stub.WatchRuns, request, timeout)


class ArtifactClient:
    """Owns content-addressed blobs: the files of the trees that runs read, and what runs produce."""

    def __init__(self, calls: Calls, channel: grpc.aio.Channel) -> None:
        self._calls = calls
        self._stub = ArtifactServiceStub(channel)

    async def find_missing_blobs(
        self, request: artifact_service_pb2.FindMissingBlobsRequest, *, timeout: float | None = None
    ) -> artifact_service_pb2.FindMissingBlobsResponse:
        """Tell which of the given blobs the project does not have."""
        return await self._calls.unary(self._stub.FindMissingBlobs, request, timeout)

    async def upload_blobs(
        self, requests: AsyncIterable[artifact_service_pb2.UploadBlobsRequest], *, timeout: float | None = None
    ) -> artifact_service_pb2.UploadBlobsResponse:
        """Store blobs sent as chunks."""
        return await self._calls.upload(self._stub.UploadBlobs, requests, timeout)

    def download_blob(
        self, request: artifact_service_pb2.DownloadBlobRequest, *, timeout: float | None = None
    ) -> AsyncIterator[artifact_service_pb2.DownloadBlobResponse]:
        """Stream a blob in chunks of at most 1 MiB, from an offset."""
        return self._calls.stream(self._stub.DownloadBlob, request, timeout)


class ResultsClient:
    """Owns what runs found out: test cases, actions, output, and reports in other tools' formats."""

    def __init__(self, calls: Calls, channel: grpc.aio.Channel) -> None:
        self._calls = calls
        self._stub = ResultsServiceStub(channel)

    async def get_test_case(
        self, request: results_service_pb2.GetTestCaseRequest, *, timeout: float | None = None
    ) -> results_service_pb2.GetTestCaseResponse:
        """Get a test case of a run."""
        return await self._calls.unary(self._stub.GetTestCase, request, timeout)

    async def list_test_cases(
        self, request: results_service_pb2.ListTestCasesRequest, *, timeout: float | None = None
    ) -> results_service_pb2.ListTestCasesResponse:
        """List the test cases of a run, in the order in which they became known."""
        return await self._calls.unary(self._stub.ListTestCases, request, timeout)

    async def list_actions(
        self, request: results_service_pb2.ListActionsRequest, *, timeout: float | None = None
    ) -> results_service_pb2.ListActionsResponse:
        """List the actions of a run: who worked on it, how often, how isolated, and what it used."""
        return await self._calls.unary(self._stub.ListActions, request, timeout)

    def read_log(
        self, request: results_service_pb2.ReadLogRequest, *, timeout: float | None = None
    ) -> AsyncIterator[results_service_pb2.ReadLogResponse]:
        """Stream what a run or one of its tests printed, byte for byte, from an offset."""
        return self._calls.stream(self._stub.ReadLog, request, timeout)

    def export_run(
        self, request: results_service_pb2.ExportRunRequest, *, timeout: float | None = None
    ) -> AsyncIterator[results_service_pb2.ExportRunResponse]:
        """Stream a finalized run as a document of another tool's format."""
        return self._calls.stream(self._stub.ExportRun, request, timeout)


class WorkerClient:
    """Owns the workers' side of runs: leases out work and takes in what happened."""

    def __init__(self, calls: Calls, channel: grpc.aio.Channel) -> None:
        self._calls = calls
        self._stub = WorkerServiceStub(channel)

    def work(
        self, requests: AsyncIterable[worker_service_pb2.WorkRequest], *, timeout: float | None = None
    ) -> AsyncIterator[worker_service_pb2.WorkResponse]:
        """Connect a worker for as long as it works."""
        return self._calls.converse(self._stub.Work, requests, timeout)

"""Servers that answer as a test wants, to see what the client makes of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from maestro.common.v1 import digest_pb2
from maestro.execution.v1 import artifact_service_pb2, execution_service_pb2, run_pb2
from maestro.execution.v1.artifact_service_pb2_grpc import ArtifactServiceServicer
from maestro.execution.v1.execution_service_pb2_grpc import ExecutionServiceServicer
from maestro_client.tree import digest_of

Context = grpc.aio.ServicerContext[Any, Any]


async def fail(context: Context, code: grpc.StatusCode, reason: str = "") -> None:
    """End the call with a code, and a reason as our services send it."""
    status = status_pb2.Status(code=code.value[0], message="no")
    if reason:
        detail = any_pb2.Any()
        detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="maestro.dev"))
        status.details.append(detail)
    await context.abort(code, "no", (("grpc-status-details-bin", status.SerializeToString()),))


class FakeExecution(ExecutionServiceServicer):
    """Answers GetRun and WatchRun with what the test scripted, and keeps the metadata it was sent."""

    def __init__(self) -> None:
        self.calls = 0
        self.metadata: list[dict[str, Any]] = []
        self.requests: list[Any] = []
        self.on_get: Callable[[int, Context], Awaitable[None]] | None = None
        self.on_watch: Callable[[int, Any, Context], AsyncIterator[Any]] | None = None

    def _note(self, request: Any, context: Context) -> None:
        self.calls += 1
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata() or ()))

    async def GetRun(self, request: Any, context: Context) -> Any:
        self._note(request, context)
        if self.on_get:
            await self.on_get(self.calls, context)
        return execution_service_pb2.GetRunResponse(run=run_pb2.Run(name=request.name))

    async def CreateRun(self, request: Any, context: Context) -> Any:
        self._note(request, context)
        if self.calls == 1:
            await fail(context, grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE")
        return execution_service_pb2.CreateRunResponse(run=request.run)

    async def ListRuns(self, request: Any, context: Context) -> Any:
        self._note(request, context)
        ids = ["abc1", "abc2", "b1"]
        start = int(request.page_token or 0)
        size = request.page_size or 2
        runs = [run_pb2.Run(name=f"{request.parent}/runs/{one}") for one in ids[start : start + size]]
        token = str(start + size) if start + size < len(ids) else ""
        return execution_service_pb2.ListRunsResponse(runs=runs, next_page_token=token)

    async def CancelRun(self, request: Any, context: Context) -> Any:
        self._note(request, context)
        await fail(context, grpc.StatusCode.FAILED_PRECONDITION, "STATE_INVALID")

    async def WatchRun(self, request: Any, context: Context) -> Any:
        self._note(request, context)
        assert self.on_watch
        async for message in self.on_watch(self.calls, request, context):
            yield message

    async def WatchRuns(self, request: Any, context: Context) -> Any:
        self._note(request, context)
        await fail(context, grpc.StatusCode.OUT_OF_RANGE, "RESUME_TOKEN_EXPIRED")
        yield execution_service_pb2.WatchRunsResponse()


class FakeArtifacts(ArtifactServiceServicer):
    """Keeps blobs in memory; breaks calls where the test says so."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.uploads = 0
        self.break_upload: set[int] = set()
        self.break_download_after: list[int] = []

    async def FindMissingBlobs(self, request: Any, context: Context) -> Any:
        missing = [digest for digest in request.digests if digest.sha256 not in self.blobs]
        return artifact_service_pb2.FindMissingBlobsResponse(missing_digests=missing)

    async def UploadBlobs(self, request_iterator: Any, context: Context) -> Any:
        self.uploads += 1
        current, data, count = digest_pb2.Digest(), b"", 0
        async for request in request_iterator:
            if request.HasField("digest"):
                current, data = request.digest, b""
            assert len(request.data) <= 1 << 20
            data += request.data
            if self.uploads in self.break_upload and count:
                await fail(context, grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE")
            if len(data) == current.size_bytes:
                assert digest_of(data) == current
                self.blobs[current.sha256] = data
                count += 1
        return artifact_service_pb2.UploadBlobsResponse(blob_count=count)

    async def DownloadBlob(self, request: Any, context: Context) -> Any:
        data = self.blobs[request.digest.sha256][request.offset :]
        if self.break_download_after:
            yield artifact_service_pb2.DownloadBlobResponse(data=data[: self.break_download_after.pop()])
            await fail(context, grpc.StatusCode.UNAVAILABLE)
        for start in range(0, len(data) or 1, 1 << 20):
            yield artifact_service_pb2.DownloadBlobResponse(data=data[start : start + (1 << 20)])

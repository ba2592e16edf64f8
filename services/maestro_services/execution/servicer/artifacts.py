# ruff: noqa: N802 -- methods have the contract's names
"""ArtifactService: blobs by their content."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
from maestro.execution.v1 import artifact_service_pb2 as pb
from maestro.execution.v1.artifact_service_pb2_grpc import ArtifactServiceServicer

from maestro_services.execution.blobs import BlobFiles
from maestro_services.execution.convert import blob_ref, digest
from maestro_services.execution.servicer.upload import Upload
from maestro_services.execution.store.blobs import BlobStore
from maestro_services.runtime.errors import invalid_field, not_found
from maestro_services.runtime.names import PROJECT

Context = grpc.aio.ServicerContext[Any, Any]


class ArtifactServicer(ArtifactServiceServicer):
    """Answers for the blobs of all projects."""

    def __init__(self, files: BlobFiles, blobs: BlobStore, max_blob_bytes: int) -> None:
        self._files = files
        self._blobs = blobs
        self._max_blob_bytes = max_blob_bytes

    async def FindMissingBlobs(
        self, request: pb.FindMissingBlobsRequest, context: Context
    ) -> pb.FindMissingBlobsResponse:
        """Those of the given blobs that the project does not have."""
        project = PROJECT.parse(request.parent, "parent")["project"]
        missing = await self._blobs.missing(project, [blob_ref(one) for one in request.digests])
        return pb.FindMissingBlobsResponse(missing_digests=[digest(blob) for blob in missing])

    async def UploadBlobs(
        self, request_iterator: AsyncIterator[pb.UploadBlobsRequest], context: Context
    ) -> pb.UploadBlobsResponse:
        """Stores what the stream carries."""
        first = await anext(request_iterator)
        project = PROJECT.parse(first.parent, "parent")["project"]
        upload = Upload(project, self._files, self._blobs, self._max_blob_bytes)
        await upload.receive(_with_first(first, request_iterator))
        return pb.UploadBlobsResponse(blob_count=upload.blob_count, size_bytes=upload.size_bytes)

    async def DownloadBlob(
        self, request: pb.DownloadBlobRequest, context: Context
    ) -> AsyncIterator[pb.DownloadBlobResponse]:
        """The bytes of a blob from an offset."""
        project = PROJECT.parse(request.parent, "parent")["project"]
        blob = blob_ref(request.digest)
        if await self._blobs.missing(project, [blob]):
            raise not_found(f"{request.parent}/blobs/{blob.sha256}")
        if request.offset > blob.size_bytes:
            raise invalid_field("offset", f"is beyond the end, {blob.size_bytes}")
        async for data in self._files.read(blob, request.offset):
            yield pb.DownloadBlobResponse(data=data)


async def _with_first(
    first: pb.UploadBlobsRequest, rest: AsyncIterator[pb.UploadBlobsRequest]
) -> AsyncIterator[pb.UploadBlobsRequest]:
    yield first
    async for request in rest:
        yield request

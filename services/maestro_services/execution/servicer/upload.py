"""The receiving side of an upload: a stream of chunks to verified, visible blobs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from maestro.execution.v1 import artifact_service_pb2

from maestro_services.execution.blobs import BlobFiles, BlobWriter
from maestro_services.execution.convert import blob_ref
from maestro_services.execution.domain.tree import BlobRef
from maestro_services.execution.servicer.commits import finished
from maestro_services.execution.store.blobs import BlobStore
from maestro_services.runtime.errors import Reason, ServiceError, invalid_field

# How many blobs become visible together.
_GRANTED_TOGETHER = 200
# How many blobs are made durable at a time: a disk flushes many for the price of one.
_COMMITTED_AT_ONCE = 16


class Upload:
    """One UploadBlobs call. What it has received whole is kept, however the call ends."""

    def __init__(self, project: str, files: BlobFiles, blobs: BlobStore, max_blob_bytes: int) -> None:
        self._project = project
        self._files = files
        self._blobs = blobs
        self._max_blob_bytes = max_blob_bytes
        self._stored: list[BlobRef] = []
        self._commits: set[asyncio.Task[None]] = set()
        self._error: ServiceError | None = None
        self.blob_count = 0
        self.size_bytes = 0

    async def receive(self, requests: AsyncIterator[artifact_service_pb2.UploadBlobsRequest]) -> None:
        """Takes every message of the call."""
        try:
            async for request in requests:
                if not request.HasField("digest"):
                    raise invalid_field("digest", "data comes before a digest")
                await self._receive_blob(self._begin(blob_ref(request.digest)), request.data, requests)
            await self._settle(below=1)
        finally:
            # A call that breaks is cancelled, often more than once, and this must still be done.
            await finished(self._keep())

    def _begin(self, blob: BlobRef) -> BlobRef:
        if blob.size_bytes > self._max_blob_bytes:
            limit = str(self._max_blob_bytes)
            message = f"a blob of {blob.size_bytes} bytes is larger than the limit of {limit}"
            raise ServiceError(Reason.LIMIT_EXCEEDED, message, limit="blob_bytes", value=limit)
        return blob

    async def _receive_blob(
        self, blob: BlobRef, data: bytes, requests: AsyncIterator[artifact_service_pb2.UploadBlobsRequest]
    ) -> None:
        async with AsyncExitStack() as unless_whole:
            writer = await unless_whole.enter_async_context(self._files.write(blob))
            await writer.add(data)
            while not writer.complete:
                request = await anext(requests, None)
                if request is None or request.HasField("digest"):
                    raise writer.mismatch("fewer bytes than stated")
                await writer.add(request.data)
            await self._settle(below=_COMMITTED_AT_ONCE)
            # From here on the commit cleans up.
            unless_whole.pop_all()
        self._commits.add(asyncio.create_task(self._commit(blob, writer)))

    async def _commit(self, blob: BlobRef, writer: BlobWriter) -> None:
        try:
            async with writer:
                await writer.commit()
        except ServiceError as error:
            self._error = self._error or error
            return
        self._stored.append(blob)
        self.blob_count += 1
        self.size_bytes += blob.size_bytes

    async def _settle(self, below: int) -> None:
        """Waits until fewer than so many commits are under way; raises what one of them met."""
        while len(self._commits) >= below:
            _done, self._commits = await asyncio.wait(self._commits, return_when=asyncio.FIRST_COMPLETED)
        if self._error is not None:
            raise self._error
        if len(self._stored) >= _GRANTED_TOGETHER:
            await self._grant()

    async def _keep(self) -> None:
        if self._commits:
            await asyncio.wait(self._commits)
        await self._grant()

    async def _grant(self) -> None:
        granted, self._stored = self._stored, []
        await self._blobs.grant(self._project, granted)

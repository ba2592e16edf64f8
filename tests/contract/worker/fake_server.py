"""A WorkerService that does what a test tells it to, and an artifact store in memory."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator

import grpc.aio
from maestro.common.v1 import digest_pb2
from maestro.execution.v1 import artifact_service_pb2, run_pb2, worker_service_pb2
from maestro.execution.v1.worker_service_pb2_grpc import WorkerServiceServicer, add_WorkerServiceServicer_to_server
from maestro_client.errors import NotFound


class FakeServer(WorkerServiceServicer):
    """Commits events as the real one does; cuts streams, keeps acknowledgements back, and takes leases away."""

    def __init__(self) -> None:
        self.hellos: list[worker_service_pb2.WorkerHello] = []
        self.heartbeats: list[list[str]] = []
        self.goodbyes = 0
        self.committed: dict[str, list[worker_service_pb2.ActionEvent]] = defaultdict(list)
        self.batches: list[int] = []
        self.known_leases: set[str] = set()
        self.acknowledges = True
        # Cut the stream when so many events have come on it.
        self.cuts: list[int] = []
        self.window = 500
        # What to refuse: a lease, and with it every batch of it.
        self.refused = ""
        self.refusals = 0
        self.answers: asyncio.Queue[worker_service_pb2.WorkResponse | None] = asyncio.Queue()
        self.progress = asyncio.Condition()

    async def Work(
        self,
        request_iterator: AsyncIterator[worker_service_pb2.WorkRequest],
        context: grpc.aio.ServicerContext,  # type: ignore[type-arg]
    ) -> AsyncIterator[worker_service_pb2.WorkResponse]:
        hello = (await anext(aiter(request_iterator))).hello
        self.hellos.append(hello)
        yield self._welcome(hello)
        cut_at = self.cuts.pop(0) if self.cuts else None
        reading = asyncio.create_task(self._read(request_iterator, cut_at, context))
        try:
            while True:
                answer = asyncio.create_task(self.answers.get())
                await asyncio.wait({answer, reading}, return_when=asyncio.FIRST_COMPLETED)
                if answer.done():
                    message = answer.result()
                    if message is None:
                        await context.abort(grpc.StatusCode.UNAVAILABLE, "cut")
                    yield message
                    continue
                answer.cancel()
                if reading.result():
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "cut")
                return
        finally:
            reading.cancel()

    def _welcome(self, hello: worker_service_pb2.WorkerHello) -> worker_service_pb2.WorkResponse:
        welcome = worker_service_pb2.WorkerWelcome(max_unacknowledged_count=self.window)
        welcome.heartbeat_period.FromMilliseconds(50)
        welcome.lease_ttl.FromSeconds(5)
        for lease in hello.held_leases:
            if lease in self.known_leases:
                welcome.resumed_leases.add(lease=lease, next_sequence=len(self.committed[lease]) + 1)
        return worker_service_pb2.WorkResponse(welcome=welcome)

    async def _read(
        self,
        requests: AsyncIterator[worker_service_pb2.WorkRequest],
        cut_at: int | None,
        context: grpc.aio.ServicerContext,  # type: ignore[type-arg]
    ) -> bool:
        received = 0
        async for request in requests:
            if request.HasField("events") and request.events.lease == self.refused:
                self.refusals += 1
                await self._notify()
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too large")
            if request.HasField("events"):
                received += len(request.events.events)
                self._commit(request.events)
            elif request.HasField("heartbeat"):
                self.heartbeats.append(list(request.heartbeat.leases))
            elif request.HasField("goodbye"):
                self.goodbyes += 1
            await self._notify()
            if cut_at is not None and received >= cut_at:
                return True
        return False

    async def _notify(self) -> None:
        async with self.progress:
            self.progress.notify_all()

    def _commit(self, batch: worker_service_pb2.EventBatch) -> None:
        self.batches.append(len(batch.events))
        assert batch.ByteSize() <= 4 << 20
        have = self.committed[batch.lease]
        assert batch.first_sequence <= len(have) + 1, "a gap"
        have += batch.events[len(have) + 1 - batch.first_sequence :]
        if self.acknowledges:
            self.acknowledge(batch.lease)

    def acknowledge(self, lease: str) -> None:
        acknowledgement = worker_service_pb2.EventAcknowledgement(lease=lease, sequence=len(self.committed[lease]))
        self.answers.put_nowait(worker_service_pb2.WorkResponse(acknowledgement=acknowledgement))

    def assign(self, lease: str, spec: run_pb2.RunSpec) -> None:
        self.known_leases.add(lease)
        action = f"projects/p/runs/r/actions/{lease}"
        assignment = worker_service_pb2.Assignment(lease=lease, action=action, spec=spec, attempt_number=1)
        self.answers.put_nowait(worker_service_pb2.WorkResponse(assignment=assignment))

    async def wait_for(self, condition: object) -> None:
        async with self.progress, asyncio.timeout(20):
            await self.progress.wait_for(condition)  # type: ignore[arg-type]

    def is_finished(self, lease: str) -> bool:
        return bool(self.committed[lease]) and self.committed[lease][-1].HasField("action_finished")


class FakeArtifacts:
    """Blobs in memory; says how often each was read."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.reads: list[str] = []

    def add(self, data: bytes) -> digest_pb2.Digest:
        digest = digest_pb2.Digest(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
        self.blobs[digest.sha256] = data
        return digest

    async def find_missing_blobs(
        self, request: artifact_service_pb2.FindMissingBlobsRequest, /
    ) -> artifact_service_pb2.FindMissingBlobsResponse:
        missing = [digest for digest in request.digests if digest.sha256 not in self.blobs]
        return artifact_service_pb2.FindMissingBlobsResponse(missing_digests=missing)

    async def upload_blobs(
        self, requests: AsyncIterator[artifact_service_pb2.UploadBlobsRequest], /
    ) -> artifact_service_pb2.UploadBlobsResponse:
        current = ""
        async for request in requests:
            current = request.digest.sha256 or current
            self.blobs[current] = self.blobs.get(current, b"") + request.data
        return artifact_service_pb2.UploadBlobsResponse()

    async def download_blob(
        self, request: artifact_service_pb2.DownloadBlobRequest, /
    ) -> AsyncIterator[artifact_service_pb2.DownloadBlobResponse]:
        self.reads.append(request.digest.sha256)
        if request.digest.sha256 not in self.blobs:
            raise NotFound(grpc.StatusCode.NOT_FOUND, "no such blob")
        yield artifact_service_pb2.DownloadBlobResponse(data=self.blobs[request.digest.sha256][request.offset :])


async def serve(servicer: FakeServer, port: int = 0) -> tuple[grpc.aio.Server, int]:
    server = grpc.aio.server()
    add_WorkerServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    return server, port

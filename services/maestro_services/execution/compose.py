"""The composition root of the execution service."""

import asyncio
from datetime import timedelta
from pathlib import Path

from maestro.execution.v1 import (
    artifact_service_pb2_grpc,
    execution_service_pb2_grpc,
    results_service_pb2_grpc,
    worker_service_pb2_grpc,
)

from maestro_services.execution.blobs import BlobFiles
from maestro_services.execution.convert import encode_run, encode_worker
from maestro_services.execution.expiry import LeaseExpiry
from maestro_services.execution.servicer.artifacts import ArtifactServicer
from maestro_services.execution.servicer.export import Export
from maestro_services.execution.servicer.logs import LogReader
from maestro_services.execution.servicer.once import Once
from maestro_services.execution.servicer.results import ResultsServicer
from maestro_services.execution.servicer.runs import ExecutionServicer
from maestro_services.execution.servicer.session import WorkStores, WorkTerms
from maestro_services.execution.servicer.trees import TreeCheck
from maestro_services.execution.servicer.watch import Watcher
from maestro_services.execution.servicer.workers import WorkerServicer
from maestro_services.execution.settings import ExecutionSettings
from maestro_services.execution.store.batches import BatchStore
from maestro_services.execution.store.blobs import BlobStore
from maestro_services.execution.store.leases import LeaseStore
from maestro_services.execution.store.results import ResultStore
from maestro_services.execution.store.runs import RunStore
from maestro_services.runtime.database import Database
from maestro_services.runtime.outbox import Outbox
from maestro_services.runtime.service import Endpoint, Platform, Service
from maestro_services.runtime.settings import load


async def compose(platform: Platform) -> Service:
    """The execution service from its settings."""
    return await compose_with(platform, load(ExecutionSettings, "execution"))


async def compose_with(platform: Platform, settings: ExecutionSettings) -> Service:
    """The execution service with given settings."""
    database = platform.database("execution")
    await database.open()
    files = BlobFiles(Path(settings.blob_directory or platform.state_directory / "blobs"))
    await asyncio.to_thread(files.sweep)
    stores = _work_stores(platform, settings, database, files)
    terms = WorkTerms(settings.lease_seconds, settings.heartbeat_seconds, settings.max_unacknowledged_events)
    workers = WorkerServicer(stores, terms, platform.draining)
    return Service(
        name="execution",
        endpoints=[
            *_run_endpoints(platform, settings, database, stores),
            Endpoint(
                ArtifactServicer(files, stores.blobs, settings.max_blob_bytes),
                artifact_service_pb2_grpc.add_ArtifactServiceServicer_to_server,
            ),
            Endpoint(workers, worker_service_pb2_grpc.add_WorkerServiceServicer_to_server),
        ],
        database=database,
        loops=[LeaseExpiry(stores.leases, settings.expiry_seconds)],
    )


def _work_stores(platform: Platform, settings: ExecutionSettings, database: Database, files: BlobFiles) -> WorkStores:
    lease_ttl = timedelta(seconds=settings.lease_seconds)
    return WorkStores(
        leases=LeaseStore(database, platform.clock, encode_run, encode_worker, lease_ttl),
        batches=BatchStore(database, platform.clock, encode_run, lease_ttl),
        results=ResultStore(database),
        blobs=BlobStore(database, platform.clock),
        files=files,
        wakeups=database.wakeups,
    )


def _run_endpoints(
    platform: Platform, settings: ExecutionSettings, database: Database, stores: WorkStores
) -> list[Endpoint]:
    runs = RunStore(database, platform.clock, encode_run, settings.max_queued_runs)
    alone = not database.shared or database.wakeups.distributed
    poll_seconds = settings.idle_seconds if alone else 1.0
    waiting = {"idle_seconds": settings.idle_seconds, "poll_seconds": poll_seconds}
    outbox = Outbox(database)
    watcher = Watcher(stores.results, outbox, database.wakeups, platform.tokens, drain=platform.draining, **waiting)
    logs = LogReader(runs, stores.results, database.wakeups, drain=platform.draining, **waiting)
    execution = ExecutionServicer(
        runs,
        TreeCheck(stores.files, stores.blobs),
        watcher,
        Once(database, platform.clock),
        tokens=platform.tokens,
        clock=platform.clock,
        default_attempts=settings.max_attempts,
    )
    results = ResultsServicer(runs, stores.results, logs, Export(stores.results, logs), platform.tokens)
    return [
        Endpoint(execution, execution_service_pb2_grpc.add_ExecutionServiceServicer_to_server),
        Endpoint(results, results_service_pb2_grpc.add_ResultsServiceServicer_to_server),
    ]

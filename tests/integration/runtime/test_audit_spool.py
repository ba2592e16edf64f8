"""The record of every change and refusal: it commits with the change, and reaches the audit service once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from maestro.audit.v1 import audit_service_pb2
from maestro.execution.v1 import artifact_service_pb2 as pb
from maestro.execution.v1 import worker_service_pb2
from maestro_client import Maestro, MaestroError, errors
from maestro_services.runtime import audit_spool
from maestro_services.runtime.audit_shipper import AuditShipper
from maestro_services.runtime.audit_spool import AuditRecord
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.tables import OUTBOX
from sqlalchemy import func, select

PARENT = "projects/shop"


async def upload(client: Maestro, parent: str = PARENT) -> None:
    async def pieces() -> AsyncIterator[pb.UploadBlobsRequest]:
        yield pb.UploadBlobsRequest(parent=parent)

    await client.artifacts.upload_blobs(pieces())


async def records(probe) -> list[AuditRecord]:
    async with probe.database.read() as connection:
        return [record for _sequence, record in await audit_spool.oldest(connection, 100)]


async def eventually(read: Callable[[], Awaitable[list[AuditRecord]]]) -> list[AuditRecord]:
    """What is read, once there is something."""
    for _ in range(250):
        if found := await read():
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("nothing came")


async def changes(probe) -> int:
    async with probe.database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(OUTBOX))).scalar_one())


@pytest.fixture
async def running(host, compose_probe):
    async with host(compose_probe) as running:
        yield running


@pytest.fixture
async def client_of(running) -> AsyncIterator[Callable[[str], Maestro]]:
    made: list[Maestro] = []

    def make(token: str) -> Maestro:
        made.append(Maestro(running.address, token=token))
        return made[-1]

    yield make
    for client in made:
        await client.close()


@pytest.fixture
def developer(client_of) -> Maestro:
    return client_of("shop-DEVELOPER")


async def test_a_change_and_its_record_commit_together_and_once(developer, probe):
    async def change_twice() -> None:
        for _ in range(2):
            async with probe.database.write() as transaction:
                await transaction.publish("t", "k", b"")

    probe.act = change_twice
    await upload(developer)
    (record,) = await records(probe)
    assert (record.method, record.permission) == (
        "/maestro.execution.v1.ArtifactService/UploadBlobs",
        "execution.blobs.upload",
    )
    assert (record.actor_subject, record.project, record.resource) == ("shop-DEVELOPER", "shop", PARENT)
    assert (record.code, record.reason) == ("OK", "")
    assert await changes(probe) == 2


async def test_a_change_that_is_rolled_back_is_recorded_as_the_refusal_it_became(developer, probe):
    async def change_and_refuse() -> None:
        async with probe.database.write() as transaction:
            await transaction.publish("t", "k", b"")
            raise ServiceError(Reason.LIMIT_EXCEEDED, "too many")

    probe.act = change_and_refuse
    with pytest.raises(errors.ResourceExhausted):
        await upload(developer)
    assert [(one.code, one.reason) for one in await records(probe)] == [("RESOURCE_EXHAUSTED", "LIMIT_EXCEEDED")]
    assert await changes(probe) == 0


async def test_a_call_that_writes_nothing_is_recorded_too(developer, probe):
    await upload(developer)
    assert [one.code for one in await records(probe)] == ["OK"]


async def test_refusals_are_recorded_with_their_reason(client_of, developer, probe):
    with pytest.raises(errors.PermissionDenied):
        await upload(client_of("bank-DEVELOPER"))
    (record,) = await records(probe)
    assert (record.code, record.reason) == ("PERMISSION_DENIED", "PERMISSION_DENIED")
    # A stranger writes into the mesh's own log, not into the tenant's that it has no right to.
    assert (record.actor_subject, record.project, record.resource) == ("bank-DEVELOPER", "", PARENT)


async def test_a_stranger_cannot_fill_the_record(client_of, probe):
    for token in ("", "wrong"):
        with pytest.raises(errors.Unauthenticated):
            await upload(client_of(token))
    assert await records(probe) == []


async def test_reads_are_not_recorded(developer, probe):
    await developer.artifacts.find_missing_blobs(pb.FindMissingBlobsRequest(parent=PARENT))
    assert await records(probe) == []


async def test_the_name_in_a_refused_request_is_kept_within_bounds(client_of, probe):
    with pytest.raises(errors.PermissionDenied):
        await upload(client_of("bank-ADMIN"), f"{PARENT}/{'x' * 100_000}")
    assert len((await records(probe))[0].resource) == 1000


async def test_a_stream_that_is_cut_is_recorded_as_cancelled(running, client_of, probe):
    entered = asyncio.Event()

    async def stay() -> None:
        entered.set()
        await asyncio.Event().wait()

    async def hello() -> AsyncIterator[worker_service_pb2.WorkRequest]:
        yield worker_service_pb2.WorkRequest(hello=worker_service_pb2.WorkerHello(worker_id="w", slot_count=1))
        await asyncio.Event().wait()

    async def work() -> None:
        async for _answer in client.workers.work(hello()):
            pass

    probe.act = stay
    client = client_of(running.platform.secret.token_for("worker-1"))
    working = asyncio.create_task(work())
    await asyncio.wait_for(entered.wait(), 5)
    await client.close()
    await asyncio.wait([working])
    spooled = await eventually(lambda: records(probe))
    assert [(one.code, one.actor_subject) for one in spooled] == [("CANCELLED", "worker-1")]


class AuditService:
    """Takes events, unless it is away."""

    def __init__(self) -> None:
        self.audit = self
        self.away = False
        self.refused = ""
        self.requests: list[audit_service_pb2.AppendEventsRequest] = []
        self._changed = asyncio.Condition()

    async def has(self, count: int) -> None:
        """Waits until so many events came."""
        async with self._changed:
            await self._changed.wait_for(lambda: sum(len(request.events) for request in self.requests) >= count)

    async def append_events(self, request: audit_service_pb2.AppendEventsRequest, **_options: Any) -> None:
        if self.away:
            raise MaestroError(grpc.StatusCode.UNAVAILABLE, "away")
        if any(event.idempotency_key == self.refused for event in request.events):
            raise errors.InvalidArgument(grpc.StatusCode.INVALID_ARGUMENT, "refused for good")
        self.requests.append(request)
        async with self._changed:
            self._changed.notify_all()


def record(event_id: str, project: str = "shop") -> AuditRecord:
    return AuditRecord(
        event_id=event_id,
        event_time="2026-01-01T00:00:00+00:00",
        method="/maestro.execution.v1.ExecutionService/CreateRun",
        permission="execution.runs.create",
        actor_kind=1,
        actor_subject="ann",
        project=project,
        resource=f"projects/{project}",
        request_id="r",
        code="NOT_FOUND",
        reason="RESOURCE_NOT_FOUND",
    )


@pytest.fixture
def shipping(database) -> SimpleNamespace:
    service = AuditService()
    return SimpleNamespace(service=service, database=database, shipper=AuditShipper("execution", database, service))


async def spool(database, *records_: AuditRecord) -> None:
    async with database.write() as transaction:
        for one in records_:
            await audit_spool.append(transaction.connection, one)


async def test_records_are_shipped_in_order_by_project_and_forgotten(shipping):
    await spool(shipping.database, record("1"), record("2", "bank"), record("3"), record("4", ""))
    assert await shipping.shipper.ship() == 4
    sent = {one.parent: [event.idempotency_key for event in one.events] for one in shipping.service.requests}
    assert sent == {"projects/shop": ["1", "3"], "projects/bank": ["2"], "projects/mesh": ["4"]}
    event = shipping.service.requests[-1].events[0]
    assert (event.kind, event.service, event.actor.subject) == ("execution.runs.create", "execution", "ann")
    assert (event.outcome.code, event.outcome.reason) == (5, "RESOURCE_NOT_FOUND")
    assert event.event_time.ToJsonString() == "2026-01-01T00:00:00Z"
    assert await shipping.shipper.ship() == 0


async def test_a_record_that_is_refused_for_good_is_named_and_holds_up_no_other(shipping):
    await spool(shipping.database, record("1"), record("2"), record("3"))
    shipping.service.refused = "2"
    assert await shipping.shipper.ship() == 3
    sent = [event for request in shipping.service.requests for event in request.events]
    assert [(event.kind, event.idempotency_key) for event in sent] == [
        ("execution.runs.create", "1"),
        ("audit.record.refused", "refused 2"),
        ("execution.runs.create", "3"),
    ]
    assert await shipping.shipper.ship() == 0


async def test_records_wait_while_the_audit_service_is_away(shipping):
    await spool(shipping.database, record("1"))
    shipping.service.away = True
    with pytest.raises(MaestroError):
        await shipping.shipper.ship()
    shipping.service.away = False
    assert await shipping.shipper.ship() == 1


async def test_a_record_that_commits_late_with_a_lower_number_is_not_forgotten(shipping, connect):
    """On PostgreSQL numbers are given before the commit; on SQLite writers take turns, and nothing overlaps."""
    if not shipping.database.shared:
        await spool(shipping.database, record("early"))
        await spool(shipping.database, record("late"))
    else:
        async with shipping.database.write() as transaction:
            await audit_spool.append(transaction.connection, record("early"))
            await spool(shipping.database, record("late"))
            await shipping.shipper.ship()
    await shipping.shipper.ship()
    shipped = {event.idempotency_key for request in shipping.service.requests for event in request.events}
    assert shipped == {"early", "late"}


async def test_the_loop_ships_until_it_is_stopped(shipping):
    stop = asyncio.Event()
    running = asyncio.create_task(shipping.shipper.run(stop))
    await spool(shipping.database, *(record(str(number)) for number in range(300)))
    await asyncio.wait_for(shipping.service.has(300), 10)
    stop.set()
    await asyncio.wait_for(running, 5)
    assert await shipping.shipper.ship() == 0

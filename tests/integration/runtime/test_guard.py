"""The guard over a real server: the same refusals for each of the four kinds of method."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from maestro.common.v1 import digest_pb2
from maestro.execution.v1 import artifact_service_pb2 as pb
from maestro.execution.v1 import artifact_service_pb2_grpc, worker_service_pb2
from maestro_client import Maestro, errors
from maestro_services.runtime import guard
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.runtime.server import Running, Server
from maestro_services.runtime.server_settings import ServerSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARENT = "projects/shop"
DIGEST = digest_pb2.Digest(sha256="0" * 64, size_bytes=1)
HELLO = worker_service_pb2.WorkRequest(hello=worker_service_pb2.WorkerHello(worker_id="w", slot_count=1))

Call = Callable[..., Awaitable[list[Any]]]


async def stream_of(*messages: Any) -> AsyncIterator[Any]:
    for message in messages:
        yield message


async def unary(client: Maestro, parent: str = PARENT, **options: Any) -> list[Any]:
    return [await client.artifacts.find_missing_blobs(pb.FindMissingBlobsRequest(parent=parent), **options)]


async def collect(client: Maestro, parent: str = PARENT, **options: Any) -> list[Any]:
    return [await client.artifacts.upload_blobs(stream_of(pb.UploadBlobsRequest(parent=parent)), **options)]


async def stream(client: Maestro, parent: str = PARENT, **options: Any) -> list[Any]:
    request = pb.DownloadBlobRequest(parent=parent, digest=DIGEST)
    return [one async for one in client.artifacts.download_blob(request, **options)]


async def converse(client: Maestro, parent: str = PARENT, **options: Any) -> list[Any]:
    return [one async for one in client.workers.work(stream_of(HELLO), **options)]


every_kind = pytest.mark.parametrize("call", [unary, collect, stream, converse])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(compose_probe, tmp_path_factory) -> AsyncIterator[Running]:
    """One server for all tests of this module."""
    settings = ServerSettings(state_directory=str(tmp_path_factory.mktemp("state")), grace_seconds=2.0)
    async with Server([compose_probe], settings).running() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def client_of(running) -> AsyncIterator[Callable[[str], Maestro]]:
    made: list[Maestro] = []

    def make(token: str) -> Maestro:
        made.append(Maestro(running.address, token=token))
        return made[-1]

    yield make
    for client in made:
        await client.close()


@pytest.fixture
def service(client_of, running) -> Maestro:
    return client_of(running.platform.secret.token_for("audit"))


@every_kind
async def test_a_call_is_served_as_who_its_token_stands_for(call: Call, service, probe):
    assert await call(service)
    assert [one.principal.subject for one in probe.calls] == ["audit"]


@every_kind
async def test_a_call_without_a_token_is_not_served(call: Call, client_of, probe):
    with pytest.raises(errors.Unauthenticated) as caught:
        await call(client_of(""))
    assert caught.value.reason == "TOKEN_MISSING"
    assert probe.calls == []


@every_kind
@pytest.mark.parametrize("token", ["wrong", "mat_0_0", "mst_audit_" + "0" * 64])
async def test_a_wrong_token_is_refused_without_a_word_more(call: Call, client_of, probe, token):
    with pytest.raises(errors.Unauthenticated) as caught:
        await call(client_of(token))
    assert caught.value.reason == "TOKEN_INVALID"
    assert caught.value.metadata == {}
    assert probe.calls == []


@every_kind
async def test_a_token_of_another_project_may_not_even_learn_whether_there_is_something(call, client_of, probe):
    with pytest.raises(errors.PermissionDenied) as caught:
        await call(client_of("bank-ADMIN"))
    assert caught.value.reason == "PERMISSION_DENIED"
    assert caught.value.metadata["permission"].startswith("execution.")
    assert probe.calls == []


async def test_a_role_reaches_as_far_as_the_contract_says(client_of, probe):
    viewer, developer = client_of("shop-VIEWER"), client_of("shop-DEVELOPER")
    await unary(viewer)
    await stream(viewer)
    with pytest.raises(errors.PermissionDenied):
        await collect(viewer)
    await collect(developer)
    with pytest.raises(errors.PermissionDenied):
        await converse(client_of("shop-ADMIN"))


@pytest.mark.parametrize("parent", ["", "projects/UPPER", "projects/-", "shop", "projects/shop\n"])
async def test_a_malformed_tenant_is_nobodys(client_of, parent):
    with pytest.raises(errors.PermissionDenied):
        await unary(client_of("shop-ADMIN"), parent)


@pytest.mark.parametrize("call", [unary, stream])
async def test_a_field_that_breaks_its_rule_is_named(call: Call, service, probe):
    with pytest.raises(errors.InvalidArgument) as caught:
        await call(service, "projects/UPPER")
    assert caught.value.reason == "FIELD_INVALID"
    assert caught.value.metadata == {"field": "parent"}
    assert [violation.subject for violation in caught.value.violations] == ["parent"]
    assert probe.calls == []


async def test_every_message_of_a_stream_keeps_the_rules(service, probe):
    first = pb.UploadBlobsRequest(parent=PARENT)
    broken = pb.UploadBlobsRequest(data=bytes(1024 * 1024 + 1))
    with pytest.raises(errors.InvalidArgument) as caught:
        await service.artifacts.upload_blobs(stream_of(first, broken))
    assert caught.value.violations[0].subject == "data"
    wrong = worker_service_pb2.WorkRequest(hello=worker_service_pb2.WorkerHello(worker_id="W", slot_count=99))
    for messages in ((wrong,), (HELLO, wrong)):
        with pytest.raises(errors.InvalidArgument) as caught:
            _ = [one async for one in service.workers.work(stream_of(*messages))]
        assert {one.subject for one in caught.value.violations} == {"hello.worker_id", "hello.slot_count"}


async def test_a_stream_that_ends_before_it_begins_is_refused(service):
    for call in (service.artifacts.upload_blobs(stream_of()), anext(service.workers.work(stream_of()))):
        with pytest.raises(errors.InvalidArgument) as caught:
            await call
        assert caught.value.reason == "HELLO_EXPECTED"


@every_kind
async def test_a_refusal_of_the_service_arrives_with_reason_and_metadata(call: Call, service, probe):
    async def refuse() -> None:
        raise ServiceError(Reason.LIMIT_EXCEEDED, "too many", retry_after=1.5, limit="runs", value="9")

    probe.act = refuse
    with pytest.raises(errors.ResourceExhausted) as caught:
        await call(service)
    assert caught.value.reason == "LIMIT_EXCEEDED"
    assert caught.value.metadata == {"limit": "runs", "value": "9"}
    assert caught.value.retry_after == 1.5


@every_kind
@pytest.mark.parametrize("kind", [RuntimeError, TimeoutError, StopAsyncIteration, KeyError])
async def test_an_unknown_exception_answers_its_request_id_and_not_its_text(call: Call, service, probe, kind):
    async def fail() -> None:
        raise kind("the password is 1234")

    probe.act = fail
    with pytest.raises(errors.Internal) as caught:
        await call(service)
    assert caught.value.message == "internal error"
    assert caught.value.metadata == {"request_id": caught.value.request_id}
    assert "1234" not in repr(vars(caught.value))
    probe.act = Awaited().done
    await call(service)


class Awaited:
    """Stays in a call until it is let go or cut off."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.release = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def done(self) -> None:
        """Does nothing."""

    async def stay(self) -> None:
        self.entered.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


@every_kind
async def test_a_call_whose_time_is_up_ends_on_both_sides(call: Call, service, probe):
    wait = Awaited()
    probe.act = wait.stay
    with pytest.raises(errors.DeadlineExceeded):
        await call(service, timeout=0.7)
    await asyncio.wait_for(wait.cancelled.wait(), 5)
    assert probe.calls[0].remaining() < 0.7


@every_kind
async def test_a_call_that_is_cancelled_ends_on_both_sides(call: Call, service, probe):
    wait = Awaited()
    probe.act = wait.stay
    calling = asyncio.create_task(call(service))
    await asyncio.wait_for(wait.entered.wait(), 5)
    calling.cancel()
    await asyncio.wait([calling])
    await asyncio.wait_for(wait.cancelled.wait(), 5)


@pytest.mark.parametrize("call", [stream, converse])
async def test_a_stream_that_is_cut_lets_its_method_clean_up(call: Call, running, probe, client_of):
    wait = Awaited()
    probe.act = wait.stay
    client = client_of(running.platform.secret.token_for("audit"))
    calling = asyncio.create_task(call(client))
    await asyncio.wait_for(wait.entered.wait(), 5)
    await client.close()
    await asyncio.wait_for(probe.ended.wait(), 5)
    await asyncio.wait([calling])


async def test_a_unary_call_without_a_deadline_is_given_one(running, probe, monkeypatch):
    monkeypatch.setattr(guard, "UNARY_DEADLINE", 0.2)
    probe.act = Awaited().stay
    token = running.platform.secret.token_for("audit")
    async with grpc.aio.insecure_channel(running.address) as channel:
        stub = artifact_service_pb2_grpc.ArtifactServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.FindMissingBlobs(
                pb.FindMissingBlobsRequest(parent=PARENT), metadata=(("authorization", f"Bearer {token}"),)
            )
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_message_beyond_the_limit_is_refused_with_the_limit(service, probe):
    many = pb.FindMissingBlobsRequest(parent=PARENT, digests=[digest_pb2.Digest(sha256="x" * 5_000_000)])
    large = pb.UploadBlobsRequest(parent=PARENT, data=bytes(5_000_000))
    for call in (service.artifacts.find_missing_blobs(many), service.artifacts.upload_blobs(stream_of(large))):
        with pytest.raises(errors.ResourceExhausted) as caught:
            await call
        assert str(4 * 1024 * 1024) in caught.value.message
    assert probe.calls == []
    await unary(service)


async def test_the_callers_request_id_is_kept_and_bounded(running, probe):
    token = running.platform.secret.token_for("audit")
    async with grpc.aio.insecure_channel(running.address) as channel:
        stub = artifact_service_pb2_grpc.ArtifactServiceStub(channel)
        for given in ("abc", "x" * 100):
            metadata = (("authorization", f"Bearer {token}"), ("x-request-id", given))
            await stub.FindMissingBlobs(pb.FindMissingBlobsRequest(parent=PARENT), metadata=metadata)
    assert [call.request_id for call in probe.calls] == ["abc", "x" * 64]


async def test_health_is_told_to_anybody_and_watched(running):
    async with grpc.aio.insecure_channel(running.address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for name in ("", "maestro.execution.v1.ArtifactService", "maestro.execution.v1.WorkerService"):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        watching = stub.Watch(health_pb2.HealthCheckRequest())
        assert (await watching.read()).status == health_pb2.HealthCheckResponse.SERVING
        watching.cancel()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Check(health_pb2.HealthCheckRequest(service="none"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_reflection_lists_the_services_to_whoever_is_known(running):
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async with grpc.aio.insecure_channel(running.address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            _ = [one async for one in stub.ServerReflectionInfo(stream_of(request))]
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        metadata = (("authorization", "Bearer shop-VIEWER"),)
        answers = [one async for one in stub.ServerReflectionInfo(stream_of(request), metadata=metadata)]
    names = {service.name for service in answers[0].list_services_response.service}
    assert {"maestro.execution.v1.ArtifactService", "grpc.health.v1.Health"} <= names


async def test_a_method_that_there_is_not_is_unimplemented(service):
    from maestro.registry.v1 import registry_service_pb2

    with pytest.raises(errors.Unimplemented):
        await service.registry.list_instances(registry_service_pb2.ListInstancesRequest(parent="services/-"))

"""A server: what it starts with, what it refuses to start with, and how it ends."""

import asyncio
import contextlib
import dataclasses

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from maestro.execution.v1 import artifact_service_pb2 as pb
from maestro.registry.v1 import registry_service_pb2, token_pb2, token_service_pb2
from maestro_client import Maestro, errors
from maestro_services.registry.compose import compose as compose_registry
from maestro_services.runtime.service import Compose, Platform, Service
from maestro_services.runtime.settings import SettingsError


def without_tokens(compose: Compose) -> Compose:
    """The same service, which does not own the tokens."""

    async def composed(platform: Platform) -> Service:
        return dataclasses.replace(await compose(platform), authenticator=None)

    return composed


FIND = pb.FindMissingBlobsRequest(parent="projects/shop")


@contextlib.asynccontextmanager
async def client(running, token: str | None = None):
    async with Maestro(running.address, token=token or running.token) as client:
        yield client


async def start(host, *composes, **settings) -> None:
    async with host(*composes, **settings):
        pass


async def test_the_administrators_token_is_in_the_state_directory_for_its_owner_alone(host, compose_probe, tmp_path):
    async with host(compose_probe) as running:
        file = tmp_path / "state" / "token"
        assert file.read_text().strip() == running.token
        assert file.stat().st_mode & 0o777 == 0o600
        async with client(running) as administrator:
            await administrator.artifacts.find_missing_blobs(FIND)


async def test_a_restart_keeps_token_and_data(host, compose_probe, probe):
    async with host(compose_probe) as running:
        first = running.token
        async with probe.database.write() as transaction:
            await transaction.publish("t", "k", b"kept")
    async with host(compose_probe) as running:
        assert running.token == first
        async with probe.database.read() as connection:
            assert (await connection.exec_driver_sql("SELECT payload FROM outbox")).scalar_one() == b"kept"


async def test_a_port_that_is_taken_ends_the_start_with_a_sentence(host, compose_probe):
    async with host(compose_probe) as running:
        with pytest.raises(SettingsError, match=f"cannot listen on server.address {running.address}"):
            await start(host, compose_probe, address=running.address)


async def test_a_service_that_cannot_be_composed_ends_the_start_and_closes_the_others(host):
    closed = asyncio.Event()

    async def first(platform) -> Service:
        await platform.database("registry").open()

        async def close() -> None:
            closed.set()

        return Service("first", [], close=close)

    async def second(platform) -> Service:
        raise SettingsError("registry.nothing is not a setting")

    with pytest.raises(SettingsError, match=r"registry\.nothing"):
        await start(host, first, second)
    assert closed.is_set()


async def test_calls_that_run_finish_before_the_server_ends(host, compose_probe, probe):
    entered, release = asyncio.Event(), asyncio.Event()

    async def stay() -> None:
        entered.set()
        await release.wait()

    probe.act = stay
    async with contextlib.AsyncExitStack() as stack:
        running = await stack.enter_async_context(host(compose_probe))
        administrator = Maestro(running.address, token=running.token)
        calling = asyncio.create_task(administrator.artifacts.find_missing_blobs(FIND))
        await entered.wait()
        asyncio.get_running_loop().call_later(0.3, release.set)
    await calling
    await administrator.close()


async def test_health_turns_before_the_server_ends(host, compose_probe):
    async with contextlib.AsyncExitStack() as channels, contextlib.AsyncExitStack() as servers:
        running = await servers.enter_async_context(host(compose_probe))
        channel = await channels.enter_async_context(grpc.aio.insecure_channel(running.address))
        watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watching.read()).status == health_pb2.HealthCheckResponse.SERVING
        closing = asyncio.create_task(servers.aclose())
        turned = await asyncio.wait_for(watching.read(), 5)
        assert turned.status == health_pb2.HealthCheckResponse.NOT_SERVING
        watching.cancel()
        await closing


async def test_services_register_with_the_registry_and_are_gone_after_their_end(host, compose_probe, tmp_path):
    async with host(compose_registry) as registry, client(registry) as administrator:
        secret = str(tmp_path / "state" / "mesh-secret")
        request = registry_service_pb2.WatchInstancesRequest(parent="services/probe")
        updates = administrator.registry.watch_instances(request)
        assert not (await anext(updates)).snapshot.instances
        settings = {
            "state_directory": str(tmp_path / "other"),
            "mesh_secret_file": secret,
            "registry_address": registry.address,
        }
        async with host(compose_probe, **settings) as running:
            came = (await anext(updates)).instance
            assert came.address == running.address
        assert (await anext(updates)).removed_name == came.name


async def test_a_process_registers_again_after_the_registry_was_away(host, compose_probe, tmp_path):
    async with contextlib.AsyncExitStack() as stack:
        registry = await stack.enter_async_context(host(compose_registry))
        settings = {
            "state_directory": str(tmp_path / "other"),
            "mesh_secret_file": str(tmp_path / "state" / "mesh-secret"),
            "registry_address": registry.address,
        }
        async with host(compose_probe, **settings):
            await stack.aclose()
            async with host(compose_registry, address=registry.address) as again, client(again) as administrator:
                request = registry_service_pb2.WatchInstancesRequest(parent="services/probe")
                async for update in administrator.registry.watch_instances(request):
                    if update.snapshot.instances or update.HasField("instance"):
                        break


async def test_a_token_of_the_registry_opens_the_other_services_until_it_is_revoked(host, compose_probe, tmp_path):
    async with host(compose_registry) as registry, client(registry) as administrator:
        settings = {
            "state_directory": str(tmp_path / "other"),
            "mesh_secret_file": str(tmp_path / "state" / "mesh-secret"),
            "registry_address": registry.address,
        }
        order = token_service_pb2.CreateTokenRequest(
            parent="projects/shop", token=token_pb2.Token(display_name="ci", role=10)
        )
        created = await administrator.tokens.create_token(order)
        async with host(without_tokens(compose_probe), **settings) as running:
            async with client(running, created.secret) as holder:
                await holder.artifacts.find_missing_blobs(FIND)
            await administrator.tokens.revoke_token(token_service_pb2.RevokeTokenRequest(name=created.token.name))
        async with host(without_tokens(compose_probe), **settings) as running, client(running, created.secret) as gone:
            with pytest.raises(errors.Unauthenticated):
                await gone.artifacts.find_missing_blobs(FIND)

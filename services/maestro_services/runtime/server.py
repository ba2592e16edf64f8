"""The server that hosts services: one of them when deployed, all five when embedded."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from maestro.registry.v1 import instance_pb2
from maestro_client import Maestro
from opentelemetry.instrumentation.grpc import aio_server_interceptor, filters

from maestro_services.runtime.audit_shipper import AuditShipper
from maestro_services.runtime.authentication import Authenticator, FirstOf, LocalToken, MeshSecret
from maestro_services.runtime.clock import utc_now
from maestro_services.runtime.contract import check_contract
from maestro_services.runtime.database import Database
from maestro_services.runtime.guard import Guard
from maestro_services.runtime.housekeeping import Housekeeping
from maestro_services.runtime.ids import new_id
from maestro_services.runtime.registration import Registration
from maestro_services.runtime.remote_tokens import RemoteTokens
from maestro_services.runtime.server_settings import ServerSettings
from maestro_services.runtime.service import Compose, Loop, Platform, Service
from maestro_services.runtime.settings import SettingsError
from maestro_services.runtime.supervision import Supervisor
from maestro_services.runtime.tokens import OpaqueTokens
from maestro_services.runtime.wakeups import Wakeups

_LOG = structlog.get_logger()
_OPTIONS = (
    # Two servers on one port would silently share its calls.
    ("grpc.so_reuseport", 0),
    ("grpc.max_concurrent_streams", 10_000),
    # The server notices a frozen peer, and its callers may ping as often as they do.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
)


@dataclass(frozen=True)
class Running:
    """A server that serves: its address, and the administrator's token if it has one."""

    address: str
    token: str
    platform: Platform
    services: Sequence[Service]


class Server:
    """Composes services and hosts them within `running()`."""

    def __init__(self, composes: Sequence[Compose], settings: ServerSettings) -> None:
        self._composes = composes
        self._settings = settings
        self._state = settings.state()
        self._state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._secret = MeshSecret(settings.mesh_secret(self._state).encode())
        self._clients: dict[str, Maestro] = {}
        self._wakeups: dict[str, Wakeups] = {}
        self._databases: list[Database] = []
        self._address = ""
        self._health = health.aio.HealthServicer()
        self._supervisor = Supervisor()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Running]:
        """Serves from the moment the block is entered; drains when it is left."""
        token = self._settings.administrator_token(self._state)
        platform = self._platform()
        services = await self._compose(platform)
        server = self._server(services, self._authenticator(services, token))
        try:
            self._address = await self._listen(server)
            await self._begin(services, platform)
            yield Running(self._address, token, platform, services)
        finally:
            await self._end(server, services, platform)

    async def _compose(self, platform: Platform) -> list[Service]:
        services: list[Service] = []
        try:
            for compose in self._composes:
                services.append(await compose(platform))  # noqa: PERF401 (what was composed is closed on a failure)
        except BaseException:
            await self._close(services)
            raise
        return services

    def _platform(self) -> Platform:
        return Platform(
            state_directory=self._state,
            database=self._database,
            wakeups=self._wakeups_of,
            secret=self._secret,
            tokens=OpaqueTokens(self._secret.derive("opaque tokens")),
            client=self._client,
            address=self._mesh_address,
            draining=asyncio.Event(),
            clock=utc_now,
        )

    def _database(self, service: str) -> Database:
        url = self._settings.database(self._state, service)
        database = Database(url, service=service, wakeups=self._wakeups_of(service))
        self._databases.append(database)
        return database

    def _wakeups_of(self, service: str) -> Wakeups:
        if service not in self._wakeups:
            self._wakeups[service] = self._settings.wakeups(service)
        return self._wakeups[service]

    def _mesh_address(self) -> str:
        return self._settings.registry_address or self._address

    def _client(self, subject: str) -> Maestro:
        if subject not in self._clients:
            self._clients[subject] = Maestro(
                self._mesh_address(),
                token=self._secret.token_for(subject),
                credentials=self._settings.channel_credentials(),
                discover=bool(self._settings.registry_address),
            )
        return self._clients[subject]

    def _authenticator(self, services: Sequence[Service], token: str) -> Authenticator:
        local = [LocalToken(token)] if token else []
        owned = [service.authenticator for service in services if service.authenticator is not None]
        remote = RemoteTokens(lambda: self._client(services[0].name))
        return FirstOf(self._secret, *local, *(owned or [remote]))

    def _server(self, services: Sequence[Service], authenticator: Authenticator) -> grpc.aio.Server:
        owners = {endpoint.full_name: service for service in services for endpoint in service.endpoints}

        def database_of(method: str) -> Database | None:
            service = owners.get(method[1:].rpartition("/")[0])
            return service.database if service else None

        # Health checks are no work worth a trace, and their Watch is no generator, as tracing wants it.
        tracing = aio_server_interceptor(filter_=filters.negate(filters.health_check()))
        interceptors = [tracing, Guard(authenticator, database_of)]
        options = (*_OPTIONS, ("grpc.max_receive_message_length", self._settings.max_message_bytes))
        server = grpc.aio.server(interceptors=interceptors, options=options)
        for service in services:
            for endpoint in service.endpoints:
                check_contract(endpoint.full_name)
                endpoint.add_to_server(endpoint.servicer, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((*owners, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        return server

    async def _listen(self, server: grpc.aio.Server) -> str:
        address = self._settings.address
        credentials = self._settings.server_credentials()
        try:
            port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
        except RuntimeError as error:
            raise SettingsError(f"cannot listen on server.address {address}: is another server there?") from error
        await server.start()
        return f"{address.rpartition(':')[0]}:{port}"

    async def _begin(self, services: Sequence[Service], platform: Platform) -> None:
        serving = health_pb2.HealthCheckResponse.SERVING
        for name in ["", *(endpoint.full_name for service in services for endpoint in service.endpoints)]:
            await self._health.set(name, serving)
        for service in services:
            await self._client(service.name).__aenter__()
        for service in services:
            self._supervisor.start([*service.loops, *self._common_loops(service, platform)])
        _LOG.info("serving", address=self._address, services=[service.name for service in services])

    def _common_loops(self, service: Service, platform: Platform) -> list[Loop]:
        """The loops that every service has: its lease, its audit records, its upkeep."""
        host = socket.gethostname().partition(".")[0].lower()[:40]
        instance = instance_pb2.Instance(
            name=f"services/{service.name}/instances/{host}-{new_id()}",
            address=self._settings.advertised_address or self._address,
            state=instance_pb2.Instance.STATE_READY,
            version=version("maestro-mesh"),
            labels={"pid": str(os.getpid())},
        )
        client = platform.client(service.name)
        loops: list[Loop] = [Registration(client, instance)]
        if service.database is not None:
            loops += [AuditShipper(service.name, service.database, client), Housekeeping(service.database)]
        wakeups = platform.wakeups(service.name)
        return [*loops, wakeups] if isinstance(wakeups, Loop) else loops

    async def _end(self, server: grpc.aio.Server, services: Sequence[Service], platform: Platform) -> None:
        """Not serving, loops stopped and leases given back, streams ended, calls finished, then everything closed."""
        grace = self._settings.grace_seconds
        await self._health.enter_graceful_shutdown()
        await self._supervisor.stop(grace)
        platform.draining.set()
        for client in self._clients.values():
            await client.close()
        await server.stop(grace)
        await self._close(services)
        _LOG.info("stopped", address=self._address)

    async def _close(self, services: Sequence[Service]) -> None:
        for service in reversed(services):
            await service.close()
        for database in self._databases:
            await database.close()
        for wakeups in self._wakeups.values():
            await wakeups.close()

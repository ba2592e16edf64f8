"""An audit service with a client for each kind of caller."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from maestro.audit.v1 import audit_service_pb2, event_pb2
from maestro_client import Maestro, connect
from maestro_client.audit import AuditClient
from maestro_services.audit.compose import compose
from maestro_services.runtime.principal import Grant, Kind, Principal, Role
from maestro_services.runtime.server import Running
from maestro_services.runtime.service import Platform, Service

PROJECT = "projects/demo"

PRINCIPALS = {
    "developer": Principal(Kind.USER, "dora", "Dora", (Grant("demo", Role.DEVELOPER),)),
    "viewer": Principal(Kind.USER, "vera", "", (Grant("demo", Role.VIEWER),)),
    "stranger": Principal(Kind.USER, "sam", "", (Grant("other", Role.ADMIN),)),
}


class Principals:
    """Knows the test's callers by name."""

    async def authenticate(self, token: str) -> Principal | None:
        return PRINCIPALS.get(token)


async def compose_principals(platform: Platform) -> Service:
    return Service("principals", [], authenticator=Principals())


@dataclass
class Audit:
    """A served audit service."""

    running: Running
    clients: dict[str, Maestro]

    def as_(self, who: str) -> AuditClient:
        token = self.running.platform.secret.token_for(who.removeprefix("service:")) if ":" in who else who
        if who == "admin":
            token = self.running.token
        if who not in self.clients:
            self.clients[who] = connect(self.running.address, token)
        return self.clients[who].audit

    @property
    def client(self) -> AuditClient:
        return self.as_("admin")

    async def append(self, *events: event_pb2.Event, parent: str = PROJECT) -> list[audit_service_pb2.AppendedEvent]:
        request = audit_service_pb2.AppendEventsRequest(parent=parent, events=events)
        return list((await self.client.append_events(request)).events)

    async def close(self) -> None:
        for client in self.clients.values():
            await client.close()


Serve = Callable[..., Any]


def _serve(host: Any, **settings: object) -> Serve:
    @asynccontextmanager
    async def serving() -> AsyncIterator[Audit]:
        async with host(compose, compose_principals, **settings) as running:
            audit = Audit(running, {})
            try:
                yield audit
            finally:
                await audit.close()

    return serving


@pytest.fixture(params=["sqlite", "postgresql"])
def serve(request: pytest.FixtureRequest, host: Any) -> Serve:
    """Serves the audit service on each database: `async with serve() as audit`; a second time is a restart."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    return _serve(host, database_url=url)


@pytest.fixture
async def audit(serve: Serve) -> AsyncIterator[Audit]:
    """The service on each database."""
    async with serve() as served:
        yield served


@pytest.fixture
def serve_embedded(host: Any) -> Serve:
    """Serves the audit service on SQLite."""
    return _serve(host)


@pytest.fixture
async def embedded(serve_embedded: Serve) -> AsyncIterator[Audit]:
    """The service on SQLite, for what no database has a say in."""
    async with serve_embedded() as served:
        yield served

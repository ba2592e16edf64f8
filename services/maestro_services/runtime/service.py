"""What a service's composition root gives to the server, and what it is given."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from google.protobuf import descriptor_pool
from maestro_client import Maestro

from maestro_services.runtime.authentication import Authenticator, MeshSecret
from maestro_services.runtime.clock import Clock
from maestro_services.runtime.database import Database
from maestro_services.runtime.tokens import OpaqueTokens
from maestro_services.runtime.wakeups import Wakeups


@runtime_checkable
class Loop(Protocol):
    """Background work of a service: runs until told to stop, and is started again if it fails."""

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set."""


@dataclass(frozen=True)
class Endpoint:
    """A servicer, and the generated function that adds it to a server."""

    servicer: Any
    add_to_server: Callable[[Any, Any], None]

    @property
    def full_name(self) -> str:
        """The gRPC service's full name, `maestro.execution.v1.ExecutionService`."""
        generated = next(base for base in type(self.servicer).__mro__ if base.__module__.endswith("_pb2_grpc"))
        package = generated.__module__.rpartition(".")[0]
        name = f"{package}.{generated.__name__.removesuffix('Servicer')}"
        return str(descriptor_pool.Default().FindServiceByName(name).full_name)


async def _nothing() -> None:
    return


@dataclass(frozen=True)
class Service:
    """One of the five services, composed and ready to be hosted.

    `database` also takes the audit records of the service's calls. `authenticator` is set by the service that owns
    tokens. `close` is called after the last call has ended.
    """

    name: str
    endpoints: Sequence[Endpoint]
    database: Database | None = None
    loops: Sequence[Loop] = ()
    authenticator: Authenticator | None = None
    close: Callable[[], Awaitable[None]] = field(default=_nothing)


@dataclass(frozen=True)
class Platform:
    """What every service is composed from.

    `client(subject)` is a client of the mesh that calls as a service or worker; it connects at its first call, which
    must not be before the server serves: use it in loops and calls, never while composing. The same holds for
    `address()`, where the mesh, or its registry, is called.
    """

    state_directory: Path
    database: Callable[[str], Database]
    wakeups: Callable[[str], Wakeups]
    secret: MeshSecret
    tokens: OpaqueTokens
    client: Callable[[str], Maestro]
    address: Callable[[], str]
    draining: asyncio.Event
    clock: Clock


Compose = Callable[[Platform], Awaitable[Service]]
"""A service's composition root."""
